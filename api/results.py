"""Whole results, kept on disk for download until space runs out: a file of frames each.

The graph and the event log hold a preview only; the rest never enters the process's memory for longer than
a frame takes to be written.
"""

import asyncio
import hashlib
import os
import struct
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import orjson
import structlog

from api.cells import cells, converters
from api.errors import ResultGone
from api.ids import new_id
from graph.run import Run
from wire.frames import TextRow
from wire.outcome import Cell, ResultColumn, Rows

_FRAME = struct.Struct(">I")
_BUFFER_BYTES = 256 * 1024
"""What a spool gathers before it writes: most results never touch the disk before their end."""

_log = structlog.get_logger("api.results")


@dataclass(frozen=True, slots=True)
class KeptResult:
    """A whole result on disk."""

    columns: list[ResultColumn]
    row_count: int
    truncated: str | None
    path: Path

    def text_rows(self) -> Iterator[TextRow]:
        """Rows in PostgreSQL's own text. Reads the file; call it in a thread."""
        with self.path.open("rb") as file:
            while header := file.read(_FRAME.size):
                (length,) = _FRAME.unpack(header)
                yield from orjson.loads(file.read(length))

    def cells(self) -> Iterator[list[Cell]]:
        """Rows as JSON cells. Reads the file; call it in a thread."""
        how = converters(self.columns)
        return (cells(row, how) for row in self.text_rows())


class Spool:
    """A result on its way to disk. A disk that fails ends the keeping, not the statement."""

    def __init__(self, results: "Results") -> None:
        self._results = results
        self._ref = new_id("res")
        self._path = results.folder / f"{self._ref}.part"
        self._buffer = bytearray()
        self._file: IO[bytes] | None = None
        self._size = 0
        self._broken = False

    async def add(self, body: bytes) -> None:
        """Take one frame's body."""
        self._buffer += _FRAME.pack(len(body)) + body
        if len(self._buffer) >= _BUFFER_BYTES:
            await self._flush()

    async def keep(self) -> str | None:
        """Finish; returns the reference, or None when the result could not be kept."""
        await self._flush()
        if self._broken:
            await self.drop()
            return None
        try:
            await asyncio.to_thread(self._finish)
        except OSError as error:
            self._fail(error)
            await self.drop()
            return None
        await self._results.kept(self._ref, self._size)
        return self._ref

    async def drop(self) -> None:
        """Forget what was written."""
        self._buffer.clear()
        if self._file is not None:
            await asyncio.to_thread(self._remove)

    async def _flush(self) -> None:
        if self._broken:
            self._buffer.clear()
            return
        piece, self._buffer = bytes(self._buffer), bytearray()
        try:
            await asyncio.to_thread(self._write, piece)
        except OSError as error:
            self._fail(error)

    def _write(self, piece: bytes) -> None:
        if self._file is None:
            self._results.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = open(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")  # noqa: SIM115
        self._file.write(piece)
        self._size += len(piece)

    def _finish(self) -> None:
        if self._file is not None:
            self._file.close()
        self._path.rename(self._path.with_suffix(".rows"))

    def _remove(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        self._path.unlink(missing_ok=True)

    def _fail(self, error: OSError) -> None:
        self._broken = True
        _log.warning("a result cannot be kept", kind=type(error).__name__, errno=error.errno)


class Results:
    """Kept results, the oldest dropped when they outgrow ``limit_bytes``."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self.folder = folder
        self._limit = limit_bytes
        self._sizes: OrderedDict[str, int] = OrderedDict()

    async def open(self) -> None:
        """Find what an earlier process kept; remove what it left half written."""
        self._sizes = await asyncio.to_thread(self._scan)

    def spool(self) -> Spool:
        """Begin to keep a result."""
        return Spool(self)

    async def kept(self, ref: str, size: int) -> None:
        """Count a finished result in and drop the oldest beyond the limit."""
        self._sizes[ref] = size
        while len(self._sizes) > 1 and sum(self._sizes.values()) > self._limit:
            oldest, _ = self._sizes.popitem(last=False)
            await asyncio.to_thread((self.folder / f"{oldest}.rows").unlink, missing_ok=True)

    async def forget(self, runs: Iterable[Run]) -> None:
        """Drop the results of runs that are deleted."""
        for run in runs:
            for attempt in run.attempts:
                ref = attempt.outcome.result_ref if isinstance(attempt.outcome, Rows) else None
                if ref is not None:
                    self._sizes.pop(ref, None)
                    await asyncio.to_thread((self.folder / f"{ref}.rows").unlink, missing_ok=True)

    async def get(self, rows: Rows) -> KeptResult:
        """The whole result of an outcome.

        Raises:
            ResultGone: it was dropped, could not be kept, or differs from what arrived.
        """
        ref = rows.result_ref
        path = self.folder / f"{ref}.rows"
        if ref is None or not await asyncio.to_thread(_is_whole, path, rows.digest):
            raise ResultGone(
                "The whole result is no longer kept.", "Ask again: the query is quick to repeat."
            )
        return KeptResult(rows.columns, rows.row_count, rows.truncated, path)

    def _scan(self) -> OrderedDict[str, int]:
        if not self.folder.is_dir():
            return OrderedDict()
        for stale in self.folder.glob("res_*.part"):
            stale.unlink(missing_ok=True)
        # Names sort by time.
        return OrderedDict(
            (path.stem, path.stat().st_size) for path in sorted(self.folder.glob("res_*.rows"))
        )


def _is_whole(path: Path, digest: str) -> bool:
    whole = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while header := file.read(_FRAME.size):
                (length,) = _FRAME.unpack(header)
                whole.update(file.read(length))
    except (OSError, struct.error):
        return False
    return not digest or whole.hexdigest() == digest
