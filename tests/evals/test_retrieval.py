"""The tables that a question needs are found in a large schema."""

import json

import pytest

from evals.__main__ import main
from evals.commands.recalling import GOAL
from evals.retrieval import FIRST, WORDINGS, make_questions, make_snapshot, measure


def test_recall_on_a_large_schema() -> None:
    """A part of what ``custard eval recall`` measures, small enough for every run of the tests."""
    snapshot = make_snapshot(1_000)
    found = measure(snapshot, make_questions(snapshot, 54))
    assert found.found.value >= 0.95, found.misses
    assert found.tokens_most <= 8_000
    assert set(found.by_wording) == set(WORDINGS)


def test_the_schema_is_the_same_for_the_same_seed() -> None:
    one, other = make_snapshot(60), make_snapshot(60)
    assert one.fingerprint == other.fingerprint
    assert one.fingerprint != make_snapshot(60, seed=8).fingerprint
    assert len({table.qualified_name for table in make_snapshot(2_500).tables}) == 2_500


def test_questions_need_tables_that_are_there() -> None:
    snapshot = make_snapshot(200)
    names = {table.qualified_name for table in snapshot.tables}
    asked = make_questions(snapshot, 90)
    assert all(set(one.needs) <= names for one in asked)
    assert {one.wording for one in asked} == set(WORDINGS)
    assert FIRST == 15


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["recall", "--tables", "100", "--questions", "9", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert (told["tables"], told["questions"]) == (100, 9)
    assert code == (0 if told["recall_at_15"]["share"] >= GOAL else 1)
    main(["recall", "--tables", "100", "--questions", "9"])
    assert "Needed tables among the first 15" in capsys.readouterr().out
    assert main(["recall", "--tables", "1"]) == 2
