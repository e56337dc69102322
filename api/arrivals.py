"""Agents between their token and their session: what is told of them meanwhile must not pass them by."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from api.admission import Crowded
from api.store.records import AgentRecord


class Doubled(Crowded):
    """Another socket of the same agent is between token and welcome. Internal: becomes a 503."""


@dataclass(slots=True, eq=False)
class Arrival:
    """One socket that has shown a token. What the store said of it may be older than what was told since."""

    agent_id: str
    connection_id: str
    welcomed: bool = False
    stale: bool = False
    """Whether a revocation, a deletion or a policy may have been told that its look at the store missed."""


class Arrivals:
    """Those under way. All methods run on the event loop."""

    def __init__(self) -> None:
        self._under_way: set[Arrival] = set()

    @contextmanager
    def one(self, agent: AgentRecord) -> Iterator[Arrival]:
        """This agent's, until it is attached.

        Raises:
            Doubled: it has another one there. There are few places, and one token is not to take them all.
        """
        if any(one.agent_id == agent.agent_id and not one.welcomed for one in self._under_way):
            raise Doubled
        arrival = Arrival(agent.agent_id, agent.connection_id)
        self._under_way.add(arrival)
        try:
            yield arrival
        finally:
            self._under_way.discard(arrival)

    def doubt(self, *, agent_id: str | None = None, connection_id: str | None = None) -> None:
        """Something was told of this agent, of this connection's agents, or (neither named) was missed."""
        for one in self._under_way:
            if agent_id in (None, one.agent_id) and connection_id in (None, one.connection_id):
                one.stale = True
