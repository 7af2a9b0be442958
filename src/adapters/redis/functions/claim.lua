-- claim_tasks, claim_engine_work: lease what may be claimed, oldest first (ports/work-source.ts).
-- KEYS  root of a shard
-- ARGV  now or '', 'take' or 'look', owner, limit, length of the lease (ms), then (tasks only) the queues
-- Reply 'look':  when the next is claimable or '', then age and tenant of each that may be claimed, at most `limit`,
--                or some more where tenants take turns
--       'take':  when the next is claimable or '', then of each what the port's docstrings name (see claims.ts)
-- Ages order the candidates of several shards: of tasks their place (turns.lua), of engine work milliseconds.

-- Leases put back by one claim: what is left is found by the next, which `next_due` tells to come at once.
local MAX_PUT_BACK = 256

-- The item behind a member of a line; one that does not stand there is left over from damage and goes.
local function read_candidate(root, kind, line, member)
  local id, run = split(member)
  local record, history = run_keys(root, run)
  local one = {
    kind = kind, member = member, line = line, id = id, run = run, record = record, history = history, item = nil,
    heartbeat = nil, age = nil,
  }
  if kind == 'task' then
    one.id, one.item, one.heartbeat = find_task(one.record, id)
  else
    local packed = call('HGET', one.record, KINDS[kind].field .. id)
    one.item = packed and unpack_item(kind, packed)
  end
  if one.item and (line_of(root, kind, one.item)) == line then return one end
  call('ZREM', line, member)
end

local function read_waiting(root, kind, line, limit, found)
  for _, member in ipairs(call('ZRANGE', line, 0, limit - 1)) do
    found[#found + 1] = read_candidate(root, kind, line, member)
  end
end

-- Those whose lease goes on are put back, and others read in their place.
local function read_ended(root, kind, line, claim, found)
  local kept, is_more, put = 0, true, 0
  while is_more and kept < claim.limit and put < MAX_PUT_BACK do
    is_more = false
    local members = call(
      'ZRANGEBYSCORE', line, '-inf', claim.now_text, 'LIMIT', kept, claim.limit - kept)
    for _, member in ipairs(members) do
      local one = read_candidate(root, kind, line, member)
      if not one then
        is_more = true
      elseif put_back(line, member, one.item, claim.now) then
        is_more = true
        put = put + 1
      else
        kept = kept + 1
        found[#found + 1] = one
      end
    end
  end
end

-- Those whose lease ended must not starve behind a backlog, nor the other way round: at most `limit` of both are read.
local function candidates(root, kind, waiting, leased, claim, found)
  if claim.limit < 1 then return end
  if waiting ~= leased then read_waiting(root, kind, waiting, claim.limit, found) end
  read_ended(root, kind, leased, claim, found)
end

local function in_order(found, age_of)
  for at = 1, #found do found[at].age = age_of(found[at].item) end
  table.sort(found, function(a, b)
    if a.age ~= b.age then return a.age < b.age end
    return a.member < b.member
  end)
  return found
end

local function first_score(line)
  local first = call('ZRANGE', line, 0, 0, 'WITHSCORES')
  return first[2] and tonumber(first[2])
end

-- Something that waits is claimable now, else the first lease that ends (or timer that is due) tells.
local function next_due(lines, now)
  local earliest
  for _, line in ipairs(lines) do
    if line.waits then
      if call('EXISTS', line.key) == 1 then return text(now) end
    else
      local at = first_score(line.key)
      if at and (not earliest or at < earliest) then earliest = at end
    end
  end
  if not earliest then return '' end
  return text(math.max(now, earliest))
end

local function lease(root, one, claim)
  local item = one.item
  local number = math.max(next_number(root), item.fence + 1)
  item.owner, item.fence, item.lease_ms = claim.owner, number, claim.lease_ms
  item.at = claim.now + claim.lease_ms
  if one.kind == 'task' then
    item.claimed, item.deliveries = claim.now, item.deliveries + 1
  end
  forget_origin(one.record, item)
  store_item(one.record, one.kind, one.id, item)
  take_from_line(one.line, one.member)
  place(root, one.kind, item, one.id, one.run)
end

local function ages(found, limit, reply)
  for at = 1, math.min(#found, limit) do
    reply[#reply + 1] = text(found[at].age)
    reply[#reply + 1] = (split(found[at].run))
  end
end

local function take_all(root, found, claim, reply, describe)
  for at = 1, math.min(#found, claim.limit) do
    lease(root, found[at], claim)
    describe(found[at], reply)
  end
  flush()
end

local function take_claim(args)
  local now = now_of(args[1])
  return {
    now = now, now_text = text(now), mode = args[2], owner = args[3],
    limit = tonumber(args[4]), lease_ms = tonumber(args[5]),
  }
end

-- Whole numbers: as text each would cost as much as a command.
local function describe_lease(one, reply)
  local tenant, run_id = split(one.run)
  local last = #reply
  reply[last + 1], reply[last + 2], reply[last + 3] = one.age, one.id, tenant
  reply[last + 4], reply[last + 5], reply[last + 6] = run_id, one.item.fence, one.item.at
end

local function answer(root, found, claim, lines, describe)
  local reply = { '' }
  if claim.mode == 'look' then
    ages(found, claim.limit, reply)
  else
    take_all(root, found, claim, reply, describe)
  end
  reply[1] = next_due(lines, claim.now)
  return reply
end

-- So that who has the next turn in one shard is seen behind those who share his round.
local MORE_TO_LOOK_AT = 3

local function claim_tasks(keys, args)
  local root, claim = keys[1], take_claim(args)
  local found, lines = {}, {}
  for at = 6, #args do
    local queue = queue_lines(root, args[at])
    if claim.mode == 'look' and claim.limit > 0 and has_tenants(queue) then
      claim.limit = math.max(claim.limit, tonumber(args[4]) + MORE_TO_LOOK_AT)
    end
    candidates(root, 'task', queue.waiting, queue.leased, claim, found)
    lines[#lines + 1] = { key = queue.waiting, waits = true }
    lines[#lines + 1] = { key = queue.leased }
  end
  found = in_order(found, function(item) return item.seq end)
  return answer(root, found, claim, lines, function(one, reply)
    describe_lease(one, reply)
    local last = #reply
    reply[last + 1], reply[last + 2] = one.item.attempt, one.item.queue
    reply[last + 3], reply[last + 4] = one.item.deliveries, call('LLEN', one.history)
    reply[last + 5] = one.heartbeat or ''
  end)
end

local function engine_age(item)
  return item.due or item.posted or item.recalled
end

local function claim_engine_work(keys, args)
  local root, claim = keys[1], take_claim(args)
  local found = {}
  local timers, rw, rl = root .. ':ot', root .. ':orw', root .. ':orl'
  local mw, ml = root .. ':omw', root .. ':oml'
  candidates(root, 'timer', timers, timers, claim, found)
  candidates(root, 'task', rw, rl, claim, found)
  candidates(root, 'message', mw, ml, claim, found)
  found = in_order(found, engine_age)
  local lines = {
    { key = timers }, { key = rw, waits = true }, { key = rl }, { key = mw, waits = true }, { key = ml },
  }
  return answer(root, found, claim, lines, function(one, reply)
    reply[#reply + 1] = one.kind
    describe_lease(one, reply)
    if one.kind == 'timer' then
      reply[#reply + 1] = text(one.item.due)
    elseif one.kind == 'task' then
      reply[#reply + 1] = text(one.item.attempt)
    else
      reply[#reply + 1] = one.item.tenant
      reply[#reply + 1] = one.item.run
      reply[#reply + 1] = call('HGET', one.record, 'n:' .. one.id) or 'null'
    end
  end)
end

register('claim_tasks', claim_tasks)
register('claim_engine_work', claim_engine_work)
