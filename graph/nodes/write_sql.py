"""draft_sql and repair_sql: the two steps in which the model writes SQL."""

from collections.abc import Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal

from graph.errors import ModelError, ModelGaveNoSql
from graph.events import Drafted, Repaired, SqlDelta
from graph.model import SQL_STOPS, Reply, Token
from graph.nodes.check_answerable import refusal_in, refusal_in_repair
from graph.nodes.problem import first_words, misnamed, problem_text
from graph.nodes.work import Work, last_attempt
from graph.record import Attempt, Problem, Refusal, Turn
from graph.schema_text import schema_text
from graph.sql_text import SqlReader
from graph.state import State, Update, meant
from prompts import Prompt, frame, render
from wire.outcome import Rows
from wire.snapshot import SchemaSnapshot

SHOWN_TURNS = 3
"""Earlier turns of the thread that a prompt carries, the latest ones."""
RETRY_TEMPERATURE = 0.8
"""For a second reply when the first repeats a query that is known not to work: at 0 it would come again."""


async def draft_sql(state: State, work: Work) -> Update:
    """Have the first query written."""
    snapshot = await work.snapshot()
    written = await write(work, draft_prompt(state, work, snapshot), number=1)
    if (missing := written.cannot_answer) is not None and "cannot_answer" not in work.ports.settings.without:
        work.detail = "not in this data"
        return {"refusal": _not_in_data(missing)}
    if not (sql := written.sql):
        raise _no_sql()
    if (refusal := await refusal_in(sql, state, work)) is not None:
        work.detail = "not in this data"
        return {"refusal": refusal}
    work.emit(Drafted(**work.fact(), attempt=1, sql=sql, standalone_question=state["standalone"]))
    return {"attempts": [Attempt(number=1, sql=sql)], "surprisal": written.surprisal}


async def repair_sql(state: State, work: Work) -> Update:
    """Have the last attempt corrected from what lint or the database said of it."""
    snapshot = await work.snapshot()
    last = last_attempt(state)
    if misnamed(last):
        # What it looks for may be in a table that pruning left out.
        state = {**state, "tables": None}
    number = last.number + 1
    known = {same_text(attempt.sql) for attempt in state["attempts"]}
    sql, surprisal = "", None
    try:
        for prompt, temperature in _ways_to_repair(state, work, snapshot):
            written = await write(work, prompt, number, temperature, label="repair_sql", seed=number)
            sql, surprisal = written.sql, written.surprisal
            if sql and same_text(sql) not in known:
                break
        else:
            if isinstance(last.outcome, Rows):
                work.detail = "no other query came"
                return {"again": 0}
            if not sql:
                raise _no_sql()
            work.detail = "the same query came back"
            return {"problem": sql_failed(state)}
    except ModelError as error:
        if not isinstance(last.outcome, Rows):
            raise
        # The result that looked odd is still a result: it is told, with its caution.
        work.detail = str(error)
        return {"again": 0}
    if (refusal := await refusal_in_repair(sql, state, work)) is not None:
        work.detail = "not in this data"
        # A result that only looked odd is still one.
        return {"again": 0} if isinstance(last.outcome, Rows) else {"refusal": refusal}
    reason = first_words(last)
    work.detail = reason
    work.emit(Repaired(**work.fact(), attempt=number, sql=sql, reason=reason))
    attempt = Attempt(number=number, sql=sql, origin="repair")
    return {
        "attempts": [*state["attempts"], attempt],
        "tables": state["tables"],
        "surprisal": surprisal,
    }


def draft_prompt(state: State, work: Work, snapshot: SchemaSnapshot) -> Prompt:
    """The prompt of a first draft."""
    return render("draft", **_given(state, work, snapshot))


def _ways_to_repair(
    state: State, work: Work, snapshot: SchemaSnapshot
) -> Iterator[tuple[Prompt, float | None]]:
    """Prompts, with their temperature, to be tried until one gives a query that has not been tried.

    Repairs take turns: one shows the query with what is wrong with it, the next drafts anew. A small model
    that is shown its own mistake tends to repeat it.
    """
    last = last_attempt(state)
    given = _given(state, work, snapshot)
    repair = render(
        "repair",
        **given,
        tried=frame("tried", "\n\n".join(f"{attempt.sql};" for attempt in state["attempts"][:-1])),
        query=frame("query", f"{last.sql};"),
        problem=frame("problem", problem_text(last, snapshot)),
    )
    anew = render("draft", **given)
    repairs = sum(attempt.origin == "repair" for attempt in state["attempts"])
    if "redraft" in work.ports.settings.without or repairs % 2 == 0:
        yield repair, None
        # What comes back unchanged at 0 seldom changes for the better at a higher temperature.
        yield (repair if "redraft" in work.ports.settings.without else anew), RETRY_TEMPERATURE
    else:
        yield anew, RETRY_TEMPERATURE
        yield repair, RETRY_TEMPERATURE


def same_text(sql: str) -> str:
    """A query's text without what cannot change its meaning: white space outside quotes, a last semicolon."""
    parts: list[str] = []
    for place, part in enumerate(sql.strip().rstrip(";").split("'")):
        parts.append(part if place % 2 else " ".join(part.lower().split()) if '"' not in part else part)
    return "'".join(parts)


def sql_failed(state: State) -> Problem:
    """No attempt works, and none is left: the last thing that was said of them."""
    last = last_attempt(state)
    count = len(state["attempts"])
    tried = f"{count} attempts" if count > 1 else "1 attempt"
    hint = "Ask in other words, name the table or column you mean, or take the SQL and mend it yourself."
    return Problem(
        code="sql_failed", message=f"No query worked in {tried}. The last: {first_words(last)}", hint=hint
    )


def _given(state: State, work: Work, snapshot: SchemaSnapshot) -> dict[str, str]:
    """What draft and repair prompts share, in the order that keeps prompt caches warm."""
    settings = work.ports.settings
    schema = schema_text(
        snapshot,
        tables=state["tables"],
        token_budget=settings.schema_token_budget,
        short_names="short_names" not in settings.without,
    )
    return {
        "schema": frame("schema", schema),
        "notes": frame("notes", "\n".join(state["notes"])),
        "earlier": frame("earlier", "\n\n".join(_turn(turn) for turn in state["history"][-SHOWN_TURNS:])),
        "question": frame("question", meant(state)),
    }


def _turn(turn: Turn) -> str:
    return f"Asked: {turn.question}\nQuery: {turn.sql or '(none)'}"


@dataclass(frozen=True, slots=True)
class Written:
    """What came of asking for one query."""

    sql: str
    """Without fence, semicolon or prose; ``""`` when there is none."""
    cannot_answer: str | None
    """What the model says is missing when it declares that it cannot answer."""
    surprisal: float | None
    """See ``surprisal``; None where the server tells nothing."""


async def write(
    work: Work,
    prompt: Prompt,
    number: int,
    temperature: float | None = None,
    label: Literal["draft_sql", "repair_sql"] = "draft_sql",
    *,
    seed: int | None = None,
    silent: bool = False,
) -> Written:
    """Stream one query from the model; a second time without stop sequences when they cut it short.

    Args:
        number: of the attempt that the pieces are told of.
        seed: for a temperature above 0; None keeps the model's own.
        silent: whether the pieces are kept to ourselves, as those of a candidate.
    """
    settings = work.ports.settings
    for stop in (SQL_STOPS, []):
        reader = SqlReader()
        reply = Reply(
            work.ports.model,
            prompt,
            max_tokens=settings.max_tokens_sql,
            seconds=settings.model_seconds,
            name=f"{label}.model",
            temperature=temperature,
            stop=list(stop),
            seed=seed if temperature else None,
            weighed=True,
        )
        try:
            async with aclosing(reply.pieces()) as pieces:
                async for piece in pieces:
                    if (fresh := reader.feed(piece)) and not silent:
                        work.emit(SqlDelta(**work.fact(), attempt=number, text=fresh))
        finally:
            work.usage = work.usage.plus(reply.usage)
        if (rest := reader.rest()) and not silent:
            work.emit(SqlDelta(**work.fact(), attempt=number, text=rest))
        # What went on to the last token allowed was cut by that, and would be again.
        if not stop or not reader.cut_short or reply.usage.output_tokens >= settings.max_tokens_sql:
            break
    return Written(reader.sql(), reader.cannot_answer, surprisal(reply.tokens))


def surprisal(tokens: Sequence[Token]) -> float | None:
    """How unlikely the model found its own query, in nats: the sum of its tokens' surprisals (Shannon 1948).

    Little for what it would write again, much for what it has chosen among others. How a reply begins and is
    fenced does not count: that is the form, not the query. None for no tokens.
    """
    told = [token for token in tokens if token.text.strip() not in _FORM]
    return round(-sum(min(token.logprob, 0.0) for token in told[1:]), 3) if len(told) > 1 else None


_FORM = frozenset({"", "`", "``", "```", "sql"})


def _no_sql() -> ModelGaveNoSql:
    return ModelGaveNoSql(
        "The language model's reply holds no SQL.",
        "Ask in other words; if it happens often, this model is too weak for the task.",
    )


def _not_in_data(missing: str) -> Refusal:
    about = f": {missing}" if missing else ""
    return Refusal(
        reason="not_in_data",
        message=f"This database does not seem to hold what is asked for{about}.",
        hint="Look at the tables that it has, and ask for what is in them.",
        missing=[missing] if missing else [],
    )
