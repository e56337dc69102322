"""The names that somebody may have meant."""

from collections.abc import Iterable
from difflib import get_close_matches

MAX_NAMES = 3


def nearest(name: str, names: Iterable[str]) -> list[str]:
    """Up to three of ``names`` that look most like ``name``; those that contain it or lie within it count.

    Case does not count: it is often the whole mistake.
    """
    known = {each.casefold(): each for each in sorted(set(names))}
    wanted = name.casefold()
    close = get_close_matches(wanted, known, n=MAX_NAMES, cutoff=0.6)
    parts = [
        each for each in known if len(wanted) > 2 and (wanted in each or (len(each) > 3 and each in wanted))
    ]
    return [known[each] for each in dict.fromkeys([*close, *parts])][:MAX_NAMES]
