-- A new log, if there are not too many. Returns whether there is one now.
local created, log, events, lease, stop = unpack(KEYS)
local name, kept, max_logs, leased = unpack(ARGV)

local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', created, '-inf', now - kept)
if redis.call('ZCARD', created) >= tonumber(max_logs) then
    return 0
end
redis.call('ZADD', created, now, name)
redis.call('EXPIRE', created, kept)

redis.call('DEL', events, stop)
redis.call('HSET', log, 'dropped', '0-0', 'last', '0-0', 'bytes', 0, 'state', '', 'state_id', '0-0')
redis.call('HDEL', log, 'has_ended')
redis.call('EXPIRE', log, kept)
redis.call('SET', lease, '', 'PX', leased)
return 1
