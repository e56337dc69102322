"""Whether the agent on this machine lives: a small file, written while it does and read by a probe.

A file, not a port: the agent listens on nothing.
"""

import asyncio
import contextlib
import json
import logging
import os
import time
from pathlib import Path

_log = logging.getLogger("agent.health")

BEAT_SECONDS = 5.0
STALE_SECONDS = 20.0
"""A file older than this was left by an agent that hangs or was killed."""
GRACE_SECONDS = 120.0
"""How long an agent may be without a backend before the probe calls that unhealthy."""


class Health:
    """Writes the file. A folder that cannot be written costs the probe, not the agent."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._attached = False
        self._since = time.time()
        self._complained = False

    def attached(self, attached: bool) -> None:
        """The agent has attached to a backend, or lost it."""
        self._attached, self._since = attached, time.time()
        self._write()

    async def beat(self) -> None:
        """Keep the file fresh; never returns."""
        while True:
            self._write()
            await asyncio.sleep(BEAT_SECONDS)

    def remove(self) -> None:
        """The agent stops."""
        with contextlib.suppress(OSError):
            self._path.unlink()

    def _write(self) -> None:
        state = {"pid": os.getpid(), "at": time.time(), "attached": self._attached, "since": self._since}
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            draft.write_text(json.dumps(state), encoding="utf-8")
            draft.replace(self._path)
        except OSError as error:
            if not self._complained:
                self._complained = True
                _log.warning("no health file", extra={"path": str(self._path), "reason": str(error)})


def read_health(path: Path, now: float | None = None) -> tuple[bool, str]:
    """Whether an agent lives and is attached, with a sentence that says so."""
    moment = time.time() if now is None else now
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        age, attached, since = moment - state["at"], bool(state["attached"]), moment - state["since"]
    except FileNotFoundError:
        return False, "No agent runs here."
    except (OSError, ValueError, KeyError, TypeError):
        return False, f"The health file {path} cannot be read."
    if age > STALE_SECONDS:
        return False, f"The agent has not moved for {age:.0f} seconds."
    if not attached and since > GRACE_SECONDS:
        return False, f"The agent has had no backend for {since:.0f} seconds."
    return True, "Attached." if attached else "Alive; waiting for the backend."
