"""Which runs this process may drive: leases that its heartbeat renews, and runs taken over from the dead.

A run is leased to the process that drives it, for ``LEASE_SECONDS`` from its last beat, under an epoch that
every event is written with. A process that dies stops beating; one that sees its agent online takes the run
over under the next epoch, after which the store refuses what the first would still write.
"""

import asyncio
from collections.abc import Awaitable
from typing import Protocol

import structlog

from api.driver import Driver
from api.errors import StoreUnavailable
from api.gateway import Gateway
from api.owner import dead, new_owner
from api.store.protocols import Store
from api.store.records import Holder, Lease, RunRecord

BEAT_SECONDS = 1.5
LEASE_SECONDS = 5.0
"""Three beats and a little: the store may be slow once or twice without a run changing hands."""

_log = structlog.get_logger("api.leases")


class TakeUp(Protocol):
    """Drives a run that was taken over; False when it was ended instead."""

    def __call__(self, record: RunRecord, lease: Lease, *, at_start: bool) -> Awaitable[bool]: ...


class Leases:
    """The leases of this process.

    Args:
        take_up: see there.
        overdue_seconds: a free run whose agent is nowhere is taken after so long, to be ended by name.
    """

    def __init__(
        self, store: Store, gateway: Gateway, driver: Driver, take_up: TakeUp, overdue_seconds: float
    ) -> None:
        self.holder = Holder(new_owner(), LEASE_SECONDS)
        self._store = store
        self._gateway = gateway
        self._driver = driver
        self._take_up = take_up
        self._overdue_seconds = overdue_seconds
        self._heart: asyncio.Task[None] | None = None
        self._looked = False

    async def open(self) -> int:
        """Take over what can be, and start the heart; returns how many runs go on here."""
        resumed = await self._take()
        self._heart = asyncio.create_task(self._beat(), name="leases")
        return resumed

    async def close(self) -> None:
        """Stop the heart and give every lease back."""
        if self._heart is not None:
            self._heart.cancel()
            await asyncio.gather(self._heart, return_exceptions=True)
        try:
            await self._store.leases.release(self.holder.owner)
        except StoreUnavailable:
            return  # the leases run out

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            try:
                await self._renew()
                await self._take()
            except StoreUnavailable:
                continue  # nobody else can take a run either while the store is out
            except Exception as error:
                _log.error("a heartbeat failed", kind=type(error).__name__)

    async def _renew(self) -> None:
        # By name: what is ours and nobody here minds must run out, for it is taken up only then.
        minded, driven = self._driver.minded(), set(self._driver.live)
        if not minded:
            return
        renewed = await self._store.leases.renew(self.holder, sorted(minded))
        held = {lease.run_id: lease for lease in renewed}
        for run_id in driven:
            live, lease = self._driver.live.get(run_id), held.get(run_id)
            if live is None or live.over:
                continue
            if lease is None or lease.epoch != live.epoch:
                _log.warning("a run was taken over by another process", run=run_id)
                self._driver.leave(live)
            elif lease.stop_reason is not None:
                self._driver.stop_soon(live, lease.stop_reason)
            else:
                self._driver.listened_elsewhere(live, lease.listened)

    async def _take(self) -> int:
        leases = self._store.leases
        # Looks into /proc: in a thread, as an event loop must not wait for a file.
        gone = await asyncio.to_thread(dead, await leases.owners(), self.holder.owner)
        taken = await leases.take(
            self.holder, dead=gone, online=self._gateway.connections, overdue_seconds=self._overdue_seconds
        )
        resumed = 0
        for record, lease in taken:
            live = self._driver.live.get(record.run_id)
            if live is not None and not live.over:
                live.epoch = lease.epoch  # ours all the time: our own beat came late
                continue
            try:
                resumed += await self._take_up(record, lease, at_start=not self._looked)
            except StoreUnavailable:
                raise
            except Exception as error:
                # Its lease runs out and it is tried again; the others must not wait for it.
                _log.error("a run could not be taken up", run=record.run_id, kind=type(error).__name__)
        self._looked = True
        return resumed
