#!lua name=baton_d6e6691db906

-- Only running functions see redis.call and Lua's own libraries.
local call, format, sub, find, byte, started
local flush, forget_changes

local function register(operation, callback, flag)
  redis.register_function{
    function_name = 'baton_d6e6691db906_' .. operation,
    flags = flag and { flag } or {},
    callback = function(keys, args)
      call, format, sub, find, byte = redis.call, string.format, string.sub, string.find, string.byte
      started = nil
      forget_changes()
      local reply = callback(keys, args)
      flush()
      return reply
    end,
  }
end
-- What the functions share. The files of this folder are joined in the order of function-library.ts into one library;
-- only commands of Redis 7.0 stand in it.
--
-- Keys. Every function has one key, the root of a shard: `<prefix>:{<n>}`. All others begin with it, so they share its
-- hash tag and stand on one node of a Cluster:
--   :meta                   (shard 0 only) format, number of shards, secret
--   :seq                    the number up to which numbers are drawn
--   :runs                   sorted set, run by number of creation
--   :r:<run>                hash: `c:<command>` digest, line, answer; `s` snapshot; `i` index entry; open work (items.lua):
--                           `k` and `t:<slot>` tasks, `b:<slot>` heartbeat, `d:<timer>`, `m:<message>`, `n:<message>` body;
--                           `f:<slot>` the slot to which a lease was handed on that is still listed under this one
--   :c:<run>                hash: the commands of a long run's later commits (commit.lua)
--   :h:<run>                list: events; its length is the run's version
--   :a:<run>                hash: artifacts
--   :queues                 set: queues that have or had tasks
--   :w:<queue>, :l:<queue>  sorted sets of tasks: waiting by order, leased by end of lease or a time before it
--   :rw, :rl                the same of recalled tasks;  :mw, :ml  of messages
--   :timers                 sorted set by due time or end of lease
--   :x:…, :f:…, :tenants    index of runs: by start, by end; tenants with finished runs
--   :dd:, :dn:, :dl:, :dh:  definitions of a tenant;  :kv:<namespace>, :kvx  values, and when they expire
--   :ears, :ear:<id>        processes that listen, and the wake-up that waits for each
--   :feed                   stream: where new events are (commit.lua)
--
-- Redis does not roll a function back: each one reads and checks all it needs before its first write.


-- Replies carry numbers as text: Redis would cut the fraction of a Lua number, and Lua prints 1.7e+15 for a long one.
local function text(number)
  return format('%.0f', number)
end

-- Two names as one, unambiguous whatever stands in them.
local function pair(first, second)
  return #first .. ':' .. first .. ':' .. second
end

local function split(joined)
  local colon = find(joined, ':', 1, true)
  local length = tonumber(sub(joined, 1, colon - 1))
  return sub(joined, colon + 1, colon + length), sub(joined, colon + length + 2)
end

-- Time stands still while a function runs: it is asked for once. Microseconds.
local function server_time()
  if not started then
    local time = call('TIME')
    started = time[1] * 1000000 + time[2]
  end
  return started
end

-- The time that the caller gives (tests do), else that of the server. Milliseconds.
local function now_of(given)
  if given ~= '' then return tonumber(given) end
  return math.floor(server_time() / 1000)
end

-- Bound of each memory of names.
local MAX_KNOWN = 10000

-- Names of keys that nearly every call needs are made once: a string costs Lua as much as a short command.
local function remember(make)
  local kept, count = {}, 0
  return function(root, name)
    local of_root = kept[root]
    local found = of_root and of_root[name]
    if found then return found end
    if count >= MAX_KNOWN then kept, count = {}, 0 end
    kept[root] = kept[root] or {}
    found = make(root, name)
    kept[root][name] = found
    count = count + 1
    return found
  end
end

local key_of = remember(function(root, name) return root .. name end)

-- Fences, order and revisions: numbers that grow with every draw in this shard. They follow the clock in microseconds,
-- so that the orders of several shards can be merged, and stay above all drawn before when it steps back: a second's
-- worth is reserved in `:seq` at a time, the present one is remembered here (a write a commit would cost a tenth of it).
-- A second version of the library counts for itself: what must grow for one item is also compared with the last of it.
local RESERVED = 1000000
local drawn = {}

local function next_number(root)
  local counter = drawn[root]
  if not counter then
    local reserved = tonumber(call('GET', key_of(root, ':seq')) or 0)
    counter = { last = reserved, reserved = reserved }
    drawn[root] = counter
  end
  counter.last = math.max(counter.last + 1, server_time())
  if counter.last >= counter.reserved then
    counter.reserved = counter.last + RESERVED
    call('SET', key_of(root, ':seq'), text(counter.reserved))
  end
  return counter.last
end

-- Raises before anything is written when a key holds what does not belong there. A key that was right once is not looked
-- at again, as long as this library is loaded.
local known, known_count = {}, 0

local function must_be(kind, key)
  if known[key] then return end
  local found = call('TYPE', key).ok
  if found ~= kind and found ~= 'none' then
    error('WRONGTYPE ' .. key .. ' holds a ' .. found .. ' where Baton keeps a ' .. kind)
  end
  if known_count >= MAX_KNOWN then known, known_count = {}, 0 end
  known[key] = true
  known_count = known_count + 1
end

-- Commands take what the stack of Lua can hold.
local MAX_ARGUMENTS = 1000

local function call_in_parts(command, key, values)
  if #values == 0 then return end
  if #values <= MAX_ARGUMENTS then return call(command, key, unpack(values)) end
  for from = 1, #values, MAX_ARGUMENTS do
    call(command, key, unpack(values, from, math.min(#values, from + MAX_ARGUMENTS - 1)))
  end
end

-- Writes that are gathered while a function runs, and done at its end (function-library.ts) or before what they change is
-- read: of each hash, sorted set and set one command for all. A command of its own costs as much as ten more values of one,
-- most of it for the append-only file. A change holds pairs in one array, as the command takes them, and what goes in
-- another; what goes, goes first: who takes back what was put has it written before. Room for eight values is made at once,
-- for a table that grows costs more than what it holds.
local hash_changes, line_changes, set_changes = {}, {}, {}

local function put_pair(changes, key, first, second)
  local change = changes[key]
  if not change then
    changes[key] = { first, second, nil, nil, nil, nil, nil, nil, count = 2, gone = false }
    return
  end
  local count = change.count
  change[count + 1], change[count + 2] = first, second
  change.count = count + 2
end

local function flush_pairs(changes, key, put, remove)
  local change = changes[key]
  if not change then return end
  changes[key] = nil
  if change.gone then call_in_parts(remove, key, change.gone) end
  local count = change.count
  if count == 0 then return end
  for from = 1, count, MAX_ARGUMENTS do
    call(put, key, unpack(change, from, math.min(count, from + MAX_ARGUMENTS - 1)))
  end
end

local function flush_hash(key) flush_pairs(hash_changes, key, 'HSET', 'HDEL') end
local function flush_line(line) flush_pairs(line_changes, line, 'ZADD', 'ZREM') end

local function remove_name(changes, key, name, first_at, flush_one)
  local change = changes[key]
  for at = first_at, change and change.count or 0, 2 do
    if change[at] == name then
      flush_one(key)
      change = nil
      break
    end
  end
  if not change then
    changes[key] = { count = 0, gone = { name } }
  elseif change.gone then
    change.gone[#change.gone + 1] = name
  else
    change.gone = { name }
  end
end

local function put_field(key, field, value) put_pair(hash_changes, key, field, value) end
local function remove_field(key, field) remove_name(hash_changes, key, field, 1, flush_hash) end
local function put_in_line(line, member, score) put_pair(line_changes, line, score, member) end
local function take_from_line(line, member) remove_name(line_changes, line, member, 2, flush_line) end

local function put_in_set(key, member)
  local members = set_changes[key]
  if not members then
    members = {}
    set_changes[key] = members
  end
  members[member] = true
end

local function flush_set(key)
  local members = {}
  for member in pairs(set_changes[key]) do members[#members + 1] = member end
  set_changes[key] = nil
  call_in_parts('SADD', key, members)
end

-- An assignment of nil to a field is all that `next` allows while it walks.
function flush()
  for key in pairs(hash_changes) do flush_hash(key) end
  for line in pairs(line_changes) do flush_line(line) end
  for key in pairs(set_changes) do flush_set(key) end
end

-- What a function left that ended with an error is not done by the next one.
function forget_changes()
  if next(hash_changes) then hash_changes = {} end
  if next(line_changes) then line_changes = {} end
  if next(set_changes) then set_changes = {} end
end

-- Fields of a hash by their names; absent ones are false.
local function read_fields(key, fields)
  flush_hash(key)
  local found = {}
  for from = 1, #fields, MAX_ARGUMENTS do
    local to = math.min(#fields, from + MAX_ARGUMENTS - 1)
    local values = call('HMGET', key, unpack(fields, from, to))
    for at = from, to do found[fields[at]] = values[at - from + 1] end
  end
  return found
end

-- Who listens is remembered for a second; listen.lua forgets it when that changes.
local ears_known = {}

local function ears_of(root)
  local known_ears = ears_known[root]
  local now = server_time()
  if not known_ears or now - known_ears.read > 1000000 or now < known_ears.read then
    known_ears = { read = now, ids = call('ZRANGE', key_of(root, ':ears'), 0, -1) }
    ears_known[root] = known_ears
  end
  return known_ears.ids
end

-- Wakes every listening process but the writer. A wake-up that still waits serves for this change too.
local function wake(root, writer)
  for _, id in ipairs(ears_of(root)) do
    if id ~= writer then
      local ear = root .. ':ear:' .. id
      if call('EXISTS', ear) == 0 then
        call('RPUSH', ear, '1')
        call('PEXPIRE', ear, 60000)
      end
    end
  end
end

local function run_keys(root, run)
  return root .. ':r:' .. run, root .. ':h:' .. run
end

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
  return { waiting = root .. ':w:' .. queue, leased = root .. ':l:' .. queue }
end)

-- The two sorted sets of an item: where it waits and where its lease runs.
local function lines_of(root, kind, item)
  if kind == 'timer' then return key_of(root, ':timers'), key_of(root, ':timers') end
  if kind == 'message' then return key_of(root, ':mw'), key_of(root, ':ml') end
  if item.recalled > 0 then return key_of(root, ':rw'), key_of(root, ':rl') end
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
-- values is longer than 64 bytes, and never goes back. `beats` tells that the task has a heartbeat.
local function pack_kept(id, item)
  local claimed = item.claimed
  return cmsgpack.pack(
    id, item.owner, item.seq, item.fence - item.seq, item.lease_ms, claimed - math.floor(item.fence / 1000),
    item.at - claimed - item.lease_ms, claimed - item.enqueued, item.attempt, item.queue, item.deliveries, item.recalled,
    item.origin or false, item.beats or nil)
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
  local id, owner, seq, fence, lease_ms, claimed, left, waited, attempt, queue, deliveries, recalled, origin, beats =
    cmsgpack.unpack(packed)
  fence = fence + seq
  claimed = claimed + math.floor(fence / 1000)
  return {
    owner = owner, fence = fence, lease_ms = lease_ms, at = claimed + lease_ms + left, seq = seq, attempt = attempt,
    queue = queue, enqueued = claimed - waited, claimed = claimed, deliveries = deliveries, recalled = recalled,
    origin = origin or nil, kept = id, beats = beats,
  }
end

-- The item if owner and fence still hold it: after its lease ended too, until somebody else claims it. Of `found` its own
-- field is read, and of a task also `k`.
local function held_in(found, kind, id, owner, fence)
  local packed = found[KINDS[kind].field .. id]
  local item
  if packed then
    item = unpack_item(kind, packed)
  elseif kind == 'task' then
    item = unpack_kept(found.k)
    if item and item.kept ~= id then return nil end
  end
  if not item or item.owner ~= owner or item.owner == '' or item.fence ~= tonumber(fence) then return nil end
  return item
end

local function held(record, kind, id, owner, fence)
  return held_in(read_fields(record, { KINDS[kind].field .. id, 'k' }), kind, id, owner, fence)
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

-- Where a task stands among those that wait: ports/task-place.ts says what is guaranteed. A class is -1 (high), 0 (normal)
-- or 1 (low); a place is the number that was drawn for the task, moved by its class, so that scores hold both exactly.
local CLASS_SPAN = 4503599627370496

-- The same place in the line of another class: what is handed on keeps its age.
local function place_in(class, place)
  local present = place < 0 and -1 or (place < CLASS_SPAN and 0 or 1)
  return place + (class - present) * CLASS_SPAN
end

-- Of a queue and class, remembered with the names of its lines (`queue_lines`): the last place of each tenant, and the
-- place at the end of the line. All is lost with the memory of the library, at a restart for example. A tenant that is not
-- known then stands behind what waits already (`before`): nobody passes its own tasks, and turns begin behind them. A
-- second version of the library knows only of its own tasks: a tenant may pass some that it queued through the other.
local function turns_of(lines, class)
  local turns = lines[class]
  if turns then return turns end
  local first = class * CLASS_SPAN
  flush_line(lines.waiting)
  local tail = call(
    'ZRANGE', lines.waiting, '(' .. text(first + CLASS_SPAN), text(first), 'BYSCORE', 'REV', 'LIMIT', 0, 1, 'WITHSCORES')
  local before = tail[2] and tonumber(tail[2]) or first - 1
  turns = { last = {}, count = 0, before = before, ending = before }
  lines[class] = turns
  return turns
end

-- Whether several were there: known only to the library that put them there.
local function has_tenants(lines)
  for class = -1, 1 do
    if lines[class] and lines[class].count > 1 then return true end
  end
  return false
end

-- The first round of those that wait, after the last one of the tenant; or one of its own at the end, `number` being
-- higher than all before. A tenant alone in the queue always stands at the end: Redis is not asked.
local function next_place(lines, tenant, class, number)
  local turns = turns_of(lines, class)
  local last, place = turns.last[tenant], nil
  if not last then
    turns.count = turns.count + 1
    last = turns.before
  end
  if last ~= turns.ending then
    flush_line(lines.waiting)
    local round = call(
      'ZRANGE', lines.waiting, '(' .. text(last), '(' .. text((class + 1) * CLASS_SPAN), 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')
    place = round[2] and tonumber(round[2])
  end
  if not place then
    place = class * CLASS_SPAN + number
    turns.ending = place
  end
  turns.last[tenant] = place
  if turns.count > MAX_KNOWN then lines[class] = nil end
  return place
end

-- The index entry of a run, and the sorted sets that lists are read from.

local MARKS = { 'awaits_person', 'has_checkpoints' }

local index_keys = remember(function(root, tenant)
  return { by_start = root .. ':x:' .. pair(tenant, ''), by_status = root .. ':xs:' .. pair(tenant, '') }
end)

local function by_start(root, tenant)
  return index_keys(root, tenant).by_start
end

local function by_status(root, tenant, status)
  return index_keys(root, tenant).by_status .. status
end

local function by_mark(root, tenant, mark)
  return root .. ':xm:' .. pair(tenant, mark)
end

local function by_end(root, tenant)
  return root .. ':f:' .. tenant
end

-- name, status, start, end or '', marks as text: as they came. Then the place behind them.
local function take_index(args, at)
  return {
    name = args[at], status = args[at + 1], started = args[at + 2], finished = args[at + 3], marks = args[at + 4],
  }, at + 5
end

local function pack_index(entry)
  return cmsgpack.pack(entry.name, entry.status, entry.started, entry.finished, entry.marks)
end

local function unpack_index(packed)
  local name, status, started, finished, marks = values_of(packed)
  return { name = name, status = status, started = started, finished = finished, marks = marks }
end

local function has_mark(entry, mark)
  return string.find(',' .. entry.marks .. ',', ',' .. mark .. ',', 1, true) ~= nil
end

local function check_index(root, tenant, entry)
  must_be('zset', by_start(root, tenant))
  must_be('zset', by_status(root, tenant, entry.status))
  if entry.finished ~= '' then
    must_be('zset', by_end(root, tenant))
    must_be('set', key_of(root, ':tenants'))
  end
  if entry.marks ~= '' then
    for _, mark in ipairs(MARKS) do must_be('zset', by_mark(root, tenant, mark)) end
  end
end

local function remove_index(root, tenant, run_id, entry)
  take_from_line(by_start(root, tenant), run_id)
  take_from_line(by_status(root, tenant, entry.status), run_id)
  if entry.finished ~= '' then take_from_line(by_end(root, tenant), run_id) end
  for _, mark in ipairs(MARKS) do
    if has_mark(entry, mark) then take_from_line(by_mark(root, tenant, mark), run_id) end
  end
end

-- Moves the run from where `old` (or nil) put it to where `new` does, and touches only what differs.
local function move_index(root, tenant, run_id, old, new)
  local is_moved = not old or old.started ~= new.started
  if is_moved then put_in_line(by_start(root, tenant), run_id, new.started) end
  if old and old.status ~= new.status then
    take_from_line(by_status(root, tenant, old.status), run_id)
  end
  if is_moved or old.status ~= new.status then
    put_in_line(by_status(root, tenant, new.status), run_id, new.started)
  end
  if new.finished ~= '' then
    if not old or old.finished ~= new.finished then
      put_in_line(by_end(root, tenant), run_id, new.finished)
      put_in_set(key_of(root, ':tenants'), tenant)
    end
  elseif old and old.finished ~= '' then
    take_from_line(by_end(root, tenant), run_id)
  end
  if new.marks == '' and (not old or old.marks == '') then return end
  for _, mark in ipairs(MARKS) do
    local before, after = old and has_mark(old, mark), has_mark(new, mark)
    if after and (is_moved or not before) then
      put_in_line(by_mark(root, tenant, mark), run_id, new.started)
    elseif before and not after then
      take_from_line(by_mark(root, tenant, mark), run_id)
    end
  end
end

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

-- How much of the feed is kept: entries of commits (commit.lua) and of publications (feed.lua). Who falls behind is told.

-- Entries between two looks at what is too much: MEMORY USAGE looks at a sample of the stream.
local TRIM_EVERY = 64
local MAX_FEED_BYTES = 268435456

local added = {}

-- How many entries may stay.
local function entries_kept(root, most)
  added[root] = (added[root] or 0) + 1
  if added[root] % TRIM_EVERY ~= 0 then return most end
  local feed = root .. ':feed'
  if (call('MEMORY', 'USAGE', feed) or 0) <= MAX_FEED_BYTES then return most end
  return math.min(most, math.floor(call('XLEN', feed) * 0.75))
end

do
-- commit: commits of several runs of one shard, each all of it or nothing (ports/run-store.ts, `commit`), each checked and
-- answered as if it were alone. Redis does the whole call without pause and logs it as one.
-- KEYS  root of the shard
-- ARGV  now or '', writer, entries of the feed kept at most, count of commits, of each:
--         run (length of the tenant's name, tenant, run id, joined by ':'), expected version, count of events, each,
--         count of commands, of each: field ('c:' and its id), what is recorded (digest as JSON, line, answer), kind of what
--           it ends: '' nothing, 'lost' a lease known to be lost, else task | timer | message, then run or '' for this one,
--           id, owner, fence, and '1', slot, attempt, queue, class to hand on, or ''
--         letters of the parts that it has, then these in this order:
--           s version, line, data of a snapshot
--           i tenant, run id, name, status, start, end or '', marks of an index entry
--           q count of tasks, of each: slot, attempt, queue, class (turns.lua);  r count of slots to recall, each
--           c count of timers to cancel, each id;  t count of timers, of each: id, due time
--           m count of messages, of each: id, target's tenant, target's run id, body
-- Reply, of each: version, then fence and end of each lease handed on, in the order of the commands
--       or 'duplicate', number of the command (from 0), answer | 'reused', number | 'lost', number | 'conflict', version
--       or 'failed', why
--
-- Commits that bring events leave an entry in the stream `:feed`, one a call. Of each run it has a field, its name as above,
-- with the version before and the count of the events, joined by ':'.

-- Commands that a run records from this version on stand in a hash of their own: who looks for its open work then passes by
-- a bounded number of other fields, and most runs need one write for both.
local LONG_RUN = 256

-- The parts that a commit does not have. Never written to.
local NONE = {}

local function take_list(args, at, take_one)
  local list, next_at = {}, at + 1
  for n = 1, tonumber(args[at]) do list[n], next_at = take_one(args, next_at) end
  return list, next_at
end

local function take_name(args, at)
  return args[at], at + 1
end

local function take_task(args, at)
  local task = {
    slot = args[at], attempt = tonumber(args[at + 1]), queue = args[at + 2], class = tonumber(args[at + 3]),
  }
  return task, at + 4
end

local function take_timer(args, at)
  return { id = args[at], due = tonumber(args[at + 1]) }, at + 2
end

local function take_message(args, at)
  return { id = args[at], tenant = args[at + 1], run = args[at + 2], body = args[at + 3] }, at + 4
end

-- All fields at once: a table that grows field by field costs several times as much.
local function take_command(args, at, run)
  local kind = args[at + 2]
  if kind == '' or kind == 'lost' then
    return { field = args[at], recorded = args[at + 1], kind = kind }, at + 3
  end
  local of_run = args[at + 3]
  local command = {
    field = args[at], recorded = args[at + 1], kind = kind, run = of_run == '' and run or of_run,
    item = args[at + 4], owner = args[at + 5], fence = tonumber(args[at + 6]),
    continue = false, record = false, held = false, found = false, is_gone = false,
  }
  if args[at + 7] ~= '1' then return command, at + 8 end
  command.continue, at = take_task(args, at + 8)
  return command, at
end

local function take_parts(r, args, at, letters)
  local function has(letter) return find(letters, letter, 1, true) end
  if has('s') then r.snapshot, at = args[at], at + 1 end
  if has('i') then
    r.tenant, r.run_id = args[at], args[at + 1]
    r.index, at = take_index(args, at + 2)
  end
  if has('q') then r.enqueue, at = take_list(args, at, take_task) end
  if has('r') then r.recall, at = take_list(args, at, take_name) end
  if has('c') then r.cancel, at = take_list(args, at, take_name) end
  if has('t') then r.timers, at = take_list(args, at, take_timer) end
  if has('m') then r.messages, at = take_list(args, at, take_message) end
  return at
end

local function take_request(args, at, now)
  local run, count, commands = args[at], tonumber(args[at + 2]), {}
  local events_at = at + 3
  local next_at = events_at + count + 1
  for n = 1, tonumber(args[next_at - 1]) do
    commands[n], next_at = take_command(args, next_at, run)
  end
  local r = {
    args = args, now = now, run = run, before = args[at + 1], expected = tonumber(args[at + 1]),
    count = count, events_at = events_at, commands = commands, snapshot = false, index = false, tenant = false,
    run_id = false, is_plain = args[next_at] == '', enqueue = NONE, recall = NONE, cancel = NONE, timers = NONE, messages = NONE,
  }
  local letters = args[next_at]
  if letters == '' then return r, next_at + 1 end
  return r, take_parts(r, args, next_at + 1, letters)
end

-- The key of the commands that this commit records. A run without events has none yet.
local function commands_key(root, r, record, version)
  return version < LONG_RUN and record or (root .. ':c:' .. r.run)
end

-- As `read_record`, with tables of a size that is known.
local function read_for_one(r, record, command)
  if hash_changes[record] then flush_hash(record) end
  if command.kind ~= 'task' or command.run ~= r.run then
    local other = command.run == r.run and KINDS[command.kind].field .. command.item or 'k'
    local found = call('HMGET', record, command.field, 'i', other)
    return { [command.field] = found[1], i = found[2], [other] = found[3] }
  end
  local slot, next = 't:' .. command.item, command.continue
  if not next then
    local found = call('HMGET', record, command.field, 'k', slot, 'i')
    return { [command.field] = found[1], k = found[2], [slot] = found[3], i = found[4] }
  end
  local next_slot, forward = 't:' .. next.slot, 'f:' .. next.slot
  local found = r.index and call('HMGET', record, command.field, 'k', slot, next_slot, forward, 'i')
    or call('HMGET', record, command.field, 'k', slot, next_slot, forward)
  return {
    [command.field] = found[1], k = found[2], [slot] = found[3], [next_slot] = found[4], [forward] = found[5], i = found[6],
  }
end

-- What was answered to the commands, the items that they hold and the present index entry. A run without events has nothing
-- of it.
local function read_record(r, record, commands, version)
  if version == 0 then
    -- Raises when it is no hash.
    call('HLEN', record)
    return NONE
  end
  if #r.commands == 1 and commands == record then return read_for_one(r, record, r.commands[1]) end
  local fields = {}
  for _, command in ipairs(r.commands) do
    fields[#fields + 1] = command.field
    if command.run == r.run then add_held_fields(command, fields) end
  end
  if r.index then fields[#fields + 1] = 'i' end
  local found = read_fields(record, fields)
  if commands == record then return found end
  fields = {}
  for at, command in ipairs(r.commands) do fields[at] = command.field end
  for field, value in pairs(read_fields(commands, fields)) do found[field] = found[field] or value end
  return found
end

local function digest_of(recorded)
  local line = find(recorded, '\n', 1, true)
  return sub(recorded, 1, line - 1), line
end

-- A recorded command is told before a lost lease, and that before a version: a repetition must read as recorded.
local function find_recorded(commands, recorded)
  for at, command in ipairs(commands) do
    local found = recorded[command.field]
    if found then
      local digest, line = digest_of(found)
      if digest ~= digest_of(command.recorded) then return { 'reused', at - 1 } end
      return { 'duplicate', at - 1, sub(found, line + 1) }
    end
  end
end

local function find_lost(root, r, record, found)
  for at, command in ipairs(r.commands) do
    if command.kind == 'lost' then return { 'lost', at - 1 } end
    if command.kind ~= '' then
      local is_own = command.run == r.run
      command.record = is_own and record or (root .. ':r:' .. command.run)
      command.held = is_own and take_held(command, found) or (not is_own and read_held(command))
      if not command.held then return { 'lost', at - 1 } end
    end
  end
end

local function check_queue(root, queue)
  local lines = queue_lines(root, queue)
  must_be('zset', lines.waiting)
  must_be('zset', lines.leased)
end

local function check_keys(root, r, version)
  if version == 0 then must_be('zset', key_of(root, ':runs')) end
  for _, command in ipairs(r.commands) do
    if command.continue then check_queue(root, command.continue.queue) end
  end
  if r.is_plain then return end
  if #r.enqueue > 0 then must_be('set', key_of(root, ':queues')) end
  for _, task in ipairs(r.enqueue) do check_queue(root, task.queue) end
  if #r.timers > 0 then must_be('zset', key_of(root, ':timers')) end
  if #r.messages > 0 then must_be('zset', key_of(root, ':mw')) end
  if #r.recall > 0 then
    must_be('zset', key_of(root, ':rw'))
    must_be('zset', key_of(root, ':rl'))
  end
  if r.index then check_index(root, r.tenant, r.index) end
end

local function write_record(root, r, record, commands, old_index)
  for _, command in ipairs(r.commands) do put_field(commands, command.field, command.recorded) end
  if r.snapshot then put_field(record, 's', r.snapshot) end
  if r.index then
    move_index(root, r.tenant, r.run_id, old_index and unpack_index(old_index), r.index)
    put_field(record, 'i', pack_index(r.index))
  end
end

local function append(r, history, pointers)
  if r.count == 0 then return end
  local last = r.events_at + r.count - 1
  for from = r.events_at, last, MAX_ARGUMENTS do
    call('RPUSH', history, unpack(r.args, from, math.min(last, from + MAX_ARGUMENTS - 1)))
  end
  pointers[#pointers + 1] = r.run
  pointers[#pointers + 1] = r.before .. ':' .. r.args[r.events_at - 1]
end

local function commit_one(root, r, pointers)
  local record, history = run_keys(root, r.run)
  local version = call('LLEN', history)
  local commands = commands_key(root, r, record, version)
  local found = read_record(r, record, commands, version)
  local refused = find_recorded(r.commands, found) or find_lost(root, r, record, found)
  if refused then return refused end
  if version ~= r.expected then return { 'conflict', version } end
  check_keys(root, r, version)

  if version == 0 then put_in_line(key_of(root, ':runs'), r.run, next_number(root)) end
  append(r, history, pointers)
  write_record(root, r, record, commands, found.i)
  local reply = { version + r.count }
  settle(root, r, record, reply)
  if not r.is_plain then
    if r.enqueue ~= NONE then enqueue(root, r, record) end
    schedule(root, r, record)
  end
  return reply
end

-- What a refused write answers; nothing was written of that commit, for all that could refuse it was asked before.
local function failure(problem)
  if type(problem) == 'table' then problem = problem.err or problem[1] end
  return { 'failed', tostring(problem) }
end

local function commit(keys, args)
  local root, replies, pointers = keys[1], {}, {}
  local now, at, request = now_of(args[1]), 5, nil
  must_be('string', key_of(root, ':seq'))
  must_be('zset', key_of(root, ':ears'))
  must_be('stream', key_of(root, ':feed'))
  for n = 1, tonumber(args[4]) do
    request, at = take_request(args, at, now)
    local is_done, reply = pcall(commit_one, root, request, pointers)
    replies[n] = is_done and reply or failure(reply)
  end
  if #pointers > 0 then
    call('XADD', key_of(root, ':feed'), 'MAXLEN', '~', entries_kept(root, args[3]), '*', unpack(pointers))
  end
  wake(root, args[2])
  return replies
end

register('commit', commit)
end
do
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
  local one = { kind = kind, member = member, line = line, id = id, run = run, record = (run_keys(root, run)) }
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
  for _, one in ipairs(found) do one.age = age_of(one.item) end
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

local function describe_lease(one, reply)
  local tenant, run_id = split(one.run)
  local last = #reply
  reply[last + 1], reply[last + 2], reply[last + 3] = text(one.age), one.id, tenant
  reply[last + 4], reply[last + 5], reply[last + 6] = run_id, text(one.item.fence), text(one.item.at)
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
    local _, history = run_keys(root, one.run)
    local last = #reply
    reply[last + 1], reply[last + 2] = text(one.item.attempt), one.item.queue
    reply[last + 3], reply[last + 4] = text(one.item.deliveries), text(call('LLEN', history))
    reply[last + 5] = one.heartbeat or ''
  end)
end

local function engine_age(item)
  return item.due or item.posted or item.recalled
end

local function claim_engine_work(keys, args)
  local root, claim = keys[1], take_claim(args)
  local found = {}
  local timers, rw, rl = root .. ':timers', root .. ':rw', root .. ':rl'
  local mw, ml = root .. ':mw', root .. ':ml'
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
end
do
-- renew, release, discard: what only the holder of a lease may do. Owner and fence are checked first.
-- KEYS  root of the run's shard
-- ARGV  now or '', writer, kind, tenant, run id, id, owner, fence;
--       renew: length (ms) or '' for the present one, '1' and a heartbeat, or ''
-- Reply renew: end of the lease and '1' if its work was recalled else '', or nothing when it is lost
--       release, discard: 1 or 0, whether the lease was held

local function holding(keys, args)
  local root, kind, id = keys[1], args[3], args[6]
  local run = pair(args[4], args[5])
  local record = run_keys(root, run)
  local item = held(record, kind, id, args[7], args[8])
  if item then
    local waiting, leased = lines_of(root, kind, item)
    must_be('zset', waiting)
    must_be('zset', leased)
  end
  return item, { root = root, kind = kind, id = id, run = run, record = record }
end

-- The line is told only of an end that comes sooner: see items.lua.
local function renew(keys, args)
  local item, at = holding(keys, args)
  if not item then return {} end
  local before = item.at
  if args[9] ~= '' then item.lease_ms = tonumber(args[9]) end
  item.at = now_of(args[1]) + item.lease_ms
  if args[10] == '1' and at.kind == 'task' then
    item.beats = true
    put_field(at.record, 'b:' .. at.id, args[11])
  end
  store_item(at.record, at.kind, at.id, item)
  if item.at < before then place(at.root, at.kind, item, at.id, at.run) end
  return { text(item.at), (item.recalled or 0) > 0 and '1' or '' }
end

-- The item goes back to its place in line.
local function release(keys, args)
  local item, at = holding(keys, args)
  if not item then return 0 end
  take_out(at.root, at.record, at.run, at.kind, at.id, item)
  item.owner = ''
  item.at = item.due or 0
  if at.kind == 'task' then
    item.deliveries, item.claimed = item.deliveries - 1, 0
  end
  store_item(at.record, at.kind, at.id, item)
  place(at.root, at.kind, item, at.id, at.run)
  flush()
  wake(at.root, args[2])
  return 1
end

local function discard(keys, args)
  local item, at = holding(keys, args)
  if not item then return 0 end
  remove_item(at.root, at.record, at.run, at.kind, at.id, item)
  return 1
end

-- Also when the memory limit is reached: a lease lost for that would make a step run twice.
register('renew', renew, 'allow-oom')
register('release', release, 'allow-oom')
register('discard', discard, 'allow-oom')
end
do
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
    local waiting, leased = root .. ':w:' .. queue, root .. ':l:' .. queue
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
end
do
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

-- list_runs. ARGV tenant, '' | 'status' | 'mark', which, start and run id to go on from or '', limit, '1' and a name or
-- '', '', '1' and statuses or ''. Reply: '1' when there may be more, else ''; start and run id looked at last; then of
-- each run: run id, name, status, start, end or '', marks.
local function list_runs(keys, args)
  local root, tenant = keys[1], args[1]
  local line = by_start(root, tenant)
  if args[2] == 'status' then line = by_status(root, tenant, args[3]) end
  if args[2] == 'mark' then line = by_mark(root, tenant, args[3]) end
  local limit, name, statuses = tonumber(args[6]), nil, nil
  if args[7] == '1' then name = args[8] end
  if args[9] == '1' then
    statuses = {}
    for at = 10, #args do statuses[args[at]] = true end
  end
  local filters = name or statuses
  local count = filters and MAX_LOOKED_AT or limit
  local found = below(line, args[4], args[5], count)
  local reply, last = { '', '', '' }, 0
  for at = 1, #found, 2 do
    if (#reply - 3) >= limit * 6 then break end
    last = at
    local packed = call('HGET', root .. ':r:' .. pair(tenant, found[at]), 'i')
    local entry = packed and unpack_index(packed)
    if entry and fits(entry, name, statuses) then
      for _, value in ipairs({
        found[at], entry.name, entry.status, entry.started, entry.finished, entry.marks,
      }) do reply[#reply + 1] = value end
    end
  end
  if last > 0 then
    reply[1] = (last < #found - 1 or #found >= 2 * count) and '1' or ''
    reply[2], reply[3] = found[last + 1], found[last]
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

-- convert_runs: of schema 1, where open work had a hash of its own, `:o:<run>`. ARGV number to go on after, limit.
-- Reply: number to go on after, or '' when there are no more.
local function convert_runs(keys, args)
  local root, last = keys[1], ''
  local found = call(
    'ZRANGEBYSCORE', root .. ':runs', '(' .. args[1], '+inf', 'WITHSCORES', 'LIMIT', 0, args[2])
  for at = 1, #found, 2 do
    local open, record = root .. ':o:' .. found[at], run_keys(root, found[at])
    local fields = call('HGETALL', open)
    if fields[1] then
      call_in_parts('HSET', record, fields)
      call('UNLINK', open)
    end
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
  move_index(root, tenant, run_id, old and unpack_index(old), entry)
  put_field(record, 'i', pack_index(entry))
  return 1
end

local function has_messages(root, run)
  for _, field in ipairs(call('HKEYS', (run_keys(root, run)))) do
    if string.sub(field, 1, 2) == 'm:' then return true end
  end
  return false
end

-- finished_tenants. Reply: tenants with finished runs, and how many each has.
local function finished_tenants(keys)
  local root, reply = keys[1], {}
  for _, tenant in ipairs(call('SMEMBERS', root .. ':tenants')) do
    local count = call('ZCARD', by_end(root, tenant))
    if count == 0 then
      call('SREM', root .. ':tenants', tenant)
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
end
do
-- Definitions, key-values and artifacts.
-- KEYS  root of a shard: of the tenant, the namespace, the run

local function definition(root, tenant, version, name)
  return call('HGET', root .. ':dd:' .. tenant, version .. ':' .. name)
end

-- register_definition. ARGV now or '', tenant, name, hash, the rest as JSON.
-- Reply: '1' if it is new else '', then the record: version, line, time, line, JSON.
local function register_definition(keys, args)
  local root, tenant, name, hash = keys[1], args[2], args[3], args[4]
  local numbers, documents, names, hashes =
    root .. ':dn:' .. tenant, root .. ':dd:' .. tenant, root .. ':dl:' .. tenant, root .. ':dh:' .. tenant
  local known = call('HGET', hashes, pair(hash, name))
  if known then return { '', definition(root, tenant, known, name) } end
  local version = text(tonumber(call('HGET', numbers, name) or 0) + 1)
  must_be('hash', documents)
  must_be('zset', names)
  local record = version .. '\n' .. text(now_of(args[1])) .. '\n' .. args[5]
  call('HSET', documents, version .. ':' .. name, record)
  call('HSET', numbers, name, version)
  call('ZADD', names, 0, name)
  call('HSET', hashes, pair(hash, name), version)
  call('HSETNX', hashes, hash, version .. ':' .. name)
  return { '1', record }
end

-- find_by_hash. ARGV tenant, hash. find_by_name. ARGV tenant, name, version or ''. Reply: a record or nil.
local function find_by_hash(keys, args)
  local place = call('HGET', keys[1] .. ':dh:' .. args[1], args[2])
  return place and call('HGET', keys[1] .. ':dd:' .. args[1], place)
end

local function find_by_name(keys, args)
  local version = args[3]
  if version == '' then version = call('HGET', keys[1] .. ':dn:' .. args[1], args[2]) end
  return version and definition(keys[1], args[1], version, args[2])
end

-- list_definitions. ARGV tenant, limit, name to go on after or ''. Reply: records.
local function list_definitions(keys, args)
  local root, tenant, reply = keys[1], args[1], {}
  local from = args[3] == '' and '-' or ('(' .. args[3])
  for _, name in ipairs(call('ZRANGEBYLEX', root .. ':dl:' .. tenant, from, '+', 'LIMIT', 0, args[2])) do
    reply[#reply + 1] = definition(root, tenant, call('HGET', root .. ':dn:' .. tenant, name), name)
  end
  return reply
end

-- A value is stored as revision, space, time of expiry or 0, space, JSON.
local function live(packed, now)
  if not packed then return nil end
  local revision, expires, from = string.match(packed, '^(%d+) (%d+) ()')
  if expires ~= '0' and tonumber(expires) <= now then return nil end
  return revision, string.sub(packed, from)
end

-- get_value. ARGV now or '', namespace, key. Reply: revision and JSON, or nothing.
local function get_value(keys, args)
  local revision, json = live(call('HGET', keys[1] .. ':kv:' .. args[2], args[3]), now_of(args[1]))
  if not revision then return {} end
  return { revision, json }
end

-- list_values. ARGV now or '', namespace. Reply: key, revision, JSON of each.
local function list_values(keys, args)
  local now, reply = now_of(args[1]), {}
  local all = call('HGETALL', keys[1] .. ':kv:' .. args[2])
  for at = 1, #all, 2 do
    local revision, json = live(all[at + 1], now)
    if revision then
      reply[#reply + 1] = all[at]
      reply[#reply + 1] = revision
      reply[#reply + 1] = json
    end
  end
  return reply
end

-- Expired values that one write clears away.
local MAX_SWEPT = 100

local function sweep(root, now)
  for _, member in ipairs(call('ZRANGEBYSCORE', root .. ':kvx', '-inf', text(now), 'LIMIT', 0, MAX_SWEPT)) do
    local namespace, key = split(member)
    call('HDEL', root .. ':kv:' .. namespace, key)
    call('ZREM', root .. ':kvx', member)
  end
end

-- set_value. ARGV now or '', namespace, key, JSON, life (ms) or '', expected revision or ''. Reply: revision, or ''.
local function set_value(keys, args)
  local root, now, values = keys[1], now_of(args[1]), keys[1] .. ':kv:' .. args[2]
  local revision = live(call('HGET', values, args[3]), now)
  if args[6] ~= '' and args[6] ~= (revision or '0') then return '' end
  must_be('zset', root .. ':kvx')
  local number = text(math.max(next_number(root), (tonumber(revision) or 0) + 1))
  local member = pair(args[2], args[3])
  sweep(root, now)
  local expires = args[5] == '' and '0' or text(now + tonumber(args[5]))
  call('HSET', values, args[3], number .. ' ' .. expires .. ' ' .. args[4])
  if expires == '0' then
    call('ZREM', root .. ':kvx', member)
  else
    call('ZADD', root .. ':kvx', expires, member)
  end
  return number
end

-- delete_value. ARGV now or '', namespace, key, expected revision or ''. Reply: 1 or 0.
local function delete_value(keys, args)
  local values = keys[1] .. ':kv:' .. args[2]
  local revision = live(call('HGET', values, args[3]), now_of(args[1]))
  if not revision or (args[4] ~= '' and args[4] ~= revision) then return 0 end
  must_be('zset', keys[1] .. ':kvx')
  call('HDEL', values, args[3])
  call('ZREM', keys[1] .. ':kvx', pair(args[2], args[3]))
  return 1
end

-- put_artifact. ARGV tenant, run id, artifact id, media type as JSON, content. Reply: 1, or 0 without a run.
local function put_artifact(keys, args)
  local run = pair(args[1], args[2])
  if call('LLEN', keys[1] .. ':h:' .. run) == 0 then return 0 end
  call('HSETNX', keys[1] .. ':a:' .. run, args[3], args[4] .. '\n' .. args[5])
  return 1
end

-- get_artifact. ARGV tenant, run id, artifact id. Reply: media type as JSON, line, content, or nil.
local function get_artifact(keys, args)
  return call('HGET', keys[1] .. ':a:' .. pair(args[1], args[2]), args[3])
end

register('register_definition', register_definition)
register('find_by_hash', find_by_hash, 'no-writes')
register('find_by_name', find_by_name, 'no-writes')
register('list_definitions', list_definitions, 'no-writes')
register('get_value', get_value, 'no-writes')
register('list_values', list_values, 'no-writes')
register('set_value', set_value)
register('delete_value', delete_value, 'allow-oom')
register('put_artifact', put_artifact)
register('get_artifact', get_artifact, 'no-writes')
end
do
-- Who wants to be woken. A process that died without a word is forgotten a minute after it was last heard.
-- KEYS  root of a shard
-- ARGV  id of the process;  strangers: what the ids of those begin with that do not count
-- Reply 1;  strangers: how many others are heard

local MAX_SILENCE_MS = 60000

local function listen(keys, args)
  local now, ears = now_of(''), keys[1] .. ':ears'
  call('ZREMRANGEBYSCORE', ears, '-inf', text(now - MAX_SILENCE_MS))
  call('ZADD', ears, text(now), args[1])
  ears_known[keys[1]] = nil
  return 1
end

local function unlisten(keys, args)
  call('ZREM', keys[1] .. ':ears', args[1])
  ears_known[keys[1]] = nil
  call('DEL', keys[1] .. ':ear:' .. args[1])
  return 1
end

local function strangers(keys, args)
  local heard, count = call('ZRANGEBYSCORE', keys[1] .. ':ears', text(now_of('') - MAX_SILENCE_MS), '+inf'), 0
  for _, id in ipairs(heard) do
    if sub(id, 1, #args[1]) ~= args[1] then count = count + 1 end
  end
  return count
end

register('listen', listen)
register('strangers', strangers)
register('unlisten', unlisten, 'allow-oom')
end
do
-- The message bus (ports/message-bus.ts): publications stand in the stream of the commits' pointers (commit.lua), an entry
-- of theirs has the fields t (tenant), a (time, ms), n (count) and m (a line each: JSON of id or null, topic, body).
-- KEYS  root of a shard

-- Ids of messages that are remembered, at most; looked at once in TRIM_EVERY entries.
local MAX_FEED_IDS = 1000000
local published = {}

-- Those published before the oldest entry that is kept may come again.
local function trim_ids(root)
  local ids = root .. ':feed-ids'
  local oldest = call('XRANGE', root .. ':feed', '-', '+', 'COUNT', 1)[1]
  if oldest then call('ZREMRANGEBYSCORE', ids, '-inf', '(' .. string.match(oldest[1], '^%d+')) end
  local surplus = call('ZCARD', ids) - MAX_FEED_IDS
  if surplus <= 0 then return end
  local last = call('ZRANGE', ids, surplus - 1, surplus - 1, 'WITHSCORES')
  call('ZREMRANGEBYSCORE', ids, '-inf', last[2])
end

-- Of messages with and without names: those that were not published before, and '1' for each that was, else '0'.
local function new_lines(ids, at_ms, args, at, count)
  local lines, marks = {}, {}
  for part = at, at + 2 * count - 2, 2 do
    local is_new = args[part] == '' or call('ZADD', ids, 'NX', at_ms, args[part]) == 1
    if is_new then lines[#lines + 1] = args[part + 1] end
    marks[#marks + 1] = is_new and '0' or '1'
  end
  return lines, table.concat(marks)
end

-- publish. ARGV now or '', writer, entries kept at most, count of entries, of each: count of messages, ':', tenant, and their
-- lines in one; or '-' before the count, and of each message: its name, by which it is published once, or '', and its line.
-- Reply, of each entry: '1' for each message that had been published before, else '0'; nothing when there was none.
local function publish(keys, args)
  local root, now, most = keys[1], text(now_of(args[1])), tonumber(args[3])
  local feed, ids, at, reply = root .. ':feed', root .. ':feed-ids', 5, {}
  local started_at, has_duplicates = text(math.floor(server_time() / 1000)), false
  must_be('stream', feed)
  must_be('zset', ids)
  must_be('zset', key_of(root, ':ears'))
  for n = 1, tonumber(args[4]) do
    local named, count, tenant = string.match(args[at], '^(%-?)(%d+):(.*)$')
    local lines, left = args[at + 1], count
    reply[n] = ''
    if named == '-' then
      local new
      new, reply[n] = new_lines(ids, started_at, args, at + 1, tonumber(count))
      lines, left = table.concat(new, '\n'), #new
      has_duplicates = has_duplicates or left < tonumber(count)
    end
    at = at + (named == '-' and 2 * count or 1) + 1
    if tonumber(left) > 0 then
      published[root] = (published[root] or 0) + 1
      if published[root] % TRIM_EVERY == 0 then trim_ids(root) end
      call('XADD', feed, 'MAXLEN', '~', entries_kept(root, most), '*', 't', tenant, 'a', now, 'n', left, 'm', lines)
    end
  end
  wake(root, args[2])
  return has_duplicates and reply or {}
end

local function feed_info(root)
  local feed = root .. ':feed'
  if call('EXISTS', feed) == 0 then return { last = '0-0', first = '0-0', is_trimmed = false } end
  local found = call('XINFO', 'STREAM', feed)
  local info = {}
  for at = 1, #found, 2 do info[found[at]] = found[at + 1] end
  local first = info['first-entry']
  return {
    last = info['last-generated-id'],
    first = first and first[1] or info['last-generated-id'],
    is_trimmed = info['entries-added'] > info['length'],
  }
end

-- Numbers of 13 digits and less are exact.
local function is_before(a, b)
  local a_ms, a_seq = string.match(a, '^(%d+)-(%d+)$')
  local b_ms, b_seq = string.match(b, '^(%d+)-(%d+)$')
  a_ms, b_ms = tonumber(a_ms), tonumber(b_ms)
  return a_ms < b_ms or (a_ms == b_ms and tonumber(a_seq) < tonumber(b_seq))
end

-- The part of a commits' entry that is the tenant's: how many events all its commits have, and of each commit run id, events
-- of the entry before it, version before it, and its events; none for a run that is gone.
local function read_pointers(root, id, fields, tenant)
  local prefix, total, bytes, items = #tenant .. ':' .. tenant .. ':', 0, 0, 0
  local read = { id, 'e', '' }
  for at = 1, #fields, 2 do
    local before, count = string.match(fields[at + 1], '^(%d+):(%d+)$')
    if sub(fields[at], 1, #prefix) == prefix then
      local events = call('LRANGE', root .. ':h:' .. fields[at], before, before + count - 1)
      for _, event in ipairs(events) do bytes = bytes + #event end
      items = items + #events
      read[#read + 1] = { sub(fields[at], #prefix + 1), text(total), before, events }
    end
    total = total + count
  end
  read[3] = text(total)
  return read, items, bytes
end

-- Entries read at once: each may hold 64 messages, and what is beyond the page is read in vain.
local MAX_CHUNK = 8
-- Of one call.
local MAX_LOOKED = 2000

-- read_feed. ARGV id to read after or '', '1' if that entry was not taken whole, tenant, only 'event' | 'message' or '',
-- limits of items and of bytes.
-- Reply: '1' if entries after the id are gone or the id lies ahead, id of the last entry that was looked at, '1' if there are
-- more, then entries: id, 'm', time, lines; or id, 'e' and what read_pointers gives.
local function read_feed(keys, args)
  local root, after, tenant, only = keys[1], args[1], args[3], args[4]
  local limit, max_bytes = tonumber(args[5]), tonumber(args[6])
  local info, looked = feed_info(root), 0
  local is_ahead = after ~= '' and is_before(info.last, after)
  local is_behind = after ~= '' and info.is_trimmed and is_before(after, info.first)
  local from = '-'
  if is_ahead then from = '(' .. info.last
  elseif after ~= '' and not is_behind then from = (args[2] == '1' and '' or '(') .. after end

  local reply = { (is_ahead or is_behind) and '1' or '', info.last, '' }
  local items, bytes, chunk = 0, 0, math.min(limit, MAX_CHUNK)
  repeat
    local entries = call('XRANGE', root .. ':feed', from, '+', 'COUNT', chunk)
    for _, entry in ipairs(entries) do
      if items >= limit or bytes >= max_bytes then
        reply[3] = '1'
        return reply
      end
      local id, fields = entry[1], entry[2]
      if fields[1] ~= 't' then
        if only ~= 'message' then
          local read, more_items, more_bytes = read_pointers(root, id, fields, tenant)
          if more_items > 0 then reply[#reply + 1] = read end
          items, bytes = items + more_items, bytes + more_bytes
        end
      elseif fields[2] == tenant and only ~= 'event' then
        reply[#reply + 1] = { id, 'm', fields[4], fields[8] }
        items, bytes = items + fields[6], bytes + #fields[8]
      end
      looked = looked + 1
      reply[2], from = id, '(' .. id
    end
    -- What nobody wants is passed by, but not for ever in one call.
    if looked >= MAX_LOOKED then
      reply[3] = '1'
      return reply
    end
  until #entries < chunk
  reply[2] = info.last
  return reply
end

-- feed_end. Reply: id of the last entry. count_feed. ARGV id, most. Reply: entries after it.
local function feed_end(keys)
  return feed_info(keys[1]).last
end

local function count_feed(keys, args)
  return #call('XRANGE', keys[1] .. ':feed', '(' .. args[1], '+', 'COUNT', args[2])
end

-- feed_status. Reply: entries, id of the oldest or ''.
local function feed_status(keys)
  local oldest = call('XRANGE', keys[1] .. ':feed', '-', '+', 'COUNT', 1)[1]
  return { text(call('XLEN', keys[1] .. ':feed')), oldest and oldest[1] or '' }
end

register('publish', publish)
register('read_feed', read_feed, 'no-writes')
register('feed_end', feed_end, 'no-writes')
register('count_feed', count_feed, 'no-writes')
register('feed_status', feed_status, 'no-writes')
end
do
-- What the user of the connection may do: a function that runs what it may not fails in its midst, and does not say of
-- what it was.
-- KEYS  root of a shard

-- lacking_rights. ARGV names of commands, `MEMORY|USAGE` where a subcommand is meant. Reply: those that the user may not run.
local function lacking_rights(keys, args)
  local reply = {}
  for _, name in ipairs(args) do
    -- Raises for a command that this server does not have.
    local container, sub = string.match(name, '^(%u+)|(%u+)$')
    local is_known, is_allowed = pcall(redis.acl_check_cmd, container or name, sub or keys[1], keys[1])
    if is_known and not is_allowed then reply[#reply + 1] = name end
  end
  return reply
end

register('lacking_rights', lacking_rights, 'no-writes')
end
