"""What the sockets of one agent know of each other: how many are wanted, and which replicas they lead to."""

import asyncio

from agent.session import Session

MAX_LINES = 2
"""Sockets to different replicas of the backend: one may be stopped or lost, and the other serves on."""


class Lines:
    """The sockets of this process. All methods run on the event loop."""

    def __init__(self) -> None:
        self.dialling = asyncio.Lock()
        """Held from dialling to ``welcome``, so that the second socket can say where the first one leads."""
        self._replicas = 1
        self._sessions: set[Session] = set()
        self._changed = asyncio.Event()
        self._closed = False

    @property
    def wanted(self) -> int:
        """Sockets to have: a second one only where there is a second replica."""
        return min(self._replicas, MAX_LINES)

    @property
    def attached(self) -> list[str]:
        """The replicas that are held, for ``hello``: those about to stop too, as none is to be met again."""
        return sorted({session.replica for session in self._sessions if session.replica})

    @property
    def sessions(self) -> list[Session]:
        """Every session that is open."""
        return list(self._sessions)

    def told(self, replicas: int) -> None:
        """A backend says how many replicas there are."""
        self._replicas = max(replicas, 1)
        self._notify()

    def add(self, session: Session) -> None:
        """It is welcomed."""
        self._sessions.add(session)
        self._notify()

    def remove(self, session: Session) -> None:
        """It is over."""
        self._sessions.discard(session)
        self._notify()

    async def room(self, number: int) -> None:
        """Wait until the socket of this number, from 0, is missing, or none is wanted any more.

        The second is dialled only when the first one stands: an agent that is out knocks once, not twice. A
        socket that leads to a replica about to stop does not count.
        """
        while not (self._closed or self.missing(number)):
            await self._changed.wait()

    def missing(self, number: int) -> bool:
        """Whether the socket of this number is still to be dialled."""
        lasting = sum(not session.draining.is_set() for session in self._sessions)
        return lasting < self.wanted and (number == 0 or (lasting > 0 and number < self.wanted))

    def close(self) -> None:
        """No further socket is wanted: nobody waits for one."""
        self._closed = True
        self._notify()

    def drained(self) -> None:
        """A session was told to move."""
        self._notify()

    def _notify(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
