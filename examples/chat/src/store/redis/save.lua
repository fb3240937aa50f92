-- Keeps what all events so far come to. Returns whether the log is there and goes on.
local log, events = unpack(KEYS)
local state, kept = unpack(ARGV)

local last = redis.call('HGET', log, 'last')
if not last or redis.call('HEXISTS', log, 'has_ended') == 1 then
    return 0
end
redis.call('HSET', log, 'state', state, 'state_id', last)
redis.call('EXPIRE', log, kept)
redis.call('EXPIRE', events, kept)
return 1
