"""Where judges come from: forked, apart from one another, gone with whoever wanted them."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from agent.sandbox import nursery as nurseries
from agent.sandbox.catalog import Catalog
from agent.sandbox.gate import Gate
from agent.sandbox.nursery import Child, Nursery
from wire.policy import Policy

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc for the processes")
OPEN = Policy.model_validate({"schemas": {"app": {"allow": True}}})
Until = Callable[[Callable[[], object]], Awaitable[None]]


def _parent(pid: int) -> int:
    found = re.search(r"^PPid:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])


def _gone(pid: int) -> bool:
    """Whether nothing runs under that number; what nobody has waited for yet runs no more either."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def _pids(gate: Gate) -> list[int]:
    return [child.pid for child in gate._pool._workers]


async def test_judges_are_forks_of_one_process_also_after_a_change(catalog: Catalog, until: Until) -> None:
    async with Gate(OPEN, catalog, workers=2) as gate:
        first = _pids(gate)
        [nursery] = {_parent(pid) for pid in first}
        assert nursery not in first
        await gate.replace_policy(Policy())
        second = _pids(gate)
        assert {_parent(pid) for pid in second} == {nursery}
        assert not set(first) & set(second)
        await until(lambda: all(map(_gone, first)))
    await until(lambda: all(map(_gone, second)))


async def test_a_judge_has_no_file_open_but_its_own_socket(catalog: Catalog) -> None:
    async with Gate(OPEN, catalog, workers=2) as gate:
        sockets = []
        for pid in _pids(gate):
            folder = Path(f"/proc/{pid}/fd")
            targets = [os.readlink(one) for one in folder.iterdir()]
            [own] = [target for target in targets if target != "/dev/null"]
            assert own.startswith("socket:")
            sockets.append(own)
        assert len(set(sockets)) == 2, "one judge must not reach another's parent"


async def test_a_judge_is_held_to_its_limits(catalog: Catalog) -> None:
    async with Gate(OPEN, catalog, workers=1) as gate:
        [pid] = _pids(gate)
        limits = Path(f"/proc/{pid}/limits").read_text()
        assert re.search(r"^Max address space +1073741824 ", limits, re.MULTILINE)
        assert re.search(r"^Max stack size +67108864 ", limits, re.MULTILINE)
        assert re.search(r"^Max core file size +0 ", limits, re.MULTILINE)


async def test_what_a_judge_knows_is_not_in_the_nursery(catalog: Catalog) -> None:
    """Neither the key of hash masks nor the policy: the next judge may be another's."""
    policy = Policy.model_validate({"name": "nobody-elses-policy", "schemas": {"app": {"allow": True}}})
    async with Gate(policy, catalog, workers=1) as gate:
        await gate.check("SELECT 'nobody-elses-statement'")
        [pid] = _pids(gate)
        assert _holds(pid, b"nobody-elses-policy"), "the search itself must find what is there"
        for text in (b"nobody-elses-policy", b"nobody-elses-statement"):
            assert not _holds(_parent(pid), text)


def _holds(pid: int, text: bytes) -> bool:
    """Whether a process has the text in memory that it may write to."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            found = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
            if found is None:
                continue
            start, end = (int(part, 16) for part in found.groups())
            memory.seek(start)
            if text in memory.read(end - start):
                return True
    return False


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV])
async def test_after_a_crash_judges_come_from_a_new_process(catalog: Catalog, how: signal.Signals) -> None:
    async with Gate(OPEN, catalog, workers=1) as gate:
        [pid] = _pids(gate)
        old = _parent(pid)
        os.kill(pid, how)
        assert (await gate.check("SELECT 1")).code == "judge_ended"
        assert (await gate.check("SELECT 1")).allowed
        [pid] = _pids(gate)
        assert _parent(pid) != old


async def test_the_old_process_stays_for_the_judges_it_has_and_no_longer(
    catalog: Catalog, until: Until
) -> None:
    nurseries.retire()
    async with Gate(OPEN, catalog, workers=1) as other:
        [kept] = _pids(other)
        old = _parent(kept)
        async with Gate(OPEN, catalog, workers=1) as gate:
            [pid] = _pids(gate)
            assert _parent(pid) == old
            os.kill(pid, signal.SIGKILL)
            assert not (await gate.check("SELECT 1")).allowed
            assert (await other.check("SELECT note FROM orders")).allowed
            assert _pids(other) == [kept]
        assert not _gone(old)
    await until(lambda: _gone(old))


async def test_a_killed_nursery_costs_no_statement(catalog: Catalog, until: Until) -> None:
    async with Gate(OPEN, catalog, workers=1) as gate:
        [pid] = _pids(gate)
        os.kill(_parent(pid), signal.SIGKILL)
        assert (await gate.check("SELECT note FROM orders")).allowed
        await gate.replace_policy(Policy())
        assert not (await gate.check("SELECT note FROM orders")).allowed
        assert (await gate.check("SELECT 1")).allowed
        await until(lambda: _gone(pid))  # it had nobody left to kill it, and went with its socket


async def test_a_parent_that_is_killed_takes_them_along(until: Until) -> None:
    code = (
        "import asyncio\n"
        "from agent.sandbox.nursery import Child\n"
        "async def main():\n"
        "    children = [await Child.born() for _ in range(2)]\n"
        "    print(children[0].nursery.pid, flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert parent.stdout is not None
        nursery = int(await asyncio.to_thread(parent.stdout.readline))
        below = Path(f"/proc/{nursery}/task/{nursery}/children")
        await until(lambda: len(below.read_text().split()) == 2)
        judges = [int(pid) for pid in below.read_text().split()]
        parent.kill()
        await until(lambda: _gone(nursery) and all(map(_gone, judges)))
    finally:
        parent.kill()
        parent.wait()
        parent.stdout.close()  # type: ignore[union-attr] # it is a pipe


async def test_ending_is_for_one_child_and_waits_for_it() -> None:
    one, other = await Child.born(), await Child.born()
    await one.end()
    await one.end()
    assert one.reader.at_eof()
    assert not other.reader.at_eof()
    await other.end()


async def test_a_nursery_that_has_ended_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Nursery()
    broken.close()
    assert not broken.alive
    with pytest.raises(OSError, match=r".+"):
        broken.fork()
    monkeypatch.setattr(nurseries, "_current", broken)
    child: Any = await Child.born()
    assert child.nursery is not broken
    await child.end()
    child.nursery.close()


async def test_one_that_was_prepared_is_the_one_that_forks(catalog: Catalog) -> None:
    nurseries.retire()
    nurseries.prepare()
    prepared = nurseries._current
    assert prepared is not None
    nurseries.prepare()
    async with Gate(OPEN, catalog, workers=1) as gate:
        assert {_parent(pid) for pid in _pids(gate)} == {prepared.pid}
