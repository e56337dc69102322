"""Who is attached, found by agent and by connection: always as a walk over all of them would find it."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from api.sessions import Sessions

_NOW = datetime(2026, 11, 28, tzinfo=UTC)
_STEPS = st.lists(st.tuples(st.sampled_from(["comes", "goes", "is lost"]), st.integers(0, 5)), max_size=40)


def _session(agent: int, number: int) -> Any:
    """Of an agent, which belongs to one of two connections."""
    return SimpleNamespace(
        agent_id=f"agt_{agent}",
        connection_id=f"conn_{agent % 2}",
        lost=False,
        since=_NOW + timedelta(seconds=(number * 7) % 11, microseconds=number),
    )


@given(_STEPS)
def test_the_index_tells_what_a_walk_would(steps: list[tuple[str, int]]) -> None:
    sessions, all_of_them, gone = Sessions(), dict[str, Any](), list[Any]()
    for number, (happens, agent) in enumerate(steps):
        name = f"agt_{agent}"
        if happens == "comes":
            if name in all_of_them:
                gone.append(all_of_them[name])
            all_of_them[name] = _session(agent, number)
            sessions.put(all_of_them[name])
        elif happens == "is lost" and name in all_of_them:
            all_of_them[name].lost = True
        elif name in all_of_them:
            gone.append(all_of_them.pop(name))
            assert sessions.remove(gone[-1])
        # One that was displaced leaves late, and takes nobody's place away.
        assert not any(sessions.remove(session) for session in gone)
    assert len(sessions) == len(all_of_them)
    assert sorted(map(id, sessions)) == sorted(map(id, all_of_them.values()))
    for connection_id in ("conn_0", "conn_1", "conn_2"):
        ours = [one for one in all_of_them.values() if one.connection_id == connection_id]
        assert sorted(map(id, sessions.of(connection_id))) == sorted(map(id, ours))
        ours = [one for one in ours if not one.lost]
        assert (connection_id in sessions.connections) == bool(ours)
        assert sessions.newest(connection_id) is max(ours, key=lambda one: one.since, default=None)
        for agent in range(6):
            name = f"agt_{agent}"
            mine = next((one for one in ours if one.agent_id == name), None)
            assert sessions.newest(connection_id, name) is mine
            assert sessions.get(name) is all_of_them.get(name)
