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
