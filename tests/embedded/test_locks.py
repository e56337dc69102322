"""Locks between processes."""

from pathlib import Path

import pytest

from embedded.locks import Use, exclusive


def test_one_at_a_time(tmp_path: Path) -> None:
    with (
        exclusive(tmp_path / "lock", 0),
        pytest.raises(TimeoutError, match="another process"),
        exclusive(tmp_path / "lock", 0),
    ):
        pass
    with exclusive(tmp_path / "lock", 0):
        pass


def test_the_last_user_is_told_so(tmp_path: Path) -> None:
    first, second = Use(tmp_path / "use"), Use(tmp_path / "use")
    first.hold()
    first.hold()
    second.hold()
    assert not first.release()
    assert second.release()
    assert not second.release()
