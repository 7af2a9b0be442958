-- claim_tasks, claim_engine_work: lease what may be claimed, oldest first (ports/work-source.ts).
-- KEYS  root of a shard
-- ARGV  now or '', 'take' or 'look', owner, limit, length of the lease (ms), then (tasks only) the queues
-- Reply 'look':  when the next is claimable or '', then the age of each that may be claimed, at most `limit`
--       'take':  when the next is claimable or '', then of each what the port's docstrings name (see claims.ts)
-- Ages order the candidates of several shards: of tasks their number, of engine work milliseconds.

-- Those whose lease ended must not starve behind a backlog, nor the other way round: at most `limit` of both are read.
local function candidates(kind, waiting, leased, now, limit, found)
  if limit < 1 then return end
  if waiting ~= leased then
    for _, member in ipairs(call('ZRANGE', waiting, 0, limit - 1)) do
      found[#found + 1] = { kind = kind, member = member, line = waiting }
    end
  end
  for _, member in ipairs(call('ZRANGEBYSCORE', leased, '-inf', text(now), 'LIMIT', 0, limit)) do
    found[#found + 1] = { kind = kind, member = member, line = leased }
  end
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

-- Reads the records; a member without one is left over from damage and goes.
local function read_candidates(root, found, age_of)
  local read = {}
  for _, one in ipairs(found) do
    one.id, one.run = split(one.member)
    one.open = root .. ':o:' .. one.run
    local packed = call('HGET', one.open, KINDS[one.kind].field .. one.id)
    if packed then
      one.item = unpack_item(one.kind, packed)
      one.age = age_of(one)
      read[#read + 1] = one
    else
      call('ZREM', one.line, one.member)
    end
  end
  table.sort(read, function(a, b)
    if a.age ~= b.age then return a.age < b.age end
    return a.member < b.member
  end)
  return read
end

local function lease(root, one, claim)
  local item = one.item
  local number = math.max(next_number(root), item.fence + 1)
  displace(root, one.kind, item, one.member)
  item.owner, item.fence, item.lease_ms = claim.owner, number, claim.lease_ms
  item.at = claim.now + claim.lease_ms
  if one.kind == 'task' then
    item.claimed, item.deliveries = claim.now, item.deliveries + 1
  end
  call('HSET', one.open, KINDS[one.kind].field .. one.id, pack(one.kind, item))
  place(root, one.kind, item, one.member)
end

local function ages(found, limit, reply)
  for at = 1, math.min(#found, limit) do reply[#reply + 1] = text(found[at].age) end
end

local function take_all(root, found, claim, reply, describe)
  for at = 1, math.min(#found, claim.limit) do
    lease(root, found[at], claim)
    describe(found[at], reply)
  end
end

local function take_claim(args)
  return {
    now = now_of(args[1]), mode = args[2], owner = args[3],
    limit = tonumber(args[4]), lease_ms = tonumber(args[5]),
  }
end

local function describe_lease(one, reply)
  local tenant, run_id = split(one.run)
  for _, value in ipairs({
    text(one.age), one.id, tenant, run_id, text(one.item.fence), text(one.item.at),
  }) do
    reply[#reply + 1] = value
  end
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

local function claim_tasks(keys, args)
  local root, claim = keys[1], take_claim(args)
  local found, lines = {}, {}
  for at = 6, #args do
    local waiting, leased = root .. ':w:' .. args[at], root .. ':l:' .. args[at]
    candidates('task', waiting, leased, claim.now, claim.limit, found)
    lines[#lines + 1] = { key = waiting, waits = true }
    lines[#lines + 1] = { key = leased }
  end
  found = read_candidates(root, found, function(one) return one.item.seq end)
  return answer(root, found, claim, lines, function(one, reply)
    describe_lease(one, reply)
    reply[#reply + 1] = text(one.item.attempt)
    reply[#reply + 1] = one.item.queue
    reply[#reply + 1] = text(one.item.deliveries)
    reply[#reply + 1] = text(call('LLEN', root .. ':h:' .. one.run))
    reply[#reply + 1] = call('HGET', one.open, 'b:' .. one.id) or ''
  end)
end

local ENGINE_AGE = {
  timer = function(item) return item.due end,
  task = function(item) return item.recalled end,
  message = function(item) return item.posted end,
}

local function claim_engine_work(keys, args)
  local root, claim = keys[1], take_claim(args)
  local found = {}
  local timers, rw, rl = root .. ':timers', root .. ':rw', root .. ':rl'
  local mw, ml = root .. ':mw', root .. ':ml'
  candidates('timer', timers, timers, claim.now, claim.limit, found)
  candidates('task', rw, rl, claim.now, claim.limit, found)
  candidates('message', mw, ml, claim.now, claim.limit, found)
  found = read_candidates(root, found, function(one) return ENGINE_AGE[one.kind](one.item) end)
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
      reply[#reply + 1] = call('HGET', one.open, 'n:' .. one.id) or 'null'
    end
  end)
end

register('claim_tasks', claim_tasks)
register('claim_engine_work', claim_engine_work)
