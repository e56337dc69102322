"""Taking up a run that another process left: its events are folded, and the graph goes on from there."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from api.driver import Driver
from api.endings import INTERRUPTED, cancelled, failed, told
from api.gateway import Gateway
from api.live import LiveRun
from api.store.protocols import Store
from api.store.records import ConnectionRecord, Lease, RunRecord
from graph.events import RUN_EVENT, RunResumed, RunStarted
from graph.fold import fold
from graph.ports import Database, Ports
from graph.record import TERMINAL
from wire.errors import CustardError

RESUME_MINUTES = 15.0
"""A run that was left longer ago is ended by a process that starts: nobody waits for it any more."""
MAX_RESUMES = 3

MakePorts = Callable[[ConnectionRecord, Database, str | None], Awaitable[Ports]]


class Resuming:
    """Goes on with runs that were taken over."""

    def __init__(self, store: Store, gateway: Gateway, driver: Driver, ports: MakePorts) -> None:
        self._store = store
        self._gateway = gateway
        self._driver = driver
        self._ports = ports

    async def take_up(self, record: RunRecord, lease: Lease, *, at_start: bool) -> bool:
        """Go on with a run that is leased to us; False when it was ended instead, or was gone.

        Args:
            at_start: it was found when this process began, and may have lain there for days: the lease tells,
                by the store's clock. Later every beat looks for runs that were left: whatever any clock says,
                it was left a moment ago.
        """
        events = await self._store.runs.events(record.run_id, 0)
        run = fold(RUN_EVENT.validate_json(event.data) for event in events)
        connection = await self._store.connections.get(record.tenant, record.connection_id)
        if run is None or run.status in TERMINAL or connection is None:
            return False
        database = self._gateway.database(record.connection_id, None)
        live = LiveRun(run, events, database, record.tenant, epoch=lease.epoch, detached=record.detached)
        append = self._driver.recorder.append
        started = RUN_EVENT.validate_json(events[0].data)
        resumes = sum(1 for event in events if event.type == "run_resumed")
        if lease.stop_reason is not None:
            await append(live, cancelled(run, lease.stop_reason, None))
            return False
        if (
            not isinstance(started, RunStarted)
            or resumes >= MAX_RESUMES
            or (at_start and lease.left_seconds > RESUME_MINUTES * 60)
        ):
            await append(live, failed(run, INTERRUPTED))
            return False
        try:
            # Any agent of the connection will do: the one that had it may be what died.
            ports = await self._ports(connection, live.database, None)
        except CustardError as error:
            await append(live, failed(run, told(error)))
            return False
        await append(live, RunResumed(run_id=run.run_id, at=datetime.now(UTC), after=len(live.events)))
        if live.over:
            return False
        self._driver.launch(live, ports, started.history, live.run)
        return True
