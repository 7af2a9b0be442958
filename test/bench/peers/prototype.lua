#!lua name=bench_prototype
-- The ceiling: what a step's commit costs in Redis when it does nothing but what a durable step needs. No timers, no
-- leases that end, no index, no checks of types or sizes.
-- KEYS  history (list), record (hash of command id to answer), queue (stream with the group `workers`)
-- ARGV  expected version, command id, answer, task to enqueue or '', entry to acknowledge or '', events
-- Reply 'committed' | 'duplicate', answer | 'conflict', version
redis.register_function('bench_commit', function(keys, args)
  local history, record, queue = keys[1], keys[2], keys[3]
  local recorded = redis.call('HGET', record, args[2])
  if recorded then return { 'duplicate', recorded } end
  local version = redis.call('LLEN', history)
  if version ~= tonumber(args[1]) then return { 'conflict', version } end
  redis.call('RPUSH', history, unpack(args, 6))
  redis.call('HSET', record, args[2], args[3])
  if args[4] ~= '' then redis.call('XADD', queue, '*', 't', args[4]) end
  if args[5] ~= '' then
    redis.call('XACK', queue, 'workers', args[5])
    redis.call('XDEL', queue, args[5])
  end
  return { 'committed' }
end)
