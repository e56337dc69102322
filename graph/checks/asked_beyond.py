"""What no table holds, however its columns are called: a deed, a judgement, an opinion, a cause, the future,
a past that was written over.

A small model answers such a question with whatever is near: asked to send reminders it lists invoices, asked
for next year's revenue it adds up this year's. How it is put gives such a question away.
"""

import re
from typing import Literal

from graph.checks.asked_deed import asks_for_deed
from graph.checks.asked_future import asks_for_the_future
from graph.checks.lost_past import asks_for_lost_past
from graph.checks.named_tables import holds, holds_about
from graph.context.coverage import Vocabulary
from graph.context.gloss import states_what_is_meant
from graph.context.words import listed
from wire.snapshot import SchemaSnapshot

Beyond = Literal["action", "judgement", "opinion", "cause", "future", "past"]


def asked_beyond(question: str, vocabulary: Vocabulary, snapshot: SchemaSnapshot) -> Beyond | None:
    """What the question asks for beyond the data; None for one that data may answer.

    Args:
        question: as asked, in English, on its own: "remove the cancelled ones" after another is no deed.
        vocabulary: the snapshot's words. Where it knows forecasts or due dates, these may be asked for.
        snapshot: its tables, and the present year.
    """
    if asks_for_deed(question, vocabulary):
        return "action"
    if _VERDICT.search(question) or _asks_for_advice(question, vocabulary):
        return "judgement"
    if _asks_for_opinion(question, vocabulary, snapshot):
        return "opinion"
    if _WHY.search(question) and not _may_tell(question, vocabulary, snapshot, _GIVEN_REASONS):
        return "cause"
    if asks_for_the_future(question, vocabulary, snapshot.taken_at.year):
        return "future"
    return "past" if asks_for_lost_past(question, vocabulary, snapshot) else None


def _asks_for_opinion(question: str, vocabulary: Vocabulary, snapshot: SchemaSnapshot) -> bool:
    """What people feel, or do well: *are our employees happy with their managers*, unless they were asked."""
    found = _FEELING.search(question)
    if found is not None and vocabulary.says((found["feeling"] or found["felt"]).lower()):
        return False
    if found is None and _DO_BETTER.search(question) is None:
        return False
    return not _may_tell(question, vocabulary, snapshot, _GIVEN_OPINIONS)


def _may_tell(question: str, vocabulary: Vocabulary, snapshot: SchemaSnapshot, kinds: frozenset[str]) -> bool:
    """Whether somebody may have written it down: in a table that the question has to do with, in any where
    names are short, or where only the glossary has a word of it."""
    if holds_about(question, snapshot, kinds):
        return True
    somewhere = any(holds(table, kinds) for table in snapshot.tables)
    return any(map(vocabulary.says, kinds)) and (vocabulary.terse or not somewhere)


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

_WHY = re.compile(
    r"""^\W*(?:and\s+|so\s+|but\s+)?(?:
        why\s+(?!not\b)\w
      | what\s+(?:causes|caused|makes|explains|drives)\s+
          (?!(?:of|and|or|in|on|for|with|by|at|up|are|is|was|were|do|does|did|have|has|had|can|could)\b
            |it\s+(?:in)?to\b|the\s+(?:cut|list|most)\b)\w
      | what\s+(?:is|are|was|were)\s+behind\s+\w | what\s+led\s+to\s+\w
      | what\s+(?:is|are|was|were)\s+the\s+(?:\w+\s+){0,2}?(?:cause|reason|explanation)s?\s+
          (?:of|for|why|behind)\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_GIVEN_REASONS = listed(
    "reason cause comment remark note feedback complaint review explanation diagnosis survey why"
)
"""Where a table has one of these, somebody may have written down why."""
_FEELING = re.compile(
    r"""^\W*(?:and\s+|so\s+)?(?:how\s+)?(?:(?:are|is|were|was|do|does|did)\s+
          (?:(?!who\b|which\b|that\b|there\b|whose\b)[\w'’-]+\s+){1,5}?(?:feel\s+)?
          (?P<feeling>(?:un)?happy|(?:dis|un)?satisfied|proud|(?:de|un)?motivated|(?:dis)?pleased)
        | (?P<felt>happy|satisfied|proud|motivated|pleased)\s+(?:are|is|were|was)\b.*)
        (?:\s+(?:with|about|of|by|at|to)\b.*)?\s*[?.!]*$
    """,
    re.IGNORECASE | re.VERBOSE,
)
_DO_BETTER = re.compile(
    r"""^\W*(?:and\s+|so\s+)?what\s+(?:do|does|did|are|is|were|was)\s+
        (?:(?!who\b|which\b|that\b|whose\b)[\w'’-]+\s+){1,4}?
        (?:do|doing)\s+(?:so\s+|much\s+)?(?:better|worse|well|wrong|right|badly)
        (?:\s+than\b.*)?\s*[?.!]*$
    """,
    re.IGNORECASE | re.VERBOSE,
)
_GIVEN_OPINIONS = listed(
    """
    appraisal assessment comment complaint csat engagement evaluation feedback feeling grade happiness like
    mood motivation note nps opinion poll questionnaire rating remark response review satisfaction score
    sentiment star survey vote
    """
)
"""Where a table has one of these, people may have been asked."""
