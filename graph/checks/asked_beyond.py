"""What no table holds, however its columns are called: a deed, a judgement, a cause, the future.

A small model answers such a question with whatever is near: asked to send reminders it lists invoices, asked
for next year's revenue it adds up this year's. How it is put gives such a question away.
"""

import re
from typing import Literal

from graph.checks.asked_deed import asks_for_deed
from graph.checks.asked_future import asks_for_the_future
from graph.context.coverage import Vocabulary
from graph.context.gloss import states_what_is_meant

Beyond = Literal["action", "judgement", "cause", "future"]


def asked_beyond(question: str, vocabulary: Vocabulary, year: int) -> Beyond | None:
    """What the question asks for beyond the data; None for one that data may answer.

    Args:
        question: as asked, in English, on its own: "remove the cancelled ones" after another is no deed.
        vocabulary: the snapshot's words. Where it knows forecasts or due dates, these may be asked for.
        year: the present one.
    """
    if asks_for_deed(question, vocabulary):
        return "action"
    if _VERDICT.search(question) or _asks_for_advice(question, vocabulary):
        return "judgement"
    if _WHY.search(question) and not any(map(vocabulary.knows, _GIVEN_REASONS)):
        return "cause"
    return "future" if asks_for_the_future(question, vocabulary, year) else None


def _asks_for_advice(question: str, vocabulary: Vocabulary) -> bool:
    """*Which shelf should we use* is; *which products should we reorder* is not where a column says so."""
    # Whoever says by what to choose asks what there is; how to improve is asked of no table all the same.
    chosen = states_what_is_meant(question) or _CRITERION.search(question) is not None
    if _OPINION.search(question) and not chosen:
        return True
    found = _ADVICE.search(question)
    if found is not None and found["verb"] and chosen:
        return False
    return found is not None and not vocabulary.knows((found["verb"] or found["way"]).lower())


_VERDICT = re.compile(
    r"""^\W*(?:and\s+|so\s+)?(?:should|shall|ought)\s+(?!be\b|have\b|include\b|show\b)\w+
      | \b(?:is|are|was|would)\s+(?:it|this|that|they)\s+(?:be\s+)?
          (?:worth(?!\s+(?:knowing|noting|mentioning|seeing)\b)|wise|sensible|smart|advisable|a\s+good\s+idea)\b
      | \bwhat\s+(?:do|can|could|must)\s+(?:we|i)\s+do\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
_OPINION = re.compile(r"\b(?:do|would)\s+you\s+(?:think|recommend|suggest|advise|believe)\b", re.IGNORECASE)
_ADVICE = re.compile(
    r"""\b(?:what|which|who|whom|where|when|how)\b.*\bshould\s+(?:we|i|one)\s+(?!expect\b)
        (?!have\s+(?:\w+ed|been|had|got|heard|seen|sold|paid|sent|met|made)\b)(?P<verb>[a-z]+)
      | \bhow\s+(?:can|could|do|might)\s+(?:we|i|one)\s+(?:best\s+|better\s+)?
        (?P<way>improve|increase|reduce|grow|boost|lower|cut|avoid|prevent|attract|retain|keep|win|convince|motivate
          |become|achieve|optimi[sz]e|save|sell|speed|strengthen|fix|solve)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)

_CRITERION = re.compile(
    r"""\b(?:
        to\s+(?:arrive|get\s+there|land)\b | if\s+it\s+must
      | (?:with|rated)\s+(?:at\s+least|above|over|below|under
          |an?\s+(?:\w+\s+)?(?:rating|score|price)\s+(?:of|above))
      | \w+\s+(?:stars?|points?)\s+or\s+(?:more|better|less)
      | (?:(?:most|least|best)\s+\w+|highest|lowest|cheapest|nearest|newest|oldest)\s+first
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)
"""By what to choose: *which flight should I take to arrive before noon*."""

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
