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
  return call('HGET', keys[1] .. ':r:' .. pair(args[1], args[2]), 'c:' .. args[3])
end

-- read_history. ARGV tenant, run id, index of the first and of the last event (from 0). Reply: events.
local function read_history(keys, args)
  return call('LRANGE', keys[1] .. ':h:' .. pair(args[1], args[2]), args[3], args[4])
end

-- open_work. ARGV tenant, run id. Reply: tasks, timers, count of messages.
-- A task: slot, attempt, queue, deliveries, '1' if recalled or '', heartbeat or '', owner or '', end of lease, claim.
local function open_work(keys, args)
  local open = keys[1] .. ':o:' .. pair(args[1], args[2])
  local all = call('HGETALL', open)
  local tasks, timers, messages, heartbeats = {}, {}, 0, {}
  for at = 1, #all, 2 do
    if string.sub(all[at], 1, 2) == 'b:' then heartbeats[string.sub(all[at], 3)] = all[at + 1] end
  end
  for at = 1, #all, 2 do
    local kind, id = string.sub(all[at], 1, 2), string.sub(all[at], 3)
    if kind == 't:' then
      local item = unpack_item('task', all[at + 1])
      tasks[#tasks + 1] = {
        id, text(item.attempt), item.queue, text(item.deliveries), item.recalled > 0 and '1' or '',
        heartbeats[id] or '', item.owner, text(item.at), text(item.claimed),
      }
    elseif kind == 'd:' then
      timers[#timers + 1] = { id, text(unpack_item('timer', all[at + 1]).due) }
    elseif kind == 'm:' then
      messages = messages + 1
    end
  end
  return { tasks, timers, text(messages) }
end

-- Leases that ended and are looked at to tell since when the oldest waits.
local MAX_EXPIRED = 1000

local function oldest_of(root, members, oldest)
  for _, member in ipairs(members) do
    local slot, run = split(member)
    local packed = call('HGET', root .. ':o:' .. run, 't:' .. slot)
    local since = packed and unpack_item('task', packed).enqueued
    if since and (not oldest or since < oldest) then oldest = since end
  end
  return oldest
end

-- queue_depths. ARGV now or ''. Reply, of each queue with tasks: name, waiting, leased, oldest enqueue time or ''.
local function queue_depths(keys, args)
  local root, now = keys[1], now_of(args[1])
  local reply = {}
  for _, queue in ipairs(call('SMEMBERS', root .. ':queues')) do
    local waiting, leased = root .. ':w:' .. queue, root .. ':l:' .. queue
    local ended = call('ZCOUNT', leased, '-inf', text(now))
    local waits, total = call('ZCARD', waiting) + ended, call('ZCARD', leased)
    if waits + total > 0 then
      local oldest = oldest_of(root, call('ZRANGE', waiting, 0, 0), nil)
      oldest = oldest_of(
        root, call('ZRANGEBYSCORE', leased, '-inf', text(now), 'LIMIT', 0, MAX_EXPIRED), oldest)
      reply[#reply + 1] = { queue, text(waits), text(total - ended), oldest and text(oldest) or '' }
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
