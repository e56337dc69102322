"""What no table holds, however its columns are called: a deed, a judgement, a cause, the future.

A small model answers such a question with whatever is near: asked to send reminders it lists invoices, asked
for next year's revenue it adds up this year's. How it is put gives such a question away.
"""

import re
from typing import Literal

from graph.context.coverage import Vocabulary
from graph.context.words import listed, stem, words

Beyond = Literal["action", "judgement", "cause", "future"]


def asked_beyond(question: str, vocabulary: Vocabulary, year: int) -> Beyond | None:
    """What the question asks for beyond the data; None for one that data may answer.

    Args:
        question: as asked, in English, on its own: "remove the cancelled ones" after another is no deed.
        vocabulary: the snapshot's words. Where it knows forecasts or due dates, these may be asked for.
        year: the present one.
    """
    if _ACTION.search(question) or _does_to_somebody(question, vocabulary):
        return "action"
    if _VERDICT.search(question) or _asks_for_advice(question, vocabulary):
        return "judgement"
    if _WHY.search(question) and not any(map(vocabulary.knows, _GIVEN_REASONS)):
        return "cause"
    return "future" if _asks_for_the_future(question, vocabulary, year) else None


def _does_to_somebody(question: str, vocabulary: Vocabulary) -> bool:
    """*Book Bella in for Thursday*: a name that the schema does not have, and no headline."""
    found = _TO_SOMEBODY.search(question)
    return found is not None and not vocabulary.knows(found["name"].lower())


def _asks_for_advice(question: str, vocabulary: Vocabulary) -> bool:
    """*Which shelf should we use* is; *which products should we reorder* is not where a column says so."""
    found = _ADVICE.search(question)
    return found is not None and not vocabulary.knows((found["verb"] or found["way"]).lower())


def _asks_for_the_future(question: str, vocabulary: Vocabulary, year: int) -> bool:
    said = words(question)
    if any(map(vocabulary.says, _FORESEEN)):
        return False
    if _PREDICTED.search(question):
        return not any(map(vocabulary.says, _EXPECTED))
    if not _TO_COME.search(question):
        return False
    if any(stem(word) in _ARRANGED and vocabulary.says(word) for word in said):
        return False
    return bool(_LATER.search(question)) or any(word.isdigit() and year < int(word) < 2200 for word in said)


_DEEDS = "|".join(
    sorted(
        listed(
            """
            activate allocate apologi[sz]e approve assign authori[sz]e bill block book buy call
            cancel change charge close contact correct create deactivate decrease delete demote
            disable dispatch downgrade e-?mail edit enable enroll? erase escalate extend fire fix
            forward grant hire import increase inform insert invite invoice lower mail move notify
            pay phone print prioriti[sz]e promote publish purchase purge raise reassign reduce
            refund register reimburse reject remind remove rename renew reopen reorder reply
            reschedule reserve reset resolve restock revoke schedule sell send set ship subscribe
            suspend terminate text thank transfer unblock unsubscribe update upgrade upload
            """
        )
    )
)
_SHOWN = "list|table|chart|graph|plot|report|summary|overview|breakdown|ranking|histogram|dashboard|query"
"""To create one of these is to show it."""
_ACTION = re.compile(
    rf"""^\W*(?:
        (?: please | kindly | now | (?:can|could|would|will)\s+you | (?:i|we)\s+(?:want|need)\s+you\s+to
          | go\s+ahead\s+and )\s+ )*
    (?:
        (?:{_DEEDS})\s+(?:all|every|each|both|the|an?|my|our|their|his|her|this|that|these|those|everybody|everyone
          |him|it|them|\d+|two|three|four|five|six|ten|a\s+dozen)\b (?!\s+(?:\w+\s+)?(?:{_SHOWN})s?\b)
      | (?:send|forward|e-?mail|mail|grant|assign|give)\s+(?!me\b|us\b)(?:\w+\s+){{1,3}}
          to\s+(?:all|every|each|the|our|my)\b
      | (?:assign|book|call|contact|enroll?|register|remind|reserve|subscribe|transfer)\s+me\b
      | (?:set\s+up|translate|write|compose)\s+(?:a|an|the|this|some|['"“‘])
          (?!\s*(?:\w+\s+)?(?:{_SHOWN}|sql)\b)
      | mark\s+(?:\w+\s+){{1,8}}as\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_POLITE = r"\W*(?:please\s+)?"
_TO_SOMEBODY = re.compile(rf"^{_POLITE}(?i:{_DEEDS})\s+(?P<name>[A-Z][a-z]+)(?:['’]s)?\s+[a-z]")
"""A command whose verb does something to somebody or something; "email domains by country" is none."""

_VERDICT = re.compile(
    r"""^\W*(?:and\s+|so\s+)?(?:should|shall|ought)\s+(?!be\b|have\b|include\b|show\b)\w+
      | \b(?:do|would)\s+you\s+(?:think|recommend|suggest|advise|believe)\b
      | \b(?:is|are|was|would)\s+(?:it|this|that|they)\s+(?:be\s+)?
          (?:worth|wise|sensible|smart|advisable|a\s+good\s+idea)\b
      | \bwhat\s+(?:do|can|could|must)\s+(?:we|i)\s+do\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
_ADVICE = re.compile(
    r"""\b(?:what|which|who|whom|where|when|how)\b.*\bshould\s+(?:we|i|one)\s+(?!expect\b)(?P<verb>[a-z]+)
      | \bhow\s+(?:can|could|do|might)\s+(?:we|i|one)\s+(?:best\s+|better\s+)?
        (?P<way>improve|increase|reduce|grow|boost|lower|cut|avoid|prevent|attract|retain|keep|win|convince|motivate
          |become|achieve|optimi[sz]e|save|sell|speed|strengthen|fix|solve)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)

_WHY = re.compile(r"^\W*(?:and\s+|so\s+|but\s+)?why\s+(?!not\b)\w", re.IGNORECASE)
_GIVEN_REASONS = (
    "reason",
    "cause",
    "comment",
    "remark",
    "note",
    "feedback",
    "complaint",
    "review",
    "explanation",
    "diagnosis",
    "survey",
)
"""Where a schema has one of these, somebody may have written down why."""

_FORESEEN = ("forecast", "predicted")
_EXPECTED = ("estimated", "expected")
"""Where a schema has one of these, what is to come is in the data."""
_PREDICTED = re.compile(
    r"\b(?:predict|forecast|foresee|extrapolat)\w*|\b(?:should|can|could|may|do)\s+(?:we|i|you)\s+expect\b",
    re.IGNORECASE,
)
_TO_COME = re.compile(r"\bwill\b|\bgoing\s+to\b|\blikely\s+to\b", re.IGNORECASE)
_LATER = re.compile(
    r"""\b(?:next|coming|upcoming)\s+(?:\w+\s+)?(?:day|week|month|quarter|year|season|spring|summer|autumn|fall|winter
          |decade|(?:mon|tues|wednes|thurs|fri|satur|sun)day)s?\b
      | \btomorrow\b | \bsoon\b | \bin\s+(?:the\s+)?future\b | \bby\s+the\s+end\s+of\b | \bfrom\s+now\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
_ARRANGED = frozenset(
    map(
        stem,
        listed(
            """
            due expire expiry renew renewal end scheduled schedule plan booked booking reserved reservation
            start begin arrive arrival depart departure deliver delivery ship shipment mature maturity valid
            retire appointment event class course session shift flight trip visit meeting lease contract
            deadline birthday anniversary
            """
        ),
    )
)
"""What a database may know of the future, since somebody has arranged it."""
