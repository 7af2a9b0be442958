-- Open work: its records, and the sorted sets (lines) in which it stands.

-- Leased items are records. `at` is when the item is claimable; `owner` is '' while nobody holds it; `seq` orders what waits
-- (of a task it is the place of turns.lua).
--
-- The score of a leased item may be earlier than the end of its lease, never later: a renewal writes the record only, and
-- whoever finds the item before its time puts it back (claim.lua). Nor does a lease that is handed on within its queue move
-- in the line: its member keeps the slot under which it was claimed, `origin`.
--
-- One task of a run, the first that finds it free, has its record in the field `k` (`kept`), with its slot: what is handed
-- on there from step to step costs one field of a write, and no field is ever removed. Every other task has its record in
-- `t:<slot>`; when that has an origin, `f:<origin>` tells the slot. A slot has a record, an origin or a forward that bear
-- its name, never two of them.
local KINDS = {
  task = { field = 't:', extra = 'b:' },
  timer = { field = 'd:' },
  message = { field = 'm:', extra = 'n:' },
}

local queue_lines = remember(function(root, queue)
  return { waiting = root .. ':ow:' .. queue, leased = root .. ':ol:' .. queue }
end)

-- The two sorted sets of an item: where it waits and where its lease runs.
local function lines_of(root, kind, item)
  if kind == 'timer' then return key_of(root, ':ot'), key_of(root, ':ot') end
  if kind == 'message' then return key_of(root, ':omw'), key_of(root, ':oml') end
  if item.recalled > 0 then return key_of(root, ':orw'), key_of(root, ':orl') end
  local lines = queue_lines(root, item.queue)
  return lines.waiting, lines.leased
end

local function line_of(root, kind, item)
  local waiting, leased = lines_of(root, kind, item)
  if item.owner == '' then return waiting, (kind == 'timer' and item.due or item.seq) end
  return leased, item.at
end

local function member_of(item, id, run)
  return pair(item.origin or id, run)
end

-- Redis turns numbers into text without loss, unlike Lua: only replies and what is kept need `text`.
local function place(root, kind, item, id, run)
  local line, score = line_of(root, kind, item)
  put_in_line(line, member_of(item, id, run), score)
end

local function displace(root, kind, item, id, run)
  take_from_line((line_of(root, kind, item)), member_of(item, id, run))
end

-- Records are values one after the other: an array would be made as a table first, each time (a tenth of all that a commit
-- costs). Schema 1 wrote arrays, of the same values. `origin` came with schema 2 and stands last.
-- The kept task: times as what differs, which is little. Redis keeps a small hash in a third of the memory while none of its
-- values is longer than 64 bytes, and never goes back. `beats` tells that the task has a heartbeat. Names come first, for
-- those are the same for many (schema 2 had another order: list.lua).
local function pack_names(id, item)
  return cmsgpack.pack(id, item.owner, item.queue, item.attempt, item.origin or false)
end

local function pack_kept(id, item)
  local claimed = item.claimed
  return pack_names(id, item) .. cmsgpack.pack(
    item.seq, item.fence - item.seq, item.lease_ms, claimed - math.floor(item.fence / 1000),
    item.at - claimed - item.lease_ms, claimed - item.enqueued, item.deliveries, item.recalled, item.beats or nil)
end

-- The end of `pack_kept` of a task that was handed on now.
local JUST_HANDED_ON = '\0\0\1\0\192'

-- As `pack_kept`: what is handed on by commits of one form has the same names, but for the origin at times.
local function pack_handed_on(next, item)
  if not next.names or next.origin ~= item.origin then
    next.names, next.origin = pack_names(next.slot, item), item.origin
  end
  return next.names .. cmsgpack.pack(
    item.seq, item.fence - item.seq, item.lease_ms, item.claimed - math.floor(item.fence / 1000)) .. JUST_HANDED_ON
end

local function pack(kind, id, item)
  if item.kept then return pack_kept(id, item) end
  if kind == 'task' then
    return cmsgpack.pack(
      item.owner, item.fence, item.lease_ms, item.at, item.seq, item.attempt, item.queue, item.enqueued, item.claimed,
      item.deliveries, item.recalled, item.origin or false)
  end
  if kind == 'timer' then
    return cmsgpack.pack(item.owner, item.fence, item.lease_ms, item.at, item.due)
  end
  return cmsgpack.pack(
    item.owner, item.fence, item.lease_ms, item.at, item.seq, item.tenant, item.run, item.posted)
end

local function values_of(packed)
  local first = byte(packed)
  -- The mark of an array with up to 15 values.
  if first >= 144 and first < 160 then return unpack(cmsgpack.unpack(packed)) end
  return cmsgpack.unpack(packed)
end

local function unpack_task(packed)
  local owner, fence, lease_ms, at, seq, attempt, queue, enqueued, claimed, deliveries, recalled, origin = values_of(packed)
  return {
    owner = owner, fence = fence, lease_ms = lease_ms, at = at, seq = seq, attempt = attempt, queue = queue,
    enqueued = enqueued, claimed = claimed, deliveries = deliveries, recalled = recalled, origin = origin or nil,
  }
end

local function unpack_item(kind, packed)
  if kind == 'task' then return unpack_task(packed) end
  local owner, fence, lease_ms, at, fifth, tenant, run, posted = values_of(packed)
  if kind == 'timer' then
    return { owner = owner, fence = fence, lease_ms = lease_ms, at = at, due = fifth }
  end
  return {
    owner = owner, fence = fence, lease_ms = lease_ms, at = at, seq = fifth, tenant = tenant, run = run, posted = posted,
  }
end

-- The kept task, `kept` being the slot it stands in, or nil.
local function unpack_kept(packed)
  if not packed or packed == '' then return nil end
  local id, owner, queue, attempt, origin, seq, fence, lease_ms, claimed, left, waited, deliveries, recalled, beats =
    cmsgpack.unpack(packed)
  -- The order of schema 2: one such record, wherever it came from, must not stop a queue.
  if type(queue) == 'number' then
    seq, fence, lease_ms, claimed, left, waited, attempt, queue, deliveries, recalled, origin =
      queue, attempt, origin, seq, fence, lease_ms, claimed, left, waited, deliveries, recalled
  end
  fence = fence + seq
  claimed = claimed + math.floor(fence / 1000)
  return {
    owner = owner, fence = fence, lease_ms = lease_ms, at = claimed + lease_ms + left, seq = seq, attempt = attempt,
    queue = queue, enqueued = claimed - waited, claimed = claimed, deliveries = deliveries, recalled = recalled,
    origin = origin or nil, kept = id, beats = beats,
  }
end

-- The item if owner and fence still hold it: after its lease ended too, until somebody else claims it. Of `found` its own
-- field (`field`) is read, and of a task also `k`.
local function held_in(found, kind, id, field, owner, fence)
  local packed = found[field]
  local item
  if packed then
    item = unpack_item(kind, packed)
  elseif kind == 'task' then
    item = unpack_kept(found.k)
    if item and item.kept ~= id then return nil end
  end
  if not item or item.owner ~= owner or item.owner == '' or item.fence ~= fence then return nil end
  return item
end

local function held(record, kind, id, owner, fence)
  local field = KINDS[kind].field .. id
  return held_in(read_fields(record, { field, 'k' }), kind, id, field, owner, tonumber(fence))
end

local function store_item(record, kind, id, item)
  put_field(record, item.kept and 'k' or KINDS[kind].field .. id, pack(kind, id, item))
end

-- An empty `k` is none: removing a field would be a write of its own.
local function remove_record(record, kind, id, item)
  if item.kept then
    put_field(record, 'k', '')
    if item.beats then remove_field(record, 'b:' .. id) end
    return
  end
  local names = KINDS[kind]
  remove_field(record, names.field .. id)
  if names.extra then remove_field(record, names.extra .. id) end
  if item.origin then remove_field(record, 'f:' .. item.origin) end
end

local function remove_item(root, record, run, kind, id, item)
  displace(root, kind, item, id, run)
  remove_record(record, kind, id, item)
end

-- The item is listed under its own name from now on.
local function forget_origin(record, item)
  if item.origin and not item.kept then remove_field(record, 'f:' .. item.origin) end
  item.origin = nil
end

-- The item leaves its line, and with it the name it had there.
local function take_out(root, record, run, kind, id, item)
  displace(root, kind, item, id, run)
  forget_origin(record, item)
end

local function rename(root, record, run, id, item)
  take_out(root, record, run, 'task', id, item)
  store_item(record, 'task', id, item)
  place(root, 'task', item, id, run)
end

-- The task that a member of a line names: slot, record and heartbeat, or nil.
local function find_task(record, slot)
  flush_hash(record)
  local item = unpack_kept(call('HGET', record, 'k'))
  if item and (item.origin or item.kept) == slot then
    return item.kept, item, item.beats and call('HGET', record, 'b:' .. item.kept)
  end
  local found = read_fields(record, { 't:' .. slot, 'f:' .. slot, 'b:' .. slot })
  local packed, forward = found['t:' .. slot], found['f:' .. slot]
  if packed then return slot, unpack_item('task', packed), found['b:' .. slot] end
  if not forward then return nil end
  found = read_fields(record, { 't:' .. forward, 'b:' .. forward })
  item = found['t:' .. forward] and unpack_item('task', found['t:' .. forward])
  if item and item.origin == slot then return forward, item, found['b:' .. forward] end
  remove_field(record, 'f:' .. slot)
end

-- The lease that is listed under this slot and stands in another gets its own name.
local function free_name(root, record, run, slot, forward)
  if not forward then return end
  local moved = read_fields(record, { 't:' .. forward })['t:' .. forward]
  if not moved then return remove_field(record, 'f:' .. slot) end
  rename(root, record, run, forward, unpack_item('task', moved))
end

-- When the lease of an item that stands in the line has not ended, it goes to where it belongs.
local function put_back(line, member, item, now)
  if item.owner == '' or item.at <= now then return false end
  call('ZADD', line, 'XX', item.at, member)
  return true
end
