"""load_schema: take the question in, and see what may be read."""

from graph.errors import NothingReadable, QuestionRejected
from graph.nodes.work import Work
from graph.state import State, Update

MAX_QUESTION_CHARACTERS = 8_000
"""Longer ones are documents, not questions, and would push the schema out of a small model's context."""


async def load_schema(state: State, work: Work) -> Update:
    """Check the question's size and fetch the snapshot."""
    question = state["question"]
    if not question.strip():
        raise QuestionRejected("The question is empty.", "Type what you want to know.")
    if len(question) > MAX_QUESTION_CHARACTERS:
        raise QuestionRejected(
            f"The question has {len(question):,} characters; {MAX_QUESTION_CHARACTERS:,} are the most.",
            "Ask for one thing in a few sentences.",
        )
    snapshot = await work.snapshot()
    if not snapshot.tables:
        raise NothingReadable(
            "The agent shows no table of this database.",
            "Its owner's policy must allow at least one, and its role must be granted SELECT on it.",
        )
    count = len(snapshot.listed)
    work.detail = f"{count} table{'s' if count != 1 else ''}"
    notes = [work.ports.instructions.strip()] if work.ports.instructions.strip() else []
    return {"fingerprint": snapshot.fingerprint, "tables": None, "notes": notes}
