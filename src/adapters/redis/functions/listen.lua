-- Who wants to be woken. A process that died without a word is forgotten a minute after it was last heard.
-- KEYS  root of a shard
-- ARGV  id of the process

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

register('listen', listen)
register('unlisten', unlisten, 'allow-oom')
