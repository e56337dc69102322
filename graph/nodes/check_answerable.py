"""check_answerable: say no before any model is asked, when the question is plainly about something else."""

from collections.abc import Callable

from graph.checks.constant_answer import constant_answer
from graph.checks.copied_name import copied_names
from graph.checks.invented_concept import invented_concepts
from graph.checks.unheld_word import unheld_words
from graph.context.coverage import Coverage, Vocabulary, coverage, is_english, vocabulary_of
from graph.nodes.work import Work
from graph.record import Refusal
from graph.state import State, Update
from wire.snapshot import SchemaSnapshot

SHOWN_TABLES = 5
"""Tables named in the hint of a refusal."""
SHOWN_WORDS = 4


async def check_answerable(state: State, work: Work) -> Update:
    """Refuse when the schema has hardly a word of the question."""
    covered = await _coverage(state, work)
    if covered is None:
        work.detail = "not judged by its words"
        return {}
    if not covered.refuses:
        total = len(covered.found) + len(covered.missing)
        work.detail = f"{len(covered.found)} of {total} words found"
        return {}
    work.detail = "not in this data"
    return {"refusal": _refusal(covered.missing, await work.snapshot())}


async def refusal_in(sql: str, state: State, work: Work) -> Refusal | None:
    """What a draft gives away about the question: a sentence instead of a query, or that it only pretends to
    know a word which the schema does not. None for an ordinary draft."""
    without = work.ports.settings.without
    if "constant_answer" not in without and (said := constant_answer(sql)) is not None:
        return Refusal(
            reason="not_in_data",
            message=said,
            hint="The language model sees nothing in this database that answers it.",
        )
    question = state["question"]
    if state["history"] or not is_english(question):
        return None
    snapshot = await work.snapshot()
    vocabulary = await _vocabulary(question, work)
    missing = coverage(question, vocabulary).missing
    checks: dict[str, Callable[[], list[str]]] = {
        "invented_concept": lambda: invented_concepts(sql, snapshot, missing),
        "unheld_word": lambda: unheld_words(sql, snapshot, missing, question, without=without),
        "copied_name": lambda: copied_names(sql, snapshot, vocabulary, question, without=without),
    }
    for name, look in checks.items():
        if name not in without and (unfound := look()):
            return _refusal(unfound, snapshot)
    return None


async def _vocabulary(question: str, work: Work) -> Vocabulary:
    glossary = await work.ports.knowledge.glossary(question)
    return vocabulary_of(await work.snapshot(), glossary)


async def _coverage(state: State, work: Work) -> Coverage | None:
    """What the schema knows of the question; None for follow-ups and for languages that it cannot judge."""
    question = state["question"]
    if state["history"] or not is_english(question):
        return None
    return coverage(question, await _vocabulary(question, work))


def _refusal(missing: tuple[str, ...] | list[str], snapshot: SchemaSnapshot) -> Refusal:
    words = [f"“{word}”" for word in missing[:SHOWN_WORDS]]
    about = " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
    tables = ", ".join(table.name for table in snapshot.listed[:SHOWN_TABLES])
    more = ", …" if len(snapshot.listed) > SHOWN_TABLES else ""
    return Refusal(
        reason="not_in_data",
        message=f"I find nothing about {about} in this database.",
        hint=f"It holds {tables}{more}. Ask about these, or use the names that they have here.",
        missing=list(missing),
    )
