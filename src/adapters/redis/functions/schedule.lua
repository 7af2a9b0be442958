-- What a commit does to open work, in the order of the port: ends and hands on, enqueues, recalls, sets timers, posts.

-- What must be read to tell whether the lease of a command is held, and for what it is handed on to.
local function add_held_fields(command, fields)
  fields[#fields + 1] = KINDS[command.kind].field .. command.item
  if command.kind ~= 'task' then return end
  fields[#fields + 1] = 'k'
  local next = command.continue
  if not next then return end
  fields[#fields + 1] = 't:' .. next.slot
  fields[#fields + 1] = 'f:' .. next.slot
end

local function take_held(command, found)
  command.found = found
  return held_in(found, command.kind, command.item, command.owner, command.fence)
end

local function read_held(command)
  local fields = {}
  add_held_fields(command, fields)
  return take_held(command, read_fields(command.record, fields))
end

-- Whoever stands in the slot that is handed on to goes; a lease that is listed under it gets its own name.
local function make_room(root, r, record, command)
  local slot, found = command.continue.slot, command.found
  local packed, forward = found['t:' .. slot], found['f:' .. slot]
  if packed then remove_item(root, record, r.run, 'task', slot, unpack_item('task', packed)) end
  if forward and (command.is_gone or forward ~= command.item) then
    free_name(root, record, r.run, slot, forward)
  end
  if command.held.kept and not command.is_gone then return end
  local kept = unpack_kept(found.k)
  if not kept then return end
  if kept.kept == slot then
    remove_item(root, record, r.run, 'task', slot, kept)
  elseif kept.origin == slot then
    rename(root, record, r.run, kept.kept, kept)
  end
end

-- The lease keeps its member in the line, and with it the name that it has there.
local function move_record(record, slot, old, next_slot, item)
  local origin = old.origin or slot
  if origin ~= next_slot then item.origin = origin end
  if item.kept then
    if old.beats then remove_field(record, 'b:' .. slot) end
  else
    remove_field(record, 't:' .. slot)
    remove_field(record, 'b:' .. slot)
    if item.origin then
      put_field(record, 'f:' .. origin, next_slot)
    elseif old.origin then
      remove_field(record, 'f:' .. origin)
    end
  end
  store_item(record, 'task', next_slot, item)
end

-- The lease passes to the next task: its length stays, owner too, the old fence dies. Within a queue it keeps its place.
local function hand_on(root, r, record, command)
  local old, next, slot = command.held, command.continue, command.item
  local number = math.max(next_number(root), old.fence + 1)
  local item = {
    owner = old.owner, fence = number, lease_ms = old.lease_ms, at = r.now + old.lease_ms,
    seq = place_in(next.class, old.seq),
    attempt = next.attempt, queue = next.queue, enqueued = r.now, claimed = r.now, deliveries = 1, recalled = 0,
    kept = old.kept and not command.is_gone, origin = nil,
  }
  if next.slot ~= slot or command.is_gone then make_room(root, r, record, command) end
  if command.is_gone or next.queue ~= old.queue or old.recalled > 0 then
    if not command.is_gone then remove_item(root, record, r.run, 'task', slot, old) end
    put_in_set(key_of(root, ':queues'), next.queue)
    store_item(record, 'task', next.slot, item)
    place(root, 'task', item, next.slot, r.run)
    return item
  end
  move_record(record, slot, old, next.slot, item)
  -- The clock stepped back: a score may not be later than the end of the lease.
  if item.at < old.at then place(root, 'task', item, next.slot, r.run) end
  return item
end

-- What an earlier command of the same commit did to the items of the later ones is seen by reading them again.
local function settle(root, r, record, reply)
  local is_first = true
  for _, command in ipairs(r.commands) do
    if command.held then
      if not is_first then
        local again = read_held(command)
        command.is_gone = not again
        command.held = again or command.held
      end
      is_first = false
      if command.continue then
        local item = hand_on(root, r, record, command)
        reply[#reply + 1] = item.fence
        reply[#reply + 1] = item.at
      elseif not command.is_gone then
        remove_item(root, command.record, command.run, command.kind, command.item, command.held)
      end
    end
  end
end

-- Makes room for new tasks. Answers whether `k` is free.
local function clear_slots(root, run, record, tasks)
  local fields = { 'k' }
  for _, task in ipairs(tasks) do
    fields[#fields + 1] = 't:' .. task.slot
    fields[#fields + 1] = 'f:' .. task.slot
  end
  local found = read_fields(record, fields)
  local kept = unpack_kept(found.k)
  -- Records first: a forward to one of them is gone with it.
  for _, task in ipairs(tasks) do
    local packed = found['t:' .. task.slot]
    if packed then
      remove_item(root, record, run, 'task', task.slot, unpack_item('task', packed))
    elseif kept and kept.kept == task.slot then
      remove_item(root, record, run, 'task', task.slot, kept)
      kept = nil
    end
  end
  for _, task in ipairs(tasks) do
    free_name(root, record, run, task.slot, found['f:' .. task.slot])
    if kept and kept.origin == task.slot then rename(root, record, run, kept.kept, kept) end
  end
  return kept == nil
end

-- Of several tasks of one slot the last one stands.
local function last_of_slots(tasks)
  if #tasks < 2 then return tasks end
  local last, kept = {}, {}
  for _, task in ipairs(tasks) do last[task.slot] = task end
  for _, task in ipairs(tasks) do
    if last[task.slot] == task then kept[#kept + 1] = task end
  end
  return kept
end

-- A run that begins holds no task yet.
local function enqueue(root, r, record)
  local tasks, tenant, is_free = last_of_slots(r.enqueue), split(r.run), true
  if r.expected > 0 then is_free = clear_slots(root, r.run, record, tasks) end
  for at, task in ipairs(tasks) do
    local lines = queue_lines(root, task.queue)
    local item = {
      owner = '', fence = 0, lease_ms = 0, at = 0, seq = next_place(lines, tenant, task.class, next_number(root)),
      attempt = task.attempt, queue = task.queue, enqueued = r.now, claimed = 0, deliveries = 0, recalled = 0,
      kept = is_free and at == 1, origin = nil,
    }
    store_item(record, 'task', task.slot, item)
    put_in_line(lines.waiting, pair(task.slot, r.run), item.seq)
    put_in_set(key_of(root, ':queues'), task.queue)
  end
end

local function recall(root, r, record, slot)
  local found = read_fields(record, { 't:' .. slot, 'k' })
  local packed = found['t:' .. slot]
  local item = packed and unpack_item('task', packed) or unpack_kept(found.k)
  if not item or item.recalled > 0 or (item.kept and item.kept ~= slot) then return end
  take_out(root, record, r.run, 'task', slot, item)
  item.recalled = r.now
  store_item(record, 'task', slot, item)
  place(root, 'task', item, slot, r.run)
end

local function cancel_timer(root, r, record, id)
  remove_field(record, 'd:' .. id)
  take_from_line(key_of(root, ':timers'), pair(id, r.run))
end

local function set_timer(root, r, record, timer)
  local item = { owner = '', fence = 0, lease_ms = 0, at = timer.due, due = timer.due }
  store_item(record, 'timer', timer.id, item)
  place(root, 'timer', item, timer.id, r.run)
end

local function post(root, r, record, message)
  local item = {
    owner = '', fence = 0, lease_ms = 0, at = 0, seq = next_number(root),
    tenant = message.tenant, run = message.run, posted = r.now,
  }
  store_item(record, 'message', message.id, item)
  put_field(record, 'n:' .. message.id, message.body)
  place(root, 'message', item, message.id, r.run)
end

-- What still waits is not posted again.
local function post_all(root, r, record)
  local fields = {}
  for at, message in ipairs(r.messages) do fields[at] = 'm:' .. message.id end
  local waiting = read_fields(record, fields)
  for at, message in ipairs(r.messages) do
    if not waiting[fields[at]] then post(root, r, record, message) end
    waiting[fields[at]] = true
  end
end

local function schedule(root, r, record)
  for _, slot in ipairs(r.recall) do recall(root, r, record, slot) end
  for _, id in ipairs(r.cancel) do cancel_timer(root, r, record, id) end
  for _, timer in ipairs(r.timers) do set_timer(root, r, record, timer) end
  if r.messages[1] then post_all(root, r, record) end
end
