"""The key of hash masks: the same after a restart, nobody else's to read, and never a reason to stop."""

from pathlib import Path

import pytest

from agent.sandbox.maskkey import stored_key


def test_it_stays_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "agent" / "mask.key"
    first = stored_key(path)
    assert stored_key(path) == first
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["mask.key"]
    assert first.secret not in repr(first)


@pytest.mark.parametrize("content", [b"", b"short", b"\xff\xfe"])
def test_a_damaged_file_is_no_key_and_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mask.key"
    path.write_bytes(content)
    assert len(stored_key(path).secret) == 64
    assert path.read_bytes() == content


def test_a_folder_that_cannot_be_made_is_survived(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert len(stored_key(tmp_path / "file" / "mask.key").secret) == 64
