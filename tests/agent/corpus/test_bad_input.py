"""Bad input of every kind through the command, in one file: each line has its answer, the next is served."""

import json
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import psycopg
import pytest

POLICY = """
version = 1
default = "deny"
[schemas.public]
allow = true
[tables."public.people"]
deny_columns = ["pin"]
"""
SCHEMA = """
CREATE TABLE people (id int, "café" text, pin text);
INSERT INTO people VALUES (1, 'x', 'CANARY-PIN'), (2, 'y', 'CANARY-PIN');
"""
RUNS, FAILS = "runs", "database"
DEEP: set[str] = {"bounds", "process", "parse"}
FORMS = ("NFC", "NFD", "NFKC", "NFKD")
"""Unicode's normal forms."""


def _digits(count: int) -> str:
    return ("1234567890" * (count // 10 + 1))[:count]


CASES: dict[str, tuple[str, str | set[str]]] = {
    "empty": ("", "shape"),
    "only white space": (" \n\t\r ", "shape"),
    "only a comment": ("/* nothing */ -- at all", "shape"),
    "only semicolons": (";;;", "shape"),
    "a semicolon at the end": ("SELECT 1;", RUNS),
    "a byte order mark": ("\ufeffSELECT 1", "parse"),
    "one megabyte": ("SELECT '" + "x" * 1_000_000 + "'", "bytes"),
    "one megabyte of columns": ("SELECT " + "id, " * 250_000 + "id FROM people", "bytes"),
    "one megabyte of white space": (" " * 1_000_000 + "SELECT 1", "bytes"),
    "ten thousand parentheses": ("SELECT " + "(" * 10_000 + "1" + ")" * 10_000, DEEP),
    "ten thousand opening parentheses": ("SELECT " + "(" * 10_000, DEEP),
    "a hundred parentheses": ("SELECT " + "(" * 100 + "1" + ")" * 100, RUNS),
    "fifty thousand in a list": (
        "SELECT id FROM people WHERE id IN (" + ",".join(map(str, range(50_000))) + ")", "bytes",
    ),
    "five thousand in a list": (
        "SELECT id FROM people WHERE id IN (" + ",".join(map(str, range(5_000))) + ")", RUNS,
    ),
    "as many ones as fit": ("SELECT 1 WHERE 1 IN (" + ",".join(["1"] * 16_000) + ")", "bounds"),
    "a U& name": ('SELECT U&"\\0069d" FROM people', RUNS),
    "a U& name with its own escape": ('SELECT U&"!0069d" UESCAPE \'!\' FROM people', RUNS),
    "a U& name of a denied column": ('SELECT U&"p\\0069n" FROM people', "policy"),
    "a U& name of a denied table": ('SELECT * FROM U&"pg\\005fclass"', "policy"),
    "a U& string with NUL": ("SELECT U&'\\0000'", "parse"),
    "half a U& character": ("SELECT U&'\\D800'", "parse"),
    "fullwidth letters": ("\uff33\uff25\uff2c\uff25\uff23\uff34 1", "parse"),
    "a no-break space": ("SELECT\u00a01", {"parse", FAILS, RUNS}),
    "a zero-width space in a name": ("SELECT p\u200bin FROM people", {"policy", FAILS}),
    "letters from right to left": ("SELECT '\u202e; DROP TABLE people'", RUNS),
    "dollar quotes": ("SELECT $$it's; DROP TABLE people$$, $a$ $b$ $$ $b$ $a$", RUNS),
    "a dollar quote left open": ("SELECT $a$ 1", "parse"),
    "nested comments": ("SELECT /* a /* b /* c */ */ d */ 1", RUNS),
    "a comment that hides its end": ("SELECT 1 /* /* */ ; DROP TABLE people", "parse"),
    "a comment with a statement after it": ("SELECT 1 -- x\n; DROP TABLE people", "shape"),
    "NUL at the end": ("SELECT 1\0", "bytes"),
    "NUL before a second statement": ("SELECT 1\0; DROP TABLE people", "bytes"),
    "NUL in a string": ("SELECT 'a\0b'", "bytes"),
    "NUL by a function": ("SELECT chr(0)", FAILS),
    "half a surrogate": ("SELECT '\ud800'", "bytes"),
    "a backslash at a string's end": ("SELECT 'a\\' AS \"' OR pin\"", RUNS),
    "a backslash and a denied column": ("SELECT 'a\\', pin, '' FROM people", "policy"),
    "an escape string": ("SELECT E'a\\'; DROP TABLE people; --'", RUNS),
    "1,664 columns": ("SELECT " + ", ".join(["1"] * 1_664), RUNS),
    "1,665 columns": ("SELECT " + ", ".join(["1"] * 1_665), "bounds"),
    "a thousand digits": ("SELECT " + _digits(1_000), RUNS),
    "a thousand decimals": ("SELECT 0." + _digits(1_000) + " * 3", RUNS),
    "an exponent within reach": ("SELECT 1e1000 + 1", RUNS),
    "an exponent out of reach": ("SELECT 1e200000", {FAILS, "parse"}),
    "an integer out of range": ("SELECT 99999999999::int", FAILS),
    "a limit out of range": ("SELECT id FROM people LIMIT 99999999999999999999", FAILS),
    "a negative limit": ("SELECT id FROM people LIMIT -1", FAILS),
    "hexadecimal beyond eight bytes": ("SELECT 0xFFFFFFFFFFFFFFFFFF", {RUNS, "parse", FAILS}),
    "not a number": ("SELECT 'NaN'::numeric, 'infinity'::float8, '-infinity'::timestamp", RUNS),
    "a power out of bounds": ("SELECT 9 ^ 999999", "bounds"),
    "an operator chain of 5,000": ("SELECT " + "1+" * 5_000 + "1", {"bounds", "process"}),
    "a name of 200 letters": ("SELECT 1 AS " + "x" * 200, RUNS),
    "a quote left open": ("SELECT 'x", "parse"),
    "still served": ("SELECT id FROM people", RUNS),
}  # fmt: skip
for _form in FORMS:
    CASES[f"text in {_form}"] = (f"SELECT '{unicodedata.normalize(_form, 'Ångström ﬁ ①')}'", RUNS)
    _name = unicodedata.normalize(_form, "café")
    CASES[f"a name in {_form}"] = (
        f'SELECT "{_name}" FROM people',
        RUNS if _form in ("NFC", "NFKC") else FAILS,
    )

RAW = [
    b'{"id": "not UTF-8", "sql": "SELECT \'\xff\xfe\'"}',
    b'{"id": "overlong", "sql": "SELECT \'\xc0\xaf\'"}',
    b'{"id": "cut off", "sql": "SELECT \'\xe2\x82\'"}',
]
"""Lines whose bytes are not text; each must be refused for its bytes."""


@pytest.fixture(scope="module")
def answers(place: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What the command says of every case, by id; the server reads strings the old way by default."""
    with psycopg.connect(place.server.dsn(), autocommit=True) as conn:
        conn.execute("CREATE DATABASE bad_input")
        conn.execute("ALTER DATABASE bad_input SET standard_conforming_strings = off")
        conn.execute("ALTER DATABASE bad_input SET escape_string_warning = off")
    dsn = place.server.dsn("bad_input")
    with psycopg.connect(dsn) as conn:
        conn.execute(SCHEMA)
    folder: Path = tmp_path_factory.mktemp("bad-input")
    (folder / "policy.toml").write_text(POLICY)
    lines = [json.dumps({"id": name, "sql": sql}).encode() for name, (sql, _) in CASES.items()]
    lines += [*RAW, b'{"id": 7}', b"not JSON", b"[" * 5_000, b""]
    (folder / "statements.jsonl").write_bytes(b"\n".join(lines))
    command = [sys.executable, "-m", "agent", "check", "--dsn", dsn, "--policy", str(folder / "policy.toml")]
    command += ["--statements", str(folder / "statements.jsonl"), "--execute", "--json"]
    ran = subprocess.run(command, capture_output=True, check=False, timeout=300)
    assert ran.returncode == 0, ran.stderr.decode()[-2000:]
    assert b"CANARY" not in ran.stdout + ran.stderr
    found = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(found) == len(lines) - 1
    return {str(line["id"]): line for line in found}


@pytest.mark.parametrize("name", CASES)
def test_each_has_its_answer(answers: dict[str, dict[str, Any]], name: str) -> None:
    _, expected = CASES[name]
    answer = answers[name]
    outcome = RUNS if answer["allowed"] else answer["layer"]
    assert outcome in ({expected} if isinstance(expected, str) else expected), answer
    assert answer["allowed"] or answer["reason"]


def test_bytes_that_are_no_text_are_refused_for_it(answers: dict[str, dict[str, Any]]) -> None:
    for name in ("not UTF-8", "overlong", "cut off"):
        assert (answers[name]["allowed"], answers[name]["layer"]) == (False, "bytes"), answers[name]


def test_lines_that_are_no_statements_say_so(answers: dict[str, dict[str, Any]]) -> None:
    told = [line for line in answers.values() if "Line " in line["reason"]]
    assert len(told) == 3
    assert not any(line["allowed"] for line in told)
