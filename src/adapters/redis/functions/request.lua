-- What a call of commit.lua asks for, taken apart.

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

local function take_timer(args, at)
  return { id = args[at], due = tonumber(args[at + 1]) }, at + 2
end

local function take_message(args, at)
  return { id = args[at], tenant = args[at + 1], run = args[at + 2], body = args[at + 3] }, at + 4
end

-- What commits of one kind have in common, most of what a workflow's steps send, is one argument: a form, JSON of
--   tenant, length of run before the run id, count of events, letters, commands, index entry or false, tasks to enqueue
--   command: field ('c:' and its id), what is recorded (digest as JSON, line, answer), kind of what it ends: '' nothing,
--     'lost' a lease known to be lost, else task | timer | message; then run or '' for this one, id, owner, and the task to
--     hand on to, or false
--   index entry: name, status, marks;  task: slot, attempt, queue, class (turns.lua)
-- It is taken apart once: argument by argument, commit by commit, that was a twelfth of all that Redis did.
local MAX_FORMS, MAX_FORM_LENGTH = 2000, 1000
local forms, forms_count = {}, 0

local function task_of(values)
  return {
    slot = values[1], attempt = values[2], queue = values[3], class = values[4],
    field = KINDS.task.field .. values[1], forward = 'f:' .. values[1], names = false, origin = nil,
  }
end

local function command_of(values)
  local recorded, kind = values[2], values[3]
  local names = KINDS[kind]
  return {
    field = values[1], recorded = recorded, digest = sub(recorded, 1, find(recorded, '\n', 1, true) - 1),
    kind = kind, run = values[4] ~= '' and values[4], item = values[5], owner = values[6], ends = names ~= nil,
    item_field = names and names.field .. values[5], continue = values[7] and task_of(values[7]),
  }
end

local function list_of(values, make)
  local list = {}
  for at, value in ipairs(values) do list[at] = make(value) end
  return list
end

local function parse_form(json)
  local values = cjson.decode(json)
  local letters, index = values[4], values[6]
  local commands, enqueue = list_of(values[5], command_of), list_of(values[7], task_of)
  return {
    tenant = values[1], id_at = values[2] + 1, count = values[3], added = ':' .. values[3], letters = letters,
    commands = commands, checked = false,
    index = index and { name = index[1], status = index[2], marks = index[3] },
    enqueue = #enqueue > 0 and enqueue or NONE,
  }
end

-- Nobody writes to one, but for what is remembered with it: where it was checked, what is packed alike (items.lua).
local function form_of(json)
  local form = forms[json]
  if form then return form end
  form = parse_form(json)
  if #json > MAX_FORM_LENGTH then return form end
  if forms_count >= MAX_FORMS then forms, forms_count = {}, 0 end
  forms[json] = form
  forms_count = forms_count + 1
  return form
end

local function take_parts(args, at, letters)
  local parts = { snapshot = false, recall = NONE, cancel = NONE, timers = NONE, messages = NONE }
  local function has(letter) return find(letters, letter, 1, true) end
  if has('s') then parts.snapshot, at = args[at], at + 1 end
  if has('r') then parts.recall, at = take_list(args, at, take_name) end
  if has('c') then parts.cancel, at = take_list(args, at, take_name) end
  if has('t') then parts.timers, at = take_list(args, at, take_timer) end
  if has('m') then parts.messages, at = take_list(args, at, take_message) end
  return parts, at
end

-- What each command that ends something holds, beside it; false for the others. `+ 0` reads a number at half the price of
-- `tonumber`, and a loop that counts is a tenth of one with `ipairs`.
local function take_works(form, args, at, run)
  local works, commands = {}, form.commands
  for n = 1, #commands do
    local command = commands[n]
    if command.ends then
      works[n] = {
        command = command, run = command.run or run, fence = args[at] + 0, record = false, held = false, found = false,
        is_gone = false,
      }
      at = at + 1
    else
      works[n] = false
    end
  end
  return works, at
end

-- All fields at once: a table that grows field by field costs several times as much.
local function take_request(args, at, now)
  local run, form, index, parts = args[at], form_of(args[at + 2]), false, false
  local works, events_at = take_works(form, args, at + 3, run)
  local entry = form.index
  if entry then
    index = {
      name = entry.name, status = entry.status, marks = entry.marks,
      started = args[events_at], finished = args[events_at + 1],
    }
    events_at = events_at + 2
  end
  local next_at = events_at + form.count
  if form.letters ~= '' then parts, next_at = take_parts(args, next_at, form.letters) end
  return {
    args = args, now = now, run = run, before = args[at + 1], expected = args[at + 1] + 0, form = form, works = works,
    events_at = events_at, index = index, parts = parts,
  }, next_at
end

-- All are taken apart before the first one writes.
local function take_requests(args)
  local requests, now, at = {}, now_of(args[1]), 5
  for n = 1, tonumber(args[4]) do requests[n], at = take_request(args, at, now) end
  return requests
end
