"""Files in the making: a living process keeps its own, and what a killed one left goes."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from api.results import Results
from api.workspace import Workspace

_CHILD = """
import sys, time
from pathlib import Path
from api.formats.sheet import SheetWriter
from api.workspace import Workspace
from wire.outcome import ResultColumn

folder = Workspace(Path(sys.argv[1])).folder()
(folder / "res_x").write_text("half a result")
SheetWriter(folder, plain=False).begin([ResultColumn(name="a", type="integer", oid=23)])
print("ready", flush=True)
time.sleep(600)
"""


def test_what_a_killed_process_left_is_swept_and_what_a_living_one_is_at_is_not(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", _CHILD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        ours = Workspace(tmp_path)
        (ours.folder() / "file").write_text("ours")
        assert Workspace(tmp_path).sweep() == 0, "neither the child's nor ours"
        child.kill()
        child.wait()
        assert ours.sweep() == 1
        assert [path.name for path in tmp_path.iterdir()] == [ours.folder().name]
        ours.close()
        assert not any(tmp_path.iterdir())
    finally:
        child.kill()
        child.wait()


def test_what_earlier_versions_left_goes_when_it_is_old(tmp_path: Path) -> None:
    """Beside one that runs, during a deployment, it may still be wanted."""
    sheet, part, young = tmp_path / "sheet_a.part", tmp_path / "res_a.part", tmp_path / "res_b.part"
    sheet.mkdir()
    (sheet / "book.xlsx").touch()
    for path in (part, young):
        path.touch()
    old = time.time() - 2 * 24 * 3600
    for path in (sheet, part):
        os.utime(path, (old, old))
    Workspace(tmp_path).sweep()
    assert [path.name for path in tmp_path.iterdir()] == ["res_b.part"]


async def test_a_starting_replica_leaves_alone_what_another_is_writing(tmp_path: Path) -> None:
    """They share the folder: one that starts in the other's middle must not take its result away."""
    one, other = Results(tmp_path, 10_000_000), Results(tmp_path, 10_000_000)
    await one.open()
    spool = one.spool()
    await spool.add(b'[["1"]]' + b" " * 300_000)
    await other.open()
    await spool.add(b'[["2"]]')
    ref = await spool.keep()
    assert ref is not None
    assert one.path(ref).is_file()
    assert one.place() == other.place(), "one folder has one name"
    await one.close()
    await other.close()
    assert sorted(path.suffix for path in tmp_path.iterdir()) == ["", ".rows"]


def test_a_folder_that_cannot_be_made_is_an_error_of_the_disk(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("a file is in the way")
    with pytest.raises(OSError, match="results"):
        Workspace(tmp_path / "results").folder()
