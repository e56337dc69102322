"""What an agent's socket carries: a relay that counts bytes, between an agent and its backend."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx2
import psycopg

from evals.bench import exports
from evals.bench.chain import running_chain
from evals.bench.figure import Figure, figure_of

_PIECE = 256 * 1024
GOAL_MB = 25.0
"""Of a million rows."""


class Relay:
    """Passes on what comes from an agent and what goes to it; runs in a thread of its own."""

    def __init__(self) -> None:
        self.bytes = 0
        """That have come from agents."""

    @contextmanager
    def between(self, url: str) -> Iterator[str]:
        """The address under which the server at ``url`` is reached through here."""
        place = urlsplit(url)
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        try:
            serving = self._serve(str(place.hostname), place.port)
            port = asyncio.run_coroutine_threadsafe(serving, loop).result()
            yield f"{place.scheme}://127.0.0.1:{port}"
        finally:
            asyncio.run_coroutine_threadsafe(_leave(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    async def _serve(self, host: str, port: int | None) -> int:
        async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            there_reader, there_writer = await asyncio.open_connection(host, port)
            await asyncio.gather(
                self._pass_on(reader, there_writer, counted=True),
                self._pass_on(there_reader, writer, counted=False),
            )

        server = await asyncio.start_server(met, "127.0.0.1", 0)
        return int(server.sockets[0].getsockname()[1])

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, counted: bool
    ) -> None:
        try:
            while data := await reader.read(_PIECE):
                if counted:
                    self.bytes += len(data)
                writer.write(data)
                await writer.drain()
        except OSError:
            pass  # the other way notices too
        finally:
            writer.close()


async def _leave() -> None:
    """End what the relay still does, connections that are open among it."""
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


def carried_figures(dsn: str, *, rows: int) -> list[Figure]:
    """Megabytes of a million rows on the agent's socket, against those of psycopg's ``COPY``.

    Args:
        dsn: of the agent's role.
        rows: of the table that is exported; what is measured is taken for a million.
    """
    relay = Relay()
    with (
        running_chain(dsn, asked="sql", way=relay.between) as chain,
        httpx2.Client(base_url=chain.url, timeout=600, trust_env=False) as http,
        psycopg.connect(dsn, autocommit=True) as conn,
    ):
        path = chain.ask(exports.SQL)

        def carried(form: str) -> float:
            before = relay.bytes
            with http.stream("GET", f"{path}/result?source=live&format={form}") as answer:
                answer.raise_for_status()
                for _ in answer.iter_raw():
                    pass
            return (relay.bytes - before) / rows

        def copied(form: str) -> float:
            with conn.cursor().copy(f"COPY ({exports.SQL}) TO STDOUT (FORMAT {form})".encode()) as copy:
                return sum(map(len, copy)) / rows

        return [
            figure_of(
                f"carried_{form}",
                f"a million rows for {named} on the agent's socket : psycopg's COPY, {base}",
                [carried(form)],
                [copied(base)],
                unit="MB",
                scale=1,
            ).aiming(median=GOAL_MB)
            for form, named, base in (("csv", "CSV", "csv"), ("arrow", "Arrow", "binary"))
        ]
