"""What runs inside of Redis, atomically: the counters that several nodes share.

A counter is a hash: ``spent`` and ``ver`` (what the database says is spent, and the version of that row), and a field ``n:NODE``
for each node, ``amount:seq:milliseconds``: what that node holds, told by it alone, always as a whole and never as a difference.
``seq`` grows with every word of a node, so a word that was late, or was said twice, changes nothing.

News of a counter that is not there are dropped. So what a node read of a budget before its counter was there proves nothing:
somebody may have told since that he holds less, and of what is spent instead. ``born`` names the life of a counter; ``sure`` says
that somebody has read the database after its birth, and nothing is granted before.

All keys share one hash tag, so they lie in one slot of a cluster. ``KEYS[1]`` is always the hash ``meta`` with the epoch in force
(``ARGV[1]`` must be it) and ``open``: whether everybody has said in this epoch what he holds.
"""

from __future__ import annotations

from typing import Final

_HEAD = """
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'open')
if meta[1] ~= ARGV[1] then return {'epoch'} end
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local node, seq = 'n:' .. ARGV[2], tonumber(ARGV[3])
local function text(number) return string.format('%.0f', number) end
"""

_LEARN = """
local function learn(spent, ver)
  if ver == '' then return end
  local known = redis.call('HGET', KEYS[2], 'ver')
  if not known or tonumber(ver) > tonumber(known) then
    redis.call('HSET', KEYS[2], 'spent', spent, 'ver', ver)
  end
end
"""

TAKE: Final = (
    _HEAD
    + _LEARN
    + """
if meta[2] ~= '1' then return {'closed'} end
local base, need, want = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local debt, amount, kind = tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9]
local ttl, sharers, dead = tonumber(ARGV[12]), tonumber(ARGV[13]), tonumber(ARGV[14])
local start, finish = tonumber(ARGV[15]), tonumber(ARGV[16])
local sure, born = true, ''
if kind == 'budget' then
  local life = redis.call('HMGET', KEYS[2], 'born', 'sure')
  born, sure = life[1], life[2] == '1'
  if not born then
    born = ARGV[2] .. ':' .. ARGV[3]
    redis.call('HSET', KEYS[2], 'born', born)
    redis.call('PEXPIRE', KEYS[2], ttl)
  elseif not sure and ARGV[18] == born and ARGV[11] ~= '' then
    redis.call('HSET', KEYS[2], 'sure', '1')
    sure = true
  end
end
learn(ARGV[10], ARGV[11])
local spent, others, holders = 0, 0, {}
local fields = redis.call('HGETALL', KEYS[2])
for i = 1, #fields, 2 do
  local name, value = fields[i], fields[i + 1]
  if name == 'spent' then
    spent = tonumber(value)
    if not spent then return {'garbage'} end
  elseif name ~= 'ver' and name ~= 'born' and name ~= 'sure' then
    local held, said, at = string.match(value, '^(%d+):(%d+):(%d+)$')
    if not held then return {'garbage'} end
    held, said, at = tonumber(held), tonumber(said), tonumber(at)
    if name == node then
      if said >= seq then return {'stale', text(said)} end
    elseif dead > 0 and now - at > dead or held == 0 and now - at > 60000 then
      redis.call('HDEL', KEYS[2], name)
    elseif held > 0 then
      others = others + held
      holders[#holders + 1] = string.sub(name, 3)
    end
  end
end
if not sure then return {'load', born} end
local before, past = 0, 0
if kind == 'requests' or kind == 'tokens' then
  local values = redis.call('HVALS', KEYS[3])
  for i = 1, #values do
    local held = string.match(values[i], '^(%d+):%d+:%d+$')
    if not held then return {'garbage'} end
    past = past + tonumber(held)
  end
  local share = math.max(0, math.min(1, (finish - now) / (finish - start)))
  before = math.ceil(past * share)
end
local left = amount - spent - others - before - base
local granted = 0
if need - math.min(debt, need) <= left then
  granted = math.max(need, math.min(want, math.floor(left / (2 * sharers))))
end
local held = base + math.max(granted - debt, 0)
redis.call('HSET', KEYS[2], node, text(held) .. ':' .. text(seq) .. ':' .. text(now))
redis.call('PEXPIRE', KEYS[2], ttl)
redis.call('SADD', KEYS[4], ARGV[17])
redis.call('PEXPIRE', KEYS[4], 172800000)
local used = spent + others + before + held
return {'ok', text(granted), text(used), text(spent), text(others + held), text(past), unpack(holders)}
"""
)
"""KEYS: meta, counter, counter of the window before, index of the node.

ARGV: epoch, node, seq, base (what the node holds), need, want, debt (of ``need``, what is counted as spent already), amount, kind,
spent, ver (both empty: unknown), ttl in ms, sharers, dead (ms after which the word of a silent node counts no more; 0 = never),
start and end of the window in ms, name of the counter, born (after which the database was read; empty: before).

Answers ``ok`` granted used spent held (by all nodes) past (held in the window before) holders..., ``load`` born (the database has
to be asked what is spent), ``stale`` seq, ``closed``, ``epoch``, ``garbage``."""

PUSH: Final = (
    _HEAD
    + _LEARN
    + """
local exists = redis.call('EXISTS', KEYS[2]) == 1
if ARGV[4] == '' then
  if exists then learn(ARGV[5], ARGV[6]) end
  return {'ok'}
end
local before = redis.call('HGET', KEYS[2], node)
if before then
  local held, said = string.match(before, '^(%d+):(%d+):%d+$')
  if not held then return {'garbage'} end
  if tonumber(said) >= seq then return {'stale', said} end
elseif ARGV[4] == '0' then
  if exists then learn(ARGV[5], ARGV[6]) end
  redis.call('SREM', KEYS[3], ARGV[8])
  return {'ok'}
end
learn(ARGV[5], ARGV[6])
redis.call('HSET', KEYS[2], node, ARGV[4] .. ':' .. text(seq) .. ':' .. text(now))
redis.call('PEXPIRE', KEYS[2], tonumber(ARGV[7]))
redis.call(ARGV[4] == '0' and 'SREM' or 'SADD', KEYS[3], ARGV[8])
return {'ok'}
"""
)
"""Say what a node holds (empty: only what is spent). KEYS: meta, counter, index. ARGV: epoch, node, seq, amount, spent, ver,
ttl, name.

Answers ``ok``, ``stale`` seq, ``epoch``, ``garbage``. Needs no open epoch: this is how one is rebuilt."""

BEGIN: Final = """
local known = redis.call('HGET', KEYS[1], 'epoch') or ''
if known ~= ARGV[1] then return known end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'server', ARGV[3])
return ARGV[2]
"""
"""Begin an epoch, unless somebody was faster. ARGV: epoch before (empty: none), new one, server's run id.

Answers the one in force."""

JOIN: Final = """
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return {} end
redis.call('SADD', KEYS[2], ARGV[2])
redis.call('PEXPIRE', KEYS[2], 86400000)
return redis.call('SMEMBERS', KEYS[2])
"""
"""Say that everything held has been said. KEYS: meta, set. ARGV: epoch, node. Answers who has."""

OPEN: Final = """
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'open', '1')
return 1
"""
"""All have said what they hold: grants may be given. ARGV: epoch."""
