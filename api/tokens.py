"""Secrets that we hand out: made here, shown once, kept only as SHA-256.

A fast hash is right for them: they are random and long, so there is nothing to guess, and an agent that
reconnects in a herd of thousands must not cost 50 ms each.
"""

import hashlib
import hmac
import secrets

AGENT_PREFIX = "cst_agent_"
"""Lets a secret scanner recognise a token in a place where it should not be."""

_CODE_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no letter that reads as a digit."""
_CODE_CHARACTERS = 16


def digest(secret: str) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(secret.encode()).hexdigest()


def same(one: str, other: str) -> bool:
    """Whether two digests are equal, in a time that does not depend on where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())


def new_agent_token() -> str:
    """``cst_agent_`` and 256 random bits."""
    return AGENT_PREFIX + secrets.token_urlsafe(32)


def new_join_code() -> str:
    """80 random bits as ``K7QP-2MXD-9WTA-4HRZ``."""
    characters = [secrets.choice(_CODE_ALPHABET) for _ in range(_CODE_CHARACTERS)]
    return "-".join("".join(characters[place : place + 4]) for place in range(0, _CODE_CHARACTERS, 4))


def normal_code(code: str) -> str:
    """A join code as it is hashed: upper case, without dashes and spaces, look-alikes mended."""
    return code.upper().replace("-", "").replace(" ", "").translate(str.maketrans("OIL", "011"))
