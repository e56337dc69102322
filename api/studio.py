"""The graph as LangGraph Studio loads it: ``langgraph.json`` points here.

The Studio server serves ``api.app:app`` in the same process, so an agent that attaches there serves the runs
made here. The context names a connection; the ports behind it are looked up for each step.
"""

# typing.TypedDict would leave Studio without a context schema before Python 3.12.
from typing_extensions import NotRequired, TypedDict  # noqa: UP035

from api import app as application
from api.auth import LOCAL_TENANT
from api.errors import ApiError
from graph.build import build_graph
from graph.ports import Ports
from graph.tracing import discreet_tracer, tracing_is_on


class StudioUnavailable(ApiError):
    """Studio cannot tell on which connection to run, or must not."""

    code = "studio_unavailable"


class StudioContext(TypedDict):
    """What a person fills in before a run in Studio."""

    connection_id: NotRequired[str]
    """The connection to ask; may stay empty where there is only one."""
    agent_id: NotRequired[str]
    """One of its agents; empty takes whichever is attached."""


async def resolve(context: StudioContext | None) -> Ports:
    """Live ports for a run in Studio.

    Raises:
        StudioUnavailable: keys are configured (Studio asks for none), or the connection is not clear.
        UnknownConnection: there is none of this id.
    """
    context = context or {}
    state = application.current()
    if not state.settings.single_user:
        raise StudioUnavailable(
            "Studio runs in single-user mode only: its server asks for no key.",
            "Unset CUSTARD_API_KEYS for this process.",
        )
    connection_id = context.get("connection_id") or ""
    if not connection_id:
        known = await state.store.connections.all(LOCAL_TENANT)
        if len(known) != 1:
            raise StudioUnavailable(
                f"There are {len(known)} connections; a run needs one.",
                "Fill in connection_id, or make a connection with POST /api/v1/connections.",
            )
        connection_id = known[0].connection_id
    return await state.ports(LOCAL_TENANT, connection_id, context.get("agent_id") or None)


_compiled = build_graph(resolve, StudioContext)

# The connection is only known at a run, so a trace from Studio carries what the strictest policy lets out.
graph = _compiled.with_config(callbacks=[discreet_tracer("schema")]) if tracing_is_on() else _compiled
