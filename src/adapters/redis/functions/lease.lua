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
