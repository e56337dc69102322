"""What a LangSmith trace may carry, and when there is one at all.

Tracing is on when ``LANGSMITH_TRACING`` is true *and* there is a key; otherwise nothing is sent or
waited for. A trace shows the machine at work: names, parents, timings, tokens, verdicts, error codes. Beyond
that ``share.trace`` of the policy decides:

==========  ======================================================================================
``schema``  no question and no SQL, since both may quote data; no prompt and no reply
``samples`` also the question, the SQL, lint's findings, and the prompts and replies that write SQL
``results`` the same: result rows, the sentence made of them and the database's own messages, which
            may quote rows, are in no trace whatever the policy says
==========  ======================================================================================

Everything is kept by name; what no line here names is left out.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tracers.langchain import LangChainTracer
from langsmith import Client, tracing_context

from graph.ports import Ports
from graph.record import Attempt
from graph.state import ENDINGS
from wire.outcome import Failed, Rows
from wire.policy import ShareLevel

WITHHELD = "(withheld)"
_WRITES_SQL = frozenset({"draft_sql.model", "repair_sql.model"})
"""Model calls whose prompts and replies hold a question and SQL, but no rows."""
_FRAMED_DATA = re.compile(r"<(problem|result)>.*?</\1>", re.DOTALL)
_EXTRA = ("runtime", "metadata", "invocation_params", "batch_size")


@contextmanager
def traced(ports: Ports, run_id: str) -> Iterator[RunnableConfig]:
    """The graph's configuration for one run: names, tags, and a discreet tracer where tracing is on.

    Where it is off, LangChain's own tracer is held off as well: without a key it would retry for seconds.
    """
    config: RunnableConfig = {
        "run_name": "custard.run",
        "tags": ["custard"],
        "metadata": {"custard_run_id": run_id},
    }
    if not tracing_is_on():
        with tracing_context(enabled=False):
            yield config
        return
    with tracing_context(enabled=True):
        yield {**config, "callbacks": [discreet_tracer(ports.share.trace)]}


def tracing_is_on(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment asks for traces and has the key to send them."""

    def value(name: str) -> str:
        return environment.get(f"LANGSMITH_{name}") or environment.get(f"LANGCHAIN_{name}") or ""

    wanted = value("TRACING_V2") or value("TRACING")
    return wanted.lower() == "true" and bool(value("API_KEY"))


def discreet_tracer(share: ShareLevel) -> BaseCallbackHandler:
    """A tracer that sends no more than ``share`` allows."""
    return LangChainTracer(client=_client(share))


@cache
def _client(share: ShareLevel) -> "DiscreetClient":
    """One client a level: each keeps a thread and a connection."""
    return DiscreetClient(share)


class DiscreetClient(Client):
    """LangSmith's client, with every run's content reduced before it is queued."""

    __slots__ = ("_share",)

    def __init__(self, share: ShareLevel) -> None:
        super().__init__()
        self._share = share

    def create_run(self, name: str, inputs: dict[str, Any], run_type: Any, **kwargs: Any) -> None:
        """Queue a run's beginning."""
        reduced = reduce_content(name, run_type, inputs, self._share)
        super().create_run(name, reduced, run_type, **self._reduced(name, run_type, kwargs))

    def update_run(self, run_id: Any, **kwargs: Any) -> None:
        """Queue a run's end."""
        name, run_type = kwargs.get("name") or "", kwargs.get("run_type") or "chain"
        super().update_run(run_id, **self._reduced(name, run_type, kwargs))

    def _reduced(self, name: str, run_type: str, fields: dict[str, Any]) -> dict[str, Any]:
        kept = {key: value for key, value in fields.items() if key not in ("serialized", "attachments")}
        for key in ("inputs", "outputs"):
            if kept.get(key) is not None:
                kept[key] = reduce_content(name, run_type, kept[key], self._share)
        if kept.get("error"):
            # A traceback's message may repeat a prompt or a row; its class says what kind of failure it was.
            kept["error"] = str(kept["error"]).partition("(")[0].splitlines()[0][:80]
        if kept.get("events"):
            kept["events"] = [{key: event.get(key) for key in ("name", "time")} for event in kept["events"]]
        if kept.get("extra"):
            kept["extra"] = {key: kept["extra"][key] for key in _EXTRA if key in kept["extra"]}
        return kept


def reduce_content(name: str, run_type: str, content: Mapping[str, Any], share: ShareLevel) -> dict[str, Any]:
    """What of a run's inputs or outputs may be sent.

    Args:
        name: the run's name, as set in ``graph``.
        run_type: LangSmith's: ``llm`` or ``chain``.
        content: the inputs or outputs as the tracer has them.
        share: the policy's level for traces.
    """
    if run_type == "llm":
        return _of_model(content) if share != "schema" and name in _WRITES_SQL else {"content": WITHHELD}
    return _of_state(content, open_text=share != "schema")


def _of_state(state: Mapping[str, Any], *, open_text: bool) -> dict[str, Any]:
    kept: dict[str, Any] = {key: True for key in ENDINGS if key in state}
    for key in ("fingerprint", "tables"):
        if key in state:
            kept[key] = state[key]
    if "question" in state:
        kept["question"] = str(state["question"]) if open_text else WITHHELD
    if "attempts" in state:
        attempts = state["attempts"] or []
        kept["attempts"] = [_of_attempt(each, open_text) for each in attempts if isinstance(each, Attempt)]
    return kept


def _of_attempt(attempt: Attempt, open_text: bool) -> dict[str, Any]:
    kept: dict[str, Any] = {
        "number": attempt.number,
        "origin": attempt.origin,
        "verdict": attempt.verdict,
        "rules": [finding.rule for finding in attempt.findings],
        "sql": attempt.sql if open_text else WITHHELD,
    }
    if open_text:
        kept["findings"] = [finding.message for finding in attempt.findings]
    match attempt.outcome:
        case Rows() as rows:
            kept["rows"] = rows.row_count
            kept["elapsed_ms"] = rows.elapsed_ms
        case Failed() as failed:
            kept["failed"] = failed.code
            kept["sqlstate"] = failed.sqlstate
    return kept


def _of_model(content: Mapping[str, Any]) -> dict[str, Any]:
    """Prompt or reply as text, without the frames that may quote rows."""
    texts = [_FRAMED_DATA.sub(WITHHELD, text) for text in _texts(content)]
    return {"content": texts}


def _texts(value: Any) -> Iterator[str]:
    """Every message's text in LangChain's shapes, serialised or not."""
    if isinstance(value, BaseMessage):
        yield str(value.text)
    elif isinstance(value, Mapping):
        if isinstance(text := value.get("content"), str):
            yield text
        else:
            for key in ("messages", "generations", "message", "kwargs"):
                if key in value:
                    yield from _texts(value[key])
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
