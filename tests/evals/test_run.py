import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evals.__main__ import main
from evals.errors import DatabaseError
from evals.options import SuiteOptions
from evals.run import run_suite
from evals.store import ResultStore

CASES: list[dict[str, Any]] = [
    {
        "id": "count",
        "db": "pets",
        "category": "count",
        "question": "How many pets are there?",
        "gold": "SELECT COUNT(*) FROM pet",
    },
    {
        "id": "wrong",
        "db": "pets",
        "category": "sum",
        "question": "What do the visits of pets cost in total?",
        "gold": "SELECT SUM(cost) FROM visit",
    },
    {
        "id": "none",
        "db": "pets",
        "question": "Which visits of pets had a surgeon?",
        "gold": None,
        "answerable": False,
    },
]
REPLIES = {
    "How many pets": "```sql\nSELECT COUNT(*) FROM pet;\n```",
    "in total": "```sql\nSELECT COUNT(*) FROM visit;\n```",
    "surgeon": "CANNOT_ANSWER: surgeons",
}


def test_a_suite_from_end_to_end(
    write_cases: Callable[..., Path], databases: Path, tmp_path: Path, scripted: Any, use_model: Any
) -> None:
    model = scripted(REPLIES)
    use_model(model)
    told: list[str] = []
    run, results = run_suite(
        write_cases(*CASES), databases, tmp_path, SuiteOptions(), lambda one, done, total: told.append(one.id)
    )
    assert {one.id: one.verdict for one in results} == {
        "count": "correct",
        "wrong": "wrong",
        "none": "correct",
    }
    assert results[0].exact
    assert results[0].predicted == "SELECT COUNT(*) FROM pet"
    assert (results[0].tokens_in, results[0].model_calls) == (100, 1)
    assert results[2].refusal
    assert sorted(told) == ["count", "none", "wrong"]
    with ResultStore(tmp_path) as store:
        assert store.results(run.run_id) == results
        assert store.unfinished(run.digest) is None


def test_a_single_shot_is_the_model_alone(
    write_cases: Callable[..., Path],
    databases: Path,
    tmp_path: Path,
    scripted: Any,
    use_model: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = scripted(
        {
            "Which species": "```sql\nSELECT species FROM visit GROUP BY species;\n```",
            "tomorrow": "```sql\nSELECT name FROM pet;\n```",
        }
    )
    use_model(model)
    cases = write_cases(
        {
            "id": "mendable",
            "db": "pets",
            "question": "Which species are there?",
            "gold": "SELECT species FROM pet",
        },
        {"id": "beyond", "db": "pets", "question": "Will it rain in Boston tomorrow?", "answerable": False},
    )
    given = ["run", "--cases", str(cases), "--databases", str(databases), "--out", str(tmp_path), "--json"]

    def told(*more: str) -> dict[str, Any]:
        assert main([*given, *more]) == 0
        return {one["id"]: one for one in json.loads(capsys.readouterr().out)["cases"]}

    whole = told()
    assert {name: one["verdict"] for name, one in whole.items()} == {
        "mendable": "correct",
        "beyond": "correct",
    }
    model.asked.clear()
    alone = told("--single-shot")
    assert {name: one["verdict"] for name, one in alone.items()} == {"mendable": "invalid", "beyond": "wrong"}
    assert {name: one["model_calls"] for name, one in alone.items()} == {"mendable": 1, "beyond": 1}
    assert all("said" in prompt and "cost" in prompt for prompt in model.asked), "the whole schema is shown"


def test_a_stopped_run_goes_on(
    write_cases: Callable[..., Path], databases: Path, tmp_path: Path, scripted: Any, use_model: Any
) -> None:
    model = scripted(REPLIES)
    use_model(model)
    cases = write_cases(*CASES)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises((KeyboardInterrupt, BaseExceptionGroup)):
        run_suite(cases, databases, tmp_path, SuiteOptions(), stop)
    before = len(model.asked)
    assert before >= 1
    _, results = run_suite(cases, databases, tmp_path, SuiteOptions())
    assert len(results) == 3
    with ResultStore(tmp_path) as store:
        assert len(store.runs()) == 1


def test_a_missing_database_is_told_before_anything_is_asked(
    write_cases: Callable[..., Path], databases: Path, tmp_path: Path, scripted: Any, use_model: Any
) -> None:
    model = scripted(REPLIES)
    use_model(model)
    with pytest.raises(DatabaseError, match=r"elsewhere\.sql is missing"):
        run_suite(
            write_cases(*CASES, CASES[0] | {"id": "x", "db": "elsewhere"}),
            databases,
            tmp_path,
            SuiteOptions(),
        )
    assert model.asked == []


def test_the_command_line(
    write_cases: Callable[..., Path],
    databases: Path,
    tmp_path: Path,
    scripted: Any,
    use_model: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    use_model(scripted(REPLIES))
    out = tmp_path / "out"
    given = ["run", "--cases", str(write_cases(*CASES)), "--databases", str(databases), "--out", str(out)]
    assert main([*given, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    first = told["cases"][0]
    assert (first["id"], first["exact_match"], first["attempts"]) == ("count", True, 1)
    assert told["summary"]["correct"]["count"] == 1
    name = told["run"]["run_id"]
    assert {path.suffix for path in out.glob(f"{name}.*")} == {".md", ".html", ".xml"}
    assert "Question" not in (out / f"{name}.html").read_text().split("<section>")[0]

    assert main([*given, "--baseline", name]) == 0
    assert "0 gained, 0 lost" in capsys.readouterr().out
    assert main(["compare", name, "--out", str(out)]) == 0
    assert main(["report", "--out", str(out)]) == 0
    capsys.readouterr()
    assert main([*given, "--baseline", "nothing"]) == 1
    assert "no run 'nothing'" in capsys.readouterr().err
    assert main(["run", "--cases", "x.jsonl"]) == 2
    assert main(["run", "--cases", str(tmp_path / "none"), "--databases", str(databases)]) == 1
    assert "cannot be read" in capsys.readouterr().err
