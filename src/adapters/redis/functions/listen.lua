-- Who wants to be woken. A process that died without a word is forgotten a minute after it was last heard.
-- KEYS  root of a shard
-- ARGV  id of the process;  strangers: none
-- Reply 1;  strangers: how many processes of schemas before 4 are heard

local MAX_SILENCE_MS = 60000

local function listen(keys, args)
  local now, ears = now_of(''), keys[1] .. ':listeners'
  call('ZREMRANGEBYSCORE', ears, '-inf', text(now - MAX_SILENCE_MS))
  call('ZADD', ears, text(now), args[1])
  ears_known[keys[1]] = nil
  return 1
end

local function unlisten(keys, args)
  call('ZREM', keys[1] .. ':listeners', args[1])
  ears_known[keys[1]] = nil
  call('DEL', keys[1] .. ':ear:' .. args[1])
  return 1
end

local function strangers(keys)
  local ears = keys[1] .. ':ears'
  -- Fenced off: nobody can listen there.
  if call('TYPE', ears).ok == 'string' then return 0 end
  return call('ZCOUNT', ears, text(now_of('') - MAX_SILENCE_MS), '+inf')
end

register('listen', listen)
register('strangers', strangers, 'no-writes')
register('unlisten', unlisten, 'allow-oom')
