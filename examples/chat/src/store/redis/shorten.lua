-- Shortens a list to its last names. Logs that fall out of it go at once if they have ended,
-- and otherwise soon after their end: or one user could fill the store.
local list, created, ended = unpack(KEYS)
local max_list, kept = unpack(ARGV)

while redis.call('LLEN', list) > tonumber(max_list) do
    local name = redis.call('LPOP', list)
    local log, events = 'chat:log:' .. name, 'chat:events:' .. name
    if redis.call('HEXISTS', log, 'has_ended') == 1 then
        redis.call('DEL', log, events)
        redis.call('ZREM', created, name)
        redis.call('ZREM', ended, name)
    elseif redis.call('EXISTS', log) == 1 then
        redis.call('HSET', log, 'is_forgotten', 1)
    end
end
redis.call('EXPIRE', list, kept)
