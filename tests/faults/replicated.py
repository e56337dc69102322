"""Two backends over one store and one NATS server, with a proxy that can misbehave at each end of the bus.

The agent is attached to the first one only, so what is asked of the second has to cross.
"""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import psycopg

from cli.errors import ApiProblem, CommandError
from cli.http import Backend, Json
from embedded.nats_server import NatsServer
from embedded.ports import free_port
from evals.bench.rolling import Load
from tests.faults.front import Front
from tests.faults.plant import PATIENCE_SECONDS, Plant, await_
from tests.faults.proxy import Fault

OTHER = "backend-2"


class Askers(Load):
    """Those of the bench of rolling deployments."""

    @property
    def asked(self) -> int:
        """Questions whose end is known."""
        return len(self.seconds) + sum(self.failed.values())

    async def work(self) -> None:
        """Until ``stopping``."""
        await asyncio.gather(self.ask(), self.ask(), self.listen(), self.listen())


class Replicated(Plant):
    """A plant with a second backend."""

    def __enter__(self) -> "Replicated":
        super().__enter__()
        return self

    def prepare(self) -> None:
        """The bus, before the first backend needs it; the second backend is started here too."""
        self.nats = self.parts.enter_context(NatsServer())
        url = urlsplit(self.nats.url)
        assert url.port is not None
        self.bus = self.proxy("bus", ("127.0.0.1", url.port))
        self.bus_of_other = self.proxy("bus of the other", ("127.0.0.1", url.port))
        port = free_port()
        self.other_url = f"http://127.0.0.1:{port}"
        # As long as by default, nearly: a replica that is idle leaves at once.
        self.tell(
            "backend", {"CUSTARD_NATS_URL": self._through(self.bus.port), "CUSTARD_DRAIN_SECONDS": "20"}
        )
        home = self.folder / "other"
        home.mkdir()
        here = self.environment("backend") | {
            "CUSTARD_PORT": str(port),
            "CUSTARD_HOME": str(home),
            "CUSTARD_NATS_URL": self._through(self.bus_of_other.port),
            "FAULTS_REPORT": str(self.folder / f"{OTHER}.json"),
        }
        self.launch(OTHER, here)

    @contextmanager
    def balanced(self) -> Iterator[None]:
        """Behind a load balancer: browsers keep to the first that is ready, the agent is at both."""
        ports = [int(url.rpartition(":")[2]) for url in (self.direct, self.other_url)]
        replicas = [("127.0.0.1", port) for port in ports]
        fronts = [
            Front(self._loop, replicas, name=name, spread=spread)
            for name, spread in (("front for browsers", False), ("front for agents", True))
        ]
        try:
            await_(lambda: all(front.ready == 2 for front in fronts), "both to be ready")
            for proxy, front in zip((self.browser, self.wire), fronts, strict=True):
                proxy.target = ("127.0.0.1", front.port)
            self.wire.reset()
            await_(lambda: self.wire.open == 2, "the agent to be at both")
            self.await_other()
            yield
        finally:
            for proxy in (self.browser, self.wire):
                proxy.target = replicas[0]
                proxy.reset()
            for front in fronts:
                front.close()

    def _through(self, port: int) -> str:
        return f"nats://{urlsplit(self.nats.url).username}@127.0.0.1:{port}"

    def at_other(self) -> Backend:
        """To ask the second backend with."""
        return Backend(self.other_url)

    def ask_other(self, question: str, *, patient: bool = True) -> Json:
        """Ask there, and wait for the run's end; ``patient`` as for ``start``."""
        return self.finish(self.start(question, patient=patient, at=self.other_url))

    def told_by_other(self, run_id: str) -> list[str]:
        """The types of the run's events so far, in order."""
        with self.at_other() as backend:
            return [str(event["type"]) for event in backend.get(f"/api/v1/runs/{run_id}")["events"]]

    @contextmanager
    def load(self) -> Iterator["Askers"]:
        """Two that wait for answers and two that follow them, without a pause, through the browser's link."""
        askers = Askers(f"http://127.0.0.1:{self.browser.port}", self.connection_id)
        thread = threading.Thread(target=lambda: asyncio.run(askers.work()), daemon=True)
        thread.start()
        try:
            await_(lambda: askers.asked > 2, "the first to be answered")
            yield askers
        finally:
            askers.stopping = True
            thread.join(PATIENCE_SECONDS)

    def refused_by_other(self, question: str) -> tuple[ApiProblem, float]:
        """What it says to a question that it cannot hand on, and after how many seconds."""
        began = time.monotonic()
        try:
            self.ask_other(question, patient=False)
        except ApiProblem as problem:
            return problem, time.monotonic() - began
        raise AssertionError("it was answered")

    @contextmanager
    def broken_bus(self, how: str) -> Iterator[None]:
        """``refused`` and ``silent`` are the other's end of it; ``stopped`` is the broker itself."""
        if how == "stopped":
            os.kill(self.nats.pid, signal.SIGSTOP)
        elif how == "silent":
            self.bus_of_other.set(up=Fault(blackhole=True), down=Fault(blackhole=True))
        else:
            self.bus_of_other.refuse()
        try:
            yield
        finally:
            if how == "stopped":
                os.kill(self.nats.pid, signal.SIGCONT)
            self.bus_of_other.clear()
            self.bus_of_other.accept()

    def runs_stored(self) -> int:
        """How many runs the store has."""
        with psycopg.connect(self.postgres.dsn(self.store_name), autocommit=True) as conn:
            row = conn.execute("SELECT count(*) FROM runs").fetchone()
        assert row is not None
        return int(row[0])

    def await_other(self) -> None:
        """Until both see each other, and the second one hands questions on."""

        def there() -> bool:
            self.child(OTHER).check()
            with suppress(CommandError), self.at_other() as backend:
                checks = backend.get("/health/ready")["checks"]
                shown: Any = backend.get(f"/api/v1/connections/{self.connection_id}")
                seen = shown["agent"] is not None and shown["agent"]["status"] == "online"
                if checks["bus"]["ok"] and checks["bus"]["detail"] == "2 replicas" and seen:
                    backend.post(f"/api/v1/{self.connection_id}/refresh-schema")  # crosses
                    return True
            return False

        await_(there, "the other backend to be one of two", seconds=PATIENCE_SECONDS)

    def mend(self) -> None:
        """As ``Plant``, with the bus and the other backend."""
        if not self.nats.alive:
            self.nats.start()
        for proxy in (self.bus, self.bus_of_other):
            proxy.clear()
            proxy.accept()
        if self.child(OTHER).process.poll() is not None:
            self.launch(OTHER)
        super().mend()
        self.await_other()
