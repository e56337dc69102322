"""What a machine needs to run Custard, looked at part by part."""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from cli.errors import ApiProblem, ApiUnreachable

DISK_BYTES = 3_000_000_000
"""Weights, a database and logs."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One part's state."""

    part: str
    ok: bool
    state: str
    hint: str = ""
    needed: bool = True
    """Whether nothing works without it."""

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def diagnose() -> list[Diagnosis]:
    """Look at every part; none of the looks changes anything."""
    looks: list[Callable[[], Diagnosis]] = [_python, _home, _interface, _weights, _model, _postgres, _backend]
    return [look() for look in looks]


def _python() -> Diagnosis:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Diagnosis("Python", sys.version_info >= (3, 11), version, "Custard needs Python 3.11 or newer.")


def _home() -> Diagnosis:
    from embedded.errors import EmbeddedError
    from embedded.paths import home, require_disk

    try:
        folder = home()
        require_disk(folder, DISK_BYTES)
    except EmbeddedError as error:
        return Diagnosis("Data folder", False, str(error), error.hint)
    return Diagnosis("Data folder", True, f"{folder}, {shutil.disk_usage(folder).free / 1e9:,.0f} GB free")


def _interface() -> Diagnosis:
    page = Path(__file__).resolve().parents[1] / "frontend" / "dist" / "index.html"
    state = "built" if page.exists() else "not built"
    return Diagnosis("User interface", page.exists(), state, "Build it with: make setup", needed=False)


def _weights() -> Diagnosis:
    from embedded.paths import models_dir
    from embedded.weights import MODELS

    here = [model.name for model in MODELS.values() if (models_dir() / model.file).exists()]
    state = ", ".join(here) or "none"
    hint = "Fetch them with: custard model pull"
    return Diagnosis("Model weights", bool(here), state, hint, needed=False)


def _model() -> Diagnosis:
    address = os.environ.get("CUSTARD_MODEL_BASE_URL")
    if address:
        return _answers("Model server", address.rstrip("/") + "/models", "Mend CUSTARD_MODEL_BASE_URL.")
    if os.environ.get("OPENAI_API_KEY"):
        return Diagnosis("Model server", True, "OpenAI, by OPENAI_API_KEY")
    return Diagnosis("Model server", True, "none configured: the demo starts its own")


def _postgres() -> Diagnosis:
    from embedded.binaries import find_binaries
    from embedded.errors import EmbeddedError

    try:
        found = find_binaries()
    except EmbeddedError as error:
        return Diagnosis("Embedded PostgreSQL", False, str(error), error.hint, needed=False)
    return Diagnosis("Embedded PostgreSQL", True, f"PostgreSQL {found.major}")


def _backend() -> Diagnosis:
    from cli.http import Backend

    with Backend() as backend:
        try:
            ready = backend.get("/health/ready")
        except ApiUnreachable as error:
            return Diagnosis("Backend", False, f"none at {backend.url}", error.hint, needed=False)
        except ApiProblem as error:
            return Diagnosis("Backend", False, str(error), error.hint)
        return Diagnosis("Backend", True, f"{backend.url}: {ready.get('status', 'ready')}")


def _answers(part: str, address: str, hint: str) -> Diagnosis:
    import httpx2

    key = os.environ.get("OPENAI_API_KEY") or os.environ.get("CUSTARD_MODEL_API_KEY")
    headers = {"authorization": f"Bearer {key}"} if key else {}
    try:
        response = httpx2.get(address, headers=headers, timeout=5.0)
    except (httpx2.TransportError, httpx2.InvalidURL) as error:
        return Diagnosis(part, False, f"{address} does not answer ({type(error).__name__})", hint)
    ok = response.status_code < 400
    return Diagnosis(part, ok, f"{address} answers {response.status_code}", hint)
