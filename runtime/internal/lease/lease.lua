-- One call of one node about one limit: what it gives back, what it has taken,
-- what it asks for. Runs as one step; time is the server's, in microseconds.
--
-- KEYS: the limit's state, the nodes, the mark that is as old as the data.
-- ARGV: see (*call).args.
local key, nodes, mark = KEYS[1], KEYS[2], KEYS[3]
local node, nonce = ARGV[1], tonumber(ARGV[2])
local limit, period, span = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local burst = tonumber(ARGV[6]) -- 0: shape window
local asked, want, need = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local seen, id, gross, most = tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12]), tonumber(ARGV[13])
local back, used = tonumber(ARGV[14]), tonumber(ARGV[15])
local share, hold = tonumber(ARGV[16]), tonumber(ARGV[17]) -- share -1: none is kept here
local leaving, shares = ARGV[18] == '1', tonumber(ARGV[19])

local smooth = burst > 0
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local window = math.floor(now / period)
local second = 1000000
-- How far the smooth shape's account may run ahead.
local ahead = smooth and math.ceil(burst * span / limit) or 0

local names = {'id', 'window', 'base', 'gross', 'ret', 'used', 'from', 'tat', 'sum', 'ren', 'prev', 'pruned', 'lost', 'until', 'era'}
local values = redis.call('HMGET', key, unpack(names))
local s = {}
for i, name in ipairs(names) do s[name] = tonumber(values[i] or 0) end

-- A limit without state is new, or the data was lost; the mark tells which. A
-- window whose grants may be forgotten gets none, a longer one none for a
-- second, in which nodes bring what they remember.
if not values[1] then
  local since = tonumber(redis.call('GET', mark) or 0)
  if since == 0 or since > now then
    since = now
    redis.call('SET', mark, string.format('%.0f', now))
  end
  s.id, s.window, s.pruned = now, window, now
  if smooth then
    if now < since + second then s.tat = now + ahead end
  elseif period <= second then
    s.from = (math.floor(since / period) + 1) * period
  else
    s.from = since + second
  end
end

if window > s.window then
  -- A share renounced in the smooth shape stays so through the next period.
  s.prev = (smooth and window == s.window + 1) and s.ren or 0
  s.window, s.base, s.gross, s.ret, s.used, s.ren = window, 0, 0, 0, 0, 0
elseif window < s.window - 1 then
  -- The clock was stepped back: nothing more before the next window.
  s.window, s.base, s.gross, s.ret, s.used = window, limit, 0, 0, 0
  s.ren, s.prev, s.from, s.era = 0, 0, 0, s.era + 1
end
local current = window == s.window

if current and seen == window and not smooth then
  -- What the node saw granted and this server forgot.
  if id == s.id then
    s.gross = math.max(s.gross, gross)
  elseif id ~= 0 then
    s.base = math.max(s.base, most)
  end
  if back > 0 and id == s.id then
    s.ret = s.ret + math.min(back, s.base + s.gross - s.ret)
  end
  s.used = s.used + used
end

-- Shares: what a node may take in a window when it cannot reach this server.
-- A node renounces its share for the window it asks in; the shares of all
-- others are held back.
local function holder(renounced) -- the sum that a share counts in beside s.sum
  if renounced == s.window then return 'ren' end
  if smooth and renounced == s.window - 1 then return 'prev' end
  return nil
end
local function change(renounced, by)
  s.sum = s.sum + by
  local sum = holder(renounced)
  if sum then s[sum] = s[sum] + by end
end
-- Shares that this server forgot are held back until their nodes are back.
if share >= 0 and id ~= 0 and id ~= s.id and shares > s.lost then
  s.lost, s['until'] = shares, now + hold
end
local function missing()
  if now >= s['until'] then return 0 end
  return math.max(0, s.lost - s.sum)
end

-- An entry is share:renounced:nonce:seen:era. What was renounced before the
-- clock was stepped back says nothing of a window of the same number.
local function read(entry)
  local a, b, c, d, e = string.match(entry, '^(%d+):(%-?%d+):(%d+):(%d+):(%d+)$')
  if tonumber(e) ~= s.era then b = -9 end
  return tonumber(a), tonumber(b), tonumber(c), tonumber(d)
end

local count = math.max(1, redis.call('ZCARD', nodes))
local late = false -- a call that was overtaken by a later one
if share >= 0 then
  local field = 'n:' .. node
  local mine, renounced = 0, -9
  local entry = redis.call('HGET', key, field)
  if entry then
    local last
    mine, renounced, last = read(entry)
    late = nonce <= last
  end
  if not late then
    -- The node says what it holds: a withdrawal is acknowledged, a share
    -- that was forgotten here is known again.
    local by = math.min(share, mine + math.max(0, limit - s.sum)) - mine
    change(renounced, by)
    mine = mine + by
    if by < 0 then s.lost = math.max(0, s.lost + by) end
    if s.sum >= s.lost then s.lost = 0 end
    if asked == window and current and renounced ~= window then
      local sum = holder(renounced)
      if sum then s[sum] = s[sum] - mine end
      s.ren, renounced = s.ren + mine, window
    end
    local target = math.floor(limit / count)
    if leaving then
      target = 0
    elseif not redis.call('ZSCORE', nodes, node) then
      target = math.min(target, mine) -- a node that is not registered gets none
    end
    -- Only for windows to come: of this one others may have taken all that is free.
    if target > mine and renounced == window and current and now >= s.from then
      by = math.min(target - mine, math.max(0, limit - s.sum - missing()))
      change(renounced, by)
      mine = mine + by
    end
    if leaving then
      -- What is not renounced may have been taken.
      if not holder(renounced) then
        if smooth then
          s.tat = math.max(s.tat, now) + math.ceil(mine * span / limit)
        else
          s.base = s.base + mine
        end
      end
      change(renounced, -mine)
      s.lost = math.max(0, s.lost - mine)
      redis.call('HDEL', key, field)
    else
      redis.call('HSET', key, field, string.format('%.0f:%.0f:%.0f:%.0f:%.0f', mine, renounced, nonce, now, s.era))
    end
    share = math.min(mine, target)
  end
  if now - s.pruned > hold / 4 or now < s.pruned then
    s.pruned = now
    local all = redis.call('HGETALL', key)
    for i = 1, #all, 2 do
      if string.sub(all[i], 1, 2) == 'n:' then
        local part, of, _, heard = read(all[i + 1])
        if heard < now - hold then
          change(of, -part)
          redis.call('HDEL', key, all[i])
        end
      end
    end
  end
end

local held = math.max(0, s.sum - s.ren - s.prev) + missing()
local granted, left, wait = 0, 0, 0
local may = current and not late and now >= s.from and asked == window
if smooth then
  if seen <= now + ahead + span then s.tat = math.max(s.tat, seen) end -- the account as the node saw it
  if s.tat > now + ahead + span then s.tat = now + ahead end -- the clock was stepped back
  s.tat = math.max(s.tat, now)
  if held < limit then
    local cost = span / (limit - held)
    local top = math.max(ahead, math.ceil(cost))
    left = math.max(0, math.floor((top - (s.tat - now)) / cost))
    if may and left > 0 then
      granted = math.min(left, math.max(need, math.min(want, math.max(1, math.floor(left / count)))))
      s.tat = s.tat + math.ceil(granted * cost)
      left = left - granted
    end
    wait = math.max(0, math.ceil(s.tat + cost - top - now))
  else
    wait = period
  end
else
  left = math.max(0, limit - (s.base + s.gross - s.ret) - held)
  if may and left > 0 then
    granted = math.min(left, math.max(need, math.min(want, math.max(1, math.floor(left / (2 * count))))))
    s.gross = s.gross + granted
    left = left - granted
  end
  if not current or now < s.from then left = 0 end
  wait = (window + 1) * period - now
end

local out = {}
for _, name in ipairs(names) do
  out[#out + 1] = name
  out[#out + 1] = string.format('%.0f', s[name])
end
redis.call('HSET', key, unpack(out))
local keep = 2 * math.max(period, span) + second
if share >= 0 then keep = keep + hold end
redis.call('PEXPIRE', key, string.format('%.0f', math.ceil(keep / 1000)))

local net = s.base + s.gross - s.ret
local open = (current and now >= s.from) and 1 or 0
return {now, window, granted, s.id, s.gross, net, left, net - s.used, held, share, count, wait, s.tat, open, s.sum}
