"""The store is away, silent, read-only or full: no new questions, no torn log, and it mends by itself."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2
import psycopg
import pytest

from api.auth import LOCAL_TENANT
from api.ids import new_id
from api.tokens import digest, new_agent_token
from cli.errors import ApiProblem
from cli.http import Json
from embedded.postgres import EmbeddedPostgres
from evals.bench.herd import Herd
from tests.faults.plant import WIDE_ROWS, Plant, await_
from tests.faults.proxy import Fault, Loop

HELD = "How many held rows are there?"


def _refused(plant: Plant) -> None:
    with pytest.raises(ApiProblem) as refused:
        plant.start("How many staff have an id below 15?", patient=False)
    assert refused.value.code == "store_unavailable"
    assert refused.value.hint
    with plant.client(direct=True) as backend:
        assert backend.get("/health")["status"]
        with pytest.raises(ApiProblem):
            backend.get("/health/ready")


def _ready(plant: Plant) -> bool:
    try:
        with plant.client(direct=True) as backend:
            return backend.get("/health/ready")["status"] in ("ok", "degraded")
    except ApiProblem:
        return False


def test_a_store_that_is_away(plant: Plant) -> None:
    with plant.holding():
        run_id = plant.start(HELD)
        plant.await_statement()
        plant.store.refuse()
        _refused(plant)
    await_(lambda: plant.busy() == 0, "the statement to end")
    plant.store.accept()
    await_(lambda: _ready(plant), "the store to be found again")
    run = plant.finish(run_id)
    assert run["status"] == "succeeded" or run["problem"]["code"] == "store_unavailable"


def test_a_store_that_says_nothing(plant: Plant) -> None:
    """Worse than one that is away: whoever waits for it must not wait for ever."""
    with plant.store.fault(up=Fault(blackhole=True), down=Fault(blackhole=True)):
        _refused(plant)
    await_(lambda: _ready(plant), "the store to be found again")


def test_a_store_that_is_slow_is_only_slow(plant: Plant) -> None:
    with plant.store.fault(down=Fault(latency=0.01, jitter=0.01)):
        assert plant.rows(plant.ask("How many staff have an id below 16?")) == [[15]]


def test_a_disk_for_results_that_is_full(plant: Plant) -> None:
    """The answer comes all the same, and its file from the database again; what fits is kept, as ever."""

    def kept(run: Json) -> bool:
        return run["attempts"][-1]["outcome"]["result_ref"] is not None

    folder = plant.folder / "results"
    folder.mkdir(exist_ok=True)
    with _small_disk(folder):
        large = plant.ask("All the wide bodies, on a full disk")
        assert (large["status"], large["answer"]["row_count"], kept(large)) == ("succeeded", WIDE_ROWS, False)
        assert len(plant.ledger.told[large["run_id"]]) == 1
        assert kept(plant.ask("How many staff have an id below 34?"))
        url = f"{plant.direct}/api/v1/runs/{large['run_id']}/result?format=csv"
        answer = httpx2.get(url, timeout=60, trust_env=False)
        assert (answer.status_code, answer.content.count(b"\n")) == (200, WIDE_ROWS + 1), answer.text[:200]
    assert kept(plant.ask("How many staff have an id below 35?"))


HERD = 250


def test_a_herd_that_comes_back_while_the_store_is_slow(plant: Plant) -> None:
    """All are let in, over as long as it takes, and whoever asks meanwhile is answered."""
    herd, connection_id = _enrolled(plant)
    with plant.store.fault(down=Fault(latency=0.01, jitter=0.01)):
        asyncio.run(_scattered(plant, herd))
    plant.look.delete(f"/api/v1/connections/{connection_id}")


async def _scattered(plant: Plant, herd: Herd) -> None:
    agents = [asyncio.create_task(herd.agent(number)) for number in range(HERD)]
    try:
        await herd.all_up()
        herd.up.clear()
        herd.scatter()
        for number in (31, 32, 33):
            run = await asyncio.to_thread(plant.ask, f"How many staff have an id below {number}?")
            assert plant.rows(run) == [[number - 1]]
        await herd.all_up()
    finally:
        for agent in agents:
            agent.cancel()
        await asyncio.gather(*agents, return_exceptions=True)


def _enrolled(plant: Plant) -> tuple[Herd, str]:
    """Agents of a connection of their own, written into the store, since joining is bounded."""
    made = plant.look.post("/api/v1", {"name": "Herd"})
    tokens = [new_agent_token() for _ in range(HERD)]
    sql = (
        "INSERT INTO agents (agent_id, tenant, connection_id, name, token_hash, created_at)"
        " VALUES (%s, %s, %s, '', %s, now())"
    )
    with psycopg.connect(plant.postgres.dsn(plant.store_name)) as conn:
        conn.cursor().executemany(
            sql, [(new_id("agt"), LOCAL_TENANT, made["connection_id"], digest(token)) for token in tokens]
        )
    return Herd(plant.direct, tokens), str(made["connection_id"])


def test_a_store_that_may_not_be_written(plant: Plant) -> None:
    def allow(setting: str) -> None:
        with psycopg.connect(plant.postgres.dsn(), autocommit=True) as conn:
            conn.execute(f"ALTER DATABASE store SET default_transaction_read_only = {setting}".encode())
            ended = "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity WHERE datname = 'store'"
            conn.execute(ended)

    allow("on")
    try:
        with pytest.raises(ApiProblem) as refused:
            plant.start("How many staff have an id below 17?", patient=False)
        assert refused.value.code == "store_unavailable"
    finally:
        allow("off")
    await_(lambda: _ready(plant), "the store to be writable again")


@contextmanager
def _small_disk(folder: Path) -> Iterator[Path]:
    """A disk of a few megabytes."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root; to run this: sudo make test ARGS=tests/faults")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(
            f"a tmpfs cannot be mounted here ({mounted.stderr.strip()}); try: mount -t tmpfs tmpfs {folder}"
        )
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_disk_that_is_full(postgres: EmbeddedPostgres, loop: Loop, tmp_path: Path) -> None:
    """A file as the store, on a disk of four megabytes that somebody else fills in the midst of a run."""
    with (
        _small_disk(tmp_path) as disk,
        Plant(postgres, loop, store_folder=disk, databases=("work_on_small", "store_on_small")) as plant,
    ):
        plant.teach()
        assert plant.rows(plant.ask("How many staff have an id below 18?")) == [[17]]
        with plant.holding():
            run_id = plant.start(HELD)
            plant.await_statement()
            with (disk / "somebody-elses").open("wb", buffering=0) as other:
                with suppress(OSError):
                    while True:
                        other.write(b"x" * 4096)
                _refused(plant)
        await_(lambda: plant.busy() == 0, "the statement to end")
        (disk / "somebody-elses").unlink()
        run = plant.finish(run_id)
        assert run["status"] == "succeeded" or run["problem"]["code"] == "store_unavailable"
        await_(lambda: _ready(plant), "the store to be found again")
        assert plant.rows(plant.ask("How many staff have an id below 19?")) == [[18]]
        plant.check()
