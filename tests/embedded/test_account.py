"""The way of an unprivileged account through closed folders."""

import os
import stat
from pathlib import Path

import pytest

from embedded.account import Account, grant_search, may_search

SOMEBODY, THEIR_GROUP, SOMEBODY_ELSE = 54_321, 54_321, 54_322


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    return folder


def test_a_closed_folder_stops_others_and_not_its_owner(closed: Path) -> None:
    assert not may_search(closed, SOMEBODY, THEIR_GROUP)
    assert may_search(closed, os.geteuid(), THEIR_GROUP)


def test_the_right_to_pass_is_for_one_account_only(closed: Path) -> None:
    grant_search(closed, SOMEBODY)
    assert may_search(closed, SOMEBODY, THEIR_GROUP)
    assert not may_search(closed, SOMEBODY_ELSE, SOMEBODY_ELSE)
    assert not stat.S_IMODE(closed.stat().st_mode) & stat.S_IRWXO


def test_granting_twice_or_to_two_keeps_both(closed: Path) -> None:
    for account in (SOMEBODY, SOMEBODY_ELSE, SOMEBODY):
        grant_search(closed, account)
    assert may_search(closed, SOMEBODY, THEIR_GROUP)
    assert may_search(closed, SOMEBODY_ELSE, SOMEBODY_ELSE)


def test_every_folder_on_the_way_is_opened_and_none_beside(closed: Path) -> None:
    inner, beside = closed / "a" / "b", closed / "beside"
    inner.mkdir(mode=0o700, parents=True)
    beside.mkdir(mode=0o700)
    (closed / "a").chmod(0o700)
    Account(SOMEBODY, THEIR_GROUP).let_through(inner)
    assert all(may_search(folder, SOMEBODY, THEIR_GROUP) for folder in (closed, closed / "a", inner))
    assert not may_search(beside, SOMEBODY, THEIR_GROUP)


def test_files_that_an_installer_hid_are_made_readable(closed: Path) -> None:
    program, text = closed / "program", closed / "text"
    program.touch(mode=0o700)
    text.touch(mode=0o600)
    Account(SOMEBODY, THEIR_GROUP).let_read(closed)
    assert stat.S_IMODE(program.stat().st_mode) == 0o705
    assert stat.S_IMODE(text.stat().st_mode) == 0o604


def test_as_ourselves_nothing_is_changed(closed: Path) -> None:
    Account().let_through(closed)
    Account().let_read(closed)
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert Account().identity == {}
