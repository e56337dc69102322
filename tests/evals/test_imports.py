"""Benchmarks' files and verified queries become cases; what cannot be taken over is told."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from evals.__main__ import main
from evals.cases import load_cases
from evals.errors import ImportFailed
from evals.imports import read_source
from evals.imports.dialect import Untranslatable, translate
from evals.imports.sqlite import convert

SCHEMA = """
CREATE TABLE Author ("Author ID" INTEGER PRIMARY KEY, Name TEXT, Born DATE, rating REAL, active BOOLEAN,
    extra);
CREATE TABLE Book (id INTEGER PRIMARY KEY, author_id INTEGER REFERENCES Author("Author ID"), title TEXT,
    pages INTEGER, seen DATETIME, cover BLOB, [Order] NUMERIC);
CREATE TABLE Loose (a INTEGER REFERENCES Author("Author ID"), b INTEGER, PRIMARY KEY (b));
CREATE VIEW thick AS SELECT * FROM Book WHERE pages > 300;
CREATE INDEX by_title ON Book (title);
INSERT INTO Author VALUES (1, 'Ann O''Hara', '1970-01-02', 4.5, 1, 'x'), (2, 'Bo\tTab\\', NULL, 3, 0, NULL);
INSERT INTO Book VALUES (1, 1, 'One', 120, '2020-01-02 03:04:05', x'00ff', 1.5),
    (2, 1, 'Two', 'many', NULL, NULL, 2), (3, 2, 'Three', 400, '2021-05-06 00:00:00', NULL, 3);
INSERT INTO Loose VALUES (99, 1);
"""


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A folder of databases as Spider and BIRD keep them."""
    folder = tmp_path / "database" / "library"
    folder.mkdir(parents=True)
    with closing(sqlite3.connect(folder / "library.sqlite")) as base:
        base.executescript(SCHEMA)
    return tmp_path / "database"


def _write(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text(json.dumps(rows))
    return path


def test_spider_with_its_sqlite_database(
    tmp_path: Path, library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = _write(
        tmp_path / "dev.json",
        [
            {"db_id": "library", "question": "How many authors?", "query": "SELECT count(*) FROM Author"},
            {
                "db_id": "library",
                "question": "Who?",
                "query": 'SELECT T1."Author ID", T1.Name FROM Author AS T1',
            },
            {
                "db_id": "library",
                "question": "By o?",
                "query": "SELECT name FROM author WHERE name LIKE '%TAB%'",
            },
            {"db_id": "library", "question": "Orders?", "query": "SELECT `order` FROM Book WHERE id = 1"},
            {"db_id": "library", "question": "Bare?", "query": "SELECT title, count(*) FROM Book"},
            {"db_id": "library", "question": "Not SQL?", "query": "SELECT FROM WHERE"},
            {"db_id": "library", "question": "", "query": "SELECT 1"},
        ],
    )
    out = tmp_path / "out"
    arguments = ["import", "spider", str(source), "--databases", str(library), "--out", str(out), "--json"]
    assert main(arguments) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["cases"], told["databases"]) == (4, ["library"])
    reasons = {one["id"]: one["reason"] for one in told["left_out"]}
    assert "GROUP BY" in reasons["spider-0005"]
    assert "PostgreSQL" in reasons["spider-0006"]
    assert "no 'question'" in reasons["spider-0007"]
    notes = "\n".join(told["notes"]["library"])
    assert "Book.pages, declared INTEGER, holds other values: text" in notes
    assert "foreign key of Loose to Author does not hold" in notes
    assert "Views are left out: thick." in notes
    assert "Indexes are left out: by_title." in notes
    assert [case.id for case in load_cases(out / "cases.jsonl")] == [f"spider-000{n}" for n in range(1, 5)]
    listed = (out / "IMPORT.md").read_text()
    assert "spider-0006" in listed
    assert "by_title" in listed
    script = (out / "databases" / "library" / "library.sql").read_text()
    assert '"seen" timestamp' in script
    assert '"cover" bytea' in script
    assert '"active" boolean' in script
    assert 'ALTER TABLE "book" ADD FOREIGN KEY ("author_id") REFERENCES "author" ("author id");' in script
    capsys.readouterr()
    # What was imported can be checked and asked like any other suite.
    checked = ["check", "--cases", str(out / "cases.jsonl"), "--databases", str(out / "databases")]
    assert main([*checked, "--json"]) in {0, 1}
    checks = {one["id"]: one for one in json.loads(capsys.readouterr().out)}
    assert checks["spider-0001"]["told_apart"]
    assert not checks["spider-0003"]["problems"]


def test_bird_has_evidence_and_its_postgres_file_is_taken_as_it_is(tmp_path: Path) -> None:
    row = {
        "question_id": 7,
        "db_id": "library",
        "question": "Which?",
        "evidence": "thick means pages > 300",
        "SQL": "SELECT IIF(pages > 300, 'thick', 'thin') FROM `Book`",
        "difficulty": "simple",
    }
    (case,) = read_source("bird", _write(tmp_path / "dev.json", [row])).cases
    assert (case.id, case.db, case.category) == ("7", "library", "simple")
    assert case.instructions == "thick means pages > 300"
    assert case.gold == "SELECT CASE WHEN pages > 300 THEN 'thick' ELSE 'thin' END FROM book"
    path = _write(tmp_path / "mini_dev_postgresql.json", [row | {"SQL": "SELECT 1 :: text"}])
    assert read_source("bird", path).cases[0].gold == "SELECT 1 :: text"


def test_sql_eval_keeps_its_notation(tmp_path: Path) -> None:
    path = tmp_path / "questions.csv"
    path.write_text(
        "question,query,db_name,query_category,instructions\n"
        '"How many, per name?","SELECT {name,id}, COUNT(*) FROM a GROUP BY {}",shop,group_by,"Mind the gap"\n'
        '"How many, per name?",,shop,group_by,\n'
    )
    found = read_source("sql-eval", path)
    (case,) = found.cases
    assert case.gold == "SELECT {name,id}, COUNT(*) FROM a GROUP BY {}"
    assert (case.db, case.category, case.instructions) == ("shop", "group_by", "Mind the gap")
    assert found.left_out[0].reason == "it has no 'query'"


def test_verified_queries_need_no_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "verified.json"
    path.write_text(
        json.dumps(
            {"items": [{"question": "How many?", "sql": "SELECT count(*) FROM t", "verified_by": "Ann"}] * 2}
        )
    )
    out = tmp_path / "out"
    assert main(["import", "verified", str(path), "--db", "billing", "--out", str(out)]) == 0
    assert "2 cases, 0 databases" in capsys.readouterr().out
    first, second = load_cases(out / "cases.jsonl")
    assert (first.db, first.gold) == ("billing", "SELECT count(*) FROM t")
    assert first.id != second.id


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("dev.json", "{not json", "neither JSON"),
        ("dev.json", "[1]", "entry 1 is not an object"),
        ("dev.json", "[]", "no question"),
        ("dev.json", '[{"other": 1}]', "no question.* no 'question'"),
        ("dev.csv", "", "no question"),
        ("dev.json", "\xff", "cannot be read"),
    ],
)
def test_what_is_not_a_benchmark_is_told(tmp_path: Path, name: str, text: str, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ImportFailed, match=said):
        read_source("spider", path)


def test_a_missing_database_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = _write(tmp_path / "dev.json", [{"db_id": "gone", "question": "?", "query": "SELECT 1"}])
    given = ["import", "spider", str(source), "--out", str(tmp_path / "out"), "--databases"]
    assert main([*given, str(tmp_path)]) == 1
    assert "no database 'gone'" in capsys.readouterr().err
    assert main([*given, str(tmp_path / "nowhere")]) == 1
    assert "no folder" in capsys.readouterr().err
    escaping = _write(tmp_path / "dev.json", [{"db_id": "../x", "question": "?", "query": "SELECT 1"}])
    assert main(["import", "spider", str(escaping), "--out", str(tmp_path / "out")]) == 1
    assert "letters" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"not a database at all, but long enough to be one" * 40])
def test_what_is_no_sqlite_database_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.sqlite"
    path.write_bytes(content)
    with pytest.raises(ImportFailed):
        convert(path, tmp_path / "x.sql")


@pytest.mark.parametrize("query", ["", "DELETE FROM a", "SELECT 1; SELECT 2", "SELECT ("])
def test_only_one_query_is_translated(query: str) -> None:
    with pytest.raises(Untranslatable):
        translate(query)


@pytest.mark.parametrize(
    ("sqlite", "postgres"),
    [
        ("SELECT A.Name FROM Authors A", "SELECT a.name FROM authors AS a"),
        ('SELECT "First Name" FROM T', 'SELECT "first name" FROM t'),
        ("SELECT a / b FROM t", "SELECT a / b FROM t"),
        ("SELECT a FROM t WHERE b LIKE 'x%'", "SELECT a FROM t WHERE b ILIKE 'x%'"),
        ("SELECT a FROM t ORDER BY b", "SELECT a FROM t ORDER BY b NULLS FIRST"),
    ],
)
def test_queries_are_said_in_postgres(sqlite: str, postgres: str) -> None:
    assert translate(sqlite) == postgres
