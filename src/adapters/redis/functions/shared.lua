-- What the functions share. The files of this folder are joined in the order of function-library.ts into one library;
-- only commands of Redis 7.0 stand in it.
--
-- Keys. Every function has one key, the root of a shard: `<prefix>:{<n>}`. All others begin with it, so they share its
-- hash tag and stand on one node of a Cluster:
--   :meta                   (shard 0 only) format, number of shards, secret
--   :seq                    the number up to which numbers are drawn
--   :runs                   sorted set, run by number of creation
--   :r:<run>                hash: `c:<command>` digest, line, answer; `s` snapshot; `i` index entry
--   :h:<run>                list: events; its length is the run's version
--   :o:<run>                hash, open work: `t:<slot>`, `b:<slot>` heartbeat, `d:<timer>`, `m:<message>`, `n:<message>` body
--   :a:<run>                hash: artifacts
--   :queues                 set: queues that have or had tasks
--   :w:<queue>, :l:<queue>  sorted sets of tasks: waiting by order, leased by end of lease
--   :rw, :rl                the same of recalled tasks;  :mw, :ml  of messages
--   :timers                 sorted set by due time or end of lease
--   :x:…, :f:…, :tenants    index of runs: by start, by end; tenants with finished runs
--   :dd:, :dn:, :dl:, :dh:  definitions of a tenant;  :kv:<namespace>, :kvx  values, and when they expire
--   :ears, :ear:<id>        processes that listen, and the wake-up that waits for each
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

-- Fences, order and revisions: numbers that grow with every draw in this shard. They follow the clock in microseconds,
-- so that the orders of several shards can be merged, and stay above all drawn before when it steps back: a second's
-- worth is reserved in `:seq` at a time, the present one is remembered here (a write a commit would cost a tenth of it).
-- A second version of the library counts for itself: what must grow for one item is also compared with the last of it.
local RESERVED = 1000000
local drawn = {}

local function next_number(root)
  local counter = drawn[root]
  if not counter then
    local reserved = tonumber(call('GET', root .. ':seq') or 0)
    counter = { last = reserved, reserved = reserved }
    drawn[root] = counter
  end
  counter.last = math.max(counter.last + 1, server_time())
  if counter.last >= counter.reserved then
    counter.reserved = counter.last + RESERVED
    call('SET', root .. ':seq', text(counter.reserved))
  end
  return counter.last
end

-- Raises before anything is written when a key holds what does not belong there. A key that was right once is not looked
-- at again, as long as this library is loaded.
local MAX_KNOWN = 10000
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

-- Who listens is remembered for a second; listen.lua forgets it when that changes.
local ears_known = {}

local function ears_of(root)
  local known_ears = ears_known[root]
  local now = server_time()
  if not known_ears or now - known_ears.read > 1000000 or now < known_ears.read then
    known_ears = { read = now, ids = call('ZRANGE', root .. ':ears', 0, -1) }
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
  return root .. ':r:' .. run, root .. ':h:' .. run, root .. ':o:' .. run
end

-- Leased items are records, packed with cmsgpack. `at` is when the item is claimable; `owner` is '' while nobody holds it.
local KINDS = {
  task = { field = 't:', extra = 'b:' },
  timer = { field = 'd:' },
  message = { field = 'm:', extra = 'n:' },
}

-- The two sorted sets of an item: where it waits and where its lease runs.
local function lines_of(root, kind, item)
  if kind == 'timer' then return root .. ':timers', root .. ':timers' end
  if kind == 'message' then return root .. ':mw', root .. ':ml' end
  if item.recalled > 0 then return root .. ':rw', root .. ':rl' end
  return root .. ':w:' .. item.queue, root .. ':l:' .. item.queue
end

local function line_of(root, kind, item)
  local waiting, leased = lines_of(root, kind, item)
  if item.owner == '' then return waiting, (kind == 'timer' and item.due or item.seq) end
  return leased, item.at
end

local function place(root, kind, item, member)
  local line, score = line_of(root, kind, item)
  call('ZADD', line, text(score), member)
end

local function displace(root, kind, item, member)
  call('ZREM', (line_of(root, kind, item)), member)
end

-- Records are arrays: half the size of maps, and faster to pack.
local function pack(kind, item)
  if kind == 'task' then
    return cmsgpack.pack({
      item.owner, item.fence, item.lease_ms, item.at, item.seq,
      item.attempt, item.queue, item.enqueued, item.claimed, item.deliveries, item.recalled,
    })
  end
  if kind == 'timer' then
    return cmsgpack.pack({ item.owner, item.fence, item.lease_ms, item.at, item.due })
  end
  return cmsgpack.pack({
    item.owner, item.fence, item.lease_ms, item.at, item.seq, item.tenant, item.run, item.posted,
  })
end

local function unpack_item(kind, packed)
  local r = cmsgpack.unpack(packed)
  local item = { owner = r[1], fence = r[2], lease_ms = r[3], at = r[4] }
  if kind == 'task' then
    item.seq, item.attempt, item.queue, item.enqueued = r[5], r[6], r[7], r[8]
    item.claimed, item.deliveries, item.recalled = r[9], r[10], r[11]
  elseif kind == 'timer' then
    item.due = r[5]
  else
    item.seq, item.tenant, item.run, item.posted = r[5], r[6], r[7], r[8]
  end
  return item
end

-- The item if owner and fence still hold it: after its lease ended too, until somebody else claims it.
local function held_as(kind, packed, owner, fence)
  if not packed then return nil end
  local item = unpack_item(kind, packed)
  if item.owner ~= owner or item.owner == '' or item.fence ~= tonumber(fence) then return nil end
  return item
end

local function held(open, kind, id, owner, fence)
  return held_as(kind, call('HGET', open, KINDS[kind].field .. id), owner, fence)
end

local function remove_item(root, open, run, kind, id, item)
  local names = KINDS[kind]
  displace(root, kind, item, pair(id, run))
  if names.extra then
    call('HDEL', open, names.field .. id, names.extra .. id)
  else
    call('HDEL', open, names.field .. id)
  end
end
