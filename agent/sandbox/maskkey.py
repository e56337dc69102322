"""The secret of hash masks, kept beside the agent's identity, so that equal values stay equal for good."""

from __future__ import annotations

import logging
import os
import re
import secrets
from pathlib import Path

from agent.sandbox.wrapping import MaskKey

_log = logging.getLogger("agent.masks")
_FORM = re.compile(r"[0-9a-f]{64}")


def stored_key(path: Path) -> MaskKey:
    """The key in ``path``, made when it is missing and readable by this user alone.

    Where it cannot be kept or is damaged, one for this process: masks hold, and hashes change at a restart.
    """
    fresh = secrets.token_hex(32)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(fresh)
            # Fails when there is one already, whole by then: two agents that start at once agree on one.
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        found = path.read_text(encoding="ascii").strip()
        if _FORM.fullmatch(found):
            return MaskKey(found)
        reason = "it does not hold 64 hexadecimal digits"
    except (OSError, UnicodeDecodeError) as error:
        reason = str(error)
    _log.warning(
        "the key of hash masks is not kept; hashes change at a restart",
        extra={"path": str(path), "reason": reason},
    )
    return MaskKey(fresh)
