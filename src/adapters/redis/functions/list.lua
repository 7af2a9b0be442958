-- Lists of runs, and their maintenance.
-- KEYS  root of a shard

-- Entries that one call looks at: filters read on in the next call, so that others get their turn.
local MAX_LOOKED_AT = 1000

local function fits(entry, name, statuses)
  if name and entry.name ~= name then return false end
  return not statuses or statuses[entry.status] == true
end

-- In the order of Redis: Lua's own comparison depends on the server's locale.
local function stands_before(a, b)
  for at = 1, math.min(#a, #b) do
    local x, y = string.byte(a, at), string.byte(b, at)
    if x ~= y then return x < y end
  end
  return #a < #b
end

-- Members of a line below (score, member), highest first. Equal scores stand in the order of their bytes.
local function below(line, score, member, count)
  if score == '' then return call('ZREVRANGE', line, 0, count - 1, 'WITHSCORES') end
  local first = call('ZREVRANK', line, member)
  local stands = first and call('ZSCORE', line, member) == score
  if stands then return call('ZREVRANGE', line, first + 1, first + count, 'WITHSCORES') end
  -- The run of the cursor has moved or gone: what had its score and stood behind it is found by its bytes.
  local found = {}
  local same = call('ZREVRANGEBYSCORE', line, score, score, 'WITHSCORES')
  for at = 1, #same, 2 do
    if stands_before(same[at], member) and #found < 2 * count then
      found[#found + 1] = same[at]
      found[#found + 1] = same[at + 1]
    end
  end
  local rest = call(
    'ZREVRANGEBYSCORE', line, '(' .. score, '-inf', 'WITHSCORES', 'LIMIT', 0, count - #found / 2)
  for _, value in ipairs(rest) do found[#found + 1] = value end
  return found
end

-- The lines that a list is merged from.
local function lines_listed(root, tenant, kind, which)
  if kind == 'status' then return { by_status(root, tenant, which) } end
  if kind == 'mark' then return { by_mark(root, tenant, which) } end
  local lines = {}
  for _, status in ipairs(call('SMEMBERS', statuses_of(root, tenant))) do
    lines[#lines + 1] = by_status(root, tenant, status)
  end
  return lines
end

-- Heads of lists: later starts first, then the bytes of the run id, last first.
local function stands_after(a, b)
  if a.start ~= b.start then return tonumber(a.start) > tonumber(b.start) end
  return stands_before(b.id, a.id)
end

-- The first `count` of several lists, each of which holds so many if it has them; and whether there may be more.
local function merged(lists, count)
  local found = {}
  while #found < count do
    local first
    for _, list in ipairs(lists) do
      list.id, list.start = list[list.at], list[list.at + 1]
      if list.id and (not first or stands_after(list, first)) then first = list end
    end
    if not first then return found, false end
    found[#found + 1] = { id = first.id, start = first.start }
    first.at = first.at + 2
  end
  return found, true
end

-- list_runs. ARGV tenant, '' | 'status' | 'mark', which, start and run id to go on from or '', limit, '1' and a name or
-- '', '', '1' and statuses or ''. Reply: '1' when there may be more, else ''; start and run id looked at last; then of
-- each run: run id, name, status, start, end or '', marks.
local function list_runs(keys, args)
  local root, tenant = keys[1], args[1]
  local limit, name, statuses = tonumber(args[6]), nil, nil
  if args[7] == '1' then name = args[8] end
  if args[9] == '1' then
    statuses = {}
    for at = 10, #args do statuses[args[at]] = true end
  end
  local count, lists = (name or statuses) and MAX_LOOKED_AT or limit, {}
  for at, line in ipairs(lines_listed(root, tenant, args[2], args[3])) do
    lists[at] = below(line, args[4], args[5], count)
    lists[at].at = 1
  end
  local found, is_more = merged(lists, count)
  local reply = { is_more and '1' or '', '', '' }
  for at, one in ipairs(found) do
    local packed = call('HGET', root .. ':r:' .. pair(tenant, one.id), 'i')
    local entry = packed and unpack_index(packed)
    if entry and fits(entry, name, statuses) then
      for _, value in ipairs({
        one.id, entry.name, entry.status, entry.started, entry.finished, entry.marks,
      }) do reply[#reply + 1] = value end
    end
    reply[2], reply[3] = one.start, one.id
    if #reply - 3 >= limit * 6 then
      if at < #found then reply[1] = '1' end
      break
    end
  end
  return reply
end

-- scan_runs. ARGV number to go on after, limit. Reply: of each run tenant, run id, number.
local function scan_runs(keys, args)
  local reply = {}
  local found = call(
    'ZRANGEBYSCORE', keys[1] .. ':runs', '(' .. args[1], '+inf', 'WITHSCORES', 'LIMIT', 0, args[2])
  for at = 1, #found, 2 do
    local tenant, run_id = split(found[at])
    reply[#reply + 1] = { tenant, run_id, text(tonumber(found[at + 1])) }
  end
  return reply
end

-- Of schema 1: open work had a hash of its own.
local function convert_open_work(root, record, run)
  local open = root .. ':o:' .. run
  local fields = call('HGETALL', open)
  if not fields[1] then return end
  call_in_parts('HSET', record, fields)
  call('UNLINK', open)
end

-- Of schema 2: the values of the kept task stood in another order.
local function convert_kept(record)
  local item = unpack_kept(call('HGET', record, 'k'))
  if item then call('HSET', record, 'k', pack_kept(item.kept, item)) end
end

-- Of schema 2: all runs of a tenant stood in a line by start.
local function convert_index(root, record, run)
  local tenant, run_id = split(run)
  local packed = call('HGET', record, 'i')
  if packed then call('SADD', statuses_of(root, tenant), unpack_index(packed).status) end
  call('ZREM', root .. ':x:' .. pair(tenant, ''), run_id)
end

-- convert_runs: as older schemas left them, to this one; doing so again changes nothing. ARGV number to go on after, limit.
-- Reply: number to go on after, or '' when there are no more.
local function convert_runs(keys, args)
  local root, last = keys[1], ''
  local found = call(
    'ZRANGEBYSCORE', root .. ':runs', '(' .. args[1], '+inf', 'WITHSCORES', 'LIMIT', 0, args[2])
  for at = 1, #found, 2 do
    local record = run_keys(root, found[at])
    convert_open_work(root, record, found[at])
    convert_kept(record)
    convert_index(root, record, found[at])
    last = text(tonumber(found[at + 1]))
  end
  return last
end

-- replace_index. ARGV tenant, run id, version, name, status, start, end or '', marks. Reply: 1 or 0.
local function replace_index(keys, args)
  local root, tenant, run_id = keys[1], args[1], args[2]
  local record, history = run_keys(root, pair(tenant, run_id))
  if call('LLEN', history) ~= tonumber(args[3]) or args[3] == '0' then return 0 end
  local entry = take_index(args, 4)
  check_index(root, tenant, entry)
  local old = call('HGET', record, 'i')
  -- Also what should stand there already: the lines may be what was lost.
  if old then remove_index(root, tenant, run_id, unpack_index(old)) end
  move_index(root, tenant, run_id, nil, entry)
  put_field(record, 'i', pack_index(entry))
  return 1
end

local function has_messages(root, run)
  for _, field in ipairs(call('HKEYS', (run_keys(root, run)))) do
    if string.sub(field, 1, 2) == 'm:' then return true end
  end
  return false
end

local function forget_statuses(root, tenant)
  for _, status in ipairs(call('SMEMBERS', statuses_of(root, tenant))) do
    if call('EXISTS', by_status(root, tenant, status)) == 0 then call('SREM', statuses_of(root, tenant), status) end
  end
end

-- finished_tenants. Reply: tenants with finished runs, and how many each has.
local function finished_tenants(keys)
  local root, reply = keys[1], {}
  for _, tenant in ipairs(call('SMEMBERS', root .. ':ended')) do
    local count = call('ZCARD', by_end(root, tenant))
    if count == 0 then
      call('SREM', root .. ':ended', tenant)
      forget_statuses(root, tenant)
    else
      reply[#reply + 1] = { tenant, text(count) }
    end
  end
  return reply
end

-- oldest_finished. ARGV tenant, rank of the first, count. Reply: of each run its id, end, '1' if messages wait else ''.
local function oldest_finished(keys, args)
  local root, tenant, reply = keys[1], args[1], {}
  local found = call(
    'ZRANGE', by_end(root, tenant), args[2], text(args[2] + args[3] - 1), 'WITHSCORES')
  for at = 1, #found, 2 do
    local waits = has_messages(root, pair(tenant, found[at]))
    reply[#reply + 1] = { found[at], text(tonumber(found[at + 1])), waits and '1' or '' }
  end
  return reply
end

local KIND_OF = { ['t:'] = 'task', ['d:'] = 'timer', ['m:'] = 'message' }

local function remove_run(root, tenant, run_id)
  local run = pair(tenant, run_id)
  local record, history = run_keys(root, run)
  local packed = call('HGET', record, 'i')
  local entry = packed and unpack_index(packed)
  if not entry or entry.finished == '' or has_messages(root, run) then return false end
  for _, field in ipairs(call('HKEYS', record)) do
    local kind = KIND_OF[sub(field, 1, 2)]
    local item = kind and unpack_item(kind, call('HGET', record, field))
    if item then displace(root, kind, item, sub(field, 3), run) end
  end
  local kept = unpack_kept(call('HGET', record, 'k'))
  if kept then displace(root, 'task', kept, kept.kept, run) end
  remove_index(root, tenant, run_id, entry)
  take_from_line(root .. ':runs', run)
  call('UNLINK', record, history, root .. ':c:' .. run, root .. ':a:' .. run)
  return true
end

-- remove_runs. ARGV tenant, run ids. Those that began again or have messages stay. Reply: how many are gone.
local function remove_runs(keys, args)
  local removed = 0
  for at = 2, #args do
    if remove_run(keys[1], args[1], args[at]) then removed = removed + 1 end
  end
  return removed
end

register('list_runs', list_runs, 'no-writes')
register('scan_runs', scan_runs, 'no-writes')
register('convert_runs', convert_runs)
register('replace_index', replace_index)
register('oldest_finished', oldest_finished, 'no-writes')
-- Makes room: also when the memory limit is reached.
register('finished_tenants', finished_tenants, 'allow-oom')
register('remove_runs', remove_runs, 'allow-oom')
