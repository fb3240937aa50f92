-- Adds an event, and returns its ID; or nothing, if the log is not there or has ended.
-- `how` is 'more'; or 'end', then `state` is what all events come to; or 'gone', which
-- ends the log only if its job has no lease.
local log, events, lease, ended = unpack(KEYS)
local how, event_type, data, state, max_events, max_bytes, kept, news, name = unpack(ARGV)
-- After its end, a log that is in no list any more is kept for those who follow it.
local kept_if_forgotten = 60

if redis.call('HEXISTS', log, 'dropped') == 0 or redis.call('HEXISTS', log, 'has_ended') == 1 then
    return nil
end
if how == 'gone' and redis.call('EXISTS', lease) == 1 then
    return nil
end

local id = redis.call('XADD', events, '*', event_type, data)
redis.call('HSET', log, 'last', id)

-- Drop the oldest. `dropped` says up to where, so that a gap is noticed.
local held = redis.call('XLEN', events)
local bytes = redis.call('HINCRBY', log, 'bytes', #event_type + #data)
while held > tonumber(max_events) or bytes > tonumber(max_bytes) do
    local oldest = redis.call('XRANGE', events, '-', '+', 'COUNT', 1)[1]
    redis.call('XDEL', events, oldest[1])
    redis.call('HSET', log, 'dropped', oldest[1])
    held = held - 1
    bytes = redis.call('HINCRBY', log, 'bytes', -(#oldest[2][1] + #oldest[2][2]))
end

if how ~= 'more' then
    redis.call('HSET', log, 'has_ended', 1)
    redis.call('DEL', lease)
    local goes = kept
    if redis.call('HEXISTS', log, 'is_forgotten') == 1 then
        goes = kept_if_forgotten
    end
    redis.call('ZADD', ended, redis.call('TIME')[1] + goes, name)
    redis.call('EXPIRE', ended, kept)
    kept = goes
end
if how == 'end' then
    redis.call('HSET', log, 'state', state, 'state_id', id)
elseif how == 'gone' then
    -- What its job has saved last, and how it has ended, which is what a state ends with. Its ID
    -- stays, so that whoever follows from there gets the events that came since.
    local saved = redis.call('HGET', log, 'state')
    local last = '"end":{"event":"' .. event_type .. '","data":' .. data .. '}}'
    redis.call('HSET', log, 'state', (saved:gsub('"end":null}$', function() return last end)))
end
redis.call('EXPIRE', log, kept)
redis.call('EXPIRE', events, kept)
redis.call('PUBLISH', news, events)
return id
