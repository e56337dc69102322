"""Faults that can be had two at a time: each begins on entry, and is over on exit.

Of one part at most one happens at once: what is killed cannot also be stopped. The backend's fault ends last,
as a backend does not start while its store is away.
"""

import itertools
import random
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import psycopg

from tests.faults.model import Manner
from tests.faults.plant import Plant
from tests.faults.proxy import Fault

_BLACKHOLE = Fault(blackhole=True)
_SLOW = Fault(latency=0.02, jitter=0.05)


@dataclass(frozen=True, order=True)
class Pair:
    """Two faults, in the order in which they begin and end, and for how long both last."""

    first: str
    second: str
    seconds: float
    first_ends_first: bool

    def ending(self) -> list[str]:
        """In which order they end."""
        order = [self.first, self.second] if self.first_ends_first else [self.second, self.first]
        return sorted(order, key=lambda name: name.startswith("backend"))


def fault(plant: Plant, name: str) -> AbstractContextManager[None]:
    """The fault of this name, one of ``NAMES``."""
    match name.split():
        case [part, "killed"]:
            return _killed(plant, part)
        case ["agent", "stopped"]:
            return plant.paused("agent")
        case ["line", "reset"]:
            return _reset(plant)
        case ["line", "silent"]:
            return plant.wire.fault(up=_BLACKHOLE, down=_BLACKHOLE)
        case ["store", "away"]:
            return _away(plant)
        case ["store", "slow"]:
            return plant.store.fault(down=_SLOW)
        case ["database", "ended"]:
            return _ended(plant)
        case ["model", "failing"]:
            return _failing(plant)
    raise ValueError(name)


NAMES = (
    "agent killed",
    "agent stopped",
    "backend killed",
    "database ended",
    "line reset",
    "line silent",
    "model failing",
    "store away",
    "store slow",
)


def drawn(seed: int, count: int) -> list[Pair]:
    """So many different pairs; the same ones for the same seed."""
    chance = random.Random(seed)
    fitting = [
        (one, other) for one, other in itertools.combinations(NAMES, 2) if one.split()[0] != other.split()[0]
    ]
    pairs = []
    for one, other in chance.sample(fitting, count):
        first, second = (one, other) if chance.random() < 0.5 else (other, one)
        pairs.append(Pair(first, second, round(chance.uniform(0.1, 1.5), 1), chance.random() < 0.5))
    return pairs


@contextmanager
def _killed(plant: Plant, name: str) -> Iterator[None]:
    plant.kill(name)
    try:
        yield
    finally:
        plant.launch(name)


@contextmanager
def _reset(plant: Plant) -> Iterator[None]:
    plant.wire.reset()
    yield


@contextmanager
def _away(plant: Plant) -> Iterator[None]:
    plant.store.refuse()
    try:
        yield
    finally:
        plant.store.accept()


@contextmanager
def _ended(plant: Plant) -> Iterator[None]:
    with psycopg.connect(plant.postgres.dsn(), autocommit=True) as conn:
        conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reader'")
    yield


@contextmanager
def _failing(plant: Plant) -> Iterator[None]:
    plant.model.manner = Manner(status=500)
    try:
        yield
    finally:
        plant.model.manner = Manner()
