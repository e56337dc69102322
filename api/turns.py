"""Who goes next: so many runs, or exports, at once, so that no tenant and no connection starves another."""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many at once, and how many may wait."""

    running: int
    """Of all together."""
    per_connection: int
    """Of one connection: its agent runs few statements at once, whatever is asked of it."""
    per_tenant: int
    """Of one tenant: what is left is there for the others, however long its own take."""
    waiting: int
    """Of all together; more are turned away."""
    waiting_per_tenant: int


@dataclass(slots=True)
class _Waiter:
    tenant: str
    connection_id: str
    called: asyncio.Future[None]


class Turns:
    """Hands out turns. Tenants are served in rotation, and each tenant's questions in order."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._running = 0
        self._of_connection: Counter[str] = Counter()
        self._of_tenant: Counter[str] = Counter()
        self._coming: Counter[str] = Counter()
        """By tenant, who was let in and has yet to stand in the queue."""
        self._queues: OrderedDict[str, deque[_Waiter]] = OrderedDict()
        """By tenant; the one that was served longest ago stands first."""

    @property
    def waiting(self) -> int:
        """Of all tenants together."""
        return sum(len(queue) for queue in self._queues.values())

    def why_full(self, tenant: str) -> str | None:
        """Why a question of this tenant would be turned away now; None when it may come in."""
        free = max(0, self._bounds.running - self._running)
        ours = min(free, max(0, self._bounds.per_tenant - self._of_tenant[tenant]))
        coming, queue = self._coming.total(), len(self._queues.get(tenant, ()))
        if coming < free and self._coming[tenant] < ours and not queue:
            return None
        # Those who are coming take what is free, and the rest of them will wait.
        waiting = self.waiting + max(0, coming - free)
        queue += max(0, self._coming[tenant] - ours)
        if queue >= self._bounds.waiting_per_tenant or waiting >= self._bounds.waiting:
            return f"{self._running} are under way, and {waiting} wait."
        return None

    @contextmanager
    def coming(self, tenant: str) -> Iterator[None]:
        """Count one who was let in, until it stands in the queue: many at once must not all find it empty."""
        self._coming[tenant] += 1
        try:
            yield
        finally:
            self._coming[tenant] -= 1
            if not self._coming[tenant]:
                del self._coming[tenant]

    @asynccontextmanager
    async def turn(
        self, tenant: str, connection_id: str, *, patience: float | None = None
    ) -> AsyncIterator[None]:
        """Wait for a turn and hold it. Whoever gives up while waiting leaves the queue.

        Args:
            patience: seconds to wait at most; None waits as long as it takes.

        Raises:
            TimeoutError: it took longer.
        """
        waiter = _Waiter(tenant, connection_id, asyncio.get_running_loop().create_future())
        self._queues.setdefault(tenant, deque()).append(waiter)
        self._call()
        try:
            async with asyncio.timeout(patience):
                await waiter.called
        except (asyncio.CancelledError, TimeoutError):
            if waiter.called.done() and not waiter.called.cancelled():
                self._give_back(waiter)  # it was called in the very moment in which it gave up
            else:
                self._forget(waiter)
            raise
        try:
            yield
        finally:
            self._give_back(waiter)

    def _call(self) -> None:
        """Call whoever may go, until nobody may."""
        while self._running < self._bounds.running:
            found = next(
                ((tenant, one) for tenant in self._queues if (one := self._first(tenant)) is not None), None
            )
            if found is None:
                return
            tenant, waiter = found
            self._queues[tenant].remove(waiter)
            self._queues.move_to_end(tenant)
            self._drop_if_empty(tenant)
            self._running += 1
            self._of_connection[waiter.connection_id] += 1
            self._of_tenant[tenant] += 1
            waiter.called.set_result(None)

    def _first(self, tenant: str) -> _Waiter | None:
        """The tenant's first whose connection is not at its bound, if the tenant is not either."""
        if self._of_tenant[tenant] >= self._bounds.per_tenant:
            return None
        for waiter in self._queues[tenant]:
            # One that has just been cancelled has yet to leave the queue: it takes no place.
            if (
                not waiter.called.done()
                and self._of_connection[waiter.connection_id] < self._bounds.per_connection
            ):
                return waiter
        return None

    def _give_back(self, waiter: _Waiter) -> None:
        self._running -= 1
        for counter, name in ((self._of_connection, waiter.connection_id), (self._of_tenant, waiter.tenant)):
            counter[name] -= 1
            if not counter[name]:
                del counter[name]
        self._call()

    def _forget(self, waiter: _Waiter) -> None:
        queue = self._queues.get(waiter.tenant)
        if queue is not None and waiter in queue:
            queue.remove(waiter)
            self._drop_if_empty(waiter.tenant)

    def _drop_if_empty(self, tenant: str) -> None:
        if not self._queues[tenant]:
            del self._queues[tenant]
