-- commit: one pass of the engine, all of it or nothing (ports/run-store.ts, `commit`).
-- KEYS  root of the run's shard
-- ARGV  now or '', writer, tenant, run id, expected version,
--       count of commands, of each: id, digest as JSON, answer, kind of what it ends: '' nothing, 'lost' a lease known
--         to be lost, else task | timer | message, then tenant, run id, id, owner, fence; for a task: '1' and slot,
--         attempt, queue to hand on, or ''
--       count of events, each
--       '1', version, data of a snapshot, or ''
--       '1', name, status, start, end or '', marks of an index entry, or ''
--       count of tasks, of each: slot, attempt, queue;  count of slots to recall, each
--       count of timers to cancel, each id;  count of timers, of each: id, due time
--       count of messages, of each: id, target's tenant, target's run id, body
-- Reply 'committed', version, then fence and end of each lease handed on, in the order of the commands
--       'duplicate', number of the command (from 0), answer | 'reused', number | 'lost', number | 'conflict', version

-- RPUSH and the like take what the stack of Lua can hold.
local MAX_ARGUMENTS = 1000

local function reader(args)
  local at = 0
  return function()
    at = at + 1
    return args[at]
  end
end

local function take_list(take, take_one)
  local list = {}
  for at = 1, tonumber(take()) do list[at] = take_one(take) end
  return list
end

local function take_task(take)
  return { slot = take(), attempt = tonumber(take()), queue = take() }
end

local function take_command(take)
  local command = { id = take(), digest = take(), answer = take(), kind = take() }
  if command.kind == '' or command.kind == 'lost' then return command end
  command.run = pair(take(), take())
  command.item, command.owner, command.fence = take(), take(), take()
  if command.kind == 'task' and take() == '1' then command.continue = take_task(take) end
  return command
end

local function take_timer(take)
  return { id = take(), due = tonumber(take()) }
end

local function take_message(take)
  return { id = take(), tenant = take(), run = take(), body = take() }
end

local function take_request(args)
  local take = reader(args)
  local r = { now = now_of(take()), writer = take(), tenant = take(), run_id = take() }
  r.run = pair(r.tenant, r.run_id)
  r.expected = tonumber(take())
  r.commands = take_list(take, take_command)
  r.events = take_list(take, take)
  if take() == '1' then r.snapshot = take() .. '\n' .. take() end
  if take() == '1' then r.index = take_index(take) end
  r.enqueue = take_list(take, take_task)
  r.recall = take_list(take, take)
  r.cancel = take_list(take, take)
  r.timers = take_list(take, take_timer)
  r.messages = take_list(take, take_message)
  return r
end

-- A recorded command is told before a lost lease, and that before a version: a repetition must read as recorded.
local function find_recorded(record, commands)
  for at, command in ipairs(commands) do
    local found = call('HGET', record, 'c:' .. command.id)
    if found then
      local line = string.find(found, '\n', 1, true)
      if string.sub(found, 1, line - 1) ~= command.digest then return { 'reused', text(at - 1) } end
      return { 'duplicate', text(at - 1), string.sub(found, line + 1) }
    end
  end
end

-- The slot that a lease is handed on to is read with the lease itself.
local function read_held(command)
  local field, next = KINDS[command.kind].field .. command.item, command.continue
  if not next then
    return held_as(command.kind, call('HGET', command.open, field), command.owner, command.fence)
  end
  local found = call('HMGET', command.open, field, 't:' .. next.slot)
  command.replaced = next.slot ~= command.item and found[2]
  return held_as(command.kind, found[1], command.owner, command.fence)
end

local function find_lost(root, commands)
  for at, command in ipairs(commands) do
    if command.kind == 'lost' then return { 'lost', text(at - 1) } end
    if command.kind ~= '' then
      command.open = root .. ':o:' .. command.run
      command.held = read_held(command)
      if not command.held then return { 'lost', text(at - 1) } end
    end
  end
end

local function check_queue(root, queue)
  must_be('zset', root .. ':w:' .. queue)
  must_be('zset', root .. ':l:' .. queue)
end

local function check_keys(root, r, open)
  -- Raises when it is no hash.
  if not (r.commands[1] and r.commands[1].held) then call('HLEN', open) end
  must_be('string', root .. ':seq')
  must_be('zset', root .. ':ears')
  if r.expected == 0 then must_be('zset', root .. ':runs') end
  if #r.enqueue > 0 then must_be('set', root .. ':queues') end
  for _, task in ipairs(r.enqueue) do check_queue(root, task.queue) end
  for _, command in ipairs(r.commands) do
    if command.continue then check_queue(root, command.continue.queue) end
  end
  if #r.timers > 0 then must_be('zset', root .. ':timers') end
  if #r.messages > 0 then must_be('zset', root .. ':mw') end
  if #r.recall > 0 then
    must_be('zset', root .. ':rw')
    must_be('zset', root .. ':rl')
  end
  if r.index then check_index(root, r.tenant, r.index) end
end

local function remove_task(root, open, run, slot)
  local packed = call('HGET', open, 't:' .. slot)
  if packed then remove_item(root, open, run, 'task', slot, unpack_item('task', packed)) end
end

local function put_task(root, r, open, slot, item)
  call('HSET', open, 't:' .. slot, pack('task', item))
  place(root, 'task', item, pair(slot, r.run))
end

-- The lease passes to the next task: its length stays, owner too, the old fence dies.
local function hand_on(root, r, open, command)
  local old, next = command.held, command.continue
  local number = math.max(next_number(root), old.fence + 1)
  remove_item(root, open, r.run, 'task', command.item, old)
  if command.replaced then remove_task(root, open, r.run, next.slot) end
  local item = {
    owner = old.owner, fence = number, lease_ms = old.lease_ms, at = r.now + old.lease_ms, seq = number,
    attempt = next.attempt, queue = next.queue, enqueued = r.now, claimed = r.now, deliveries = 1, recalled = 0,
  }
  if next.queue ~= old.queue then call('SADD', root .. ':queues', next.queue) end
  put_task(root, r, open, next.slot, item)
  return item
end

-- A run that begins holds no task yet, but for those of this very commit.
local function enqueue(root, r, open, task, is_first)
  if not is_first then remove_task(root, open, r.run, task.slot) end
  call('SADD', root .. ':queues', task.queue)
  put_task(root, r, open, task.slot, {
    owner = '', fence = 0, lease_ms = 0, at = 0, seq = next_number(root),
    attempt = task.attempt, queue = task.queue, enqueued = r.now, claimed = 0, deliveries = 0, recalled = 0,
  })
end

local function recall(root, r, open, slot)
  local packed = call('HGET', open, 't:' .. slot)
  if not packed then return end
  local item = unpack_item('task', packed)
  if item.recalled > 0 then return end
  displace(root, 'task', item, pair(slot, r.run))
  item.recalled = r.now
  put_task(root, r, open, slot, item)
end

local function cancel_timer(root, r, open, id)
  if call('HDEL', open, 'd:' .. id) > 0 then call('ZREM', root .. ':timers', pair(id, r.run)) end
end

local function set_timer(root, r, open, timer)
  local item = { owner = '', fence = 0, lease_ms = 0, at = timer.due, due = timer.due }
  call('HSET', open, 'd:' .. timer.id, pack('timer', item))
  place(root, 'timer', item, pair(timer.id, r.run))
end

local function post(root, r, open, message)
  local item = {
    owner = '', fence = 0, lease_ms = 0, at = 0, seq = next_number(root),
    tenant = message.tenant, run = message.run, posted = r.now,
  }
  if call('HSETNX', open, 'm:' .. message.id, pack('message', item)) == 0 then return end
  call('HSET', open, 'n:' .. message.id, message.body)
  place(root, 'message', item, pair(message.id, r.run))
end

local function append(history, events)
  for from = 1, #events, MAX_ARGUMENTS do
    call('RPUSH', history, unpack(events, from, math.min(#events, from + MAX_ARGUMENTS - 1)))
  end
end

local function settle(root, r, open, reply)
  for _, command in ipairs(r.commands) do
    if command.continue then
      local item = hand_on(root, r, open, command)
      reply[#reply + 1] = text(item.fence)
      reply[#reply + 1] = text(item.at)
    elseif command.held then
      remove_item(root, command.open, command.run, command.kind, command.item, command.held)
    end
  end
end

local function schedule(root, r, open)
  local seen = {}
  for _, task in ipairs(r.enqueue) do
    enqueue(root, r, open, task, r.expected == 0 and not seen[task.slot])
    seen[task.slot] = true
  end
  for _, slot in ipairs(r.recall) do recall(root, r, open, slot) end
  for _, id in ipairs(r.cancel) do cancel_timer(root, r, open, id) end
  for _, timer in ipairs(r.timers) do set_timer(root, r, open, timer) end
  for _, message in ipairs(r.messages) do post(root, r, open, message) end
end

local function write_record(root, r, record)
  local fields = {}
  for _, command in ipairs(r.commands) do
    fields[#fields + 1] = 'c:' .. command.id
    fields[#fields + 1] = command.digest .. '\n' .. command.answer
  end
  if r.snapshot then
    fields[#fields + 1] = 's'
    fields[#fields + 1] = r.snapshot
  end
  if r.index then
    local old = call('HGET', record, 'i')
    move_index(root, r.tenant, r.run_id, old and unpack_index(old), r.index)
    fields[#fields + 1] = 'i'
    fields[#fields + 1] = pack_index(r.index)
  end
  for from = 1, #fields, MAX_ARGUMENTS do
    call('HSET', record, unpack(fields, from, math.min(#fields, from + MAX_ARGUMENTS - 1)))
  end
end

local function commit(keys, args)
  local root, r = keys[1], take_request(args)
  local record, history, open = run_keys(root, r.run)
  local refused = find_recorded(record, r.commands) or find_lost(root, r.commands)
  if refused then return refused end
  local version = call('LLEN', history)
  if version ~= r.expected then return { 'conflict', text(version) } end
  check_keys(root, r, open)

  if version == 0 then call('ZADD', root .. ':runs', text(next_number(root)), r.run) end
  append(history, r.events)
  write_record(root, r, record)
  local reply = { 'committed', text(version + #r.events) }
  settle(root, r, open, reply)
  schedule(root, r, open)
  wake(root, r.writer)
  return reply
end

register('commit', commit)
