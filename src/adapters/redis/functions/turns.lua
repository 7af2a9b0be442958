-- Where a task stands among those that wait: ports/task-place.ts says what is guaranteed. A class is -1 (high), 0 (normal)
-- or 1 (low); a place is the number that was drawn for the task, moved by its class, so that scores hold both exactly.
local CLASS_SPAN = 4503599627370496

-- The same place in the line of another class: what is handed on keeps its age.
local function place_in(class, place)
  local present = place < 0 and -1 or (place < CLASS_SPAN and 0 or 1)
  return place + (class - present) * CLASS_SPAN
end

-- Of a queue and class, remembered with the names of its lines (`queue_lines`): the last place of each tenant, and the
-- place at the end of the line. All is lost with the memory of the library, at a restart for example. A tenant that is not
-- known then stands behind what waits already (`before`): nobody passes its own tasks, and turns begin behind them. A
-- second version of the library knows only of its own tasks: a tenant may pass some that it queued through the other.
local function turns_of(lines, class)
  local turns = lines[class]
  if turns then return turns end
  local first = class * CLASS_SPAN
  flush_line(lines.waiting)
  local tail = call(
    'ZRANGE', lines.waiting, '(' .. text(first + CLASS_SPAN), text(first), 'BYSCORE', 'REV', 'LIMIT', 0, 1, 'WITHSCORES')
  local before = tail[2] and tonumber(tail[2]) or first - 1
  turns = { last = {}, count = 0, before = before, ending = before }
  lines[class] = turns
  return turns
end

-- Whether several were there: known only to the library that put them there.
local function has_tenants(lines)
  for class = -1, 1 do
    if lines[class] and lines[class].count > 1 then return true end
  end
  return false
end

-- The first round of those that wait, after the last one of the tenant; or one of its own at the end, `number` being
-- higher than all before. A tenant alone in the queue always stands at the end: Redis is not asked.
local function next_place(lines, tenant, class, number)
  local turns = turns_of(lines, class)
  local last, place = turns.last[tenant], nil
  if not last then
    turns.count = turns.count + 1
    last = turns.before
  end
  if last ~= turns.ending then
    flush_line(lines.waiting)
    local round = call(
      'ZRANGE', lines.waiting, '(' .. text(last), '(' .. text((class + 1) * CLASS_SPAN), 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')
    place = round[2] and tonumber(round[2])
  end
  if not place then
    place = class * CLASS_SPAN + number
    turns.ending = place
  end
  turns.last[tenant] = place
  if turns.count > MAX_KNOWN then lines[class] = nil end
  return place
end
