"""Keeping results: a disk that fails costs the keeping, and a stop may come while a thread writes."""

import asyncio
import threading
from pathlib import Path

from api.results import Results
from tests.patience import HANG_SECONDS

_BODY = b'[["1"]]'
_LARGE = b'[["1"]]' + b" " * 300_000


def _in_the_way(path: Path) -> None:
    """A folder instead of the file: removing it as one is an error of the disk."""
    path.unlink()
    (path / "below").mkdir(parents=True)


async def _kept(results: Results) -> str:
    spool = results.spool()
    await spool.add(_BODY)
    ref = await spool.keep()
    assert ref is not None
    return ref


async def test_a_disk_that_does_not_let_the_oldest_go_costs_the_newest_nothing(tmp_path: Path) -> None:
    results = Results(tmp_path, limit_bytes=1)
    oldest = await _kept(results)
    _in_the_way(results.path(oldest))
    newest = await _kept(results)
    assert results.path(newest).is_file()
    _in_the_way(results.path(newest))
    await results.forget([newest])
    await results.close()


async def test_a_disk_that_does_not_let_a_part_go_costs_nobody_the_rest(tmp_path: Path) -> None:
    results = Results(tmp_path, limit_bytes=10_000_000)
    spool = results.spool()
    await spool.add(_LARGE)
    (part,) = (path for path in results.work.folder().iterdir() if path.is_file())
    _in_the_way(part)
    await spool.drop()
    assert await spool.keep() is None
    await results.close()


async def test_what_is_dropped_while_it_is_being_kept_is_not_kept(tmp_path: Path) -> None:
    writing, go_on = threading.Event(), threading.Event()

    class Slow(Results):
        def place(self) -> str:
            writing.set()
            assert go_on.wait(HANG_SECONDS)
            return "0" * 16

    results = Slow(tmp_path, limit_bytes=10_000_000)
    spool = results.spool()
    await spool.add(_BODY)
    keeping = asyncio.create_task(spool.keep())
    await asyncio.to_thread(writing.wait, HANG_SECONDS)
    dropping = asyncio.create_task(spool.drop())
    await asyncio.sleep(0)
    go_on.set()
    await dropping
    assert await keeping is None
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    await results.close()


async def test_what_another_replica_drops_meanwhile_is_no_obstacle(tmp_path: Path) -> None:
    """They share the folder; one starts while the other makes room."""
    first = Results(tmp_path, limit_bytes=10_000_000)
    ref = await _kept(first)
    gone = tmp_path / "res_gone.rows"
    gone.symlink_to(tmp_path / "nowhere")
    second = Results(tmp_path, limit_bytes=10_000_000)
    await second.open()
    assert second.path(ref).is_file()
    await first.close()
    await second.close()
