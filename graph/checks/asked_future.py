"""The future: what is to come and nobody has arranged, which no table holds.

How many tickets will be sold next Christmas nobody has written down; which contracts will expire then,
somebody has.
"""

import re

from graph.context.coverage import Vocabulary, is_silent
from graph.context.words import listed, stem, words


def asks_for_the_future(question: str, vocabulary: Vocabulary, year: int) -> bool:
    """Whether the question wants to know what is to come.

    Args:
        question: as asked, in English.
        vocabulary: the snapshot's words. Where it knows forecasts or due dates, these may be asked for.
        year: the present one.
    """
    if any(map(vocabulary.says, _FORESEEN)):
        return False
    said = {stem(word) for word in words(question)}
    if _PREDICTED.search(question):
        due = _EXPECT.search(question) and any(vocabulary.says(root) for root in said & _ARRANGED)
        return not due and not any(map(vocabulary.says, _EXPECTED))
    if not _TO_COME.search(question) or _ELAPSED.search(question):
        return False
    if any(vocabulary.says(root) for root in said & _ARRANGED):
        return False
    if _LASTS.search(question) and any(vocabulary.says(root) for root in said & _LASTING):
        return False
    if _COMES_OUT.search(question) and vocabulary.says("release"):
        return False
    if _AWAY.search(question) and any(map(vocabulary.names_table, _ROTA)):
        return False
    if said & _ENDING and any(map(vocabulary.says, _ENDING)):
        return False
    return bool(_LATER.search(question)) or _names_a_time(question, vocabulary, year)


def _names_a_time(question: str, vocabulary: Vocabulary, year: int) -> bool:
    """A year to come, *next* with what is no thing of the schema, or a holiday or month of no past year."""
    numbers = [int(word) for word in words(question) if word.isdigit() and len(word) == _YEAR_DIGITS]
    if any(year < number < _LAST_YEAR for number in numbers):
        return True
    # "The next showing" is one that is planned; *next to* and *next up* are no times.
    if any(not vocabulary.knows(word) and not is_silent(word) for word in _NEXT.findall(question.lower())):
        return True
    return bool(_SOMETIME.search(question)) and not any(1900 < number <= year for number in numbers)


_YEAR_DIGITS = 4
_LAST_YEAR = 2200
_FORESEEN = ("forecast", "predicted")
_EXPECTED = ("estimated", "expected")
"""Where a schema has one of these, what is to come is in the data."""
_PREDICTED = re.compile(
    r"""\b(?:predict|forecast|foresee|extrapolat)\w* | 
        \b(?:should|can|could|may|do|shall|might)\s+(?:we|i|you)\s+(?:expect|anticipate|reckon\s+with)\b
      | ^\W*(?:please\s+)?(?:project|anticipate)\s+
          (?:the|our|how|what|next|this|future|sales|revenue|demand)\b
      | \bwhat\s+(?:will|would)\s+happen\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
_TO_COME = re.compile(
    r"""\bwill\b | \bwon['’]t\b | ['’]ll\b | \bgoing\s+to\b | \blikely\s+to\b | \bshall\s+(?:we|i)\b
      | \b(?:expected|projected|anticipated|predicted|bound|about|set)\s+to\b
      | \b(?:expect|anticipate|estimate)\b | \b(?:to|we|i|you)\s+project\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
_TIMES = r"""(?:day|night|week|weekend|fortnight|month|quarter|year|season|spring|summer|autumn|fall|winter
    |decade
    |century|term|semester|holiday|(?:mon|tues|wednes|thurs|fri|satur|sun)day|january|february|march|april|may
    |june|july|august|september|october|november|december)s?"""
_FEASTS = r"""(?:christmas|xmas|easter|halloween|thanksgiving|ramadan|eid|diwali|hanukkah|passover|pentecost
    |whitsun|carnival|new\s+year(?:['’]s)?(?:\s+eve)?|black\s+friday|boxing\s+day|bank\s+holiday|valentine['’]?s?(?:\s+day)?
    |mother['’]?s\s+day|father['’]?s\s+day)"""
_LATER = re.compile(
    rf"""\b(?:next|coming|upcoming|following)\s+(?:[\w-]+\s+){{0,3}}?{_TIMES}\b
      | \b(?:this|the)\s+coming\b | \bin\s+the\s+(?:coming|years?|months?|weeks?|days?)\s+(?:to\s+come
    |ahead|\w+s?\b)
      | \btomorrow\b | \bsoon\b | \bin\s+(?:the\s+)?(?:(?:near|foreseeable|distant)\s+)?future\b
      | \bby\s+the\s+end\s+of\b | \bfrom\s+now\b | \bby\s+(?:then|next)\b | \bover\s+the\s+next\b
      | \b(?:in|within)\s+(?:\d+|an?|one|two|three|four|five|six|ten|a\s+few)\s+
          (?:day|week|month|year|decade)s?(?:['’]?\s+time)?\s*[?.!]*$
    """,
    re.IGNORECASE | re.VERBOSE,
)
_NEXT = re.compile(r"\bnext\s+(?!to\b|up\b|in\b)([a-z]{3,})")
_SOMETIME = re.compile(
    rf"\b{_FEASTS}\b|\b(?:in|by|during|over|until|this|for|at)\s+(?:the\s+)?{_TIMES}\b",
    re.IGNORECASE | re.VERBOSE,
)
_EXPECT = re.compile(r"\bexpect", re.IGNORECASE)
_ELAPSED = re.compile(
    r"""\bwill\s+(?:have\s+(?:been|worked|served|lived|run)\b|celebrate\b|turn\s+\d|reach\s+the\s+age)
        (?=.*\d|.*\b(?:one|two|three|four|five|six|ten|twenty|full)\s+(?:full\s+)?(?:years?|months?|weeks?)\b)
        (?!.*\bin\s+(?:the\s+next\s+)?\w+\s+years\b)""",
    re.IGNORECASE | re.VERBOSE,
)
"""How long something will have lasted is worked out from when it began."""
_LASTING = frozenset(
    map(
        stem, listed("absence campaign holiday leave membership show showing screening subscription vacation")
    )
)
"""What has a first and a last day: that it begins, lasts or ends is arranged. That more will come is not."""
_LASTS = re.compile(
    r"""\b(?:will|going\s+to)\s+(?:\w+\s+)?(?:end|run|expire|lapse|start|begin|stop|finish
        |be\s+(?:on|off|over|up|away|running|showing|active|live))\b""",
    re.IGNORECASE | re.VERBOSE,
)
_COMES_OUT = re.compile(r"\b(?:come|coming)\s+out\b", re.IGNORECASE)
_AWAY = re.compile(
    r"\b(?:be|being)\s+(?:away|absent|off|out|working|on\s+(?:duty|leave|vacation|holiday|call))\b",
    re.IGNORECASE,
)
_ROTA = ("absence", "leave", "vacation", "shift", "roster")
"""Tables of who is away and who works when."""
_ENDING = frozenset(
    map(
        stem,
        listed(
            "due expire expires expiry expiration renew renewal end ends mature maturity valid retire lapse"
        ),
    )
)
"""Forms of one arrangement: what is told to expire may be called ``valid_until``."""
_ARRANGED = _ENDING | frozenset(
    map(
        stem,
        listed(
            """
            scheduled schedule plan booked booking reserved reservation start begin arrive arrival depart
            departure deliver delivery ship shipment appointment event class course session shift flight trip
            visit meeting lease contract deadline birthday anniversary
            approved promised
            """
        ),
    )
)
"""What a database may know of the future, since somebody has arranged it."""
