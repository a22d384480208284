"""Lua scripts of the bus, and the encoding of positions and marks in Redis."""

from chat_service.live.frames import Mark, Position

# Positions never decrease, also if a clock is set back: the millisecond is that of Redis's clock,
# or of the last position, or of the last position that the sender has seen: the latest of these.
# (Redis may have lost its data, or may be another server.) The stream expires, the last position
# does not.
PUBLISH = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ms, number = now, 0
local function raise(m, n)
    if m > ms or (m == ms and n > number) then ms, number = m, n end
end
raise(tonumber(ARGV[1]), tonumber(ARGV[2]))
local last = redis.call('HMGET', KEYS[2], 'moment', 'number')
raise(tonumber(last[1] or 0), tonumber(last[2] or 0))
local sender, count = ARGV[5], tonumber(ARGV[6])
for i = 7, #ARGV do
    number = number + 1
    redis.call('XADD', KEYS[1], string.format('%.0f-%.0f', ms, number),
        'sender', sender, 'number', string.format('%.0f', count), 'event', ARGV[i])
    count = count + 1
end
redis.call('HSET', KEYS[2], 'moment', string.format('%.0f', ms), 'number', number)
if #ARGV >= 7 then
    redis.call('XTRIM', KEYS[1], 'MAXLEN', '~', ARGV[4])
    redis.call('XTRIM', KEYS[1], 'MINID', string.format('%.0f', ms - ARGV[3]))
    redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return string.format('%.0f', now)
"""
# A mark is a text that begins with its position in a fixed width: the greater text is the later.
ACKNOWLEDGE = """
local width = tonumber(ARGV[2])
for i, key in ipairs(KEYS) do
    local stored, mark = redis.call('GET', key), ARGV[i + 2]
    if not stored or stored:sub(1, width) <= mark:sub(1, width) then
        redis.call('SET', key, mark, 'EX', ARGV[1])
    else
        redis.call('EXPIRE', key, ARGV[1])
    end
end
"""
# A key expires at the end of the interval after the last reserved run.
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
    """Encode a mark for Redis."""
    return " ".join(_POSITION.format(*each) for each in (mark.position, *mark.skipped))


def mark_from_text(text: str) -> Mark:
    """Decode the result of `mark_to_text`."""
    position, *skipped = map(position_from_text, text.split())
    return Mark(position, tuple(skipped))


def position_from_text(text: str) -> Position:
    """Decode the id of an entry of the stream."""
    milliseconds, _, number = text.partition("-")
    return int(milliseconds), int(number)
