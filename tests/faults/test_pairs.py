"""Two faults at once, and a backend that is told to stop in the midst of one.

What may become of a run is open, and depends on what meets what. That it has one ending, with the right
answer or a problem by name, that nothing ran twice and that everything heals is not: the plant checks that.
"""

import os
import signal
import time
from contextlib import ExitStack

import pytest

from tests.faults.pairs import NAMES, Pair, drawn, fault
from tests.faults.plant import Plant

SEED = int(os.environ.get("FAULTS_SEED", "20261128"))
PAIRS = 4
DRAINS = ("agent stopped", "line silent", "store away")
HANGS_SECONDS = 60.0
QUESTION = "How many held rows are there?"


def _told(plant: Plant, run_id: str) -> None:
    """Right, or said to have failed: ``Plant.check`` looks into that."""
    run = plant.finish(run_id)
    assert run["status"] in ("succeeded", "failed")
    if run["status"] == "succeeded":
        assert run["answer"]["rows"] == [[3]]


@pytest.mark.parametrize("pair", drawn(SEED, PAIRS), ids=lambda pair: f"{pair.first} + {pair.second}")
def test_two_faults_at_once(plant: Plant, pair: Pair) -> None:
    print(f"FAULTS_SEED={SEED}: {pair}")
    with plant.holding(), ExitStack() as one, ExitStack() as other:
        run_id = plant.start(QUESTION)
        plant.await_statement()
        under_way = {pair.first: one, pair.second: other}
        for name, parts in under_way.items():
            parts.enter_context(fault(plant, name))
        time.sleep(pair.seconds)
        for name in pair.ending():
            under_way[name].close()
    plant.mend()
    _told(plant, run_id)


@pytest.mark.parametrize("name", DRAINS)
def test_it_is_told_to_stop_in_the_midst_of_a_fault(plant: Plant, name: str) -> None:
    """It leaves in its own time, whoever does not answer it, and the next one goes on with the run."""
    with plant.holding():
        run_id = plant.start(QUESTION)
        plant.await_statement()
        with fault(plant, name):
            child = plant.child("backend")
            child.stop(HANGS_SECONDS)
            assert child.process.returncode != -signal.SIGKILL
        plant.launch("backend")
        plant.await_backend()
    plant.mend()
    _told(plant, run_id)


def test_a_seed_draws_the_same_pairs() -> None:
    assert drawn(SEED, PAIRS) == drawn(SEED, PAIRS)
    parts = {name.split()[0] for name in NAMES}
    for pair in drawn(SEED, 20):
        assert pair.first.split()[0] != pair.second.split()[0]
        assert {pair.first.split()[0], pair.second.split()[0]} <= parts
        assert sorted(pair.ending()) == sorted((pair.first, pair.second))
        assert not pair.ending()[0].startswith("backend")
