-- Charges uses to their counts, and records a decision where a limit is spent.
--
-- KEYS[1]  prefix of all keys
-- ARGV     for each use: name of the limit, throttleKey, algorithm, count,
--          window in milliseconds, amount, whether that is one use of so
--          many bytes (1) or so many uses (0), evaluatedConditions ("-": none)
--
-- Gives, for each use whose limit it has spent, its place in the list from 1,
-- the expiry, and the time of the decision, both in milliseconds. Time is
-- this server's, so that all managers are in one window.
local prefix = KEYS[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function whole(n) return string.format('%.0f', n) end

-- Each algorithm charges an amount and gives the expiry when the limit is
-- spent afterwards, else nil. Of several uses those are charged that find the
-- limit not yet spent; in fixed windows that makes no difference.
local charge = {}

-- The use that spends the limit decides; later ones have nothing to add.
function charge.fixed(key, count, window, amount)
  local start = now - now % window
  key = key .. ':' .. whole(start)
  local used = redis.call('INCRBY', key, whole(amount))
  if used == amount then redis.call('PEXPIREAT', key, whole(start + window)) end
  if used >= count and used - amount < count then return start + window end
end

function charge.sliding(key, count, window, amount, bytes)
  local start = now - now % window
  local ending = start + window
  local before = tonumber(redis.call('GET', key .. ':' .. whole(start - window)) or 0)
  local used = tonumber(redis.call('GET', key .. ':' .. whole(start)) or 0)
  local left = count - math.ceil(before * (ending - now) / window) - used
  if left > 0 then
    key = key .. ':' .. whole(start)
    if not bytes then amount = math.min(amount, left) end
    used = redis.call('INCRBY', key, whole(amount))
    redis.call('PEXPIREAT', key, whole(ending + window))
  end
  if math.ceil(before * (ending - now) / window) + used < count then return nil end
  -- When the share of the previous window has become small enough.
  local most = count - 1
  if used > most then before, used, ending = used, 0, ending + window end
  local share = window
  if before > 0 then share = math.min(window, (most - used) * window / before) end
  return math.max(math.ceil(ending - share), now + 1)
end

-- What is stored is when the bucket will be full again, to a thousandth of a
-- millisecond; a hundredth of a token is forgiven for that.
function charge.bucket(key, count, window, amount, bytes)
  local interval = window / count
  local full = math.max(tonumber(redis.call('GET', key) or 0), now)
  local function left() return math.floor((window - (full - now)) / interval + 0.01) end
  if left() > 0 then
    if not bytes then amount = math.min(amount, left()) end
    full = full + amount * interval
    redis.call('SET', key, string.format('%.3f', full), 'PX', whole(math.ceil(full - now) + 1))
  end
  if left() < 1 then return math.max(math.ceil(full - window + interval - 0.001), now + 1) end
end

local spent = {}
for i = 1, #ARGV, 8 do
  local key = ARGV[i + 1]
  local counter = prefix .. ':count:' .. ARGV[i] .. ':' .. key
  local expiry = charge[ARGV[i + 2]](counter, tonumber(ARGV[i + 3]), tonumber(ARGV[i + 4]),
    tonumber(ARGV[i + 5]), ARGV[i + 6] == '1')
  if expiry then
    local known = redis.call('ZSCORE', prefix .. ':expiry', key)
    if not known or tonumber(known) < expiry then
      redis.call('HSET', prefix .. ':decisions', key, whole(expiry) .. ' ' .. whole(now) .. ' ' .. ARGV[i + 7])
      redis.call('ZADD', prefix .. ':expiry', whole(expiry), key)
      redis.call('ZADD', prefix .. ':news', redis.call('INCR', prefix .. ':sequence'), key)
      redis.call('ZADD', prefix .. ':unpublished', whole(now), key)
      table.insert(spent, {(i + 7) / 8, expiry, now})
    end
  end
end
return spent
