"""What one backend process holds: its settings, store, agents, runs. Routes find it on the application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection

from api.errors import UnknownConnection
from api.settings import Settings
from api.store.records import ConnectionRecord
from graph.ports import Database, Ports

if TYPE_CHECKING:
    from api.admission import Admission
    from api.auth import Keyring
    from api.export import Exports
    from api.gateway import Gateway
    from api.limits import Bucket
    from api.metrics import Metrics
    from api.models import Models
    from api.results import Results
    from api.runs import Runs
    from api.store.protocols import Store


@dataclass(slots=True)
class State:
    """Made by ``api.app.create_app``; opened and closed by the application's lifespan."""

    settings: Settings
    keyring: Keyring
    store: Store
    results: Results
    exports: Exports
    metrics: Metrics
    models: Models
    gateway: Gateway
    runs: Runs
    admission: Admission
    """Bounds how many agents are let in a second."""
    joins: Bucket
    """Bounds tries at join codes."""

    async def connection(self, tenant: str, connection_id: str) -> ConnectionRecord:
        """The tenant's connection. Raises ``UnknownConnection``."""
        record = await self.store.connections.get(tenant, connection_id)
        if record is None:
            raise UnknownConnection(
                f"There is no connection {connection_id[:80]!r}.",
                "GET /api/v1/connections lists those there are.",
            )
        return record

    def database(self, connection_id: str, agent_id: str | None = None) -> Database:
        """The database port of a connection, for a graph that runs in this process (Studio)."""
        return self.gateway.database(connection_id, agent_id)

    async def ports(self, tenant: str, connection_id: str, agent_id: str | None = None) -> Ports:
        """All ports of a run on this connection, for a graph that runs in this process (Studio).

        Raises:
            UnknownConnection: the tenant has none of this id.
            ModelMissing: no model is configured.
        """
        record = await self.connection(tenant, connection_id)
        return await self.runs.ports(record, self.gateway.database(connection_id, agent_id), agent_id)


def state_of(connection: HTTPConnection) -> State:
    """The state of the application that serves this request or socket."""
    state: State = connection.app.state.custard
    return state
