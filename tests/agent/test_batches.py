"""Packing rows: order kept, nothing above a limit, caps named."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.batches import Batcher
from agent.errors import StatementTooWide

Rows = list[list[str | None]]


def pack(batcher: Batcher, groups: list[Rows]) -> list[tuple[bytes, int]]:
    bodies = [body for group in groups for body in batcher.add(list(group))]
    return bodies + list(batcher.rest())


cells = st.one_of(st.none(), st.text(max_size=40))
groups = st.lists(st.lists(st.lists(cells, min_size=2, max_size=2), max_size=9), max_size=9)


@given(groups, st.integers(0, 50), st.integers(2, 3000))
def test_bodies_hold_a_prefix_of_the_rows_within_the_caps(
    groups: list[Rows], max_rows: int, max_bytes: int
) -> None:
    batcher = Batcher(max_rows=max_rows, max_bytes=max_bytes, max_body=1000, target=200)
    bodies = pack(batcher, groups)
    rows = [row for group in groups for row in group]
    found = [row for body, _ in bodies for row in json.loads(body)]
    assert found == rows[: len(found)]
    assert all(len(json.loads(body)) == count > 0 for body, count in bodies)
    assert all(len(body) <= 1000 for body, _ in bodies)
    assert sum(len(body) for body, _ in bodies) <= max_bytes
    assert len(found) <= max_rows
    assert (batcher.truncated is None) == (len(found) == len(rows))


def test_small_rows_share_a_body() -> None:
    bodies = pack(Batcher(max_rows=100, max_bytes=10**6, max_body=10**6), [[["1"]], [["2"]], [["3"]]])
    assert bodies == [(b'[["1"],["2"],["3"]]', 3)]


def test_a_row_wider_than_a_body_cannot_be_sent() -> None:
    with pytest.raises(StatementTooWide, match="One row"):
        pack(Batcher(max_rows=9, max_bytes=10**6, max_body=100), [[["1"]], [["x" * 100]]])


def test_a_row_wider_than_the_whole_result_truncates_it() -> None:
    batcher = Batcher(max_rows=9, max_bytes=100, max_body=1000)
    assert pack(batcher, [[["1"]], [["x" * 100]], [["2"]]]) == [(b'[["1"]]', 1)]
    assert batcher.truncated == "bytes"
