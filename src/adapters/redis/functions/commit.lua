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
