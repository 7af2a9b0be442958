-- The message bus (ports/message-bus.ts): publications stand in the stream of the commits' pointers (commit.lua), an entry
-- of theirs has the fields t (tenant), a (time, ms), n (count) and m (a line each: JSON of id or null, topic, body).
-- KEYS  root of a shard

-- Ids of messages that are remembered, at most; looked at once in TRIM_EVERY entries.
local MAX_FEED_IDS = 1000000
local published = {}

-- Those published before the oldest entry that is kept may come again.
local function trim_ids(root)
  local ids = root .. ':feed-ids'
  local oldest = call('XRANGE', root .. ':feed', '-', '+', 'COUNT', 1)[1]
  if oldest then call('ZREMRANGEBYSCORE', ids, '-inf', '(' .. string.match(oldest[1], '^%d+')) end
  local surplus = call('ZCARD', ids) - MAX_FEED_IDS
  if surplus <= 0 then return end
  local last = call('ZRANGE', ids, surplus - 1, surplus - 1, 'WITHSCORES')
  call('ZREMRANGEBYSCORE', ids, '-inf', last[2])
end

-- Of messages with and without names: those that were not published before, and '1' for each that was, else '0'.
local function new_lines(ids, at_ms, args, at, count)
  local lines, marks = {}, {}
  for part = at, at + 2 * count - 2, 2 do
    local is_new = args[part] == '' or call('ZADD', ids, 'NX', at_ms, args[part]) == 1
    if is_new then lines[#lines + 1] = args[part + 1] end
    marks[#marks + 1] = is_new and '0' or '1'
  end
  return lines, table.concat(marks)
end

-- publish. ARGV now or '', writer, entries kept at most, count of entries, of each: count of messages, ':', tenant, and their
-- lines in one; or '-' before the count, and of each message: its name, by which it is published once, or '', and its line.
-- Reply, of each entry: '1' for each message that had been published before, else '0'; nothing when there was none.
local function publish(keys, args)
  local root, now, most = keys[1], text(now_of(args[1])), tonumber(args[3])
  local feed, ids, at, reply = root .. ':feed', root .. ':feed-ids', 5, {}
  local started_at, has_duplicates = text(math.floor(server_time() / 1000)), false
  must_be('stream', feed)
  must_be('zset', ids)
  must_be('zset', key_of(root, ':listeners'))
  for n = 1, tonumber(args[4]) do
    local named, count, tenant = string.match(args[at], '^(%-?)(%d+):(.*)$')
    local lines, left = args[at + 1], count
    reply[n] = ''
    if named == '-' then
      local new
      new, reply[n] = new_lines(ids, started_at, args, at + 1, tonumber(count))
      lines, left = table.concat(new, '\n'), #new
      has_duplicates = has_duplicates or left < tonumber(count)
    end
    at = at + (named == '-' and 2 * count or 1) + 1
    if tonumber(left) > 0 then
      published[root] = (published[root] or 0) + 1
      if published[root] % TRIM_EVERY == 0 then trim_ids(root) end
      call('XADD', feed, 'MAXLEN', '~', entries_kept(root, most), '*', 't', tenant, 'a', now, 'n', left, 'm', lines)
    end
  end
  wake(root, args[2])
  return has_duplicates and reply or {}
end

local function feed_info(root)
  local feed = root .. ':feed'
  if call('EXISTS', feed) == 0 then return { last = '0-0', first = '0-0', is_trimmed = false } end
  local found = call('XINFO', 'STREAM', feed)
  local info = {}
  for at = 1, #found, 2 do info[found[at]] = found[at + 1] end
  local first = info['first-entry']
  return {
    last = info['last-generated-id'],
    first = first and first[1] or info['last-generated-id'],
    is_trimmed = info['entries-added'] > info['length'],
  }
end

-- Numbers of 13 digits and less are exact.
local function is_before(a, b)
  local a_ms, a_seq = string.match(a, '^(%d+)-(%d+)$')
  local b_ms, b_seq = string.match(b, '^(%d+)-(%d+)$')
  a_ms, b_ms = tonumber(a_ms), tonumber(b_ms)
  return a_ms < b_ms or (a_ms == b_ms and tonumber(a_seq) < tonumber(b_seq))
end

-- The part of a commits' entry that is the tenant's: how many events all its commits have, and of each commit run id, events
-- of the entry before it, version before it, and its events; none for a run that is gone.
local function read_pointers(root, id, fields, tenant)
  local prefix, total, bytes, items = #tenant .. ':' .. tenant .. ':', 0, 0, 0
  local read = { id, 'e', '' }
  for at = 1, #fields, 2 do
    local before, count = string.match(fields[at + 1], '^(%d+):(%d+)$')
    if sub(fields[at], 1, #prefix) == prefix then
      local events = call('LRANGE', root .. ':h:' .. fields[at], before, before + count - 1)
      for _, event in ipairs(events) do bytes = bytes + #event end
      items = items + #events
      read[#read + 1] = { sub(fields[at], #prefix + 1), text(total), before, events }
    end
    total = total + count
  end
  read[3] = text(total)
  return read, items, bytes
end

-- Entries read at once: each may hold 64 messages, and what is beyond the page is read in vain.
local MAX_CHUNK = 8
-- Of one call.
local MAX_LOOKED = 2000

-- read_feed. ARGV id to read after or '', '1' if that entry was not taken whole, tenant, only 'event' | 'message' or '',
-- limits of items and of bytes.
-- Reply: '1' if entries after the id are gone or the id lies ahead, id of the last entry that was looked at, '1' if there are
-- more, then entries: id, 'm', time, lines; or id, 'e' and what read_pointers gives.
local function read_feed(keys, args)
  local root, after, tenant, only = keys[1], args[1], args[3], args[4]
  local limit, max_bytes = tonumber(args[5]), tonumber(args[6])
  local info, looked = feed_info(root), 0
  local is_ahead = after ~= '' and is_before(info.last, after)
  local is_behind = after ~= '' and info.is_trimmed and is_before(after, info.first)
  local from = '-'
  if is_ahead then from = '(' .. info.last
  elseif after ~= '' and not is_behind then from = (args[2] == '1' and '' or '(') .. after end

  local reply = { (is_ahead or is_behind) and '1' or '', info.last, '' }
  local items, bytes, chunk = 0, 0, math.min(limit, MAX_CHUNK)
  repeat
    local entries = call('XRANGE', root .. ':feed', from, '+', 'COUNT', chunk)
    for _, entry in ipairs(entries) do
      if items >= limit or bytes >= max_bytes then
        reply[3] = '1'
        return reply
      end
      local id, fields = entry[1], entry[2]
      if fields[1] ~= 't' then
        if only ~= 'message' then
          local read, more_items, more_bytes = read_pointers(root, id, fields, tenant)
          if more_items > 0 then reply[#reply + 1] = read end
          items, bytes = items + more_items, bytes + more_bytes
        end
      elseif fields[2] == tenant and only ~= 'event' then
        reply[#reply + 1] = { id, 'm', fields[4], fields[8] }
        items, bytes = items + fields[6], bytes + #fields[8]
      end
      looked = looked + 1
      reply[2], from = id, '(' .. id
    end
    -- What nobody wants is passed by, but not for ever in one call.
    if looked >= MAX_LOOKED then
      reply[3] = '1'
      return reply
    end
  until #entries < chunk
  reply[2] = info.last
  return reply
end

-- feed_end. Reply: id of the last entry. count_feed. ARGV id, most. Reply: entries after it.
local function feed_end(keys)
  return feed_info(keys[1]).last
end

local function count_feed(keys, args)
  return #call('XRANGE', keys[1] .. ':feed', '(' .. args[1], '+', 'COUNT', args[2])
end

-- feed_status. Reply: entries, id of the oldest or ''.
local function feed_status(keys)
  local oldest = call('XRANGE', keys[1] .. ':feed', '-', '+', 'COUNT', 1)[1]
  return { text(call('XLEN', keys[1] .. ':feed')), oldest and oldest[1] or '' }
end

register('publish', publish)
register('read_feed', read_feed, 'no-writes')
register('feed_end', feed_end, 'no-writes')
register('count_feed', count_feed, 'no-writes')
register('feed_status', feed_status, 'no-writes')
