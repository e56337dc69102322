"""The local language model: llama.cpp's server in a child process, OpenAI-compatible, on loopback.

Where its weights come from is `embedded.weights`' business; what the child does is `embedded.model_server`'s.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Self
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from embedded.errors import ModelStartFailed, PortLost, WeightsCorrupt, WeightsMissing
from embedded.model_server import EXIT_BAD_MODEL
from embedded.paths import logs_dir
from embedded.ports import PORT_ATTEMPTS, free_port, is_free

GGUF_MAGIC = b"GGUF"
CONTEXT_TOKENS = 8192
"""What one request may use."""

SLOTS = 2
"""Requests served at once; each keeps the prompt prefix that it had."""

START_SECONDS = 120.0
STOP_SECONDS = 5.0
LOG_TAIL_LINES = 6

_direct = build_opener(ProxyHandler({}))


class LocalModelServer:
    """Serves one GGUF file until it is stopped or this process ends, however it ends.

    Args:
        path: the weights.
        port: on loopback; None takes a free one.
        context: tokens that one request may use.
        slots: requests served at once.
        threads: None takes every core.

    Raises:
        WeightsMissing: there is no such file.
        WeightsCorrupt: it is not a GGUF file.
    """

    def __init__(
        self,
        path: Path,
        *,
        port: int | None = None,
        context: int = CONTEXT_TOKENS,
        slots: int = SLOTS,
        threads: int | None = None,
    ) -> None:
        self._path = _checked(path)
        self._port = self._told_port = port
        self._context = context
        self._slots = slots
        self._threads = threads or _cores()
        self._child: subprocess.Popen[bytes] | None = None
        self._log: Path | None = None

    @property
    def base_url(self) -> str:
        """For any OpenAI client, ending in ``/v1``; known as soon as `start` has been called.

        Raises:
            ModelStartFailed: it has not been.
        """
        return f"{self._address}/v1"

    @property
    def model_name(self) -> str:
        """What the API calls the model: the file's name without its quantisation and suffix."""
        stem = self._path.stem
        return stem.rsplit("-q", 1)[0] if "-q" in stem.lower() else stem

    def start(self, *, wait: bool = True) -> Self:
        """Start the server, and wait until it answers unless told not to. Twice is once.

        Raises:
            ModelStartFailed: it ended, or did not answer in two minutes; the message ends with its own words.
        """
        for attempt in range(PORT_ATTEMPTS):
            fresh = self._child is None
            if fresh:
                self._launch()
            if not wait:
                break
            try:
                self.wait()
                break
            except PortLost:
                # An address that an earlier call made known must stay.
                if not fresh or attempt == PORT_ATTEMPTS - 1:
                    raise
        return self

    def wait(self, seconds: float = START_SECONDS) -> None:
        """Wait until the server answers.

        Raises:
            ModelStartFailed: it ended, or did not answer in time.
            PortLost: somebody else took the port that was chosen for it.
            WeightsCorrupt: llama.cpp cannot read the file.
        """
        deadline = time.monotonic() + seconds
        while not self._healthy():
            assert self._child is not None, "start() comes first"
            code = self._child.poll()
            if code is not None:
                self._child = None
                raise self._explain(code)
            if time.monotonic() > deadline:
                said = self._last_words()
                self.stop()
                raise ModelStartFailed(
                    f"The model did not answer within {seconds:.0f} s. {said}",
                    "The machine may be short of memory or very busy; try again, or use --small.",
                )
            time.sleep(0.05)

    def stop(self) -> None:
        """End the server; its log goes with it. Twice is once."""
        child, self._child = self._child, None
        if child is None:
            return
        child.terminate()
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        assert child.stdin is not None
        child.stdin.close()
        if self._log is not None:
            self._log.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def _address(self) -> str:
        if self._child is None:
            raise ModelStartFailed("The local model is not running.", "Call start() first.")
        return f"http://127.0.0.1:{self._port}"

    def _launch(self) -> None:
        if self._told_port is None:
            self._port = free_port()
        elif not is_free(self._told_port):
            raise ModelStartFailed(
                f"Port {self._told_port} on 127.0.0.1 is in use.", "Choose another port, or end what uses it."
            )
        self._log = logs_dir() / f"model-{self._port}.log"
        self._child = self._spawn(self._log)

    def _spawn(self, log: Path) -> subprocess.Popen[bytes]:
        command: list[str | Path] = [sys.executable, "-m", "embedded.model_server", "--watch-stdin"]
        command += ["--model", self._path, "--alias", self.model_name, "--port", str(self._port)]
        command += ["--context", str(self._context), "--slots", str(self._slots)]
        command += ["--threads", str(self._threads)]
        with log.open("wb") as output:
            # The child reads nothing from its standard input; it ends when the pipe closes.
            return subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=output, stderr=output, start_new_session=True
            )

    def _healthy(self) -> bool:
        try:
            with _direct.open(f"{self._address}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    def _explain(self, code: int) -> ModelStartFailed | WeightsCorrupt:
        said = self._last_words()
        if code == EXIT_BAD_MODEL and "bind" in said and self._told_port is None:
            assert self._log is not None
            self._log.unlink()
            return PortLost(f"Port {self._port} on 127.0.0.1 was taken by somebody else.", "Try again.")
        if code == EXIT_BAD_MODEL and "bind" not in said:
            return WeightsCorrupt(
                f"llama.cpp cannot load {self._path}. {said}",
                "If it is one of ours, remove it and run: custard model pull.",
            )
        if code == -9 or "alloc" in said:
            return ModelStartFailed(
                f"The model server ran out of memory. {said}",
                f"{self._path.name} needs about {_gigabytes(self._path)} GB; free some, or use --small.",
            )
        return ModelStartFailed(
            f"The model server ended with code {code}. {said}", f"Its whole log is {self._log}."
        )

    def _last_words(self) -> str:
        if self._log is None or not self._log.exists():
            return ""
        lines = self._log.read_text(errors="replace").strip().splitlines()[-LOG_TAIL_LINES:]
        return "It said: " + " / ".join(lines) if lines else "It said nothing."


def _checked(path: Path) -> Path:
    if not path.is_file():
        raise WeightsMissing(f"There are no weights at {path}.", "Fetch them with: custard model pull")
    with path.open("rb") as file:
        magic = file.read(len(GGUF_MAGIC))
    if magic != GGUF_MAGIC:
        raise WeightsCorrupt(
            f"{path} is not a GGUF file.", "Give a GGUF file, or fetch one with: custard model pull"
        )
    return path.resolve()


def _cores() -> int:
    """Those that this process may use, which in a container can be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _gigabytes(path: Path) -> str:
    """Weights, the two slots' context, and what llama.cpp computes in."""
    return f"{path.stat().st_size / 1e9 + 1.0:.1f}"
