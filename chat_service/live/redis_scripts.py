"""What Redis runs for the bus, and how places on the bus and marks are written there."""

from chat_service.live.frames import Mark, Position

# Places on the bus only ever grow, whatever clocks do: the millisecond is Redis's own, unless
# that lies behind the last place or behind what the sender has seen. (Redis may have lost its
# memory, or be another server since.) The stream expires; the last place does not.
PUBLISH = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local moment, number = now, 0
local function raise(m, n)
    if m > moment or (m == moment and n > number) then moment, number = m, n end
end
raise(tonumber(ARGV[1]), tonumber(ARGV[2]))
local last = redis.call('HMGET', KEYS[2], 'moment', 'number')
raise(tonumber(last[1] or 0), tonumber(last[2] or 0))
local sender, count = ARGV[5], tonumber(ARGV[6])
for i = 7, #ARGV do
    number = number + 1
    redis.call('XADD', KEYS[1], string.format('%.0f-%.0f', moment, number),
        'sender', sender, 'number', string.format('%.0f', count), 'event', ARGV[i])
    count = count + 1
end
redis.call('HSET', KEYS[2], 'moment', string.format('%.0f', moment), 'number', number)
if #ARGV >= 7 then
    redis.call('XTRIM', KEYS[1], 'MAXLEN', '~', ARGV[4])
    redis.call('XTRIM', KEYS[1], 'MINID', string.format('%.0f', moment - ARGV[3]))
    redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return string.format('%.0f', now)
"""
# A mark is text that begins with its position, of a fixed width: the greater is the later.
ACKNOWLEDGE = """
local width = tonumber(ARGV[2])
for i, key in ipairs(KEYS) do
    local known, mark = redis.call('GET', key), ARGV[i + 2]
    if not known or known:sub(1, width) <= mark:sub(1, width) then
        redis.call('SET', key, mark, 'EX', ARGV[1])
    else
        redis.call('EXPIRE', key, ARGV[1])
    end
end
"""
# A key lives until the end of the interval of what was reserved last.
RESERVE = """
local left, interval = math.max(redis.call('PTTL', KEYS[1]), 0), tonumber(ARGV[1])
if left > interval then
    return -1
end
redis.call('SET', KEYS[1], 1, 'PX', left + interval)
return left
"""
_POSITION = "{:016d}-{:010d}"
POSITION_WIDTH = 27


def mark_to_text(mark: Mark) -> str:
    """A mark as Redis keeps it."""
    return " ".join(_POSITION.format(*place) for place in (mark.position, *mark.skipped))


def mark_from_text(text: str) -> Mark:
    """What `mark_to_text` made."""
    position, *skipped = (position_from_text(place) for place in text.split())
    return Mark(position, tuple(skipped))


def position_from_text(text: str) -> Position:
    """A place on the bus, by an entry's id."""
    moment, _, number = text.partition("-")
    return int(moment), int(number)
