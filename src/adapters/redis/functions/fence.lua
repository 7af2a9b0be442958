-- Keeps out processes of schemas before 4, of which one may have slept through the conversion: such a one looks at nothing
-- but the keys that it uses. What it reads or checks before it writes now has another name, and where it looks stands a
-- text, so that it fails before it has changed anything: `:ears` before commits and publications, `:tenants` before the
-- index is written and runs are removed, the lines of open work before claims, renewals and releases.
-- KEYS  root of a shard

local NOTE = 'Since schema 4 this stands under another name: an older Baton must not write here.'

local function is_text(key)
  return call('TYPE', key).ok == 'string'
end

-- fence_writers. Who listened is asked before (`strangers`). Reply 1.
local function fence_writers(keys)
  local root = keys[1]
  call('SET', root .. ':ears', NOTE)
  local tenants = root .. ':tenants'
  if not is_text(tenants) then
    call_in_parts('SADD', root .. ':ended', call('SMEMBERS', tenants))
    call('SET', tenants, NOTE)
  end
  return 1
end

-- Moves at most `most` members; the fence stands as soon as none is left. Answers how many were moved.
local function move_line(from, to, most)
  if is_text(from) then return 0 end
  local found, pairs_put, members = call('ZRANGE', from, 0, most - 1, 'WITHSCORES'), {}, {}
  for at = 1, #found, 2 do
    members[#members + 1] = found[at]
    pairs_put[at], pairs_put[at + 1] = found[at + 1], found[at]
  end
  call_in_parts('ZADD', to, pairs_put)
  call_in_parts('ZREM', from, members)
  if #members < most then call('SET', from, NOTE) end
  return #members
end

local function old_lines(root)
  local lines = {
    { ':timers', ':ot' }, { ':rw', ':orw' }, { ':rl', ':orl' }, { ':mw', ':omw' }, { ':ml', ':oml' },
  }
  for _, queue in ipairs(call('SMEMBERS', root .. ':queues')) do
    lines[#lines + 1] = { ':w:' .. queue, ':ow:' .. queue }
    lines[#lines + 1] = { ':l:' .. queue, ':ol:' .. queue }
  end
  return lines
end

-- fence_lines. ARGV members moved at most. Reply: '1' when all have moved, else ''; doing so again changes nothing.
local function fence_lines(keys, args)
  local root, left = keys[1], tonumber(args[1])
  for _, line in ipairs(old_lines(root)) do
    left = left - move_line(root .. line[1], root .. line[2], left)
    if left <= 0 then return '' end
  end
  return '1'
end

register('fence_writers', fence_writers)
register('fence_lines', fence_lines)
