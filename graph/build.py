"""The machine: every node and every edge, the repair budget, and one run through it.

::

    load_schema → check_answerable
                        ↓
                      ground → draft_sql → lint_sql ─→ autofix ─pass→ execute_sql ─rows→ check_result
                                        ▲ ▲ └─changed─┘ │            │                    │   │  │doubtful
                                        │ └──changed──┐ │reject      │failed              │   │  ↓
                                        │          autofix ←─────────┘                    │   │ second_draft
                                        │             │                                   │   ↓  ↓
                                        └─ repair_sql ←─── ··(budget spent)··→ give_up → ∎│ summarize → ∎
                                                ▲                                         │
                                                └──────────── odd: one more attempt ──────┘

A run that was taken up again goes from ground straight to where its last attempt stood. Whatever ends a run
early (a refusal, a failure) leads from any node to the end. Optional steps are switched off by name in
``ports.settings.without``: check_answerable, ground, autofix, check_result, second_draft. find_values stands
between ground and draft_sql where ``ports.settings.value_hints`` asks for it.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from functools import cache
from typing import Any, Literal, cast
from uuid import uuid4

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from graph.events import Answered, Clarified, Executed, Refused, RunEvent, RunFailed
from graph.nodes.autofix import autofix, look
from graph.nodes.check_answerable import check_answerable
from graph.nodes.check_result import check_result, earlier_result
from graph.nodes.endings import ending_without_answer
from graph.nodes.execute_sql import execute_sql, mendable
from graph.nodes.find_values import find_values
from graph.nodes.ground import ground
from graph.nodes.lint_sql import lint_sql
from graph.nodes.load_schema import load_schema
from graph.nodes.second_draft import second_draft
from graph.nodes.summarize import summarize
from graph.nodes.work import Body, last_attempt, take_step, tell
from graph.nodes.write_sql import draft_sql, repair_sql
from graph.ports import Ports
from graph.record import Problem, Step, Turn
from graph.run import Run
from graph.state import ENDINGS, Asked, State, Told, Update
from graph.tracing import traced
from wire.outcome import Failed, Rows

_log = logging.getLogger(__name__)

Resolve = Callable[[Any], Ports | Awaitable[Ports]]
"""From the runtime context to live ports: the identity in the API, a look-up by connection in Studio."""
Graph = CompiledStateGraph[State, Any, Asked, Told]
Place = Literal[
    "check_answerable",
    "ground",
    "find_values",
    "draft_sql",
    "lint_sql",
    "autofix",
    "execute_sql",
    "check_result",
    "second_draft",
    "repair_sql",
    "summarize",
    "give_up",
    "__end__",
]
"""Where a run may go on; the last is LangGraph's END."""

MAX_SUPERSTEPS = 100
"""Far more than any repair budget needs: LangGraph's guard against a loop of ours."""
_LAST_WORDS = (Answered, Refused, Clarified, RunFailed)


def build_graph(resolve: Resolve, context_schema: type[Any]) -> Graph:
    """Compile the machine.

    Args:
        resolve: makes live ports of what the runtime context holds; called at each node and edge, so it must
            be cheap.
        context_schema: the context's type; in Studio it becomes the form that a person fills in.
    """
    builder = StateGraph(State, context_schema=context_schema, input_schema=Asked, output_schema=Told)

    async def ports_of(runtime: Runtime[Any]) -> Ports:
        made = resolve(runtime.context)
        return made if isinstance(made, Ports) else await made

    def node(name: Step, body: Body) -> None:
        async def step(state: State, runtime: Runtime[Any]) -> Update:
            return await take_step(name, body, state, await ports_of(runtime))

        builder.add_node(name, step)

    async def take_in(state: State, runtime: Runtime[Any]) -> dict[str, Any]:
        begun = _begun(state)
        return {**begun, **await take_step("load_schema", load_schema, begun, await ports_of(runtime))}

    async def give_up(state: State, runtime: Runtime[Any]) -> Update:
        ending = ending_without_answer(state)
        tell(ending, state["run_id"], await ports_of(runtime))
        return ending

    # A plain function would go through a thread.
    async def after_load(state: State) -> Place:
        # A run that was taken up again has been through this check.
        return "__end__" if _ended(state) else "ground" if state["attempts"] else "check_answerable"

    async def after_check(state: State) -> Place:
        return "__end__" if _ended(state) else "ground"

    async def after_ground(state: State, runtime: Runtime[Any]) -> Place:
        ports = await ports_of(runtime)
        place = place_of(state, ports)
        return "find_values" if place == "draft_sql" and ports.settings.value_hints else place

    async def onward(state: State, runtime: Runtime[Any]) -> Place:
        return place_of(state, await ports_of(runtime))

    builder.add_node("load_schema", take_in)
    node("check_answerable", check_answerable)
    node("ground", ground)
    node("find_values", find_values)
    node("draft_sql", draft_sql)
    node("lint_sql", lint_sql)
    node("autofix", autofix)
    node("execute_sql", execute_sql)
    node("check_result", check_result)
    node("second_draft", second_draft)
    node("repair_sql", repair_sql)
    node("summarize", summarize)
    builder.add_node("give_up", give_up)

    def edges(source: str, *targets: Place) -> None:
        builder.add_conditional_edges(source, onward, [*targets, END])

    mending: tuple[Place, ...] = ("autofix", "repair_sql", "give_up")
    builder.add_edge(START, "load_schema")
    builder.add_conditional_edges("load_schema", after_load, ["check_answerable", "ground", END])
    builder.add_conditional_edges("check_answerable", after_check, ["ground", END])
    placed: tuple[Place, ...] = ("lint_sql", "execute_sql", "check_result", "summarize", *mending)
    builder.add_conditional_edges("ground", after_ground, ["find_values", "draft_sql", *placed, END])
    edges("find_values", "draft_sql")
    edges("draft_sql", "lint_sql")
    edges("lint_sql", "execute_sql", "check_result", *mending)
    edges("autofix", "lint_sql", "execute_sql", "check_result", "repair_sql", "give_up")
    edges("execute_sql", "check_result", "summarize", *mending)
    edges("check_result", "second_draft", "repair_sql", "summarize")
    edges("second_draft", "summarize")
    edges("repair_sql", "lint_sql", "summarize")
    builder.add_edge("summarize", END)
    builder.add_edge("give_up", END)
    return builder.compile(name="custard")


def place_of(state: State, ports: Ports) -> Place:
    """The node at which a run stands, by its last attempt alone. This is all the routing that there is."""
    if _ended(state):
        return "__end__"
    if not state["attempts"]:
        return "draft_sql"
    last = last_attempt(state)
    if isinstance(last.outcome, Rows):
        return _after_rows(state, ports)
    if isinstance(last.outcome, Failed):
        if earlier_result(state) is not None and not _unseen(state, ports):
            return "check_result"
        return _mend(state, ports) if mendable(last.outcome) else "give_up"
    if last.verdict is None:
        return "lint_sql"
    if last.verdict == "reject":
        if earlier_result(state) is not None and not _unseen(state, ports):
            return "check_result"
        return _mend(state, ports)
    return "autofix" if _unseen(state, ports) else "execute_sql"


def _after_rows(state: State, ports: Ports) -> Place:
    number = last_attempt(state).number
    if state["again"] == number:
        return "repair_sql"
    if state["doubt"] is not None:
        return "second_draft"
    if state["checked"] == number or "check_result" in ports.settings.without:
        return "summarize"
    return "check_result"


def _ended(state: State) -> bool:
    return any(ending in state for ending in ENDINGS)


def _unseen(state: State, ports: Ports) -> bool:
    """Whether the rules of autofix have yet to look at the last attempt as it stands."""
    return "autofix" not in ports.settings.without and state["looked_at"] != look(last_attempt(state))


def _mend(state: State, ports: Ports) -> Place:
    if _unseen(state, ports):
        return "autofix"
    repairs = sum(attempt.origin == "repair" for attempt in state["attempts"])
    return "repair_sql" if repairs < ports.settings.max_repairs else "give_up"


def _begun(asked: State) -> State:
    """What a run begins with, where its input leaves it open."""
    return State(
        question=asked["question"],
        run_id=asked.get("run_id") or uuid4().hex,
        history=asked.get("history") or [],
        standalone=asked.get("standalone"),
        attempts=asked.get("attempts") or [],
        fingerprint="",
        tables=None,
        notes=[],
        assumptions=[],
        executed_at=asked.get("executed_at"),
        looked_at="",
        checked=0,
        again=0,
        kept_at=None,
        agreement=None,
        surprisal=None,
        doubt=None,
        anew=0,
    )


async def run_events(
    ports: Ports, *, run_id: str, question: str, history: Sequence[Turn], resume: Run | None = None
) -> AsyncGenerator[RunEvent, None]:
    """Answer a question; yield what happens, ending with one of answered, refused, clarified, run_failed.

    Cancelling the task that iterates stops the node at once and waits for it: when the cancellation arrives
    here, the statement was told to stop and the ``Database`` port has confirmed. ``aclose`` does the same.
    ``run_started`` and ``run_cancelled`` are the caller's to write.

    Args:
        ports: the outside.
        run_id: repeated in every event.
        question: as asked.
        history: earlier turns of the thread, oldest first.
        resume: the run so far, folded from its events, when another process had it. Its attempts are kept.

    Never raises for what happens in a run: an unforeseen error is told as run_failed with code ``internal``.
    """
    told: asyncio.Queue[RunEvent | None] = asyncio.Queue()
    graph = asyncio.create_task(_run(ports, _asked(run_id, question, history, resume), told))
    ended = False
    try:
        while not ended and (event := await told.get()) is not None:
            ended = isinstance(event, _LAST_WORDS)
            if ended:
                # The end is told when the graph is done, so that nothing of it outlives the run.
                await asyncio.wait([graph])
            yield event
        if not ended:
            await asyncio.wait([graph])
            yield RunFailed(run_id=run_id, at=ports.clock.now(), problem=_internal(graph))
    finally:
        await _stop(graph)


async def _run(ports: Ports, asked: Asked, told: "asyncio.Queue[RunEvent | None]") -> None:
    """The graph in a task of its own: LangGraph does not stop a node because its reader has gone."""
    try:
        with traced(ports, asked["run_id"]) as config:
            # astream is an async generator; its annotation only promises an iterator.
            stream = cast(
                AsyncGenerator[RunEvent, None],
                _graph().astream(
                    asked,
                    {"recursion_limit": MAX_SUPERSTEPS, **config},
                    context=ports,
                    stream_mode="custom",
                ),
            )
            async with aclosing(stream):
                async for event in stream:
                    told.put_nowait(event)
    finally:
        told.put_nowait(None)


@cache
def _graph() -> Graph:
    return build_graph(lambda ports: ports, Ports)


def _asked(run_id: str, question: str, history: Sequence[Turn], resume: Run | None) -> Asked:
    asked = Asked(question=question, run_id=run_id, history=list(history))
    if resume is not None:
        asked["attempts"] = resume.attempts
        asked["standalone"] = resume.standalone_question
        executions = [event.at for event in resume.events if isinstance(event, Executed)]
        asked["executed_at"] = executions[-1] if executions else None
    return asked


async def _stop(graph: "asyncio.Task[None]") -> None:
    """Cancel and wait. A second cancellation of ours meanwhile must not leave the node running."""
    interrupted: asyncio.CancelledError | None = None
    while not graph.done():
        graph.cancel()
        try:
            await asyncio.wait([graph])
        except asyncio.CancelledError as again:
            interrupted = again
    if not graph.cancelled():
        graph.exception()  # Marks it as seen; what it says was told or logged.
    if interrupted is not None:
        raise interrupted


def _internal(graph: "asyncio.Task[None]") -> Problem:
    error = graph.exception() if graph.done() and not graph.cancelled() else None
    if error is not None:
        # Its type and where it came from; what it says may quote a row, SQL or the question.
        nameless = RuntimeError(type(error).__name__).with_traceback(error.__traceback__)
        _log.error("a run failed unforeseen: %s", type(error).__name__, exc_info=nameless)
    return Problem(
        code="internal",
        message="Something went wrong that should not have.",
        hint="Ask again; if it stays, report it with this run's id.",
    )
