-- A new log. If there are too many, those go first that have ended, the oldest of them. If
-- all run, there is no new one. Returns whether there is one now.
local created, ended, log, events, lease, stop = unpack(KEYS)
local name, kept, max_logs, leased = unpack(ARGV)

local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', created, '-inf', now - kept)
-- By now, they are not in `created` either.
redis.call('ZREMRANGEBYSCORE', ended, '-inf', now - kept)
while redis.call('ZCARD', created) >= tonumber(max_logs) do
    local oldest = redis.call('ZPOPMIN', ended)[1]
    if not oldest then
        return 0
    end
    redis.call('DEL', 'chat:log:' .. oldest, 'chat:events:' .. oldest)
    redis.call('ZREM', created, oldest)
end
redis.call('ZADD', created, now, name)
redis.call('EXPIRE', created, kept)

redis.call('DEL', events, stop)
redis.call('HSET', log, 'dropped', '0-0', 'last', '0-0', 'bytes', 0, 'state', '', 'state_id', '0-0')
redis.call('HDEL', log, 'has_ended', 'is_forgotten')
redis.call('EXPIRE', log, kept)
redis.call('SET', lease, '', 'PX', leased)
return 1
