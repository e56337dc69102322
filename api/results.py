"""Whole results, kept on disk for download until space runs out: a file of frames each.

The graph and the event log hold a preview only; the rest never enters the process's memory for longer than
a frame takes to be written. A result's reference names the folder that it is in, so that a replica with
another one knows whom to ask for it.
"""

import asyncio
import hashlib
import os
import re
import struct
import threading
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from uuid import uuid4

import orjson
import structlog

from api.cells import cells, converters
from api.errors import ResultGone
from api.ids import new_id
from api.workspace import Workspace
from graph.run import Run
from wire.frames import TextRow
from wire.outcome import Cell, ResultColumn, Rows

_FRAME = struct.Struct(">I")
_BUFFER_BYTES = 256 * 1024
"""What a spool gathers before it writes: most results never touch the disk before their end."""

_REF = re.compile(r"res_[0-9a-z]{26}(?:-([0-9a-f]{16}))?")
_PLACE = ".place"
"""The file that holds the folder's name among the replicas' folders."""

Fetch = Callable[[str, str], AsyncGenerator[bytes, None]]
"""Given a folder's name and a reference: the file's bytes, from a replica that has it."""

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
        self._ref = ""
        self._path = Path()
        self._buffer = bytearray()
        self._file: IO[bytes] | None = None
        self._size = 0
        self._broken = False
        self._begun = False
        self._dropped = False
        self._working = threading.Lock()
        """A stop drops what a thread may be writing: one waits for the other."""

    async def add(self, body: bytes) -> None:
        """Take one frame's body."""
        self._buffer += _FRAME.pack(len(body)) + body
        if len(self._buffer) >= _BUFFER_BYTES:
            await self._flush()

    async def keep(self) -> str | None:
        """Finish; returns the reference, or None when the result could not be kept."""
        if not self._broken and not self._dropped:
            self._begun = True
            try:
                # In one go: a small result is opened, written and named by one trip to a thread.
                await asyncio.to_thread(self._finish, self._taken())
            except OSError as error:
                self._fail(error)
        if self._broken or self._dropped:
            await self.drop()
            return None
        await self._results.kept(self._ref, self._size)
        return self._ref

    async def drop(self) -> None:
        """Forget what was written."""
        self._buffer.clear()
        self._dropped = True
        if self._begun:
            await asyncio.to_thread(self._remove)

    async def _flush(self) -> None:
        if self._broken or self._dropped:
            self._buffer.clear()
            return
        self._begun = True
        try:
            await asyncio.to_thread(self._write, self._taken())
        except OSError as error:
            self._fail(error)

    def _taken(self) -> bytes:
        piece, self._buffer = bytes(self._buffer), bytearray()
        return piece

    def _write(self, piece: bytes) -> None:
        with self._working:
            if not self._dropped:
                self._put(piece)

    def _put(self, piece: bytes) -> None:
        if self._file is None:
            self._ref = f"{new_id('res')}-{self._results.place()}"
            self._path = self._results.work.folder() / self._ref
            self._file = open(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")  # noqa: SIM115
        self._file.write(piece)
        self._size += len(piece)

    def _finish(self, piece: bytes) -> None:
        with self._working:
            if self._dropped:
                return
            self._put(piece)
            if self._file is not None:
                self._file.close()
            kept = self._results.path(self._ref)
            self._path.rename(kept)
            self._path = kept

    def _remove(self) -> None:
        with self._working:
            if self._file is not None:
                with suppress(OSError):  # of a full disk, which may refuse what is still to be written
                    self._file.close()
                self._file = None
                _discard(self._path)

    def _fail(self, error: OSError) -> None:
        self._broken = True
        _log.warning("a result cannot be kept", kind=type(error).__name__, errno=error.errno)


class Results:
    """Kept results, the oldest dropped when they outgrow ``limit_bytes``.

    ``fetch`` gets what another replica's folder holds; None where there are no others.
    """

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self.folder = folder
        self.work = Workspace(folder)
        self.fetch: Fetch | None = None
        self._limit = limit_bytes
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self._size = 0
        self._place: str | None = None
        self._placing = threading.Lock()

    async def open(self) -> None:
        """Find what an earlier process kept; remove what one left half written."""
        self._sizes = await asyncio.to_thread(self._scan)
        self._size = sum(self._sizes.values())

    async def close(self) -> None:
        """Remove what is half written."""
        await asyncio.to_thread(self.work.close)

    def place(self) -> str:
        """The folder's name, the same for every process that shares it. Reads the disk, or writes it."""
        with self._placing:
            if self._place is None:
                mine = self.work.folder() / _PLACE
                mine.write_text(uuid4().hex[:16], encoding="ascii")
                with suppress(FileExistsError):
                    os.link(mine, self.folder / _PLACE)  # of several that start at once, one is first
                mine.unlink()
                self._place = (self.folder / _PLACE).read_text(encoding="ascii")
            return self._place

    def path(self, ref: str) -> Path:
        """Where a kept result lies, or would."""
        return self.folder / f"{ref}.rows"

    def spool(self) -> Spool:
        """Begin to keep a result."""
        return Spool(self)

    async def kept(self, ref: str, size: int) -> None:
        """Count a finished result in and drop the oldest beyond the limit."""
        self._sizes[ref] = size
        self._size += size
        while len(self._sizes) > 1 and self._size > self._limit:
            oldest, freed = self._sizes.popitem(last=False)
            self._size -= freed
            await asyncio.to_thread(_discard, self.path(oldest))

    async def forget(self, refs: Iterable[str]) -> None:
        """Drop these results, as far as they are here."""
        for ref in refs:  # may have come from another replica
            if _REF.fullmatch(ref) is not None:
                self._size -= self._sizes.pop(ref, 0)
                await asyncio.to_thread(_discard, self.path(ref))

    async def get(self, rows: Rows) -> KeptResult:
        """The whole result of an outcome, from here or from the replica that kept it.

        Raises:
            ResultGone: it was dropped, could not be kept, or differs from what arrived.
        """
        ref = rows.result_ref
        if ref is None or not (
            await asyncio.to_thread(_is_whole, self.path(ref), rows.digest)
            or await self._got(ref, rows.digest)
        ):
            raise ResultGone(
                "The whole result is no longer kept.", "Ask again: the query is quick to repeat."
            )
        return KeptResult(rows.columns, rows.row_count, rows.truncated, self.path(ref))

    async def pieces(self, ref: str) -> AsyncGenerator[bytes, None]:
        """A kept result's file, for another replica.

        Raises:
            ResultGone: it is not here.
        """
        if _REF.fullmatch(ref) is None:
            raise ResultGone("That is no reference of a result.")
        try:
            file = await asyncio.to_thread(self.path(ref).open, "rb")
        except OSError as error:
            raise ResultGone("The whole result is no longer kept.") from error
        with file:
            while piece := await asyncio.to_thread(file.read, _BUFFER_BYTES):
                yield piece

    async def _there(self, ref: str, digest: str) -> bool:
        whole = await asyncio.to_thread(_is_whole, self.path(ref), digest)
        return whole or await self._got(ref, digest)

    async def _got(self, ref: str, digest: str) -> bool:
        """Fetch a result from where it is; whether it is here now, and the right one."""
        named = _REF.fullmatch(ref)
        if self.fetch is None or named is None or named[1] is None:
            return False
        if named[1] == await asyncio.to_thread(self.place):
            return False
        path = await asyncio.to_thread(self.work.folder) / uuid4().hex
        try:
            size = await self._write(path, self.fetch(named[1], ref))
            if size is None or not await asyncio.to_thread(_is_whole, path, digest):
                return False
            await asyncio.to_thread(path.rename, self.path(ref))
        except OSError as error:
            _log.warning("a result cannot be fetched", kind=type(error).__name__, errno=error.errno)
            return False
        finally:
            await asyncio.to_thread(_discard, path)
        await self.kept(ref, size)
        return True

    async def _write(self, path: Path, pieces: AsyncGenerator[bytes, None]) -> int | None:
        """Returns the file's size; None when it did not come whole."""
        size = 0
        with await asyncio.to_thread(path.open, "xb") as file:
            try:
                async with aclosing(pieces):
                    async for piece in pieces:
                        await asyncio.to_thread(file.write, piece)
                        size += len(piece)
            except ResultGone:
                return None
        return size

    def _scan(self) -> OrderedDict[str, int]:
        if not self.folder.is_dir():
            return OrderedDict()
        self.work.sweep()
        found: OrderedDict[str, int] = OrderedDict()
        for path in sorted(self.folder.glob("res_*.rows")):  # names sort by time
            with suppress(OSError):  # a replica that shares the folder may drop it meanwhile
                found[path.stem] = path.stat().st_size
        return found


def _discard(path: Path) -> None:
    """Remove a file. A disk that does not let it costs space, and must cost nobody a socket or a run."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        _log.warning("a result cannot be dropped", kind=type(error).__name__, errno=error.errno)


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


def references(runs: Iterable[Run]) -> list[str]:
    """Of every result that these runs have kept."""
    outcomes = [attempt.outcome for run in runs for attempt in run.attempts]
    return [one.result_ref for one in outcomes if isinstance(one, Rows) and one.result_ref is not None]
