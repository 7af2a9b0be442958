-- commit: commits of several runs of one shard, each all of it or nothing (ports/run-store.ts, `commit`), each checked and
-- answered as if it were alone. Redis does the whole call without pause and logs it as one.
-- KEYS  root of the shard
-- ARGV  now or '', writer, entries of the feed kept at most, count of commits, of each:
--         run (length of the tenant's name, tenant, run id, joined by ':'), expected version, its form (request.lua),
--         the fence of each command that ends something, start and end or '' of the index entry, each event, then what
--         the letters of the form name, in this order:
--           s version, line, data of a snapshot
--           r count of slots to recall, each
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

-- The key of the commands that this commit records. A run without events has none yet.
local function commands_key(root, r, record, version)
  return version < LONG_RUN and record or (root .. ':c:' .. r.run)
end

-- As `read_record`, with tables of a size that is known.
local function read_for_one(r, record, command)
  if hash_changes[record] then flush_hash(record) end
  local field = command.field
  if command.kind ~= 'task' or command.run then
    local other = command.ends and not command.run and command.item_field or 'k'
    local found = call('HMGET', record, field, 'i', other)
    return { [field] = found[1], i = found[2], [other] = found[3] }
  end
  local item_field, next = command.item_field, command.continue
  if not next then
    local found = call('HMGET', record, field, 'k', item_field, 'i')
    return { [field] = found[1], k = found[2], [item_field] = found[3], i = found[4] }
  end
  local found = r.index and call('HMGET', record, field, 'k', item_field, next.field, next.forward, 'i')
    or call('HMGET', record, field, 'k', item_field, next.field, next.forward)
  return {
    [field] = found[1], k = found[2], [item_field] = found[3], [next.field] = found[4], [next.forward] = found[5],
    i = found[6],
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
  local all = r.form.commands
  if #all == 1 and commands == record then return read_for_one(r, record, all[1]) end
  local fields = {}
  for _, command in ipairs(all) do
    fields[#fields + 1] = command.field
    if command.ends and not command.run then add_held_fields(command, fields) end
  end
  if r.index then fields[#fields + 1] = 'i' end
  local found = read_fields(record, fields)
  if commands == record then return found end
  fields = {}
  for at, command in ipairs(all) do fields[at] = command.field end
  for field, value in pairs(read_fields(commands, fields)) do found[field] = found[field] or value end
  return found
end

-- A recorded command is told before a lost lease, and that before a version: a repetition must read as recorded.
local function find_recorded(commands, recorded)
  for at = 1, #commands do
    local found = recorded[commands[at].field]
    if found then
      local line = find(found, '\n', 1, true)
      if sub(found, 1, line - 1) ~= commands[at].digest then return { 'reused', at - 1 } end
      return { 'duplicate', at - 1, sub(found, line + 1) }
    end
  end
end

local function find_lost(root, r, record, found)
  local works = r.works
  for at = 1, #works do
    local work = works[at]
    if work then
      local is_own = work.run == r.run
      work.record = is_own and record or (root .. ':r:' .. work.run)
      work.held = is_own and take_held(work, found) or (not is_own and read_held(work))
      if not work.held then return { 'lost', at - 1 } end
    elseif r.form.commands[at].kind == 'lost' then
      return { 'lost', at - 1 }
    end
  end
end

local function check_queue(root, queue)
  local lines = queue_lines(root, queue)
  must_be('zset', lines.waiting)
  must_be('zset', lines.leased)
end

-- What each commit of this form writes to. A form that was right once is not looked at again.
local function check_form(root, form)
  if form.checked == root then return end
  for _, command in ipairs(form.commands) do
    if command.continue then check_queue(root, command.continue.queue) end
  end
  if #form.enqueue > 0 then must_be('set', key_of(root, ':queues')) end
  for _, task in ipairs(form.enqueue) do check_queue(root, task.queue) end
  if form.index then check_index(root, form.tenant, form.index) end
  form.checked = root
end

local function check_keys(root, r, version)
  if version == 0 then must_be('zset', key_of(root, ':runs')) end
  check_form(root, r.form)
  local parts = r.parts
  if not parts then return end
  if #parts.timers > 0 then must_be('zset', key_of(root, ':ot')) end
  if #parts.messages > 0 then must_be('zset', key_of(root, ':omw')) end
  if #parts.recall > 0 then
    must_be('zset', key_of(root, ':orw'))
    must_be('zset', key_of(root, ':orl'))
  end
end

local function write_record(root, r, record, commands, old_index)
  local form = r.form
  for at = 1, #form.commands do
    local command = form.commands[at]
    put_field(commands, command.field, command.recorded)
  end
  if r.parts and r.parts.snapshot then put_field(record, 's', r.parts.snapshot) end
  if r.index then
    move_index(root, form.tenant, sub(r.run, form.id_at), old_index and unpack_index(old_index), r.index)
    put_field(record, 'i', pack_index(r.index))
  end
end

local function append(r, history, pointers)
  local first, count, all = r.events_at, r.form.count, #pointers
  if count == 0 then return end
  local last = first + count - 1
  if count <= MAX_ARGUMENTS then
    call('RPUSH', history, unpack(r.args, first, last))
  else
    for from = first, last, MAX_ARGUMENTS do
      call('RPUSH', history, unpack(r.args, from, math.min(last, from + MAX_ARGUMENTS - 1)))
    end
  end
  pointers[all + 1], pointers[all + 2] = r.run, r.before .. r.form.added
end

local function commit_one(root, r, pointers)
  local record, history = run_keys(root, r.run)
  local version = call('LLEN', history)
  local commands = commands_key(root, r, record, version)
  local found = read_record(r, record, commands, version)
  local refused = find_recorded(r.form.commands, found) or find_lost(root, r, record, found)
  if refused then return refused end
  if version ~= r.expected then return { 'conflict', version } end
  check_keys(root, r, version)

  if version == 0 then put_in_line(key_of(root, ':runs'), r.run, next_number(root)) end
  append(r, history, pointers)
  write_record(root, r, record, commands, found.i)
  local reply = { version + r.form.count }
  settle(root, r, record, reply)
  if r.form.enqueue ~= NONE then enqueue(root, r, record) end
  if r.parts then schedule(root, r, record, r.parts) end
  return reply
end

-- What a refused write answers; nothing was written of that commit, for all that could refuse it was asked before.
local function failure(problem)
  if type(problem) == 'table' then problem = problem.err or problem[1] end
  return { 'failed', tostring(problem) }
end

local function commit(keys, args)
  local root, requests, replies, pointers = keys[1], take_requests(args), {}, {}
  must_be('string', key_of(root, ':seq'))
  must_be('zset', key_of(root, ':listeners'))
  must_be('stream', key_of(root, ':feed'))
  for n, request in ipairs(requests) do
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
