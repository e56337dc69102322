"""summarize: say the result in one or two sentences, every figure of which is in the result."""

import re

from graph.chart import choose_chart
from graph.errors import ModelError
from graph.events import AnswerDelta
from graph.model import Reply, model_name
from graph.nodes.check_answerable import dropped_in
from graph.nodes.trust import trust
from graph.nodes.work import Work, last_attempt
from graph.prose import unfounded
from graph.record import Answer, Attempt, Receipt
from graph.state import State, Update, meant
from prompts import frame, render
from wire.outcome import Rows
from wire.snapshot import SchemaSnapshot

SHOWN_ROWS = 20
"""Rows that the model sees of a result, at most."""
_SHOWN_CHARACTERS = 3_000
_CELL_CHARACTERS = 200
_CODE = re.compile(r"```|(?:SELECT|WITH)\b.*\bFROM\b", re.ASCII)
"""A reply that repeats the query in place of an answer; SQL's keywords are capital there."""


async def summarize(state: State, work: Work) -> Update:
    """Word the answer, choose its chart, write its receipt."""
    attempt = last_attempt(state)
    rows = attempt.outcome
    if not isinstance(rows, Rows):
        raise TypeError("summarize comes after a result")
    dropped = await dropped_in(attempt.sql, state, work)
    text = await _worded(state, work, attempt, rows)
    work.emit(AnswerDelta(**work.fact(), text=text))
    answer = Answer(
        text=text,
        sql=attempt.sql,
        columns=rows.columns,
        rows=rows.preview,
        row_count=rows.row_count,
        truncated=rows.truncated,
        chart=choose_chart(rows),
        assumptions=[*_assumptions(state), *map(_left_out, dropped)],
        confidence=await trust(
            state, work, state["attempts"], rows, agreement=state["agreement"], dropped=dropped
        ),
    )
    receipt = Receipt(
        sql=attempt.sql,
        snapshot_fingerprint=state["fingerprint"],
        policy_digest=rows.policy_digest,
        result_digest=rows.digest,
        row_count=rows.row_count,
        executed_at=state["executed_at"] or work.now(),
        agent_id=work.ports.agent_id,
        model=model_name(work.ports.model),
    )
    return {"answer": answer, "receipt": receipt}


async def _worded(state: State, work: Work, attempt: Attempt, rows: Rows) -> str:
    """The model's sentence if every figure in it is founded, at the second try at most; else our own.

    The result is there already: a model that fails now costs the sentence, not the answer.
    """
    settings = work.ports.settings
    if rows.withheld or work.ports.share.model != "results" or "worded_answer" in settings.without:
        return plain_sentence(rows)
    if rows.row_count == 0:
        # There is nothing to word, and a small model fills the void with what the question supposes.
        return plain_sentence(rows)
    complaint = ""
    asked = " ".join(dict.fromkeys([state["question"], meant(state)]))
    known = [*state["notes"], *_comments(attempt.sql, await work.snapshot())]
    for _ in range(2):
        prompt = render(
            "summarize",
            question=frame("question", state["question"]),
            query=frame("query", attempt.sql),
            result=frame("result", result_text(rows)),
            problem=frame("problem", complaint),
        )
        reply = Reply(
            work.ports.model,
            prompt,
            max_tokens=settings.max_tokens_answer,
            seconds=settings.model_seconds,
            name="summarize.model",
        )
        try:
            text = " ".join((await reply.text()).split())
        except ModelError as error:
            work.detail = f"worded by rule: {error}"
            return plain_sentence(rows)
        finally:
            work.usage = work.usage.plus(reply.usage)
        wrong = unfounded(text, rows, question=asked, sql=attempt.sql, known=known)
        if not text or _CODE.match(text):
            complaint = "Your last reply was not a sentence. State the answer in plain words, without SQL."
            work.detail = "worded by rule: the model gave no sentence"
            continue
        if not wrong:
            work.detail = ""
            return text
        # Only the figures go back, not the sentence: a small model that sees it repeats it.
        said = ", ".join(wrong)
        complaint = f"Your last sentence said what the result does not, or of the wrong name: {said}."
        work.detail = "worded by rule: the model's sentence was not borne out by the result"
    return plain_sentence(rows)


def _comments(sql: str, snapshot: SchemaSnapshot) -> list[str]:
    """What the schema says of the columns of the query's tables: where units come from that no name has."""
    query = sql.lower()
    used = [table for table in snapshot.tables if table.name.lower() in query]
    said = [table.comment for table in used] + [column.comment for table in used for column in table.columns]
    return [comment for comment in said if comment]


def plain_sentence(rows: Rows) -> str:
    """The result in words of ours, without a model."""
    if rows.row_count == 0:
        return "The query found no rows."
    if rows.withheld:
        count = f"at least {rows.row_count:,}" if rows.truncated else f"{rows.row_count:,}"
        plural = "" if rows.row_count == 1 else "s"
        return f"The query gave {count} row{plural}; the owner's policy keeps their values back."
    if not rows.preview or not rows.columns:
        return f"The query gave {rows.row_count:,} rows."
    if rows.row_count == 1:
        shown = list(zip(rows.columns, rows.preview[0], strict=False))[:4]
        said = ", ".join(f"{column.name}: {_plain(cell)}" for column, cell in shown)
        return f"{said}{' …' if len(rows.columns) > len(shown) else ''}."
    first = ", ".join(_plain(cell) for cell in rows.preview[0][:4])
    count = f"at least {rows.row_count:,}" if rows.truncated else f"{rows.row_count:,}"
    return f"The query gave {count} rows; the first is {first}."


def result_text(rows: Rows) -> str:
    """The preview as the model reads it: a header, a line a row, and how many there are in all."""
    lines = [" | ".join(column.name for column in rows.columns)]
    used = len(lines[0])
    for row in rows.preview[:SHOWN_ROWS]:
        line = " | ".join(_plain(cell)[:_CELL_CHARACTERS] for cell in row)
        used += len(line)
        if used > _SHOWN_CHARACTERS and len(lines) > 1:
            break
        lines.append(line[:_SHOWN_CHARACTERS])
    shown = len(lines) - 1
    more = "" if shown == rows.row_count else f", the first {shown} of them shown"
    count = f"more than {rows.row_count}" if rows.truncated else str(rows.row_count)
    return "\n".join([*lines, f"({count} rows{more})"])


def _plain(cell: object) -> str:
    match cell:
        case None:
            return "NULL"
        case bool():
            return "true" if cell else "false"
        case _:
            return " ".join(str(cell).split())


def _left_out(name: str) -> str:
    return f"Nothing here is known as “{name}”: the query does not ask for it."


def _assumptions(state: State) -> list[str]:
    """What the run took for granted, and what rules of ours changed in the SQL that ran."""
    written = [each for each in state["attempts"] if each.number >= state["anew"]]
    said = [*state["assumptions"], *(change for each in written for change in each.changes)]
    return list(dict.fromkeys(said))
