"""Where things are kept."""

import stat
from pathlib import Path

import pytest

from embedded import paths
from embedded.errors import NoHome, NotEnoughDisk


def test_everything_is_under_the_folder_that_the_variable_names(home: Path) -> None:
    assert paths.home() == home
    for folder in (paths.models_dir(), paths.postgres_dir(), paths.logs_dir()):
        assert folder.is_dir()
        assert folder.parent == home
    assert paths.store_path() == home / "custard.db"
    assert not paths.store_path().exists()


def test_the_folder_is_for_this_user_alone() -> None:
    assert stat.S_IMODE(paths.home().stat().st_mode) == 0o700


def test_without_the_variable_it_is_the_users_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUSTARD_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert paths.home().is_relative_to(tmp_path)
    assert paths.home().name == "custard"


def test_a_file_in_its_place_is_said_plainly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CUSTARD_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(NoHome, match="cannot be made") as raised:
        paths.home()
    assert "CUSTARD_HOME" in raised.value.hint


def test_disk_is_asked_for_before_it_is_used(tmp_path: Path) -> None:
    paths.require_disk(tmp_path / "not" / "yet", 1)
    with pytest.raises(NotEnoughDisk, match="are needed"):
        paths.require_disk(tmp_path / "not" / "yet", 10**18)
