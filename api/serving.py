"""What this replica does for the others: runs, statements and introspection of the agents attached here."""

from dataclasses import asdict
from typing import cast

from fastapi.responses import Response

from api.ask import Ask
from api.bus.protocol import Sink
from api.database import drive_here
from api.errors import AgentOffline
from api.export import Exports, Wanted, last_rows
from api.formats import Format, available
from api.gateway import Gateway
from api.lookups import look_up_here
from api.relay import (
    Absent,
    AskRequest,
    CasesRequest,
    Done,
    ExecuteRequest,
    FileHead,
    FileRequest,
    GoneNotice,
    Listed,
    Located,
    LocateRequest,
    Looked,
    LookupRequest,
    MissedNotice,
    Notice,
    PolicyNotice,
    Refreshed,
    RefreshRequest,
    Refused,
    Reply,
    Request,
    ResultsNotice,
    Scored,
    ScoreRequest,
    SnapshotNotice,
    Started,
    StopNotice,
)
from api.relayed_answer import hand_over, head_of
from api.runs import Runs
from api.scoring import cases_here, score_here
from api.store.protocols import Store
from wire.errors import CustardError


class Serving:
    """Answers requests, gives files and heeds notices: ``Replicas.take``, ``.give`` and ``.heed``."""

    def __init__(self, store: Store, gateway: Gateway, runs: Runs, exports: Exports) -> None:
        self._store = store
        self._exports = exports
        self._gateway = gateway
        self._runs = runs

    async def take(self, request: Request) -> Reply:
        """Do what another replica asks for. Raises a ``CustardError`` that is told to it."""
        session = self._gateway.session(request.connection_id, request.agent_id)
        if session is None:
            return Absent()
        match request:
            case AskRequest():
                return await self._start(request)
            case ExecuteRequest():
                return await self._execute(request)
            case CasesRequest():
                return Listed(cases=await cases_here(session))
            case ScoreRequest():
                return Scored(verdict=await score_here(session, request.case_id, request.sql))
            case LookupRequest():
                return Looked(found=await look_up_here(self._gateway, request))
            case LocateRequest():
                return Located(replica=self._gateway.replicas.roster.replica)
            case RefreshRequest():
                try:
                    change = await self._gateway.catalog.refresh(request.connection_id, request.agent_id)
                except AgentOffline:
                    return Absent()
                return Refreshed(**asdict(change))

    async def _start(self, request: AskRequest) -> Reply:
        if await self._store.runs.get(request.tenant, request.run_id) is not None:
            return Started(run_id=request.run_id)  # asked twice, since the first answer was lost
        connection = await self._store.connections.get(request.tenant, request.connection_id)
        if connection is None:
            return Absent()
        ask = Ask(
            tenant=request.tenant,
            connection=connection,
            question=request.question,
            agent_id=request.agent_id,
            thread_id=request.thread_id,
            idempotency_key=request.idempotency_key,
            detached=request.detached,
        )
        try:
            return Started(run_id=await self._runs.start_here(ask, request.run_id))
        except AgentOffline:
            return Absent()

    async def _execute(self, request: ExecuteRequest) -> Reply:
        done = await drive_here(self._gateway, request)
        return Absent() if done is None else Done(outcome=done[0], attempt=done[1])

    async def give(self, data: bytes, sink: Sink) -> None:
        """Export what another replica's reader asks for, and hand it over as it comes."""
        request = FileRequest.model_validate_json(data)
        try:
            answer = await self._fresh(request)
        except AgentOffline:
            await sink.send(head_of(FileHead(absent=True)))
            return
        except CustardError as error:
            await sink.send(head_of(FileHead(refused=Refused.of(error))))
            return
        await hand_over(answer, request, sink)

    async def _fresh(self, request: FileRequest) -> Response:
        run = await self._runs.load(request.tenant, request.run_id)
        attempt, rows = last_rows(run)
        wanted = Wanted(cast(Format, request.format), "live", request.safe, request.plain)
        available(wanted.format)
        return await self._exports.live(request.tenant, run, attempt.sql, rows, wanted)

    def heed(self, notice: Notice) -> None:
        """Take note of what happened at another replica, or at this one."""
        match notice:
            case StopNotice():
                self._runs.heed(notice)
            case GoneNotice() | PolicyNotice() | ResultsNotice() | MissedNotice():
                self._gateway.heed(notice)
            case SnapshotNotice():
                self._gateway.catalog.heed(notice)
