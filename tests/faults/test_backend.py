"""The backend is killed or its listeners are slow: streams go on without gap or repetition, to one ending."""

import os
import signal
import threading
import time
from typing import Any

import pytest

from cli.http import Json
from tests.faults.model import Manner
from tests.faults.plant import NOTICE_SECONDS, PATIENCE_SECONDS, TERMINAL, WIDE_ROWS, Plant, await_
from tests.faults.process import LOOKED_SECONDS
from tests.faults.proxy import Fault

HELD = "How many held rows are there?"
IDLE_SECONDS = 10.0
"""Several heartbeats: a machine that stands still for a moment is not a silent stream."""


@pytest.fixture(autouse=True)
def patient_browsers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that was cut is asked for again until a busy machine has started another backend."""
    monkeypatch.setattr("cli.http.RESUME_SECONDS", PATIENCE_SECONDS)


class Browser:
    """Follows a run through the browser's link, as it comes, in a thread of its own."""

    def __init__(self, plant: Plant, run_id: str, pause: float = 0.0) -> None:
        self.seen: list[Json] = []
        self._plant, self._run_id, self._pause = plant, run_id, pause
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        with self._plant.client() as backend:
            for event in backend.events(self._run_id):
                self.seen.append(event)
                time.sleep(self._pause)

    def transcript(self) -> list[Json]:
        """What it has seen when the run had ended."""
        self._thread.join(2 * PATIENCE_SECONDS)
        assert not self._thread.is_alive()
        return self.seen


def test_killed_while_a_statement_runs_and_somebody_looks_on(plant: Plant) -> None:
    with plant.holding():
        run_id = plant.start(HELD)
        browser = Browser(plant, run_id)
        plant.await_statement()
        plant.kill("backend")
        plant.launch("backend")
        plant.await_backend()
        plant.await_event(run_id, "run_resumed")
        plant.await_statement()
    assert plant.rows(run_id) == [[3]]
    assert browser.transcript() == plant.events(run_id)


def test_killed_while_the_model_writes(plant: Plant) -> None:
    plant.model.manner = Manner(pause=1.0)
    run_id = plant.start("How many staff have an id below 41?")
    browser = Browser(plant, run_id)
    await_(lambda: any(event["type"] == "sql_delta" for event in browser.seen), "the first of the SQL")
    plant.kill("backend")
    plant.model.manner = Manner()
    plant.launch("backend")
    assert plant.rows(run_id) == [[40]]
    assert browser.transcript() == plant.events(run_id)


def test_its_clock_jumps_in_the_middle(plant: Plant) -> None:
    """An hour forth while a statement runs and somebody looks on; back in the next, before it is killed."""
    right = plant.environment("backend")
    plant.kill("backend")
    plant.launch("backend", right | {"FAULTS_CLOCK_HOURS": "0"})
    try:
        plant.await_backend()
        plant.await_online()
        for number in range(2):
            with plant.holding():
                run_id = plant.start(HELD)
                browser = Browser(plant, run_id)
                plant.await_statement()
                os.kill(plant.child("backend").process.pid, signal.SIGUSR2)
                time.sleep(LOOKED_SECONDS)
                assert plant.busy() == 1
                if number == 1:
                    plant.kill("backend")
                    plant.launch("backend", right)
                    plant.await_event(run_id, "run_resumed")
            assert plant.rows(run_id) == [[3]]
            assert browser.transcript() == plant.events(run_id)
    finally:
        plant.tell("backend", right)


def test_it_starts_with_a_clock_that_is_an_hour_ahead(plant: Plant) -> None:
    """What it finds running was left a moment ago, not an hour."""
    right = plant.environment("backend")
    with plant.holding():
        run_id = plant.start(HELD)
        plant.await_statement()
        plant.kill("backend")
        plant.launch("backend", right | {"FAULTS_CLOCK_HOURS": "1"})
        try:
            plant.await_event(run_id, "run_resumed")
        finally:
            plant.kill("backend")
            plant.launch("backend", right)
    assert plant.finish(run_id)["answer"]["rows"] == [[3]]


def test_told_to_stop_it_ends_its_runs_or_hands_them_over(plant: Plant) -> None:
    """With a store that others share, whoever starts next goes on: nobody is told of a failure."""
    with plant.holding():
        run_id = plant.start(HELD)
        plant.await_statement()
        plant.stop("backend")
        plant.launch("backend")
        plant.await_event(run_id, "run_resumed")
    assert plant.finish(run_id)["status"] == "succeeded"


def test_a_stream_that_is_cut_again_and_again(plant: Plant) -> None:
    """Every 700 bytes, by whatever stands between: each event arrives once."""
    plant.model.manner = Manner(pause=0.02)
    with plant.browser.fault(down=Fault(limit_data=1500, slicer=100)):
        run_id = plant.start("How many staff have an id below 51?")
        browser = Browser(plant, run_id)
        plant.finish(run_id)
        seen = browser.transcript()
    assert seen == plant.events(run_id)


def test_a_listener_that_takes_nothing_holds_nobody_up(plant: Plant) -> None:
    with plant.browser.fault(down=Fault(bandwidth=40_000)):
        slow = plant.start("All the wide bodies, slowly")
        browser = Browser(plant, slow)
        assert plant.rows(plant.ask("How many staff have an id below 61?")) == [[60]]
        assert plant.finish(slow)["answer"]["row_count"] == WIDE_ROWS
    assert browser.transcript()[-1]["type"] == "answered"


def test_a_stream_without_events_is_kept_alive(plant: Plant) -> None:
    """A load balancer cuts what is silent for so long (here; a minute elsewhere): heartbeats are not."""
    with plant.holding(), plant.browser.fault(down=Fault(idle_cut=IDLE_SECONDS)):
        run_id = plant.start(HELD)
        plant.await_statement()
        opened = plant.browser.opened
        browser = Browser(plant, run_id)
        await_(lambda: any(event["type"] == "executing" for event in browser.seen), "the stream to get there")
        time.sleep(1.5 * IDLE_SECONDS)
        assert plant.browser.opened == opened + 1
    assert browser.transcript()[-1]["type"] == "answered"


@pytest.mark.parametrize("stubborn", [False, True])
def test_a_proxy_that_holds_responses_back(plant: Plant, stubborn: bool) -> None:
    """It is asked not to, and one that does so all the same makes the stream late and not wrong."""
    with plant.buffered(stubborn=stubborn):
        with plant.holding():
            run_id = plant.start(HELD)
            browser = Browser(plant, run_id)
            plant.await_statement()
            if not stubborn:
                await_(lambda: [e for e in browser.seen if e["type"] == "executing"], "the stream to come")
            else:
                assert browser.seen == []
        assert browser.transcript() == plant.events(run_id)
    assert plant.rows(run_id) == [[3]]


def test_nobody_listens_any_more(plant: Plant) -> None:
    """A closed tab stops the run, in PostgreSQL too, once it has had its time to come back."""
    with plant.holding():
        body = {"connection_id": plant.connection_id, "question": HELD}
        with plant.client() as backend:
            run_id = str(backend.post("/api/v1/query", body, prefer="respond-async")["run_id"])
            plant.runs.append(run_id)
            stream = backend.events(run_id)
            next(stream)
            plant.await_statement()
            plant.browser.reset()
            del stream
        await_(lambda: plant.busy() == 0, "the statement to go", seconds=NOTICE_SECONDS)
        run = plant.finish(run_id)
    assert (run["status"], plant.events(run_id)[-1]["type"]) == ("cancelled", "run_cancelled")


@pytest.mark.parametrize("when", ["queued", "running", "racing", "disconnected", "ended"])
def test_a_stop_at_any_moment_gives_one_ending(plant: Plant, when: str) -> None:
    ending: dict[str, Any] = {}
    if when == "ended":
        run_id = plant.start("How many staff have an id below 71?")
        plant.finish(run_id)
        plant.stop_run(run_id)
        assert plant.finish(run_id)["status"] == "succeeded"
        return
    with plant.holding():
        others = [plant.start(f"{HELD} ({n})") for n in range(4 if when == "queued" else 0)]
        plant.await_statement(len(others)) if others else None
        run_id = plant.start(f"{HELD} Now?")
        if when == "queued":
            await_(lambda: run_id in plant.ledger.told, "the fifth to be sent")
        else:
            plant.await_statement()
        if when == "disconnected":
            plant.wire.set(up=Fault(blackhole=True), down=Fault(blackhole=True))
        if when != "racing":
            plant.stop_run(run_id)
            plant.stop_run(run_id)
            ending = plant.finish(run_id)
    if when == "racing":
        # The lock is gone: the statement ends while the stop is on its way.
        plant.stop_run(run_id)
        ending = plant.finish(run_id)
        assert ending["status"] in ("succeeded", "cancelled")
    else:
        assert ending["status"] == "cancelled"
    assert sum(event["type"] in TERMINAL for event in plant.events(run_id)) == 1
    plant.wire.clear()
    assert all(plant.finish(other)["status"] == "succeeded" for other in others) if when == "queued" else True
