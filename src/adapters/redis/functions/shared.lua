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
--   :ow:<queue>, :ol:<q.>   sorted sets of tasks: waiting by order, leased by end of lease or a time before it
--   :orw, :orl              the same of recalled tasks;  :omw, :oml  of messages
--   :ot                     timers: sorted set by due time or end of lease
--   :xs:…, :xm:…, :f:…      index of runs: by start, those of each status and mark; by end
--   :xn:<tenant>, :ended    sets: statuses of its runs; tenants with finished runs
--   :dd:, :dn:, :dl:, :dh:  definitions of a tenant;  :kv:<namespace>, :kvx  values, and when they expire
--   :listeners, :ear:<id>   processes that listen, and the wake-up that waits for each
--   :feed                   stream: where new events are (commit.lua)
--   :ears, :tenants, :timers, :w:…, …  names of schemas before 4: a converted store has texts there (fence.lua)
--
-- Redis does not roll a function back: each one reads and checks all it needs before its first write.


-- Replies carry numbers as text: Redis would cut the fraction of a Lua number, and Lua prints 1.7e+15 for a long one.
local function text(number)
  return format('%.0f', number)
end

-- Short numbers as text and back: to make one of the other costs Lua as much as a short command.
local digits_of, number_of = {}, {}
for number = 0, 255 do
  local digits = number .. ''
  digits_of[number], number_of[digits] = digits, number
end

-- Two names as one, unambiguous whatever stands in them.
local function pair(first, second)
  return (digits_of[#first] or #first) .. ':' .. first .. ':' .. second
end

local function split(joined)
  local colon = find(joined, ':', 1, true)
  local digits = sub(joined, 1, colon - 1)
  local length = number_of[digits] or tonumber(digits)
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
-- for a table that grows costs more than what it holds; one that held no more is used again.
local ROOM = 8
local hash_changes, line_changes, set_changes, spare = {}, {}, {}, nil

local function put_pair(changes, key, first, second)
  local change = changes[key]
  if not change then
    change = spare or { first, second, nil, nil, nil, nil, nil, nil, count = 0, gone = false, next = false }
    spare = change.next or nil
    change[1], change[2], change.count = first, second, 2
    changes[key] = change
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
  if count <= ROOM then
    call(put, key, unpack(change, 1, count))
    if change.gone then return end
    -- What it held may be long.
    for at = 1, count do change[at] = nil end
    change.next = spare or false
    spare = change
    return
  end
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
    known_ears = { read = now, ids = call('ZRANGE', key_of(root, ':listeners'), 0, -1) }
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
