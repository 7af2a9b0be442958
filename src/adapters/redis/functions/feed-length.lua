-- How much of the feed is kept: entries of commits (commit.lua) and of publications (feed.lua). Who falls behind is told.

-- Entries between two looks at what is too much: MEMORY USAGE looks at a sample of the stream.
local TRIM_EVERY = 64
local MAX_FEED_BYTES = 268435456

local added = {}

-- How many entries may stay.
local function entries_kept(root, most)
  added[root] = (added[root] or 0) + 1
  if added[root] % TRIM_EVERY ~= 0 then return most end
  local feed = root .. ':feed'
  if (call('MEMORY', 'USAGE', feed) or 0) <= MAX_FEED_BYTES then return most end
  return math.min(most, math.floor(call('XLEN', feed) * 0.75))
end
