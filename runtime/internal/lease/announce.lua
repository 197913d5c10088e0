-- A node says that it is there, or (time to live 0) that it leaves.
-- KEYS: the nodes, the mark. ARGV: node, time to live in microseconds.
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local live = tonumber(ARGV[2])
if live > 0 then
  redis.call('ZADD', KEYS[1], string.format('%.0f', now + live), ARGV[1])
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.ceil(live / 1000) + 60000))
else
  redis.call('ZREM', KEYS[1], ARGV[1])
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('(%.0f', now))
-- Scores from before the clock was stepped back would stay for too long.
if live > 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[1], string.format('(%.0f', now + 10 * live), '+inf')
end
local since = tonumber(redis.call('GET', KEYS[2]) or 0)
if since == 0 then
  since = now
  redis.call('SET', KEYS[2], string.format('%.0f', now))
end
return {now, redis.call('ZCARD', KEYS[1]), since}
