"""Identifiers: a prefix that says what it is, then 26 characters that sort by time."""

import os
import threading
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32 in lower case: no i, l, o, u to misread."""
_RANDOM_BITS = 80

_lock = threading.Lock()
_last = 0


def new_id(prefix: str) -> str:
    """``prefix_`` + 10 characters of milliseconds since 1970 + 16 random ones (80 bits).

    Later ones of this process sort behind earlier ones, even within a millisecond.
    """
    value = _next_value()
    digits = []
    for _ in range(26):
        value, digit = divmod(value, 32)
        digits.append(_ALPHABET[digit])
    return f"{prefix}_{''.join(reversed(digits))}"


def _next_value() -> int:
    global _last
    fresh = (int(time.time() * 1000) << _RANDOM_BITS) | int.from_bytes(os.urandom(10), "big")
    with _lock:
        # A random step, so that one identifier does not tell the next.
        _last = max(fresh, _last + 1 + int.from_bytes(os.urandom(6), "big"))
        return _last
