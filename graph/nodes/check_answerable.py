"""check_answerable: say no before any model is asked, when the question is plainly about something else."""

from graph.checks.constant_answer import constant_answer
from graph.checks.invented_concept import invented_concepts
from graph.context.coverage import Coverage, coverage, is_english, vocabulary_of
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
    """What a draft gives away about the question: a sentence instead of a query, or a made-up column for a
    word that the schema does not know. None for an ordinary draft."""
    without = work.ports.settings.without
    if "constant_answer" not in without and (said := constant_answer(sql)) is not None:
        return Refusal(
            reason="not_in_data",
            message=said,
            hint="The language model sees nothing in this database that answers it.",
        )
    if "invented_concept" in without or (covered := await _coverage(state, work)) is None:
        return None
    snapshot = await work.snapshot()
    made_up = invented_concepts(sql, snapshot, covered.missing)
    return _refusal(made_up, snapshot) if made_up else None


async def _coverage(state: State, work: Work) -> Coverage | None:
    """What the schema knows of the question; None for follow-ups and for languages that it cannot judge."""
    question = state["question"]
    if state["history"] or not is_english(question):
        return None
    glossary = await work.ports.knowledge.glossary(question)
    return coverage(question, vocabulary_of(await work.snapshot(), glossary))


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
