"""``custard-agent check`` and ``policy``, as a person or a program calls them."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from agent.__main__ import main
from agent.check import read_statements

POLICY = """
[schemas.public]
allow = true
[tables."public.people"]
deny_columns = ["email"]
[tables."public.gone"]
allow = true
[[tests]]
sql = "SELECT email FROM people"
expect = "deny"
"""


@pytest.fixture
def policy_file(tmp_path: Path) -> Path:
    file = tmp_path / "policy.toml"
    file.write_text(POLICY)
    return file


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    code = main(arguments)
    lines = capsys.readouterr().out.splitlines()
    return code, [json.loads(line) for line in lines]


def test_lines_that_are_not_statements_are_told_and_the_rest_is_read() -> None:
    lines = [b'{"id": "a", "sql": "SELECT 1"}', b"", b"not json", b"[1]", b'{"sql": "x\xff"}', b'{"id": 1}']
    read = list(read_statements(lines))
    assert [statement.id for statement in read] == ["a", 3, 4, 5, 6]
    assert [statement.sql for statement in read] == ["SELECT 1", None, None, "x\udcff", None]
    assert all(statement.problem for statement in read if statement.sql is None)


def test_check_runs_each_statement_through_the_sandbox(
    place: Any, policy_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "statements.jsonl"
    statements = {
        "rows": "SELECT id, name FROM people WHERE id < 4",
        "denied": "SELECT email FROM people",
        "nul": "SELECT 1\0",
        "two": "SELECT 1; SELECT 2",
        "failing": "SELECT 1 / (id - id) FROM people",
        "missing": "SELECT nothing FROM people",
    }
    file.write_text("".join(json.dumps({"id": name, "sql": sql}) + "\n" for name, sql in statements.items()))
    common = ("check", "--dsn", place.dsn, "--policy", str(policy_file), "--statements", str(file), "--json")
    code, lines = _run(capsys, *common, "--execute")
    assert code == 0
    assert set(lines[0]) == {"id", "allowed", "layer", "reason", "sqlstate", "rows", "elapsed_ms"}
    found = {line["id"]: (line["allowed"], line["layer"], line["sqlstate"], line["rows"]) for line in lines}
    assert found == {
        "rows": (True, None, None, 3),
        "denied": (False, "policy", None, None),
        "nul": (False, "bytes", None, None),
        "two": (False, "shape", None, None),
        "failing": (False, "database", "22012", None),
        "missing": (False, "database", "42703", None),
    }
    code, lines = _run(capsys, *common)
    assert [line["allowed"] for line in lines] == [True, False, False, False, True, True]
    assert all(line["rows"] is None for line in lines)


def test_without_a_policy_nothing_can_be_read(
    place: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "statements.jsonl"
    file.write_text('{"id": 1, "sql": "SELECT 1"}\n{"id": 2, "sql": "SELECT * FROM people"}\n')
    _, lines = _run(capsys, "check", "--dsn", place.dsn, "--statements", str(file), "--json", "--execute")
    assert [line["allowed"] for line in lines] == [True, False]


def test_a_missing_file_and_a_missing_database_are_said(
    policy_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUSTARD_AGENT_DSN", raising=False)
    assert main(["check", "--statements", "nowhere.jsonl"]) != 0
    assert "--dsn" in capsys.readouterr().err
    assert main(["check", "--dsn", "dbname=x", "--statements", "nowhere.jsonl"]) != 0
    assert "--statements" in capsys.readouterr().err


def test_policy_check_finds_what_does_not_exist(
    place: Any, policy_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, lines = _run(capsys, "policy", "check", "--dsn", place.dsn, "--policy", str(policy_file), "--json")
    assert code == 0
    assert [line["where"] for line in lines] == ['tables."public.gone"']


def test_policy_test_fails_when_a_test_does(
    place: Any, policy_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy_file.write_text(POLICY.replace('expect = "deny"', 'expect = "allow"'))
    code, lines = _run(capsys, "policy", "test", "--dsn", place.dsn, "--policy", str(policy_file), "--json")
    assert code == 1
    assert lines[0]["fatal"]


def test_policy_explain_names_what_is_read(
    place: Any, policy_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ("--dsn", place.dsn, "--policy", str(policy_file), "--json")
    code, [verdict] = _run(capsys, "policy", "explain", *common, "SELECT name FROM people")
    assert (code, verdict["columns"]) == (0, ["public.people.name"])
    code, [verdict] = _run(capsys, "policy", "explain", *common, "SELECT email FROM people")
    assert (code, verdict["code"]) == (3, "column_denied")


def test_policy_diff_lists_columns(
    place: Any, policy_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.toml"
    other.write_text(POLICY.replace('["email"]', '["name"]'))
    _, lines = _run(
        capsys, "policy", "diff", "--dsn", place.dsn, "--policy", str(policy_file), "--json", str(other)
    )
    changes = {line["relation"]: (line["added"], line["removed"]) for line in lines}
    assert changes["public.people"] == (["email"], ["name"])


def test_grants_and_doctor(place: Any, policy_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ("--dsn", place.owner, "--policy", str(policy_file))
    assert main(["grants", *common, "--role", "checked_role"]) == 0
    script = capsys.readouterr().out
    with psycopg.connect(place.owner) as connection:
        connection.execute(script.encode())
        connection.rollback()
    assert main(["doctor", *common]) == 3
    assert "superuser" in capsys.readouterr().out
