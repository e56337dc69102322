"""A result on its way out: counted, hashed, and handed on only as far as the policy shares it."""

import hashlib
from collections.abc import Callable, Coroutine
from typing import Any

from agent.batches import TextRow
from agent.masked import MaskCheck
from agent.stop import Stop
from wire.policy import ShareLevel

Send = Callable[[bytes, int], Coroutine[Any, Any, None]]
"""Takes a body and its number of rows."""


class Delivery:
    """What leaves of one statement's rows.

    Args:
        send: where bodies go.
        stop: ends it.
        share: how much the screen gets. Below ``results`` no row leaves, since everything that the backend
            can do with one ends on a screen; they are counted.
        masks: looks once more at columns that the policy masks.
    """

    def __init__(self, send: Send, stop: Stop, share: ShareLevel, masks: MaskCheck) -> None:
        self.rows = 0
        """Rows handed on."""
        self.size = 0
        """Bytes of their bodies."""
        self.withheld: int | None = None if share == "results" else 0
        self._send = send
        self._stop = stop
        self._masks = masks
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over the bodies handed on, in order."""
        return self._hash.hexdigest()

    def check(self, group: list[TextRow]) -> None:
        """Look at rows before they are packed.

        Raises:
            Unmasked: a masked column shows what its mask does not.
        """
        self._masks.check(group)

    async def send(self, body: bytes, count: int) -> bool:
        """Hand a body on; False when the statement was stopped meanwhile."""
        if self.withheld is not None:
            self.withheld += count
            return self._stop.reason is None
        self._hash.update(body)
        self.rows, self.size = self.rows + count, self.size + len(body)
        return await self._stop.unless_stopped(self._send(body, count))
