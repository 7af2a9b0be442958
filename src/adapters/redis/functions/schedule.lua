-- What a commit does to open work, in the order of the port: ends and hands on, enqueues, recalls, sets timers, posts.

-- What must be read to tell whether the lease of a command is held, and for what it is handed on to.
local function add_held_fields(command, fields)
  fields[#fields + 1] = command.item_field
  if command.kind ~= 'task' then return end
  fields[#fields + 1] = 'k'
  local next = command.continue
  if not next then return end
  fields[#fields + 1] = next.field
  fields[#fields + 1] = next.forward
end

local function take_held(work, found)
  local command = work.command
  work.found = found
  return held_in(found, command.kind, command.item, command.item_field, command.owner, work.fence)
end

local function read_held(work)
  local fields = {}
  add_held_fields(work.command, fields)
  return take_held(work, read_fields(work.record, fields))
end

-- Whoever stands in the slot that is handed on to goes; a lease that is listed under it gets its own name.
local function make_room(root, r, record, work)
  local next, found = work.command.continue, work.found
  local slot, packed, forward = next.slot, found[next.field], found[next.forward]
  if packed then remove_item(root, record, r.run, 'task', slot, unpack_item('task', packed)) end
  if forward and (work.is_gone or forward ~= work.command.item) then
    free_name(root, record, r.run, slot, forward)
  end
  if work.held.kept and not work.is_gone then return end
  local kept = unpack_kept(found.k)
  if not kept then return end
  if kept.kept == slot then
    remove_item(root, record, r.run, 'task', slot, kept)
  elseif kept.origin == slot then
    rename(root, record, r.run, kept.kept, kept)
  end
end

-- The lease keeps its member in the line, and with it the name that it has there.
local function move_record(record, slot, next, item)
  local before = item.origin
  local origin = before or slot
  item.origin = origin ~= next.slot and origin or nil
  if item.kept then
    if item.beats then remove_field(record, 'b:' .. slot) end
    item.beats = nil
    return put_field(record, 'k', pack_handed_on(next, item))
  end
  remove_field(record, 't:' .. slot)
  remove_field(record, 'b:' .. slot)
  if item.origin then
    put_field(record, 'f:' .. origin, next.slot)
  elseif before then
    remove_field(record, 'f:' .. origin)
  end
  store_item(record, 'task', next.slot, item)
end

-- Within a queue the lease keeps its place.
local function hand_on_in_place(root, r, record, work, number)
  local item, next, ended_at = work.held, work.command.continue, work.held.at
  item.fence, item.at, item.seq = number, r.now + item.lease_ms, place_in(next.class, item.seq)
  item.attempt, item.enqueued, item.claimed, item.deliveries = next.attempt, r.now, r.now, 1
  move_record(record, work.command.item, next, item)
  -- The clock stepped back: a score may not be later than the end of the lease.
  if item.at < ended_at then place(root, 'task', item, next.slot, r.run) end
  return item
end

-- The lease passes to the next task: its length stays, owner too, the old fence dies.
local function hand_on(root, r, record, work)
  local old, next, slot, is_gone = work.held, work.command.continue, work.command.item, work.is_gone
  local number = math.max(next_number(root), old.fence + 1)
  if next.slot ~= slot or is_gone then make_room(root, r, record, work) end
  if not is_gone and next.queue == old.queue and old.recalled == 0 then
    return hand_on_in_place(root, r, record, work, number)
  end
  local item = {
    owner = old.owner, fence = number, lease_ms = old.lease_ms, at = r.now + old.lease_ms,
    seq = place_in(next.class, old.seq),
    attempt = next.attempt, queue = next.queue, enqueued = r.now, claimed = r.now, deliveries = 1, recalled = 0,
    kept = old.kept and not is_gone, origin = nil,
  }
  if not is_gone then remove_item(root, record, r.run, 'task', slot, old) end
  put_in_set(key_of(root, ':queues'), next.queue)
  store_item(record, 'task', next.slot, item)
  place(root, 'task', item, next.slot, r.run)
  return item
end

-- What an earlier command of the same commit did to the items of the later ones is seen by reading them again.
local function settle(root, r, record, reply)
  local is_first, works = true, r.works
  for at = 1, #works do
    local work = works[at]
    if work then
      if not is_first then
        local again = read_held(work)
        work.is_gone = not again
        work.held = again or work.held
      end
      is_first = false
      local command = work.command
      if command.continue then
        local item = hand_on(root, r, record, work)
        reply[#reply + 1] = item.fence
        reply[#reply + 1] = item.at
      elseif not work.is_gone then
        remove_item(root, work.record, work.run, command.kind, command.item, work.held)
      end
    end
  end
end

-- Makes room for new tasks. Answers whether `k` is free.
local function clear_slots(root, run, record, tasks)
  local fields = { 'k' }
  for _, task in ipairs(tasks) do
    fields[#fields + 1] = task.field
    fields[#fields + 1] = task.forward
  end
  local found = read_fields(record, fields)
  local kept = unpack_kept(found.k)
  -- Records first: a forward to one of them is gone with it.
  for _, task in ipairs(tasks) do
    local packed = found[task.field]
    if packed then
      remove_item(root, record, run, 'task', task.slot, unpack_item('task', packed))
    elseif kept and kept.kept == task.slot then
      remove_item(root, record, run, 'task', task.slot, kept)
      kept = nil
    end
  end
  for _, task in ipairs(tasks) do
    free_name(root, record, run, task.slot, found[task.forward])
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
  local tasks, tenant, is_free = last_of_slots(r.form.enqueue), r.form.tenant, true
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
  take_from_line(key_of(root, ':ot'), pair(id, r.run))
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
local function post_all(root, r, record, messages)
  local fields = {}
  for at, message in ipairs(messages) do fields[at] = 'm:' .. message.id end
  local waiting = read_fields(record, fields)
  for at, message in ipairs(messages) do
    if not waiting[fields[at]] then post(root, r, record, message) end
    waiting[fields[at]] = true
  end
end

local function schedule(root, r, record, parts)
  for _, slot in ipairs(parts.recall) do recall(root, r, record, slot) end
  for _, id in ipairs(parts.cancel) do cancel_timer(root, r, record, id) end
  for _, timer in ipairs(parts.timers) do set_timer(root, r, record, timer) end
  if parts.messages[1] then post_all(root, r, record, parts.messages) end
end
