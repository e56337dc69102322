"""The bus goes away, or one end of it: what is asked where the agent is goes on, the rest is told at once."""

import hashlib
import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from embedded.postgres import EmbeddedPostgres
from tests.faults.plant import PATIENCE_SECONDS, WIDE_ROWS, await_
from tests.faults.proxy import Fault, Loop
from tests.faults.replicated import OTHER, Replicated

HELD = "How many held rows are there?"
HANG_SECONDS = 30.0
"""A hang limit: on a machine at rest it takes two or three."""


@pytest.fixture(scope="module")
def both(postgres: EmbeddedPostgres, loop: Loop) -> Iterator[Replicated]:
    with Replicated(postgres, loop, databases=("work_of_two", "store_of_two")) as plant:
        plant.teach()
        plant.await_other()
        assert plant.rows(plant.ask("How many staff have an id below 11?")) == [[10]]
        yield plant


@pytest.fixture
def plant(both: Replicated) -> Iterator[Replicated]:
    """Whole before and after, and every invariant is checked; the next question crosses."""
    yield both
    both.mend()
    assert both.rows(both.ask_other("How many staff have an id below 11?")) == [[10]]
    both.check()


def _answered(plant: Replicated, number: int) -> None:
    assert plant.rows(plant.ask(f"How many staff have an id below {number}?")) == [[number - 1]]


def test_the_broker_is_killed_and_started_again(plant: Replicated) -> None:
    assert plant.rows(plant.ask_other("How many staff have an id below 12?")) == [[11]]
    plant.nats.kill()
    _answered(plant, 13)
    problem, _ = plant.refused_by_other("How many staff have an id below 14?")
    assert problem.code == "bus_unavailable"
    assert "NATS" in problem.hint
    _answered(plant, 15)
    plant.nats.start()
    plant.await_other()
    assert plant.rows(plant.ask_other("How many staff have an id below 16?")) == [[15]]


@pytest.mark.parametrize("how", ["refused", "silent", "stopped"])
def test_the_others_cannot_be_reached(plant: Replicated, how: str) -> None:
    """By one end, whose line is cut or silent; or by any, since the broker itself stands still."""
    with plant.broken_bus(how):
        _answered(plant, 21)
        asked = plant.runs_stored()
        problem, seconds = plant.refused_by_other("How many staff have an id below 22?")
        assert problem.code == "bus_unavailable"
        assert seconds < HANG_SECONDS
        print("REFUSED AFTER", how, seconds)
        _answered(plant, 23)
    plant.await_other()
    assert plant.rows(plant.ask_other("How many staff have an id below 24?")) == [[23]]
    # What was refused is not done later either, when the broker delivers what it held.
    assert plant.runs_stored() - asked == 2


def test_a_run_goes_on_while_the_broker_is_away_and_is_followed_from_the_store(plant: Replicated) -> None:
    seen: list[str] = []

    def follow(run_id: str) -> None:
        with plant.at_other() as backend:
            seen.extend(event["type"] for event in backend.events(run_id))

    with plant.holding():
        run_id = plant.start(HELD)
        plant.await_statement()
        following = threading.Thread(target=follow, args=(run_id,), daemon=True)
        following.start()
        plant.nats.kill()
    assert plant.rows(run_id) == [[3]]
    following.join(PATIENCE_SECONDS)
    assert seen == [event["type"] for event in plant.events(run_id)]


def test_a_stop_asked_of_the_other_replica_without_a_broker_reaches_the_database(plant: Replicated) -> None:
    """By the store, where the replica that drives the run looks with every beat."""
    with plant.holding():
        run_id = plant.start(HELD)
        plant.await_statement()
        plant.nats.kill()
        with plant.at_other() as backend:
            backend.post(f"/api/v1/runs/{run_id}/cancel")
        await_(lambda: plant.busy() == 0, "the statement to go")
    assert plant.finish(run_id)["status"] == "cancelled"


class Download:
    """A fresh export through the replica without the agent, slow enough to break something in its middle."""

    def __init__(self, plant: Replicated, run_id: str) -> None:
        self._plant = plant
        self._url = f"{plant.other_url}/api/v1/runs/{run_id}/result?format=csv&source=live"
        self.manifest = ""

    def whole(self) -> bytes:
        answer = httpx2.get(self._url, timeout=60, trust_env=False)
        assert answer.status_code == 200, answer.text
        self.manifest = _manifest(answer)
        return answer.content

    def broken_by(self, act: Callable[[], None]) -> str:
        """How it ended, after ``act`` in its middle."""
        throttled = self._plant.bus_of_other.fault(down=Fault(bandwidth=400_000))
        with throttled, httpx2.stream("GET", self._url, timeout=60, trust_env=False) as answer:
            assert answer.status_code == 200, answer.read()
            self.manifest = _manifest(answer)
            pieces = answer.iter_bytes()
            next(pieces)
            act()
            try:
                for _ in pieces:
                    pass
            except httpx2.HTTPError as error:
                return type(error).__name__
        return "whole"


def _manifest(answer: httpx2.Response) -> str:
    return str(answer.headers["link"].split(">")[0].lstrip("<"))


def test_an_export_over_a_broker_that_dies_is_visibly_broken(plant: Replicated) -> None:
    download = Download(plant, plant.ask("All the wide bodies, please")["run_id"])
    body = download.whole()
    assert body.count(b"\n") == WIDE_ROWS + 1
    told = plant.look.get(download.manifest)
    assert (told["state"], told["sha256"]) == ("complete", hashlib.sha256(body).hexdigest())
    assert download.broken_by(plant.nats.kill) != "whole"
    await_(lambda: plant.busy() == 0, "the export to be given up")


def test_the_replica_with_the_agent_is_killed_in_the_middle_of_an_export(plant: Replicated) -> None:
    download = Download(plant, plant.ask("All the wide bodies, please")["run_id"])
    assert download.broken_by(lambda: plant.kill("backend")) != "whole"
    await_(lambda: plant.busy() == 0, "the export to be given up")

    def over() -> bool:
        with plant.at_other() as backend:
            return bool(backend.get(download.manifest)["state"] == "failed")

    await_(over, "the one that lives to tell that it is over")


def test_the_other_replica_is_killed_in_the_middle_of_an_export(plant: Replicated) -> None:
    """It says nothing any more: the replica that has the agent stops what nobody reads."""
    download = Download(plant, plant.ask("All the wide bodies, please")["run_id"])
    assert download.broken_by(lambda: plant.kill(OTHER)) != "whole"
    await_(lambda: plant.busy() == 0, "the export to be given up")


class Visit:
    """A page in Chromium on which one question is asked."""

    def __init__(self, plant: Replicated, question: str) -> None:
        program = Path(__file__).with_name("browser.mjs")
        url = f"http://127.0.0.1:{plant.browser.port}"
        self._node = subprocess.Popen(
            ["node", str(program), url, question], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def __enter__(self) -> "Visit":
        return self

    def __exit__(self, *_: object) -> None:
        self._node.kill()
        self._node.communicate()

    def run_id(self) -> str:
        """Of the run that the page follows, once it does."""
        assert self._node.stdout is not None
        line = self._node.stdout.readline().strip()
        assert line, self._node.communicate()[1]
        return line

    def seen(self) -> Any:
        """What was seen when the run had ended, there and after a reload."""
        out, errors = self._node.communicate(timeout=150)
        assert self._node.returncode == 0, errors
        return json.loads(out)


@pytest.mark.system("chromium")
@pytest.mark.system("node")
def test_the_serving_replica_is_killed_while_a_browser_looks_on(plant: Replicated) -> None:
    """The page goes on at the other one: every event once and in order, and one ending, which is true."""
    with plant.balanced(), Visit(plant, HELD) as visit:
        with plant.holding():
            run_id = visit.run_id()
            plant.runs.append(run_id)
            plant.await_statement()
            plant.kill("backend")
            # It served the run, or this would not come.
            await_(lambda: "run_resumed" in plant.told_by_other(run_id), "the other one to go on")
            plant.await_statement()
        seen = visit.seen()
        with plant.at_other() as backend:
            told = [event["type"] for event in backend.events(run_id)]
    assert seen["received"] == [[place, kind] for place, kind in enumerate(told, 1)]
    assert told[-1] == "answered"
    assert (seen["status"], seen["turns"]) == ("succeeded", 1)
    assert "3" in seen["answer"]
    assert seen["afterReload"] == [1, "succeeded"]
    assert seen["faults"] == []


def test_a_replica_is_replaced_under_load(plant: Replicated) -> None:
    """Behind a balancer that asks whether replicas are ready: no question fails, every stream goes on.

    Twenty times over, with killed replicas besides: ``python -m evals.bench.rolling --rolls 20 --kills 3``.
    """
    plant.model.answers.says("items have an id", "SELECT count(*) FROM staff WHERE id <= 20")
    with plant.balanced(), plant.load() as load:
        plant.stop("backend")
        gone = load.asked
        plant.launch("backend")
        plant.await_backend()
        await_(lambda: load.asked > gone + 8, "questions to be answered")
    assert load.told()["failed"] == {}
    assert load.told()["longest_gap_ms"] < 1000 * HANG_SECONDS
