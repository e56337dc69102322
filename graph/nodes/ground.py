"""ground: choose what prompts show of the schema."""

from collections.abc import Iterable, Iterator

from sqlglot.errors import SqlglotError

from graph.context.linker import link
from graph.lint.scopes import resolve
from graph.nodes.standalone import standalone_question
from graph.nodes.work import Work
from graph.parsing import parsed_one
from graph.record import Turn
from graph.state import State, Update, meant
from wire.snapshot import SchemaSnapshot


async def ground(state: State, work: Work) -> Update:
    """Cut the schema to the tables that the question seems to need, and those of the turn before."""
    settings = work.ports.settings
    snapshot = await work.snapshot()
    update: Update = {"tables": None}
    if state["standalone"] is None and not state["attempts"]:
        update["standalone"] = await standalone_question(state, work)
    question = update.get("standalone") or meant(state)
    if "prune" not in settings.without and len(snapshot.listed) > settings.prune_tables_above:
        asked = " ".join([*(turn.question for turn in state["history"][-1:]), question])
        notes = "" if "linked_notes" in settings.without else " ".join(state["notes"])
        linked = link(asked, snapshot, notes=notes, keep=set(tables_of(state["history"][-1:], snapshot)))
        if len(linked.tables) < len(snapshot.listed):
            update["tables"] = linked.names
    lines = await work.ports.knowledge.glossary(question)
    update["notes"] = [*state["notes"], *lines]
    shown = len(snapshot.listed) if update["tables"] is None else len(update["tables"])
    work.detail = f"{shown} of {len(snapshot.listed)} tables"
    return update


def tables_of(turns: Iterable[Turn], snapshot: SchemaSnapshot) -> Iterator[str]:
    """``schema.table`` of the tables that the turns' queries read."""
    for turn in turns:
        try:
            tree = parsed_one(turn.sql)
        except (SqlglotError, RecursionError):
            continue
        for ref in resolve(tree, snapshot).tables:
            if ref.table is not None:
                yield ref.table.qualified_name
