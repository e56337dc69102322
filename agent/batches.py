"""Rows into bodies of rows frames: near a byte target, never above the frame limit or the result's cap."""

import json
from collections.abc import Iterator, Sequence
from typing import Literal

from agent.errors import StatementTooWide

TARGET_BYTES = 64 * 1024
"""Size at which a body is sent: small enough that a cancel or another statement need not wait behind it."""

TextRow = Sequence[str | None]


class Batcher:
    """Packs rows into JSON bodies and counts them against the caps.

    Args:
        max_rows: rows of the whole result.
        max_bytes: bytes of all bodies together.
        max_body: bytes of one body; a single row above it cannot be sent at all.

    ``truncated`` names the cap that ended the result, and stays None while none did.
    """

    def __init__(self, *, max_rows: int, max_bytes: int, max_body: int, target: int = TARGET_BYTES) -> None:
        self.truncated: Literal["rows", "bytes"] | None = None
        self._rows_left = max_rows
        self._bytes_left = max_bytes
        self._max_body = max_body
        self._target = min(target, max_body)
        self._parts: list[bytes] = []
        self._size = 2
        self._count = 0

    @property
    def full(self) -> bool:
        """Whether a cap has been met: no further row can be taken."""
        return self.truncated is not None

    def add(self, rows: list[TextRow]) -> Iterator[tuple[bytes, int]]:
        """Take rows in order; yields each body that became ready, with its number of rows.

        Raises:
            StatementTooWide: one row alone is larger than a body may be.
        """
        if len(rows) > self._rows_left:
            rows = rows[: self._rows_left]
            yield from self._take(rows)
            self.truncated = self.truncated or "rows"
        else:
            yield from self._take(rows)

    def _take(self, rows: list[TextRow]) -> Iterator[tuple[bytes, int]]:
        if not rows or self.full:
            return
        part = json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()[1:-1]
        fits = self._size + len(part) + 1 <= min(self._max_body, self._bytes_left)
        if not fits and self._count and self._size + len(part) + 1 <= self._bytes_left:
            yield self._flush()
            fits = self._size + len(part) + 1 <= min(self._max_body, self._bytes_left)
        if fits:
            self._parts.append(part)
            self._size += len(part) + 1
            self._count += len(rows)
            self._rows_left -= len(rows)
            if self._size >= self._target:
                yield self._flush()
        elif len(rows) > 1:
            half = len(rows) // 2
            yield from self._take(rows[:half])
            yield from self._take(rows[half:])
        elif len(part) + 2 > self._max_body:
            raise StatementTooWide(
                f"One row of the result takes {len(part):,} bytes; a frame holds {self._max_body:,}.",
                "Select fewer or shorter columns, for instance left(column, 1000).",
            )
        else:
            self.truncated = "bytes"

    def rest(self) -> Iterator[tuple[bytes, int]]:
        """The last body, when rows are left over."""
        if self._count:
            yield self._flush()

    def _flush(self) -> tuple[bytes, int]:
        body, count = b"[" + b",".join(self._parts) + b"]", self._count
        self._bytes_left -= len(body)
        self._parts, self._size, self._count = [], 2, 0
        return body, count
