"""The names that somebody may have meant."""

from collections.abc import Iterable
from difflib import get_close_matches

MAX_NAMES = 3


def nearest(name: str, names: Iterable[str]) -> list[str]:
    """Up to three of ``names`` that look most like ``name``; those that contain it or lie within it count."""
    known = sorted(set(names))
    close = get_close_matches(name, known, n=MAX_NAMES, cutoff=0.6)
    parts = [each for each in known if len(name) > 2 and (name in each or (len(each) > 3 and each in name))]
    return list(dict.fromkeys([*close, *parts]))[:MAX_NAMES]
