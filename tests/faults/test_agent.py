"""The agent is killed, stopped, cloned, revoked, or cut off: the question is answered, or says why not."""

import json
import os
import signal
import time

import pytest

from cli.errors import ApiProblem
from tests.faults.plant import NOTICE_SECONDS, WIDE_ROWS, Plant, await_
from tests.faults.process import LOOKED_SECONDS
from tests.faults.proxy import Fault

HELD = "How many held rows are there?"
DEAF = Fault(blackhole=True)
IDLE_SECONDS = 10.0
"""Several pings: a machine that stands still for a moment is not a silent socket."""


def test_killed_while_the_statement_runs(plant: Plant) -> None:
    with plant.holding():
        run_id = plant.start(HELD)
        plant.await_statement()
        plant.kill("agent")
        await_(lambda: plant.busy() == 0, "PostgreSQL to notice", seconds=NOTICE_SECONDS)
        plant.launch("agent")
        plant.await_statement()
    run = plant.finish(run_id)
    assert plant.rows(run) == [[3]]
    # A new attempt on the wire, and no repair: the graph saw one statement.
    assert len(plant.ledger.told[run_id]) == 2
    assert len(run["attempts"]) == 1


def test_killed_with_statements_queued(plant: Plant) -> None:
    """Four may run at once by the policy; the fifth and sixth wait at the agent."""
    with plant.holding():
        run_ids = [plant.start(f"{HELD} For the {n}th time?") for n in range(6)]
        plant.await_statement(4)
        await_(lambda: len(plant.ledger.told.keys() & set(run_ids)) == 6, "all six to be sent")
        plant.kill("agent")
        plant.launch("agent")
        plant.await_statement(4)
    assert [plant.finish(run_id)["status"] for run_id in run_ids] == ["succeeded"] * 6


def test_killed_in_the_middle_of_a_result(plant: Plant) -> None:
    with plant.wire.fault(up=Fault(bandwidth=2_000_000)):
        run_id = plant.start("All the wide bodies, please")
        plant.await_event(run_id, "executing")
        await_(lambda: plant.wire.passed("up") > 500_000, "some of the rows")
        plant.kill("agent")
    plant.launch("agent")
    run = plant.finish(run_id)
    assert (run["status"], run["answer"]["row_count"]) == ("succeeded", WIDE_ROWS)


@pytest.mark.parametrize("way", ["up", "down"])
def test_killed_before_the_end_is_acknowledged(plant: Plant, way: str) -> None:
    """Up, the result does not arrive and is fetched again; down, it has arrived and its thanks are lost."""
    with plant.holding():
        run_id = plant.start(HELD)
        plant.await_statement()
        plant.wire.set(**{way: DEAF})
    await_(lambda: plant.busy() == 0, "the statement to end")
    if way == "down":
        assert plant.finish(run_id)["status"] == "succeeded"
    plant.kill("agent")
    plant.wire.reset()
    plant.wire.clear()
    plant.launch("agent")
    assert plant.rows(run_id) == [[3]]
    assert plant.executions()[run_id] == (2 if way == "up" else 1)


@pytest.mark.parametrize("how", ["reset", "hang_up"])
def test_a_short_disconnect_costs_nothing(plant: Plant, how: str) -> None:
    with plant.holding():
        run_id = plant.start(HELD)
        plant.await_statement()
        getattr(plant.wire, how)()
        plant.await_online()
    assert plant.rows(run_id) == [[3]]
    assert plant.executions()[run_id] == 1
    assert len(plant.ledger.told[run_id]) == 1


def test_an_agent_that_is_stopped_and_wakes_up(plant: Plant) -> None:
    with plant.holding():
        run_id = plant.start(HELD)
        plant.await_statement()
        with plant.paused("agent"):
            await_(lambda: plant.agent_status() == "offline", "the backend to notice")
            with pytest.raises(ApiProblem) as refused:
                plant.start("How many staff have an id below 5?", patient=False)
            assert refused.value.code == "agent_offline"
            assert refused.value.hint
        plant.await_online()
    assert plant.finish(run_id)["status"] == "succeeded"
    assert plant.executions()[run_id] == 1


def test_a_half_open_socket_is_found_out_by_both_ends(plant: Plant) -> None:
    with plant.holding():
        run_id = plant.start(HELD)
        plant.await_statement()
        with plant.wire.fault(up=DEAF, down=DEAF):
            await_(lambda: plant.agent_status() == "offline", "the backend to notice")
            await_(lambda: "detached" in plant.logs("agent"), "the agent to notice")
        plant.await_online()
    assert plant.finish(run_id)["status"] == "succeeded"


def test_of_two_with_one_token_the_newer_serves_and_the_older_leaves(plant: Plant) -> None:
    token = plant.environment("agent")["CUSTARD_AGENT_TOKEN"]
    older = plant.child("agent")
    plant.launch("twin", plant.agent_environment(token, "twin"))
    await_(lambda: older.process.poll() is not None, "the older to leave")
    assert older.process.returncode == 1
    assert "took over" in plant.logs("agent")
    plant.await_online("twin")
    assert plant.rows(plant.ask("How many staff have an id below 21?")) == [[20]]
    assert plant.child("twin").process.poll() is None
    plant.stop("twin")


def test_a_cloned_container_is_told_apart(plant: Plant) -> None:
    """Two that start again whenever the other has displaced them: after a few turns one is left."""
    told = len(plant.audit("token shared"))
    token = plant.join()
    rivals = {name: plant.agent_environment(token, name) for name in ("clone-1", "clone-2")}
    plant.launch("clone-1", rivals["clone-1"])
    await_(lambda: '"attached"' in plant.logs("clone-1"), "the first to attach")
    refused, left = "", "clone-1"
    for _ in range(8):
        comes = "clone-2" if left == "clone-1" else "clone-1"
        new, old = plant.launch(comes, rivals[comes]).process, plant.child(left).process
        await_(lambda new=new, old=old: new.poll() is not None or old.poll() is not None, "one to go")
        if new.poll() is not None:
            refused = comes
            break
        left = comes
    assert refused, "they go on displacing each other"
    assert "keep displacing each other" in plant.logs(refused)
    assert plant.child(left).process.poll() is None
    assert len(plant.audit("token shared")) == told + 1
    assert plant.rows(plant.ask("How many staff have an id below 22?")) == [[21]]


def test_a_revoked_token_ends_what_runs(plant: Plant) -> None:
    with plant.holding():
        run_id = plant.start(HELD)
        plant.await_statement()
        with plant.client(direct=True) as backend:
            path = f"/api/v1/connections/{plant.connection_id}"
            agents = backend.get(f"{path}/agents")["agents"]
            online = next(agent for agent in agents if agent["status"] == "online")
            backend.delete(f"{path}/agents/{online['agent_id']}")
        gone = plant.child("agent").process
        await_(lambda: gone.poll() is not None, "the agent to leave")
        await_(lambda: plant.busy() == 0, "its statement to go", seconds=NOTICE_SECONDS)
    assert gone.returncode == 1
    assert "join" in plant.logs("agent")
    told = plant.audit("token revoked")[-1]
    assert (told["agent"], told["connection"]) == (online["agent_id"], plant.connection_id)
    plant.launch("agent", plant.agent_environment(plant.join()))
    # The statement was accepted and its agent is gone; another one of the connection may run it anew.
    run = plant.finish(run_id)
    assert run["status"] == "succeeded" or run["problem"]["code"] == "agent_lost", json.dumps(run)


@pytest.mark.parametrize("spoken", ["0-1", "1-2"])
def test_an_agent_of_the_version_before_or_after_serves(plant: Plant, spoken: str) -> None:
    right = plant.environment("agent")
    plant.kill("agent")
    plant.launch("agent", right | {"FAULTS_PROTOCOL": spoken})
    plant.await_online()
    assert plant.rows(plant.ask("How many staff have an id below 32?")) == [[31]]
    plant.kill("agent")
    plant.launch("agent", right)


@pytest.mark.parametrize("spoken", ["0-0", "2-3"])
def test_an_agent_without_a_version_in_common_is_told_so_once(plant: Plant, spoken: str) -> None:
    """In one clear line, and it does not knock again and again."""
    right = plant.environment("agent")
    plant.kill("agent")
    opened = plant.wire.opened
    alone = plant.launch("agent", right | {"FAULTS_PROTOCOL": spoken})
    await_(lambda: alone.process.poll() is not None, "the agent to give up")
    assert alone.process.returncode == 1
    assert "Update the older of the two" in plant.logs("agent")
    assert plant.wire.opened - opened == 1
    plant.launch("agent", right)


def test_a_clock_that_jumps_in_the_middle_changes_nothing(plant: Plant) -> None:
    """An hour forward at the agent, while a statement runs and another is still to come."""
    right = plant.environment("agent")
    plant.kill("agent")
    plant.launch("agent", right | {"FAULTS_CLOCK_HOURS": "0"})
    plant.await_online()
    with plant.holding():
        run_id = plant.start(HELD)
        plant.await_statement()
        os.kill(plant.child("agent").process.pid, signal.SIGUSR2)
        time.sleep(LOOKED_SECONDS)
    assert plant.rows(run_id) == [[3]]
    assert plant.executions()[run_id] == 1
    assert plant.rows(plant.ask("How many staff have an id below 33?")) == [[32]]
    plant.kill("agent")
    plant.launch("agent", right)


def test_a_socket_without_traffic_is_kept_alive(plant: Plant) -> None:
    """A load balancer cuts what is silent for so long (here; a minute elsewhere): pings are not."""
    with plant.wire.fault(up=Fault(idle_cut=IDLE_SECONDS)), plant.holding():
        run_id = plant.start(HELD)
        plant.await_statement()
        opened = plant.wire.opened
        time.sleep(1.5 * IDLE_SECONDS)
        assert plant.wire.opened == opened
    assert plant.rows(run_id) == [[3]]
    assert len(plant.ledger.told[run_id]) == 1


@pytest.mark.parametrize("hours", ["-1", "1"])
def test_a_clock_that_is_wrong_does_not_matter(plant: Plant, hours: str) -> None:
    """Deadlines are relative and measured by monotonic clocks; only what is shown to people has a date."""
    right = plant.environment("agent")
    plant.kill("agent")
    plant.launch("agent", right | {"FAULTS_CLOCK_HOURS": hours})
    plant.await_online()
    assert plant.rows(plant.ask("How many staff have an id below 31?")) == [[30]]
    plant.kill("agent")
    plant.launch("agent", right)


def test_the_only_way_out_is_a_proxy(plant: Plant) -> None:
    """The usual variables name it. A tunnel that breaks is what any line that breaks is."""
    right = plant.environment("agent")
    with plant.tunnel() as tunnel:
        # Only the proxy knows that name.
        named = {"CUSTARD_AGENT_SERVER": "http://backend.internal:80", "NO_PROXY": "", "no_proxy": ""}
        named["CUSTARD_AGENT_PLAINTEXT_HOSTS"] = '["backend.internal"]'
        by = f"http://127.0.0.1:{tunnel.port}"
        plant.kill("agent")
        plant.launch("agent", right | named | dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy"), by))
        try:
            plant.await_online()
            with plant.holding():
                run_id = plant.start(HELD)
                plant.await_statement()
                tunnel.reset()
                await_(lambda: len(tunnel.asked) >= 2, "the agent to dial through the proxy again")
                plant.await_online()
        finally:
            plant.kill("agent")
            plant.launch("agent", right)
        assert plant.rows(run_id) == [[3]]
    assert set(tunnel.asked) == {"backend.internal:80"}
