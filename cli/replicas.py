"""``custard up --replicas N``: several backend processes behind one port, with what they share.

The listening socket is made here and inherited, so the kernel hands each connection to whoever accepts it,
and none is lost with a process that is killed or replaced. PostgreSQL and NATS are started here unless the
settings name others.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

from cli.children import Child
from cli.console import err
from cli.errors import CommandError

if TYPE_CHECKING:
    from api.settings import Settings
    from embedded.nats_server import NatsServer
    from embedded.postgres import EmbeddedPostgres

STORE_DATABASE = "custard_store"
START_SECONDS = 120.0
LOOK_SECONDS = 0.25
_EXTRA_SECONDS = 30.0
"""Beyond its grace, what a process may take to close its connections before it is killed."""


class ReplicaFailed(CommandError):
    """A backend process did not come up."""

    code = "replica_failed"


class Replicas:
    """Starts everything on entry and stops it on exit.

    Args:
        settings: of every replica.
        count: how many.

    Raises:
        PortInUse, UnsafeBind: as ``api.server.bind``.
        NatsMissing, PostgresMissing: a program is not installed; the hint says how to get it.
        ReplicaFailed: a process did not come up.
    """

    def __init__(self, settings: Settings, count: int) -> None:
        self._settings = settings
        self._count = count
        self._parts = ExitStack()
        self._children: list[Child] = []
        self._nats: NatsServer | None = None
        self._postgres: EmbeddedPostgres | None = None
        self._environment: dict[str, str] = {}
        self._started = 0
        self._listener: socket.socket | None = None
        self.url = ""

    def __enter__(self) -> Replicas:
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # All at once: each waits for its own runs, and none of them can hand over to another that goes too.
        for child in self._children:
            with suppress(ProcessLookupError):
                child.process.send_signal(signal.SIGTERM)
        for child in self._children:
            child.stop(self._settings.grace_seconds + _EXTRA_SECONDS)
        self._parts.close()

    @property
    def pids(self) -> list[int]:
        """The backend processes, oldest first."""
        return [child.process.pid for child in self._children]

    def _start(self) -> None:
        from api.server import bind, url_of
        from embedded.nats_server import NatsServer

        settings = self._settings
        self._listener = self._parts.enter_context(bind(settings))
        self.url = url_of(self._listener, settings)
        self._environment = {
            "CUSTARD_HOST": settings.host,
            "CUSTARD_PORT": str(settings.port),
            "CUSTARD_LISTEN_FD": str(self._listener.fileno()),
            "CUSTARD_DRAIN_SECONDS": f"{self._drain_seconds:g}",
        }
        if settings.nats_url is None:
            self._nats = self._parts.enter_context(NatsServer())
            self._environment["CUSTARD_NATS_URL"] = self._nats.url
        if settings.database_url is None:
            self._environment["CUSTARD_DATABASE_URL"] = self._own_store()
        starting = [self._spawn() for _ in range(self._count)]
        for child, ready in starting:
            self._await(child, ready)

    @property
    def _drain_seconds(self) -> float:
        return 30.0 if self._settings.drain_seconds is None else self._settings.drain_seconds

    def _own_store(self) -> str:
        import psycopg

        from embedded.postgres import EmbeddedPostgres

        self._postgres = self._parts.enter_context(EmbeddedPostgres(self._settings.home / "store"))
        with psycopg.connect(self._postgres.dsn(), autocommit=True) as admin:
            found = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [STORE_DATABASE]).fetchone()
            if found is None:
                admin.execute(f"CREATE DATABASE {STORE_DATABASE}".encode())
        return self._postgres.dsn(STORE_DATABASE)

    def _spawn(self) -> tuple[Child, int]:
        from embedded.paths import logs_dir

        assert self._listener is not None
        self._started += 1
        readable, writable = os.pipe()
        log = logs_dir() / f"replica-{os.getpid()}-{self._started}.log"
        child = Child(
            f"replica {self._started}",
            ["cli", "up"],
            {**self._environment, "CUSTARD_READY_FD": str(writable)},
            log,
            [self._listener.fileno(), writable],
        )
        os.close(writable)
        # Started again after it was killed, it has nobody to tell.
        child.forget("CUSTARD_READY_FD", writable)
        self._children.append(child)
        return child, readable

    def _await(self, child: Child, ready: int) -> None:
        try:
            # The pipe closes when the child ends, which is news as well.
            select.select([ready], [], [], START_SECONDS)
            said = os.read(ready, 16) if select.select([ready], [], [], 0)[0] else b""
        finally:
            os.close(ready)
        if not said:
            child.check()
            words = "\n".join(child.tail())
            raise ReplicaFailed(f"The {child.name} did not come up.\n{words}", f"Its log: {child.log}")

    def tend(self) -> None:
        """Start again what was killed.

        Raises:
            ChildFailed: a replica keeps ending.
        """
        if self._nats is not None and not self._nats.alive:
            err.print("[yellow]·[/] The NATS server had ended; it is started again.")
            self._nats.start()
        if self._postgres is not None and self._postgres.revive():
            err.print("[yellow]·[/] PostgreSQL had ended; it is started again.")
        for child in self._children:
            if child.revive():
                err.print(f"[yellow]·[/] {child.name} had ended; it is started again. Its log: {child.log}")

    def roll(self) -> None:
        """Replace every process, one after the other, each only when its successor takes questions.

        Raises:
            ReplicaFailed, ChildFailed: a successor did not come up; the one that it was for goes on.
        """
        for former in list(self._children):
            successor, ready = self._spawn()
            try:
                self._await(successor, ready)
            except CommandError:
                self._children.remove(successor)
                successor.stop()
                raise
            self._children.remove(former)
            former.stop(self._drain_seconds + _EXTRA_SECONDS)


def serve_replicas(settings: Settings, count: int) -> None:
    """Serve with ``count`` processes until SIGTERM or SIGINT; SIGHUP replaces them one by one.

    Raises:
        As ``Replicas`` does.
    """
    wanted: set[int] = set()
    before = {
        number: signal.signal(number, _note(wanted))
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    }
    try:
        with Replicas(settings, count) as replicas:
            err.print(f"{count} replicas at [bold]{replicas.url}[/]")
            while not wanted & {signal.SIGTERM, signal.SIGINT}:
                if signal.SIGHUP in wanted:
                    wanted.discard(signal.SIGHUP)
                    try:
                        replicas.roll()
                        err.print("Every replica was replaced.")
                    except CommandError as error:
                        err.print(f"[yellow]·[/] {error}")
                replicas.tend()
                time.sleep(LOOK_SECONDS)
            err.print("Stopping …")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _note(wanted: set[int]) -> Callable[[int, FrameType | None], None]:
    def note(number: int, _: FrameType | None) -> None:
        wanted.add(number)

    return note
