"""Cases of an eval that lie beside an agent: their questions are told, and queries are scored there."""

import asyncio
from typing import TYPE_CHECKING

from api.errors import AgentOffline, AgentTrouble, NoCases
from api.relay import CasesRequest, Listed, Scored, ScoreRequest
from api.session import AgentError, AgentSession
from api.statement import SessionLost
from wire.cases import CaseList, CaseVerdict

if TYPE_CHECKING:
    from api.gateway import Gateway

LIST_SECONDS = 20.0
SCORE_SECONDS = 120.0
"""Longer than the agent gives itself for one query with all that its case accepts."""


async def cases_of(gateway: "Gateway", connection_id: str) -> CaseList:
    """The cases beside the connection's agent, wherever it is attached.

    Raises:
        AgentOffline: no agent is there to ask.
        NoCases: it holds none.
        AgentTrouble: it did not answer.
    """
    session = gateway.session(connection_id)
    if session is not None:
        return await cases_here(session)
    request = CasesRequest(connection_id=connection_id)
    reply = await gateway.replicas.evaluate(request, LIST_SECONDS)
    if isinstance(reply, Listed):
        return reply.cases
    raise _offline() if reply is None else _no_answer()


async def score(gateway: "Gateway", connection_id: str, case_id: str, sql: str) -> CaseVerdict:
    """What a case says of a query, by the connection's agent. Raises as ``cases_of`` does."""
    session = gateway.session(connection_id)
    if session is not None:
        return await score_here(session, case_id, sql)
    request = ScoreRequest(connection_id=connection_id, case_id=case_id, sql=sql)
    reply = await gateway.replicas.evaluate(request, SCORE_SECONDS)
    if isinstance(reply, Scored):
        return reply.verdict
    raise _offline() if reply is None else _no_answer()


async def cases_here(session: AgentSession) -> CaseList:
    """The same of an agent that is attached here."""
    _has_cases(session)
    try:
        async with asyncio.timeout(LIST_SECONDS):
            told = await session.cases()
    except SessionLost as error:
        raise _offline() from error
    except (AgentError, TimeoutError) as error:
        raise _no_answer() from error
    return CaseList(suite=told.suite, digest=told.digest, cases=told.cases)


async def score_here(session: AgentSession, case_id: str, sql: str) -> CaseVerdict:
    """The same of an agent that is attached here."""
    _has_cases(session)
    try:
        async with asyncio.timeout(SCORE_SECONDS):
            told = await session.score(case_id, sql)
    except SessionLost as error:
        raise _offline() from error
    except (AgentError, TimeoutError) as error:
        raise _no_answer() from error
    return CaseVerdict(**{name: getattr(told, name) for name in CaseVerdict.model_fields})


def _has_cases(session: AgentSession) -> None:
    if "score" not in session.capabilities:
        raise NoCases(
            "No cases lie beside the agent of this connection.",
            "Start it with `custard eval agent --cases FILE`, which lets no row leave.",
        )


def _offline() -> AgentOffline:
    return AgentOffline(
        "No agent of this connection is online.",
        "Start it beside the database with `custard eval agent --cases FILE`, then try again.",
    )


def _no_answer() -> AgentTrouble:
    return AgentTrouble("The agent did not answer.", "See the agent's log, then try again.")
