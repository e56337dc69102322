"""Which words of a question name things: a word that no schema has may be a thing that is not there.

Without a tagger, by what stands before: in *the weight of the printer* it is one, in *too dear to treat* not.
"""

from collections.abc import Collection
from itertools import pairwise

from graph.context.words import listed, stem, words

_SHORTEST = 4
"""Letters; shorter ones are units and the shorthand of a trade."""
_BEFORE = listed(
    """
    a an are average had has have is maximum mean minimum much no of our such the total was were what which
    whose without
    """
)
"""After one of these a word names a thing; after *to*, *we*, *that* or *do* it may be a verb. After *each*,
*per*, *how many* and *which*, in the plural, comes what a table has rows of, which everybody has a word of
their own for."""
_BEING = listed("are had has have is was were")
_TURNS = frozenset(
    f"{first} {article}"
    for firsts, articles in (
        (
            "across against around at behind down in into off on onto out over through under",
            ("a", "an", "the"),
        ),
        ("are be is was were", ("a", "an")),
    )
    for first in firsts.split()
    for article in articles
)
"""What follows these is a place or a turn of phrase: *off the shelves*, *on the road*, *is a breeze*."""
_ROLES = frozenset(
    map(
        stem,
        listed(
            """
            agent boss branch buyer client colleague company consumer contractor customer dealer employee
            employer enterprise firm guest guy head holder human individual member manager operator
            organisation organization owner partner party patient people person personnel provider rep
            representative resident sender receiver recipient seller shopper staff subscriber supervisor
            team trader user vendor visitor worker
            """
        ),
    )
)
"""Whom a table of people or organisations may be about, whatever it calls them."""


def named_things(question: str, known: Collection[str]) -> set[str]:
    """Words that stand where the name of a thing does, and that are no one's role.

    Args:
        question: as asked, in English.
        known: words of it that the schema has.
    """
    found = set()
    said = words(question)
    for place, (before, word) in enumerate(pairwise(said)):
        if len(word) < _SHORTEST or stem(word) in _ROLES:
            continue
        if f"{said[place - 1] if place else ''} {before}" in _TURNS:
            continue
        if before == "which" and known and word.endswith("s") and not word.endswith(("ss", "us", "is")):
            continue
        if (before == "of" and word.endswith("ing")) or (before in _BEING and word.endswith("ed")):
            continue  # *a way of contacting them*, *is tied up*: what is done, no thing
        # "Company cars" are cars; "rivers flow" is something that rivers do.
        compound = before in known and not before.endswith("s")
        if compound or before in _BEFORE:
            found.add(word)
    return found
