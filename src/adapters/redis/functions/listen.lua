-- Who wants to be woken. A process that died without a word is forgotten a minute after it was last heard.
-- KEYS  root of a shard
-- ARGV  id of the process;  strangers: what the ids of those begin with that do not count
-- Reply 1;  strangers: how many others are heard

local MAX_SILENCE_MS = 60000

local function listen(keys, args)
  local now, ears = now_of(''), keys[1] .. ':ears'
  call('ZREMRANGEBYSCORE', ears, '-inf', text(now - MAX_SILENCE_MS))
  call('ZADD', ears, text(now), args[1])
  ears_known[keys[1]] = nil
  return 1
end

local function unlisten(keys, args)
  call('ZREM', keys[1] .. ':ears', args[1])
  ears_known[keys[1]] = nil
  call('DEL', keys[1] .. ':ear:' .. args[1])
  return 1
end

local function strangers(keys, args)
  local heard, count = call('ZRANGEBYSCORE', keys[1] .. ':ears', text(now_of('') - MAX_SILENCE_MS), '+inf'), 0
  for _, id in ipairs(heard) do
    if sub(id, 1, #args[1]) ~= args[1] then count = count + 1 end
  end
  return count
end

register('listen', listen)
register('strangers', strangers)
register('unlisten', unlisten, 'allow-oom')
