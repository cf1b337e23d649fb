"""Rate limits in Redis: fixed windows that start with the first try."""

from dataclasses import dataclass

from redis import Redis

# One round trip and no window without an end, even if the process dies between the two commands.
_COUNT = """
local n = redis.call('INCR', KEYS[1])
if n == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return {n, redis.call('TTL', KEYS[1])}
"""


@dataclass(frozen=True, slots=True)
class Count:
    """How often something was tried in the running window, and when the window ends."""

    tries: int
    seconds_left: int


class Limiter:
    """Counts tries by key."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._count = redis.register_script(_COUNT)

    def count(self, key: str, *, window_seconds: int) -> Count:
        """Count one try of `key`."""
        tries, seconds = self._count(keys=[f"limit:{key}"], args=[window_seconds])
        return Count(int(tries), max(int(seconds), 1))

    def forget(self, key: str) -> None:
        """Start over, e.g. after a success."""
        self._redis.delete(f"limit:{key}")
