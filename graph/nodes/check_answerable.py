"""check_answerable: say no, or ask back, before any model is asked: when the question is plainly about
something else, or can be meant in several ways."""

import re
from collections.abc import Callable

from graph.checks.asked_beyond import Beyond, asked_beyond
from graph.checks.asked_write import asked_write
from graph.checks.constant_answer import constant_answer
from graph.checks.copied_name import copied_names
from graph.checks.dropped_name import dropped_names
from graph.checks.invented_concept import invented_concepts
from graph.checks.unclear import unclear
from graph.checks.unheld_name import sought_names
from graph.checks.unheld_word import unheld_words
from graph.checks.unknown_thing import unknown_things
from graph.checks.unsound_draft import unsound_draft
from graph.context.coverage import CAUTION_BELOW, Coverage, Vocabulary, coverage, is_english, vocabulary_of
from graph.nodes.work import Work
from graph.record import Refusal
from graph.state import State, Update, meant
from wire.snapshot import SchemaSnapshot

UNKNOWN_THING = "unknown_thing"
"""Switches off refusing what neither schema nor values have a word for."""
SHOWN_TABLES = 5
"""Tables named in the hint of a refusal."""
SHOWN_WORDS = 4
UNCLEAR = "unclear"
"""Switches off asking back."""
ASKED_BEYOND = "asked_beyond"
"""Switches off looking for deeds, opinions, causes, the future and the like in how a question is put."""
DROPPED_NAME = "dropped_name"
"""Switches off looking for names that a query has left out."""


async def check_answerable(state: State, work: Work) -> Update:
    """Refuse what no data answers, and when the schema has hardly a word of the question; ask back where it
    names nothing, or judges by nothing."""
    if (beyond := await _beyond(state, work)) is not None:
        work.detail = "not a question about data"
        return {"refusal": beyond}
    covered = await _coverage(state, work)
    if covered is None:
        work.detail = "not judged by its words"
        return {}
    # What is said beside the question may settle it.
    if UNCLEAR not in work.ports.settings.without and not state["notes"]:
        vocabulary = await _vocabulary(state["question"], work)
        asked = unclear(state["question"], covered, vocabulary, await work.snapshot())
        if asked is not None:
            work.detail = "can be meant in several ways"
            return {"clarification": asked}
    if not covered.refuses or names_columns(" ".join(state["notes"]), await work.snapshot()):
        total = len(covered.found) + len(covered.missing)
        work.detail = f"{len(covered.found)} of {total} words found"
        return {}
    work.detail = "not in this data"
    return {"refusal": _refusal(covered.missing, await work.snapshot())}


def names_columns(notes: str, snapshot: SchemaSnapshot) -> bool:
    """Whether what is said beside the question names a column as no word is written: ``display_name``.

    Somebody who knows the database has then said how the question is answered.
    """
    written = {word.lower() for word in _NAMES.findall(notes)}
    return any(column.name.lower() in written for table in snapshot.tables for column in table.columns)


_NAMES = re.compile(r"\b[A-Za-z]+(?:_\w+|[a-z][A-Z]\w*)")


async def refusal_in(sql: str, state: State, work: Work) -> Refusal | None:
    """What a first draft gives away about the question: a sentence instead of a query, a change, or that it
    only pretends to know a word which the schema does not. None for an ordinary draft."""
    without = work.ports.settings.without
    if "constant_answer" not in without and (said := constant_answer(sql)) is not None:
        return Refusal(
            reason="not_in_data",
            message=said,
            hint="The language model sees nothing in this database that answers it.",
        )
    question = meant(state)
    if "asked_write" not in without and asked_write(sql, question):
        return Refusal(
            reason="not_permitted",
            message="Data can be read here, not changed.",
            hint="Ask what is in the data; to change it, use the application that owns it.",
        )
    if (pretended := await refusal_in_repair(sql, state, work)) is not None:
        return pretended
    if (state["history"] and state["standalone"] is None) or not is_english(question):
        return None
    snapshot = await work.snapshot()
    vocabulary = await _vocabulary(question, work)
    covered = coverage(question, vocabulary)
    missing = covered.missing
    if "unsound_draft" not in without:
        unsound = unsound_draft(sql, snapshot, covered, question, without=without)
        if unsound:
            return _refusal(unsound, snapshot)
    # A name alone may be whom the database belongs to; beside other unknown words, or where nothing else is
    # known, it is the subject.
    if (missing and not covered.terse) or not covered.found:
        dropped = await dropped_in(sql, state, work)
        unknown = [*dropped, *missing]
        if dropped and len(covered.found) <= CAUTION_BELOW * (len(covered.found) + len(unknown)):
            return _refusal(unknown, snapshot)
    if (
        "unheld_name" not in without
        and covered.needs_a_sound_draft
        and (sought := sought_names(sql, question))
    ):
        held = await _held(sought, work)
        if held is not None and not any(name in held for name in sought):
            return _refusal([*sought, *(word for word in missing if word not in sought)], snapshot)
    return None


async def refusal_in_repair(sql: str, state: State, work: Work) -> Refusal | None:
    """What any query gives away, a repaired one too: a column made up for a word that the schema does not
    know, another one shown under its name, or no trace of it.

    A repair that holds nothing else against it is tried: a later one may do better.
    """
    without, question = work.ports.settings.without, meant(state)
    if (state["history"] and state["standalone"] is None) or not is_english(question):
        return None
    snapshot = await work.snapshot()
    vocabulary = await _vocabulary(question, work)
    covered = coverage(question, vocabulary)
    # What only resembles a word of some value is not there when the query has to make it up.
    missing = (*covered.missing, *covered.chance)
    checks: dict[str, Callable[[], list[str]]] = {
        "invented_concept": lambda: invented_concepts(sql, snapshot, missing),
        "unheld_word": lambda: unheld_words(sql, snapshot, missing, question, without=without),
        "copied_name": lambda: copied_names(sql, snapshot, vocabulary, question, without=without),
    }
    for name, look in checks.items():
        if name not in without and (unfound := look()):
            return _refusal(unfound, snapshot)
    if UNKNOWN_THING not in without:
        things = unknown_things(sql, covered, " ".join(state["notes"]))
        # Unless the values say so, a word in lower case may be one of them: "hotels in new york".
        held = await _held(things, work) if things else None
        if held is not None and (unknown := [thing for thing in things if thing not in held]):
            return _refusal(unknown, snapshot)
    return None


async def _held(words: list[str], work: Work) -> str | None:
    """What the values hold of these words, in lower case; None where they may not be looked at, or are not
    read yet."""
    if work.ports.share.model == "schema":
        return None
    found = await work.ports.database.lookup(" ".join(f"'{word}'" for word in words), most=len(words))
    if found is None or not found.ready:
        return None
    return " ".join(f"{one.value.lower()} {one.phrase}" for one in found.found)


async def dropped_in(sql: str, state: State, work: Work) -> list[str]:
    """Names of the question that the query has left out and that neither schema nor values know."""
    question = meant(state)
    if DROPPED_NAME in work.ports.settings.without or (state["history"] and state["standalone"] is None):
        return []
    if not is_english(question):
        return []
    names = dropped_names(sql, await _vocabulary(question, work), question, " ".join(state["notes"]))
    held = (await _held(names, work) if names else None) or ""
    return [name for name in names if name.lower() not in held]


async def _vocabulary(question: str, work: Work) -> Vocabulary:
    glossary = await work.ports.knowledge.glossary(question)
    return vocabulary_of(await work.snapshot(), glossary)


async def _beyond(state: State, work: Work) -> Refusal | None:
    """The refusal of what is beyond the data: a deed, a cause. A follow-up is taken for a question."""
    question = state["question"]
    if state["history"] or ASKED_BEYOND in work.ports.settings.without:
        return None
    snapshot = await work.snapshot()
    beyond = asked_beyond(question, await _vocabulary(question, work), snapshot)
    return None if beyond is None else _BEYOND[beyond]


_BEYOND: dict[Beyond, Refusal] = {
    "action": Refusal(
        reason="not_permitted",
        message="Data can be read here; nothing is changed, sent or arranged.",
        hint="Ask which rows it would concern, and do it in the application that owns them.",
    ),
    "judgement": Refusal(
        reason="not_a_question",
        message="Data can show what is and was, not what should be done.",
        hint="Ask for the figures by which you would decide.",
    ),
    "opinion": Refusal(
        reason="not_in_data",
        message="This database holds what happened; nothing in it says what people think of it.",
        hint="Ask for figures that would show it.",
    ),
    "cause": Refusal(
        reason="not_in_data",
        message="This database holds what happened; nothing in it says why.",
        hint="Ask how often it happened, or how it goes together with something that is in the data.",
    ),
    "future": Refusal(
        reason="not_in_data",
        message="This database holds what has happened, not what will.",
        hint="Ask for the past figures that an estimate would rest on.",
    ),
    "past": Refusal(
        reason="not_in_data",
        message="This database holds how things are now, not how they were.",
        hint="Ask how it is now, or for what happened at that time.",
    ),
}


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
