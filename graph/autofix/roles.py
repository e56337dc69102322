"""The part that a thing plays in another, however it is said: who is the organiser has organised."""

from functools import lru_cache

from graph.context.words import stem

_GROUPS = """
buyer bought buy buys buying purchaser purchased purchase purchases
seller sold sell sells selling
sender sent send sends sending
recipient receiver received receive receives receiving
origin departure depart departs departed departing start loading
destination arrival arrive arrives arrived arriving unloading discharge
owner own owns owned owning
lender lent lend lends
author wrote written writes
payer paid pays
winner won win wins winning
loser lost lose loses losing
"""
"""Words of one part that no ending brings together. Only ever used to tell one reference from another."""
_KNOWN = {word: line.split()[0] for line in _GROUPS.strip().splitlines() for word in line.split()}
_AGENTS = ("er", "or", "ee")
_SHORTEST = 4
"""Letters that a deed has at least: an owner is no *ow*."""


@lru_cache(maxsize=65_536)
def role_stem(word: str) -> str:
    """A word without its endings, and without that of a doer: ``organiser`` and ``organised`` meet."""
    if word in _KNOWN:
        return _KNOWN[word]
    base = stem(word)
    for ending in _AGENTS:
        if base.endswith(ending) and len(base) - len(ending) >= _SHORTEST:
            return stem(base.removesuffix(ending) + "ed")
    return base
