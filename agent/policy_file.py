"""The owner's policy file: read, watched, and never replaced by a worse one.

No file means the safe default, which lets nothing be read. A file that becomes unreadable or wrong leaves the
last good policy in force; the log says so, once for each state of the file.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from wire.errors import PolicyError
from wire.policy import Policy, parse_policy

_log = logging.getLogger("agent.policy")

WATCH_SECONDS = 1.0
"""How often the file is looked at, seconds."""
SETTLE_SECONDS = 0.2
"""A file that was changed is read when it has stayed as it is for so long. Whoever writes it in place empties
it first, and for a moment it holds nothing, or only its first lines, which may permit more than the whole."""
MAX_BYTES = 4 * 1024 * 1024

NO_FILE = (
    "No policy file: nothing may be read. Write one (docs/policy.md shows a whole one) and name it with"
    " --policy or CUSTARD_AGENT_POLICY."
)


def load_policy(path: Path | None) -> Policy:
    """The policy in ``path``; None gives the safe default, which allows nothing.

    Raises:
        PolicyError: the file cannot be read, or is not a policy.
    """
    if path is None:
        return Policy()
    try:
        if path.stat().st_size > MAX_BYTES:
            raise PolicyError(f"The policy file {path} is larger than {MAX_BYTES:,} bytes.")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise PolicyError(
            f"There is no policy file {path}.", "Create it, or leave the setting out to allow nothing."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f"The policy file {path} cannot be read: {error}") from error
    return parse_policy(text)


class PolicyFile:
    """A policy and the file that it comes from.

    Raises (on construction):
        PolicyError: as ``load_policy``: an agent does not start on a bad file.
    """

    def __init__(self, path: Path | None, *, watch_seconds: float = WATCH_SECONDS) -> None:
        self._path = path
        self._watch_seconds = watch_seconds
        self._seen = self._state()
        self.current = load_policy(path)
        if path is None:
            _log.warning(NO_FILE)

    async def changes(
        self, objection: Callable[[Policy], Awaitable[str]] | None = None
    ) -> AsyncIterator[Policy]:
        """Every other policy that the file comes to hold; never ends.

        Args:
            objection: says why a policy must not be taken, or nothing; asked once for each.
        """
        while True:
            await asyncio.sleep(self._watch_seconds)
            state = self._state()
            if self._path is None or state == self._seen:
                continue
            await asyncio.sleep(min(SETTLE_SECONDS, self._watch_seconds))
            if self._state() != state:
                continue
            policy, reason = self._read()
            if self._state() != state:
                continue  # written again while it was read
            self._seen = state
            if policy == self.current:
                continue
            if policy is not None and objection is not None:
                reason = await objection(policy)
            if policy is None or reason:
                _log.error(
                    "policy file refused; the last good one stays in force",
                    extra={"path": str(self._path), "reason": reason, "digest": self.current.digest},
                )
                continue
            self.current = policy
            _log.info("policy taken", extra={"path": str(self._path), "digest": policy.digest})
            yield policy

    def _read(self) -> tuple[Policy | None, str]:
        """What the file holds, or why that is no policy."""
        try:
            return load_policy(self._path), ""
        except PolicyError as error:
            return None, str(error)

    def _state(self) -> tuple[int, int, int] | None:
        if self._path is None:
            return None
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino
