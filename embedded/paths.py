"""Where this machine's own parts live: one folder of the user's, shared by every clone of the repository."""

import os
import shutil
from pathlib import Path

from platformdirs import user_data_path

from embedded.errors import NoHome, NotEnoughDisk

HOME_VARIABLE = "CUSTARD_HOME"
"""Overrides the folder, for a second installation or a test."""


def home() -> Path:
    """The user's data folder for Custard, made (for this user alone) when it is missing.

    Raises:
        NoHome: it cannot be made or written, or the variable names something that is not a folder.
    """
    chosen = os.environ.get(HOME_VARIABLE)
    path = Path(chosen).expanduser().absolute() if chosen else user_data_path("custard", appauthor=False)
    return _folder(path)


def models_dir() -> Path:
    """Model weights, one GGUF file each."""
    return _folder(home() / "models")


def postgres_dir() -> Path:
    """The embedded PostgreSQL's clusters, one folder a major version."""
    return _folder(home() / "postgres")


def servers_dir() -> Path:
    """Programs of PostgreSQL servers of other versions, to try things on."""
    return _folder(home() / "servers")


def logs_dir() -> Path:
    """What the child processes print."""
    return _folder(home() / "logs")


def store_path() -> Path:
    """The backend's SQLite store; the file may not exist yet."""
    return home() / "custard.db"


def require_disk(path: Path, bytes: int) -> None:
    """Make sure that the file system under ``path`` has ``bytes`` free; ``path`` itself need not exist.

    Raises:
        NotEnoughDisk: with both figures, in megabytes.
    """
    existing = path
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    free = shutil.disk_usage(existing).free
    if free < bytes:
        raise NotEnoughDisk(
            f"{path} has {_megabytes(free)} free, {_megabytes(bytes)} are needed.",
            f"Make room there, or choose another folder with {HOME_VARIABLE}=DIR.",
        )


def _folder(path: Path) -> Path:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise NoHome(
            f"{path} cannot be made: {error.strerror}.",
            f"Mend its permissions, or choose another folder with {HOME_VARIABLE}=DIR.",
        ) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise NoHome(
            f"{path} cannot be written.",
            f"Mend its permissions, or choose another folder with {HOME_VARIABLE}=DIR.",
        )
    return path


def _megabytes(count: int) -> str:
    return f"{count / 1_000_000:,.0f} MB"
