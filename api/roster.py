"""Who else is there: the other replicas, and which agents are attached to them.

For showing and for counting. Whether an agent can be reached is never read from here: the bus itself knows,
at once, whether anybody answers for it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Any
from uuid import uuid4

import orjson
import structlog

from api.bus.protocol import Bus, BusError, Subscription

BEAT_SECONDS = 2.0
GONE_SECONDS = 7.0
"""A replica that was not heard of for so long is no longer counted: three beats and a little."""
MOVING_SECONDS = 15.0
"""How long after a replica began to leave its agents may still be on their way to another."""
_ASK_SECONDS = 10.0

_log = structlog.get_logger("api.roster")


@dataclass(frozen=True, slots=True)
class Seat:
    """An agent's session, wherever it is attached."""

    agent_id: str
    connection_id: str
    instance: str
    epoch: int
    since: datetime


@dataclass(slots=True)
class _Other:
    heard: float
    draining: bool = False
    version: int = 0
    seats: dict[str, Seat] = field(default_factory=dict)
    asking: bool = False


class Roster:
    """This replica's picture of the others. All methods run on the event loop.

    Args:
        on_seat: told of an agent that has attached to another replica.
        on_count: told when another number of replicas serves.
    """

    def __init__(
        self,
        bus: Bus,
        on_seat: Callable[[Seat], None] = lambda seat: None,
        on_count: Callable[[int], None] = lambda count: None,
    ) -> None:
        self.replica = f"rep_{uuid4().hex[:16]}"
        """Our own name, new with every start."""
        self.on_seat = on_seat
        self.on_count = on_count
        self._bus = bus
        self._draining = False
        self._version = 0
        self._seats: dict[str, Seat] = {}
        self._others: dict[str, _Other] = {}
        self._moving: dict[str, float] = {}
        self._counted = 1
        self._tasks: set[asyncio.Task[None]] = set()
        self._subscriptions: list[Subscription] = []

    @property
    def count(self) -> int:
        """Replicas that take questions, this one included unless it is leaving."""
        others = sum(not other.draining for other in self._others.values())
        return others + (not self._draining)

    async def open(self) -> None:
        """Begin to listen, and make ourselves known; without others to be there, nothing is needed."""
        if not self._bus.shared:
            return
        self._subscriptions = [
            await self._bus.subscribe("roster", self._hear),
            await self._bus.answer(f"roster.{self.replica}", self._all),
        ]
        await self._say("hello")
        await self._beat()
        self._spawn(self._heart())

    async def close(self) -> None:
        """Take leave."""
        await self._say("bye")
        for subscription in self._subscriptions:
            await subscription.end()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- ours ----------------------------------------------------------------------------------------------

    async def seated(self, seat: Seat) -> None:
        """An agent has attached here."""
        self._version += 1
        self._seats[seat.agent_id] = seat
        await self._say("seat", seat=_plain(seat))

    async def left(self, agent_id: str) -> None:
        """It is no longer attached here."""
        if self._seats.pop(agent_id, None) is not None:
            self._version += 1
            await self._say("left", agent_id=agent_id)

    async def drain(self) -> None:
        """We are about to stop: the others know before our agents do."""
        self._draining = True
        self._note_moving(self._seats)
        await self._beat()
        self._recount()

    def knows(self, replica: str) -> bool:
        """Whether it is this one or one that was heard of lately."""
        return replica == self.replica or replica in self._others

    # --- the others' ---------------------------------------------------------------------------------------

    def seats(self, agent_id: str) -> list[Seat]:
        """The agent's sessions at other replicas."""
        return [other.seats[agent_id] for other in self._others.values() if agent_id in other.seats]

    def moving(self, connection_id: str) -> bool:
        """Whether an agent of the connection may just be on its way from one replica to another."""
        return self._moving.get(connection_id, 0.0) > monotonic() - MOVING_SECONDS

    def _hear(self, data: bytes) -> None:
        try:
            said = orjson.loads(data)
            self._heed(said)
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            # Another version may say what we do not know; what we miss comes with the next whole roster.
            _log.warning("a replica was not understood", kind=type(error).__name__)

    def _heed(self, said: dict[str, Any]) -> None:
        replica, kind = str(said["replica"]), said["kind"]
        if replica == self.replica:
            return
        if kind == "bye":
            self._lose(replica)
            return
        other = self._others.setdefault(replica, _Other(monotonic()))
        other.heard = monotonic()
        match kind:
            case "hello":
                self._spawn(self._beat())
            case "seat":
                self._seat(other, _seat(said["seat"]))
                self._advance(replica, other, int(said["version"]))
            case "left":
                other.seats.pop(str(said["agent_id"]), None)
                self._advance(replica, other, int(said["version"]))
            case "beat":
                if said["draining"] and not other.draining:
                    self._note_moving(other.seats)
                other.draining = bool(said["draining"])
                if int(said["version"]) != other.version:
                    self._spawn(self._fetch(replica, other))
        self._recount()

    def _advance(self, replica: str, other: _Other, version: int) -> None:
        if version == other.version + 1:
            other.version = version
        else:
            self._spawn(self._fetch(replica, other))

    def _seat(self, other: _Other, seat: Seat) -> None:
        other.seats[seat.agent_id] = seat
        self.on_seat(seat)

    def _note_moving(self, seats: dict[str, Seat]) -> None:
        now = monotonic()
        self._moving = {cid: at for cid, at in self._moving.items() if at > now - MOVING_SECONDS}
        self._moving |= {seat.connection_id: now for seat in seats.values()}

    def _lose(self, replica: str) -> None:
        other = self._others.pop(replica, None)
        if other is not None:
            self._note_moving(other.seats)
        self._recount()

    def _recount(self) -> None:
        if self.count != self._counted:
            self._counted = self.count
            self.on_count(self.count)

    async def _fetch(self, replica: str, other: _Other) -> None:
        """Ask for the whole roster of a replica of which we have missed something."""
        if other.asking:
            return
        other.asking = True
        try:
            whole = orjson.loads(await self._bus.request(f"roster.{replica}", b"", seconds=_ASK_SECONDS))
            other.seats = {}
            for seat in whole["seats"]:
                self._seat(other, _seat(seat))
            other.version = int(whole["version"])
        except BusError:
            return  # its next beat shows again that something is missing
        finally:
            other.asking = False

    # --- the heart -----------------------------------------------------------------------------------------

    async def _heart(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            if self._bus.trouble is None:
                await self._beat()
                self._sweep()

    def _sweep(self) -> None:
        silent = [name for name, one in self._others.items() if one.heard < monotonic() - GONE_SECONDS]
        for replica in silent:
            _log.warning("a replica is gone", replica=replica)
            self._lose(replica)

    async def _beat(self) -> None:
        await self._say("beat", draining=self._draining)

    async def _say(self, kind: str, **more: Any) -> None:
        if self._bus.shared:
            said = {"kind": kind, "replica": self.replica, "version": self._version, **more}
            await self._bus.publish("roster", orjson.dumps(said))

    async def _all(self, _: bytes) -> bytes:
        seats = [_plain(seat) for seat in self._seats.values()]
        return orjson.dumps({"version": self._version, "seats": seats})

    def _spawn(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _plain(seat: Seat) -> dict[str, Any]:
    return {
        "agent_id": seat.agent_id,
        "connection_id": seat.connection_id,
        "instance": seat.instance,
        "epoch": seat.epoch,
        "since": seat.since.isoformat(),
    }


def _seat(plain: dict[str, Any]) -> Seat:
    return Seat(
        str(plain["agent_id"]),
        str(plain["connection_id"]),
        str(plain["instance"]),
        int(plain["epoch"]),
        datetime.fromisoformat(plain["since"]),
    )
