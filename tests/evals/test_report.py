"""Reports: what a person, a page and a program are told of the same run."""

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from evals.calibration import calibrate
from evals.compare import compare
from evals.errors import EvalError, StoreError
from evals.metrics import headline, summarize
from evals.prices import read_price
from evals.record import CaseResult, Sample, SuiteRun
from evals.report import Subject, junit, markdown, payload, webpage, write_reports
from evals.report.diff import shared_rows, sql_diff
from evals.report.terminal import show
from evals.stability import stability

Make = Callable[..., CaseResult]
RUN = SuiteRun(
    run_id="20261123-1",
    suite="pets",
    digest="x",
    model="small-model",
    started_at=datetime(2026, 11, 23, tzinfo=UTC),
    cases=3,
)
EVIL = "<script>alert('1')</script> & \"quoted\" $title \x00"


@pytest.fixture
def subject(make_result: Make) -> Subject:
    results = [
        make_result(
            "a",
            "wrong",
            question=EVIL,
            predicted="SELECT name FROM pet WHERE weight > 2",
            accepted="SELECT name FROM pet WHERE weight > 1",
            accepted_result=Sample(columns=["name"], rows=[["Rex"], ["Tom"]], row_count=20),
            predicted_result=Sample(columns=["name"], rows=[["Tom"], ["Kit"]], row_count=2),
            confidence=0.9,
            confidence_level="high",
            trace="javascript:alert(1)",
            step_seconds={"draft_sql": 1.5, "lint_sql": 0.002},
            variants=[True, False, True],
        ),
        make_result("b", confidence=0.8, tokens_in=1000, tokens_out=100, trace="https://example.org/t/1"),
        make_result(
            "c", "refused", predicted=None, refusal="Nothing about that.", answerable=False, kind="x"
        ),
        make_result("d", "unscored"),
    ]
    before = [make_result("a", question=EVIL, tokens_in=900), make_result("b", "wrong"), *results[2:]]
    return Subject(RUN, results, compare(before, results))


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.scripts = 0
        self.links: list[str] = []
        self.cases = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.cases += tag == "details"
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]


def test_the_page_holds_every_case_and_nothing_that_runs(subject: Subject) -> None:
    page = webpage(subject)
    tags = Tags()
    tags.feed(page)
    assert (tags.scripts, tags.cases) == (1, 4)
    assert tags.links == ["https://example.org/t/1"]
    assert page.index('data-change="lost"') < page.index('data-change="gained"')
    assert "<del>2</del>" in page
    assert "<ins>1</ins>" in page
    assert "and 18 more" in page
    assert page.count("<tr class=odd>") == 2
    assert "✓ ✗ ✓" in page
    # It needs nothing from elsewhere.
    assert not re.search(r"(src|href)=\"?(//|http)(?!s://example\.org)", page)


def test_markdown_and_terminal_say_the_same(subject: Subject) -> None:
    text = markdown(subject)
    assert "| Correct | 50.0% (1 of 2; 9% to 91%) |" in text
    assert "p = 1.000 (McNemar)" in text
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    show(console, subject)
    shown = console.export_text()
    assert "50.0% (1 of 2; 9% to 91%)" in shown
    assert shown.index("− a") < shown.index("+ b")


def test_junit_is_whole_xml_whatever_a_case_says(subject: Subject) -> None:
    suite = ET.fromstring(junit(subject))
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("4", "2", "1")
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert "<script>" in str(failure.text)


def test_the_payload_is_json(subject: Subject) -> None:
    told: dict[str, Any] = json.loads(json.dumps(payload(subject)))
    assert told["comparison"]["lost"] == ["a"]
    assert told["calibration"]["of"] == 2
    assert told["cases"][0]["key"] == "a"
    assert told["summary"]["step_seconds"] == {"draft_sql": 1.5, "lint_sql": 0.002}


def test_an_empty_run_can_be_told(tmp_path: Path) -> None:
    empty = Subject(RUN, [])
    assert write_reports(tmp_path, empty).read_text().count("<details") == 0
    assert payload(empty)["summary"]["correct"]["of"] == 0


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="report cannot be written"):
        write_reports(tmp_path / "missing", Subject(RUN, []))


def test_calibration(make_result: Make) -> None:
    assert calibrate([make_result("a")]) is None
    results = [make_result(f"r{n}", confidence=0.8) for n in range(4)] + [
        make_result("w", "wrong", confidence=0.8),
        make_result("x", "wrong", confidence=0.1),
        make_result("one", confidence=1.0),
        make_result("refused", "refused", confidence=0.5),
    ]
    found = calibrate(results)
    assert found is not None
    assert found.of == 7
    assert [(one.low, one.count) for one in found.bins] == [(0.1, 1), (0.8, 5), (0.9, 1)]
    # Four of five right where 0.8 was said: honest. What is off is one answer by 0.1.
    assert found.error == pytest.approx(0.1 / 7)


def test_stability(make_result: Make) -> None:
    assert stability([make_result("a")]) is None
    results = [
        *(make_result("a", trial=trial) for trial in (1, 2, 3)),
        make_result("b", trial=1),
        make_result("b", "wrong", trial=2, predicted="SELECT 2"),
        make_result("a", "wrong", phrasing=1),
        make_result("c"),
        make_result("c", phrasing=1),
    ]
    found = stability(results)
    assert found is not None
    assert (found.repeats.count, found.repeats.of, found.same_sql.count) == (1, 2, 1)
    assert (found.paraphrases.count, found.paraphrases.of, found.worst.count) == (1, 2, 1)
    assert found.unstable == ["a", "b"]
    assert [one.key for one in headline(results)] == ["a", "b", "c"]
    assert [one.key for one in results][2:6] == ["a#3", "b", "b#2", "a~1"]


def test_prices(tmp_path: Path, make_result: Make) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(
        'currency = "EUR"\n["small-*"]\ninput = 2\noutput = 10\n[small-model]\ninput = 1\noutput = 5\n'
    )
    price = read_price(path, "small-model")
    assert price is not None
    assert price.of(1_000_000, 100_000) == pytest.approx(1.5)
    assert price.told(0.00123) == "0.00123 EUR"
    wild = read_price(path, "small-other")
    assert wild is not None
    assert wild.input == 2
    assert read_price(path, "large") is None
    assert read_price(None, "small-model") is None
    told = payload(Subject(RUN, [make_result("a", tokens_in=1_000_000)], None, price))
    assert told["cost"] == {"amount": 1.0, "currency": "EUR"}
    path.write_text("[x]\ninput = 1\n")
    with pytest.raises(EvalError, match="prices"):
        read_price(path, "x")


def test_repairs_and_abstention(make_result: Make) -> None:
    attempt = {"sql": "SELECT 1", "origin": "draft"}
    summary = summarize(
        [
            make_result("a", attempts=[attempt, attempt], tokens_in=50, tokens_out=10),
            make_result("b", "wrong", attempts=[attempt, attempt], tokens_in=40),
            make_result("c", "refused", status="refused"),
            make_result("d", status="refused", answerable=False),
        ]
    )
    assert (summary.repair_yield.count, summary.repair_yield.of) == (1, 2)
    assert (summary.abstention_precision.count, summary.abstention_precision.of) == (1, 2)
    assert summary.tokens_right == 50.0


def test_queries_differ_by_words_not_by_layout() -> None:
    assert {part.side for part in sql_diff("select a from t", "SELECT a\nFROM t")} == {"both"}
    sides = [part.side for part in sql_diff("SELECT a FROM t", "SELECT b FROM t")]
    assert sides == ["both", "accepted", "predicted", "both"]
    assert sql_diff("SELECT (", "not sql")


def test_rows_are_shared_in_any_order() -> None:
    left = Sample(columns=["a"], rows=[["1"], ["1"], ["2.50"]], row_count=3)
    right = Sample(columns=["b"], rows=[["2.5"], ["1"], ["3"]], row_count=3)
    assert shared_rows(left, right) == ([True, False, True], [True, True, False])
