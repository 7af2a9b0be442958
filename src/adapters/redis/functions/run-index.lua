-- The index entry of a run, and the sorted sets that lists are read from.

local MARKS = { 'awaits_person', 'has_checkpoints' }

local function by_start(root, tenant)
  return root .. ':x:' .. pair(tenant, '')
end

local function by_status(root, tenant, status)
  return root .. ':xs:' .. pair(tenant, status)
end

local function by_mark(root, tenant, mark)
  return root .. ':xm:' .. pair(tenant, mark)
end

local function by_end(root, tenant)
  return root .. ':f:' .. tenant
end

-- name, status, start, end or '', marks as text: as they came.
local function take_index(take)
  return { name = take(), status = take(), started = take(), finished = take(), marks = take() }
end

local function pack_index(entry)
  return cmsgpack.pack({ entry.name, entry.status, entry.started, entry.finished, entry.marks })
end

local function unpack_index(packed)
  local e = cmsgpack.unpack(packed)
  return { name = e[1], status = e[2], started = e[3], finished = e[4], marks = e[5] }
end

local function has_mark(entry, mark)
  return string.find(',' .. entry.marks .. ',', ',' .. mark .. ',', 1, true) ~= nil
end

local function check_index(root, tenant, entry)
  must_be('zset', by_start(root, tenant))
  must_be('zset', by_status(root, tenant, entry.status))
  if entry.finished ~= '' then
    must_be('zset', by_end(root, tenant))
    must_be('set', root .. ':tenants')
  end
  if entry.marks ~= '' then
    for _, mark in ipairs(MARKS) do must_be('zset', by_mark(root, tenant, mark)) end
  end
end

local function remove_index(root, tenant, run_id, entry)
  call('ZREM', by_start(root, tenant), run_id)
  call('ZREM', by_status(root, tenant, entry.status), run_id)
  if entry.finished ~= '' then call('ZREM', by_end(root, tenant), run_id) end
  for _, mark in ipairs(MARKS) do
    if has_mark(entry, mark) then call('ZREM', by_mark(root, tenant, mark), run_id) end
  end
end

-- Moves the run from where `old` (or nil) put it to where `new` does, and touches only what differs.
local function move_index(root, tenant, run_id, old, new)
  local is_moved = not old or old.started ~= new.started
  if is_moved then call('ZADD', by_start(root, tenant), new.started, run_id) end
  if old and old.status ~= new.status then
    call('ZREM', by_status(root, tenant, old.status), run_id)
  end
  if is_moved or old.status ~= new.status then
    call('ZADD', by_status(root, tenant, new.status), new.started, run_id)
  end
  if new.finished ~= '' then
    if not old or old.finished ~= new.finished then
      call('ZADD', by_end(root, tenant), new.finished, run_id)
      call('SADD', root .. ':tenants', tenant)
    end
  elseif old and old.finished ~= '' then
    call('ZREM', by_end(root, tenant), run_id)
  end
  for _, mark in ipairs(MARKS) do
    local before, after = old and has_mark(old, mark), has_mark(new, mark)
    if after and (is_moved or not before) then
      call('ZADD', by_mark(root, tenant, mark), new.started, run_id)
    elseif before and not after then
      call('ZREM', by_mark(root, tenant, mark), run_id)
    end
  end
end
