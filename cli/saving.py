"""A run's whole result into a file that is there only when it is whole."""

import base64
import hashlib
import re
import sys
from pathlib import Path
from typing import BinaryIO

import httpx2

from cli.errors import CommandError, UsageError
from cli.http import Backend, run_path

FORMATS = ("csv", "json", "parquet", "arrow", "xlsx")


class BrokenDownload(CommandError):
    """The file did not come whole; nothing of it is left."""

    code = "broken_download"


def save_result(backend: Backend, run_id: str, format: str, out: Path | None, source: str) -> int:
    """Fetch a result and check its hash; returns the file's bytes.

    Args:
        out: None writes to standard output, as it comes.

    Raises:
        UsageError: no such format or source, or the file cannot be written.
        BrokenDownload: it broke off, or its hash is another than the backend's.
        ApiProblem, ApiUnreachable: the backend does not give it.
    """
    if format not in FORMATS:
        raise UsageError(f"There is no format {format!r}.", f"It is one of: {', '.join(FORMATS)}.")
    if out is None:
        return _fetch(backend, run_id, format, source, sys.stdout.buffer)
    part = out.with_name(out.name + ".part")
    try:
        with part.open("wb") as file:
            size = _fetch(backend, run_id, format, source, file)
        part.replace(out)
    except OSError as error:
        raise UsageError(f"{out} cannot be written: {error.strerror}.", "Name another with --out.") from error
    finally:
        part.unlink(missing_ok=True)
    return size


def _fetch(backend: Backend, run_id: str, format: str, source: str, file: BinaryIO) -> int:
    whole, size = hashlib.sha256(), 0
    path = run_path(run_id, "/result")
    try:
        with backend.stream(path, format=format, source=source) as answer:
            for piece in answer.iter_bytes():
                whole.update(piece)
                size += len(piece)
                file.write(piece)
    except httpx2.TransportError as error:
        raise BrokenDownload(
            "The download broke off: the file is not whole and was removed.",
            "Try again; it starts over. The backend's log says why.",
        ) from error
    file.flush()
    told = _told(backend, answer)
    if told is not None and told != whole.digest():
        raise BrokenDownload("The file's hash is not the one that the backend tells.", "Try again.")
    return size


def _told(backend: Backend, answer: httpx2.Response) -> bytes | None:
    """The hash that the file should have."""
    digest = re.fullmatch(r"sha-256=:(.+):", answer.headers.get("repr-digest", ""))
    if digest is not None:
        return base64.b64decode(digest[1])
    link = re.match(r"<([^>]+)>", answer.headers.get("link", ""))
    manifest = backend.get(link[1]) if link is not None else {}
    return bytes.fromhex(manifest["sha256"]) if manifest.get("sha256") else None
