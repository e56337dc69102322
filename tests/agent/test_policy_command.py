"""``custard-agent policy``: what is said of a policy, on real servers and without any."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.__main__ import main
from agent.policy_source import read_source
from wire.snapshot import Column, SchemaSnapshot, Table

POLICY = """\
version = 1
default = "deny"

[schemas.public]
allow = true

[tables."public.people"]
deny_columns = [
  "email",
]
row_filter = "id < 50"

[tables."public.people".masks]
name = { kind = "partial", keep = 1 }

[tables."public.secrets"]
allow = false

[functions]
deny = ["random"]

[limits]
statement_bytes = 500

[[tests]]
sql = "SELECT email FROM people"
expect = "deny"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(POLICY)
    return path


@pytest.fixture
def policy(
    place: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, Any]]:
    """Runs a command with ``--json``; its exit code and what it printed."""
    monkeypatch.setenv("CUSTARD_AGENT_DSN", place.owner)

    def run(*arguments: object) -> tuple[int, Any]:
        code = main(["policy", *map(str, arguments), "--json"])
        captured = capsys.readouterr()
        return code, json.loads(captured.out) if captured.out else captured.err

    return run


def test_a_good_policy_and_what_it_exposes(policy: Any, file: Path) -> None:
    code, said = policy("check", file)
    assert (code, said["problems"]) == (0, [])
    people = next(one for one in said["exposes"] if one["relation"] == "public.people")
    assert people["columns"] == ["id", "name", "mood", "born", "pay"]
    assert (people["hidden"], people["filters"]) == (["email"], ["id < 50"])
    assert people["masks"] == {"name": {"kind": "partial", "keep": 1}}
    assert "public.secrets" not in {one["relation"] for one in said["exposes"]}
    assert len(said["exposes"]) < said["relations"]


@pytest.mark.parametrize(
    ("was", "becomes", "rule", "near"),
    [
        ('"email"', '"e_mail"', 'tables."public.people".deny_columns "e_mail"', "email"),
        ("public.secrets", "public.secretz", 'tables."public.secretz"', "public.secrets"),
        ("schemas.public", "schemas.pubic", "schemas.pubic", "public"),
        ("public.secrets", "Public.Secrets", 'tables."Public.Secrets"', "public.secrets"),
        ("public.secrets", "other.secrets", 'tables."other.secrets"', "public.secrets"),
        ('"random"', '"randoom"', 'functions.deny "randoom"', "random"),
        ("name = {", "nmae = {", 'tables."public.people".masks.nmae', "name"),
    ],
)
def test_names_that_do_not_exist_are_told_with_the_nearest(
    policy: Any, file: Path, was: str, becomes: str, rule: str, near: str
) -> None:
    file.write_text(POLICY.replace(was, becomes))
    code, said = policy("check", file)
    assert code == 1
    problem = next(problem for problem in said["problems"] if problem["rule"]["key"] == rule)
    written = POLICY.replace(was, becomes).splitlines()[problem["rule"]["line"] - 1]
    assert becomes.strip('"').removesuffix(" = {") in written
    assert near in problem["near"]


@pytest.mark.parametrize("condition", ["id <", "id < 5); SELECT 1 --", "nothing = 1", "id + 1", "name < 1"])
def test_a_row_filter_that_cannot_be_used(policy: Any, file: Path, condition: str) -> None:
    file.write_text(POLICY.replace("id < 50", condition))
    code, said = policy("check", file)
    assert code == 1
    assert 'tables."public.people".row_filter' in [one["rule"]["key"] for one in said["problems"]]


def test_a_view_that_is_not_what_its_name_promises(policy: Any, file: Path) -> None:
    file.write_text('[tables."public.adults"]\n[tables."public.people"]\nallow = false\n')
    code, said = policy("check", file)
    assert code == 0
    [problem] = said["problems"]
    assert problem["severity"] == "warning"
    assert "public.people" in problem["what"]


def test_the_policys_own_tests(policy: Any, file: Path) -> None:
    assert policy("test", file) == (0, {"ok": True, "tests": 1, "failed": 0, "problems": []})
    file.write_text(POLICY.replace('expect = "deny"', 'expect = "allow"'))
    code, said = policy("test", file)
    assert (code, said["failed"]) == (1, 1)
    assert said["problems"][0]["rule"] == {"key": "tests.1", "line": 25}


def test_an_allowed_statement_is_explained(policy: Any, file: Path) -> None:
    code, said = policy("explain", file, "--sql", "SELECT name, mood FROM people p")
    assert (code, said["allowed"]) == (0, True)
    [read] = said["reads"]
    assert read["rule"] == {"key": 'tables."public.people"', "line": 7}
    assert {"name", "mood"} <= set(read["columns"])
    assert read["masks"][0]["rule"] == {"key": 'tables."public.people".masks.name', "line": 14}
    assert read["filters"] == [
        {"condition": "id < 50", "rule": {"key": 'tables."public.people".row_filter', "line": 11}}
    ]
    assert "id < 50" in said["runs"]
    code, said = policy("explain", file, "--sql", "SELECT id FROM tasks")
    assert said["reads"][0]["rule"] == {"key": "schemas.public.allow", "line": 5}


@pytest.mark.parametrize(
    ("sql", "key", "line"),
    [
        ("SELECT email FROM people", 'tables."public.people".deny_columns "email"', 9),
        ('SELECT p."email" FROM public.people AS p', 'tables."public.people".deny_columns "email"', 9),
        ("SELECT * FROM secrets", 'tables."public.secrets".allow', 17),
        ("SELECT 1 FROM other.notes", "default", 2),
        ("SELECT random()", 'functions.deny "random"', 20),
        (f"SELECT 1 {'+ 1 ' * 200}", "limits.statement_bytes", 23),
    ],
)
def test_a_refusal_names_its_rule(policy: Any, file: Path, sql: str, key: str, line: int) -> None:
    code, said = policy("explain", file, "--sql", sql)
    assert (code, said["allowed"], said["runs"]) == (3, False, "")
    assert {"key": key, "line": line} in said["rules"]


def test_a_refusal_of_the_sandbox_has_no_rule(policy: Any, file: Path) -> None:
    for sql in ("DELETE FROM people", "SELECT 1; SELECT 2", "SELECT pg_sleep(1)", "SELECT '\0'", ""):
        code, said = policy("explain", file, "--sql", sql)
        assert (code, said["rules"]) == (3, [])


def test_what_another_policy_opens_and_closes(policy: Any, file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text(
        POLICY.replace('"email"', '"pay"')
        .replace("id < 50", "id < 9")
        .replace("keep = 1", "keep = 4")
        .replace("allow = false", "allow = true")
        .replace("statement_bytes = 500", "statement_bytes = 100")
        + '\n[share]\nmodel = "schema"\n'
    )
    code, said = policy("diff", file, other)
    assert code == 0
    assert {(change["effect"], change["about"]) for change in said["changes"]} == {
        ("opens", "public.people.email"),
        ("closes", "public.people.pay"),
        ("opens", "public.people.name"),
        ("changes", "public.people"),
        ("opens", "public.secrets"),
        ("closes", "limits.statement_bytes"),
        ("closes", "share.model"),
    }
    _, back = policy("diff", other, file)
    assert ("closes", "public.secrets") in {(one["effect"], one["about"]) for one in back["changes"]}
    assert policy("diff", file, file)[1]["changes"] == []


def test_without_a_database_the_rules_are_compared(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUSTARD_AGENT_DSN", raising=False)
    other = tmp_path / "other.toml"
    other.write_text(POLICY.replace('"email"', '"pay"').replace("allow = false", "allow = true"))
    assert main(["policy", "diff", str(file), str(other)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "+ public.people.email becomes readable.",
        "- public.people.pay is no longer readable.",
        "+ public.secrets becomes readable.",
    ]
    assert main(["policy", "check", str(file)]) == 0
    assert main(["policy", "explain", str(file), "--sql", "SELECT 1"]) == 2
    assert "--dsn" in capsys.readouterr().err


def test_a_snapshot_stands_in_for_the_database(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUSTARD_AGENT_DSN", raising=False)
    people = Table(
        schema_name="public",
        name="people",
        columns=[Column(name=name, type="text") for name in ("id", "name", "email")],
    )
    snapshot = tmp_path / "snapshot.json"
    taken = SchemaSnapshot(
        database="d", server_version=180000, tables=[people], taken_at="2026-01-01T00:00:00Z"
    )
    snapshot.write_text(taken.model_dump_json())
    common = ("policy", "explain", str(file), "--snapshot", str(snapshot), "--json", "--sql")
    assert main([*common, "SELECT email FROM people"]) == 3
    assert main([*common, "SELECT upper(name) FROM people"]) == 0
    capsys.readouterr()
    snapshot.write_text('{"tables": 1}')
    assert main([*common, "SELECT 1"]) == 2
    assert "is not a snapshot" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("default = ", "not valid TOML"),
        ('default = "maybe"', "default"),
        ("[tables.people]\nallow = true", "needs its schema"),
        ("[limits]\nrows = 0", "limits.rows"),
        ("[limits]\ncost = inf", "limits.cost"),
        ("colour = 1", "colour"),
        ('[tables."a.b"]\nallow_columns = ["x"]\ndeny_columns = ["x"]', "allow_columns"),
        ('[tables."a.b".masks]\nx = { kind = "rot13" }', "masks"),
        ("x = " + "[" * 2000, "not valid TOML"),
    ],
)
def test_a_bad_file_is_a_usage_error_that_names_the_place(
    text: str, says: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(text)
    assert main(["policy", "check", str(file)]) == 2
    captured = capsys.readouterr()
    assert says in captured.err
    assert captured.out == ""


@pytest.mark.parametrize("words", ["check", "diff one.toml", "check one.toml two.toml", "explain a.toml b c"])
def test_a_wrong_number_of_files_is_a_usage_error(
    words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUSTARD_AGENT_POLICY", raising=False)
    assert main(["policy", *shlex.split(words)]) == 2
    assert "Write: policy" in capsys.readouterr().err


def test_lines_are_found_in_every_way_to_write_a_key(file: Path) -> None:
    file.write_text(
        'limits = { rows = 5 }\n\n# a comment\n[tables]\n"a.b" = { deny_columns = ["x"] }\n'
        '[tables."c.d"]\nrow_filter = """\nid > 1\n"""\ndeny_columns = ["y", "z"]\n'
        "[[tests]]\nsql = 'SELECT 1'\nexpect = 'allow'\n[[tests]]\nsql = 'SELECT 2'\nexpect = 'allow'\n"
    )
    source = read_source(file)
    found = {
        ("limits", "rows"): 1,
        ("tables", "a.b", "deny_columns", "x"): 5,
        ("tables", "c.d", "row_filter"): 7,
        ("tables", "c.d", "deny_columns", "z"): 10,
        ("tests", "2", "sql"): 15,
    }
    assert {key: source.lines.get(key) for key in found} == found
    assert source.rule("default").line is None
