-- Reads of one run, and of what is open. None of them writes, but for queues that are empty for good.
-- KEYS  root of the shard

-- load. ARGV tenant, run id, after which version or ''. Reply: nothing, or version, snapshot or '', events.
local function load(keys, args)
  local record, history = run_keys(keys[1], pair(args[1], args[2]))
  local version = call('LLEN', history)
  if version == 0 then return {} end
  local after, snapshot = tonumber(args[3]), ''
  if not after or after > version then
    snapshot = call('HGET', record, 's') or ''
    after = tonumber(string.match(snapshot, '^%d+')) or 0
  end
  return { text(version), snapshot, call('LRANGE', history, text(after), -1) }
end

-- find_command. ARGV tenant, run id, command id. Reply: digest, line, answer, or nil.
local function find_command(keys, args)
  local run, field = pair(args[1], args[2]), 'c:' .. args[3]
  return call('HGET', keys[1] .. ':r:' .. run, field) or call('HGET', keys[1] .. ':c:' .. run, field)
end

-- read_history. ARGV tenant, run id, index of the first and of the last event (from 0). Reply: events.
local function read_history(keys, args)
  return call('LRANGE', keys[1] .. ':h:' .. pair(args[1], args[2]), args[3], args[4])
end

-- open_work. ARGV tenant, run id. Reply: tasks, timers, count of messages.
-- A task: slot, attempt, queue, deliveries, '1' if recalled or '', heartbeat or '', owner or '', end of lease, claim.
local function open_work(keys, args)
  local record, fields = keys[1] .. ':r:' .. pair(args[1], args[2]), {}
  -- Not their values: answers and the snapshot are long.
  for _, field in ipairs(call('HKEYS', record)) do
    if field == 'k' or find(field, '^[tbdm]:') then fields[#fields + 1] = field end
  end
  local tasks, timers, messages = {}, {}, 0
  local found = read_fields(record, fields)
  for _, field in ipairs(fields) do
    local kind, id, packed = sub(field, 1, 2), sub(field, 3), found[field]
    if field == 'k' or kind == 't:' then
      local item
      if field == 'k' then item = unpack_kept(packed) else item = unpack_item('task', packed) end
      id = item and item.kept or id
      tasks[#tasks + 1] = item and {
        id, text(item.attempt), item.queue, text(item.deliveries), item.recalled > 0 and '1' or '',
        found['b:' .. id] or '', item.owner, text(item.at), text(item.claimed),
      }
    elseif kind == 'd:' then
      timers[#timers + 1] = { id, text(unpack_item('timer', packed).due) }
    elseif kind == 'm:' then
      messages = messages + 1
    end
  end
  return { tasks, timers, text(messages) }
end

-- Leases that seem to have ended and are looked at.
local MAX_EXPIRED = 1000

-- The tasks behind members of a line.
local function tasks_of(root, members)
  local tasks = {}
  for at, member in ipairs(members) do
    local slot, run = split(member)
    local _, item = find_task((run_keys(root, run)), slot)
    tasks[at] = item or false
  end
  return tasks
end

-- Those whose lease goes on are put back, so that what is left can be counted.
local function ended_of(root, leased, now)
  local ended = {}
  local members = call('ZRANGEBYSCORE', leased, '-inf', text(now), 'LIMIT', 0, MAX_EXPIRED)
  for at, item in ipairs(tasks_of(root, members)) do
    if item and not put_back(leased, members[at], item, now) then ended[#ended + 1] = item end
  end
  return ended
end

local function oldest_of(tasks, oldest)
  for _, item in ipairs(tasks) do
    if item and (not oldest or item.enqueued < oldest) then oldest = item.enqueued end
  end
  return oldest
end

-- The oldest of a priority is in its first round, or in one soon after it when who opened that one was claimed.
local ROUNDS_LOOKED_AT = 16

local function first_waiting(root, waiting)
  local members = {}
  for class = -1, 1 do
    local first = call('ZRANGE', waiting, text(class * CLASS_SPAN), '(' .. text((class + 1) * CLASS_SPAN),
      'BYSCORE', 'LIMIT', 0, ROUNDS_LOOKED_AT)
    for _, member in ipairs(first) do members[#members + 1] = member end
  end
  return tasks_of(root, members)
end

-- queue_depths. ARGV now or ''. Reply, of each queue with tasks: name, waiting, leased, oldest enqueue time or ''.
local function queue_depths(keys, args)
  local root, now = keys[1], now_of(args[1])
  local reply = {}
  for _, queue in ipairs(call('SMEMBERS', root .. ':queues')) do
    local waiting, leased = root .. ':ow:' .. queue, root .. ':ol:' .. queue
    local ended = ended_of(root, leased, now)
    local count = call('ZCOUNT', leased, '-inf', text(now))
    local waits, total = call('ZCARD', waiting) + count, call('ZCARD', leased)
    if waits + total > 0 then
      local oldest = oldest_of(first_waiting(root, waiting), nil)
      oldest = oldest_of(ended, oldest)
      reply[#reply + 1] = { queue, text(waits), text(total - count), oldest and text(oldest) or '' }
    else
      call('SREM', root .. ':queues', queue)
    end
  end
  return reply
end

register('load', load, 'no-writes')
register('find_command', find_command, 'no-writes')
register('read_history', read_history, 'no-writes')
register('open_work', open_work, 'no-writes')
register('queue_depths', queue_depths, 'allow-oom')
