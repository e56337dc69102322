"""``custard-agent check`` and ``policy``, as a person or a program calls them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from agent.__main__ import main
from agent.check import Checked, Statement, read_statements, run_check
from wire.policy import Policy, PolicyStack

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


STRANGE = [
    b'\xef\xbb\xbf{"id": "mark", "sql": "SELECT 1"}\r',
    b"\r",
    b'{"sql": "SELECT 2"}',
    b'{"id": "none"}',
    b'{"id": "null", "sql": null}',
    b'{"id": "twice", "sql": "SELECT 1"}',
    b'{"id": "twice", "sql": "SELECT 1"}',
    b'{"id": NaN, "sql": "SELECT 1"}',
    b'{"id": 1e999, "sql": "SELECT 1"}',
    b'{"id": "half \\ud800", "sql": "SELECT 1"}',
    b'{"id": "bytes", "sql": "SELECT \xff"}',
    b'{"id": "long", "sql": "SELECT ' + b"1," * 500_000 + b'1"}',
    b'{"id": ' + b"9" * 5_000 + b', "sql": "SELECT 1"}',
    b"[" * 100_000,
    b'{"id": {"a": [1]}, "sql": "SELECT 1"}',
    b'{"id": "slow", "sql": "SELECT count(*) FROM generate_series(1, 9000000), generate_series(1, 9000) b"}',
    b'{"id": "nothing", "sql": ""}',
    b'{"id": null, "sql": "SELECT 3"}',
    b'{"id": "last", "sql": "SELECT 4"}',
]


def test_every_line_has_its_answer_whatever_it_holds(
    place: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy, file = tmp_path / "policy.toml", tmp_path / "statements.jsonl"
    policy.write_text("[limits]\nstatement_seconds = 5\n")
    file.write_bytes(b"\n".join(STRANGE))
    arguments = ("check", "--dsn", place.dsn, "--policy", str(policy), "--statements", str(file), "--execute")
    code = main((*arguments, "--json"))

    def refuse(word: str) -> None:
        raise AssertionError(word)

    lines = [json.loads(line, parse_constant=refuse) for line in capsys.readouterr().out.splitlines()]
    assert code == 0
    assert [(line["id"], line["allowed"], line["layer"]) for line in lines] == [
        ("mark", True, None),
        (3, True, None),
        (4, False, "bytes"),
        (5, False, "bytes"),
        ("twice", True, None),
        ("twice", True, None),
        (8, False, "bytes"),
        (9, False, "bytes"),
        ("half \ud800", True, None),
        ("bytes", False, "bytes"),
        ("long", False, "bytes"),
        (13, False, "bytes"),
        (14, False, "bytes"),
        ({"a": [1]}, True, None),
        ("slow", False, "limit"),
        ("nothing", False, "shape"),
        (None, True, None),
        ("last", True, None),
    ]


def test_a_file_without_lines_has_no_answers(
    place: Any, policy_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "statements.jsonl"
    file.write_bytes(b"\n\r\n")
    common = ("check", "--dsn", place.dsn, "--policy", str(policy_file), "--statements", str(file), "--json")
    assert _run(capsys, *common) == (0, [])


def test_a_table_can_show_ids_that_no_terminal_can(place: Any, tmp_path: Path) -> None:
    file = tmp_path / "statements.jsonl"
    file.write_bytes(
        b'{"id": "half \\ud800", "sql": "SELECT 1"}\n{"id": "\\u001b[31mred", "sql": "SELECT 1"}\n'
    )
    command = [sys.executable, "-m", "agent", "check", "--dsn", place.dsn, "--statements", str(file)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    assert len(ended.stdout.splitlines()) == 2
    assert "\x1b" not in ended.stdout


async def test_a_database_that_goes_away_costs_no_line(place: Any) -> None:
    """Judged by the gate alone, whose catalog is read again for a name that it lacks."""
    stack = PolicyStack(owner=Policy(default="allow"))
    name = f"gone_{uuid4().hex}"
    with psycopg.connect(place.server.dsn(), autocommit=True) as conn:
        conn.execute(f'CREATE DATABASE "{name}"'.encode())
    statements = [Statement(1, "SELECT 1"), Statement(2, "SELECT * FROM gone"), Statement(3, "SELECT 3")]

    def given() -> Iterator[Statement]:
        for statement in statements:
            if statement.id == 2:
                with psycopg.connect(place.server.dsn(), autocommit=True) as conn:
                    conn.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
            yield statement

    dsn = place.server.dsn(name)
    lines: list[Checked] = [line async for line in run_check(dsn, stack, given(), execute=True)]
    assert [line.id for line in lines] == [1, 2, 3]
    assert lines[0].allowed
    assert not lines[2].allowed
    assert lines[2].layer == "database"


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


def test_grants_and_doctor(place: Any, policy_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ("--dsn", place.owner, "--policy", str(policy_file))
    assert main(["grants", *common, "--role", "checked_role"]) == 0
    script = capsys.readouterr().out
    with psycopg.connect(place.owner) as connection:
        connection.execute(script.encode())
        connection.rollback()
    assert main(["doctor", *common]) == 3
    assert "superuser" in capsys.readouterr().out
