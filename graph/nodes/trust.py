"""How far a result of this run can be trusted, by what the database knows of the question's words."""

from collections.abc import Sequence

from graph.checks.unsaid_word import unsaid_words
from graph.confidence import confidence
from graph.context.coverage import Coverage, coverage, is_english, vocabulary_of
from graph.nodes.work import Work
from graph.record import Attempt, Confidence
from graph.state import State
from wire.outcome import Rows


async def trust(
    state: State,
    work: Work,
    attempts: Sequence[Attempt],
    rows: Rows,
    *,
    agreement: tuple[int, int] | None = None,
    dropped: Sequence[str] = (),
) -> Confidence:
    """The confidence in ``rows``, which the last of some attempts gave.

    Args:
        agreement: of how many further drafts how many gave the same result: (agreeing, drafted).
        dropped: names of the question that the query has left out.
    """
    covered = await _covered(state, work)
    unsaid: list[str] = []
    if covered is not None and "unsaid_word" not in work.ports.settings.without:
        unsaid = unsaid_words(attempts[-1].sql, await work.snapshot(), state["question"])
    surprisal = None if "surprisal" in work.ports.settings.without else state["surprisal"]
    return confidence(attempts, rows, covered, agreement, unsaid, dropped, surprisal)


async def _covered(state: State, work: Work) -> Coverage | None:
    """What the database knows of the question's words; None where words alone cannot tell (see coverage)."""
    question = state["question"]
    if state["history"] or not is_english(question):
        return None
    glossary = await work.ports.knowledge.glossary(question)
    return coverage(question, vocabulary_of(await work.snapshot(), glossary))
