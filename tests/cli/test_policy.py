"""``custard policy``: the same answers as the agent's own command, under the command line's exit codes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from wire.snapshot import Column, SchemaSnapshot, Table

POLICY = """\
[tables."public.people"]
deny_columns = ["email"]
[[tests]]
sql = "SELECT email FROM people"
expect = "deny"
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("CUSTARD_AGENT_DSN", raising=False)
    path = tmp_path / "policy.toml"
    path.write_text(POLICY)
    return path


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    columns = [Column(name=name, type="text") for name in ("id", "name", "email")]
    taken = SchemaSnapshot(
        database="d",
        server_version=180000,
        tables=[Table(schema_name="public", name="people", columns=columns)],
        taken_at="2026-01-01T00:00:00Z",
    )
    path = tmp_path / "snapshot.json"
    path.write_text(taken.model_dump_json())
    return path


def custard(*arguments: object) -> tuple[int, str, str]:
    shown = CliRunner().invoke(app, ["policy", *map(str, arguments)])
    return shown.exit_code, shown.stdout, shown.stderr


def test_check_and_test(file: Path, snapshot: Path) -> None:
    code, out, err = custard("check", file, "--snapshot", snapshot)
    assert (code, err) == (0, "")
    assert "public.people: id, name; hidden: email" in out
    assert custard("test", file, "--snapshot", snapshot)[:2] == (0, "✓ 1 of 1 tests pass.\n")
    file.write_text(POLICY.replace('"deny"', '"allow"').replace('["email"]', '["e_mail", "email"]'))
    assert custard("test", file, "--snapshot", snapshot)[0] == 1
    code, out, _ = custard("check", file, "--snapshot", snapshot)
    assert code == 1
    assert 'deny_columns "e_mail" (line 2): The table public.people has no column e_mail.' in out
    assert "Is email meant?" in out


def test_explain_names_the_rule_and_its_line(file: Path, snapshot: Path) -> None:
    code, out, _ = custard("explain", file, "--snapshot", snapshot, "--sql", "SELECT email FROM people")
    assert code == 3
    assert 'tables."public.people".deny_columns "email" (line 2)' in out
    code, out, _ = custard(
        "explain", file, "--snapshot", snapshot, "--json", "--sql", "SELECT name FROM people"
    )
    assert (code, json.loads(out)["reads"][0]["columns"]) == (0, ["name"])


def test_diff(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text(POLICY.replace("email", "name"))
    assert custard("diff", file, other)[:2] == (
        0,
        "+ public.people.email becomes readable.\n- public.people.name is no longer readable.\n",
    )


@pytest.mark.parametrize("text", ["colour = 1", "not toml", None])
def test_a_file_that_is_no_policy_is_a_usage_error(file: Path, text: str | None) -> None:
    if text is None:
        file.unlink()
    else:
        file.write_text(text)
    code, out, err = custard("check", file)
    assert (code, out) == (2, "")
    assert err


def test_a_missing_database_is_a_usage_error(file: Path) -> None:
    code, _, err = custard("test", file)
    assert code == 2
    assert "--dsn" in err
