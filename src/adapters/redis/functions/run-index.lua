-- The index entry of a run, and the sorted sets that lists are read from.

local MARKS = { 'awaits_person', 'has_checkpoints' }

local index_keys = remember(function(root, tenant)
  return { statuses = root .. ':xn:' .. tenant, by_status = root .. ':xs:' .. pair(tenant, '') }
end)

-- Those that runs of the tenant have or had. All runs by start are those of every status, merged (list.lua): a line of their
-- own took 118 bytes a run.
local function statuses_of(root, tenant)
  return index_keys(root, tenant).statuses
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
  must_be('set', statuses_of(root, tenant))
  must_be('zset', by_status(root, tenant, entry.status))
  must_be('zset', by_end(root, tenant))
  must_be('set', key_of(root, ':ended'))
  if entry.marks ~= '' then
    for _, mark in ipairs(MARKS) do must_be('zset', by_mark(root, tenant, mark)) end
  end
end

local function remove_index(root, tenant, run_id, entry)
  take_from_line(by_status(root, tenant, entry.status), run_id)
  if entry.finished ~= '' then take_from_line(by_end(root, tenant), run_id) end
  for _, mark in ipairs(MARKS) do
    if has_mark(entry, mark) then take_from_line(by_mark(root, tenant, mark), run_id) end
  end
end

-- Moves the run from where `old` (or nil) put it to where `new` does, and touches only what differs.
local function move_index(root, tenant, run_id, old, new)
  local is_moved = not old or old.started ~= new.started
  if old and old.status ~= new.status then
    take_from_line(by_status(root, tenant, old.status), run_id)
  end
  if is_moved or old.status ~= new.status then
    put_in_line(by_status(root, tenant, new.status), run_id, new.started)
    put_in_set(statuses_of(root, tenant), new.status)
  end
  if new.finished ~= '' then
    if not old or old.finished ~= new.finished then
      put_in_line(by_end(root, tenant), run_id, new.finished)
      put_in_set(key_of(root, ':ended'), tenant)
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
