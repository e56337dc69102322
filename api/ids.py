"""Identifiers: a prefix that says what it is, then 26 characters that sort by time."""

import os
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32 in lower case: no i, l, o, u to misread."""


def new_id(prefix: str) -> str:
    """``prefix_`` + 10 characters of milliseconds since 1970 + 16 random ones (80 bits)."""
    value = (int(time.time() * 1000) << 80) | int.from_bytes(os.urandom(10), "big")
    digits = []
    for _ in range(26):
        value, digit = divmod(value, 32)
        digits.append(_ALPHABET[digit])
    return f"{prefix}_{''.join(reversed(digits))}"
