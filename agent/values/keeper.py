"""Builds, renews and forgets the index of values, and answers what is looked up in it.

An index belongs to one policy and one snapshot. Whatever changes either empties it, or takes out what is no
longer shown, before anything else happens: a lookup never tells by a policy that holds no more.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass

from agent.database import Database
from agent.terms import Gate
from agent.values.gathering import HELD_SECONDS, GaveUp, Reader, TextColumn, gather, text_columns
from agent.values.index import ColumnValues, Index, Place, find, look
from wire.errors import CustardError
from wire.messages import Lookup, Values
from wire.outcome import Failed
from wire.policy import SHARE_ORDER, PolicyStack
from wire.snapshot import SchemaSnapshot
from wire.values import Compared, Looked

_log = logging.getLogger("agent.values")

RENEW_SECONDS = 900.0
RETRY_SECONDS = 60.0
"""After a build that did not come to its end."""
IDLE_SHARE = 1.0
"""How long is waited between two statements, in times of what the last one took: half of the time is free."""
MIN_PAUSE_SECONDS = 0.005
MOST_PAUSE_SECONDS = 3.0
COMMON_VALUES = 50
"""Values of a column up to which they count as common ones, as in the snapshot; see ``_told``."""
MAX_ASKED = 8
"""Lookups at once; more are answered as if nothing were known yet."""
LOOK_SECONDS = 0.5
"""For asking the database about all literals of a lookup: whoever asks waits little longer."""


@dataclass(frozen=True, slots=True)
class _Terms:
    """What an index is made under."""

    policy: PolicyStack
    gate: Gate
    search_path: Callable[[], Sequence[str]]


class ValueKeeper:
    """The index of one agent.

    Args:
        database: open.
        renew_seconds: how old the index may become; 0 keeps none.
        objection: why no statement may run at present, or None.
        pause: waits between two statements; given how long the last one took, seconds.
    """

    def __init__(
        self,
        database: Database,
        *,
        renew_seconds: float = RENEW_SECONDS,
        objection: Callable[[], Failed | None] = lambda: None,
        pause: Callable[[float], Awaitable[None]] | None = None,
    ) -> None:
        self.enabled = renew_seconds > 0
        self._database = database
        self._renew_seconds = renew_seconds
        self._objection = objection
        self._pause = pause or _pause
        self._terms: _Terms | None = None
        self._reader: Reader | None = None
        self._snapshot: SchemaSnapshot | None = None
        self._shown: frozenset[Place] = frozenset()
        """Columns that the snapshot shows, unmasked: no other gets in or stays."""
        self._index = Index()
        self._columns: dict[Place, TextColumn] = {}
        self._ready = False
        self._due = asyncio.Event()
        self._asked = 0

    # --- what it is made of --------------------------------------------------------------------------------

    def adopt(self, policy: PolicyStack, gate: Gate, search_path: Callable[[], Sequence[str]]) -> None:
        """Another policy holds from now on: forget everything, before this returns."""
        self._terms = _Terms(policy, gate, search_path)
        self._snapshot, self._shown = None, frozenset()
        self._index, self._columns, self._ready = Index(), {}, False
        self._stop_reading()

    def heed(self, snapshot: SchemaSnapshot) -> None:
        """Another snapshot holds: forget columns that it does not show; where it shows others, read anew."""
        shown = frozenset(
            Place(table.qualified_name, column.name)
            for table in snapshot.tables
            for column in table.columns
            if not column.masked
        )
        self._snapshot = snapshot
        if shown == self._shown:
            return
        self._shown, self._ready = shown, False
        self._index.keep(shown)
        self._stop_reading()
        self._due.set()

    def _stop_reading(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    async def watch(self) -> None:
        """Build the index, and build it anew again and again; never returns."""
        while True:
            self._due.clear()
            whole = await self.build() if self.enabled else True
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(
                    (self._renew_seconds if whole else min(RETRY_SECONDS, self._renew_seconds))
                    if self.enabled
                    else None
                ):
                    await self._due.wait()

    async def build(self) -> bool:
        """Read every column now; False when it should be tried again before long.

        Without a snapshot, or where the policy lets no value be told, nothing is read.
        """
        terms, snapshot = self._terms, self._snapshot
        if terms is None or snapshot is None or self._level() == "schema":
            return True
        started = time.monotonic()
        index, shown = self._index, self._shown
        self._stop_reading()
        reader = Reader(self._database, terms.policy, terms.gate, terms.search_path(), self._objection)
        self._reader = reader
        try:
            self._labels(snapshot)
            columns = await text_columns(self._database, snapshot)
            if self._reader is not reader:
                return True  # what closed it has set the next build going
            self._columns = {column.place: column for column in columns}
            await gather(reader, columns, index, self._pause)
        except GaveUp:
            return self._reader is not reader
        except CustardError as error:
            _log.warning("values not read", extra={"reason": str(error)})
            return False
        except Exception as error:  # an index is not worth an agent
            _log.error("values not read", extra={"kind": type(error).__name__})
            return False
        if shown is self._shown and self._reader is reader:
            self._ready = True
            _log.info(
                "values indexed",
                extra={
                    "columns": len(index.columns),
                    "values": index.count,
                    "elapsed_ms": round((time.monotonic() - started) * 1000),
                },
            )
        return True

    def _labels(self, snapshot: SchemaSnapshot) -> None:
        """The labels of enums are known without reading a table."""
        for table in snapshot.listed:
            for column in table.columns:
                if column.enum_values and not column.masked:
                    place = Place(table.qualified_name, column.name)
                    self._index.put(ColumnValues(place, column.enum_values, whole=True, small=False))

    # --- what it tells -------------------------------------------------------------------------------------

    async def lookup(self, message: Lookup) -> Values:
        """What the index knows of a question's phrases and of a query's literals.

        It answers with what it has, however little, and with nothing where the policy shares no values.
        """
        terms = self._terms
        columns = self._told()
        if not columns or self._asked >= MAX_ASKED:
            return Values(request_id=message.request_id, ready=self._ready)
        self._asked += 1
        try:
            found = await asyncio.to_thread(find, columns, message.text, message.most) if message.text else []
            until = time.monotonic() + LOOK_SECONDS
            looked = [one for asked in message.compared if (one := await self._look(asked, columns, until))]
        finally:
            self._asked -= 1
        if terms is not self._terms:
            # Another policy holds since: what was found under the former one is not told.
            return Values(request_id=message.request_id, ready=False)
        found = [one for one in found if Place(one.table, one.column) in self._shown]
        looked = [one for one in looked if Place(one.table, one.column) in self._shown]
        return Values(request_id=message.request_id, found=found, compared=looked, ready=self._ready)

    async def _look(self, asked: Compared, columns: Collection[ColumnValues], until: float) -> Looked | None:
        place = Place(asked.table, asked.column)
        looked = await asyncio.to_thread(look, columns, place, asked.text)
        if looked is None or looked.held or not (looked.cased or looked.near or looked.others):
            return looked
        # The index may be older than the value that was asked for: only the database can say that it is not
        # there. Where it is not asked, as in a large table, only another case is suggested.
        own = self._index.columns.get(place)
        column, reader = self._columns.get(place), self._reader
        held = None
        left = until - time.monotonic()
        if own is not None and own.small and column is not None and reader is not None and left > 0:
            held = await reader.held(column, asked.text, min(HELD_SECONDS, left))
        if held is False:
            return looked.model_copy(update={"held": False})
        return looked.model_copy(
            update={"held": held, "near": [], "others": [], **({"cased": []} if held else {})}
        )

    def _told(self) -> list[ColumnValues]:
        """The columns of which values may be told now.

        At ``samples`` the owner shares common values only: a column with many different ones, such as names
        of people, is not looked into.
        """
        level = self._level()
        if level == "schema":
            return []
        columns = list(self._index.columns.values())
        if level == "results":
            return columns
        return [one for one in columns if one.whole and len(one.values) <= COMMON_VALUES]

    def _level(self) -> str:
        """How much may be told: a value goes into prompts and, in a query, onto the screen."""
        if self._terms is None:
            return "schema"
        share = self._terms.policy.share
        return min(share.model, share.screen, key=SHARE_ORDER.index)


async def _pause(took: float) -> None:
    await asyncio.sleep(min(MOST_PAUSE_SECONDS, max(MIN_PAUSE_SECONDS, took * IDLE_SHARE)))
