"""What speaks against an answer lowers its confidence, with the reason; nothing does, and it is high."""

import json
from importlib.resources import files
from typing import Any

import pytest

from graph.confidence import HIGH, MEDIUM, Signals, confidence, score_of, signals_of
from graph.context.coverage import Coverage
from graph.record import Attempt, Finding, Origin
from wire.outcome import ResultColumn, Rows


def _rows(preview: list[list[Any]], **more: Any) -> Rows:
    column = ResultColumn(name="count", type="bigint", oid=20)
    return Rows.model_validate(
        {"columns": [column], "preview": preview, "row_count": len(preview), "size_bytes": 9, "digest": "d"}
        | more
    )


def _attempts(*origins: Origin) -> list[Attempt]:
    return [
        Attempt(number=number, sql=f"SELECT {number}", origin=each) for number, each in enumerate(origins, 1)
    ]


def test_nothing_against_it() -> None:
    said = confidence(_attempts("draft"), _rows([[7]]), Coverage(found=("engineers",), missing=()))
    assert said.level == "high"
    assert said.score is not None
    assert said.score >= HIGH
    assert said.reasons == ["The first query passed every check and found rows."]


@pytest.mark.parametrize(
    ("origins", "reason"),
    [(("draft", "repair"), "rewritten once"), (("draft", "repair", "repair"), "rewritten 2 times")],
)
def test_a_rewritten_query_is_not_high(origins: tuple[Origin, ...], reason: str) -> None:
    said = confidence(_attempts(*origins), _rows([[7]]))
    assert said.level != "high"
    assert reason in " ".join(said.reasons)


def test_a_mended_query_says_so() -> None:
    mended = Attempt(number=1, sql="SELECT 1", origin="autofix", changes=["A ratio was cut."])
    said = confidence([mended], _rows([[7]]))
    assert said.reasons == ["The query was mended by rule."]


def test_a_cut_result_is_not_high() -> None:
    said = confidence(_attempts("draft"), _rows([[7]], row_count=10_000, truncated="rows"))
    assert said.level == "medium"
    assert "10,000 rows" in said.reasons[0]


def test_unknown_words_are_named() -> None:
    few = confidence(_attempts("draft"), _rows([[7]]), Coverage(("a", "b"), ("office",), named=1))
    assert few.reasons == ["Nothing here is called “office”."]
    many = confidence(_attempts("draft"), _rows([[7]]), Coverage(("a",), ("office", "hours"), named=1))
    assert "“office”, “hours”" in many.reasons[0]
    assert (many.score or 0) <= (few.score or 0)


@pytest.mark.parametrize("preview", [[], [[None]]])
def test_nothing_found_is_low(preview: list[list[Any]]) -> None:
    said = confidence(_attempts("draft"), _rows(preview))
    assert said.level == "low"
    assert len(said.reasons) == 1


def test_what_a_check_found_is_a_reason() -> None:
    found = Finding(rule="missing_group", severity="warning", message="One figure for all.")
    odd = Attempt(number=1, sql="SELECT 1", findings=[found])
    said = confidence([odd], _rows([[7]]))
    assert said.reasons == ["One figure for all."]
    assert (said.score or 0) < score_of(signals_of(_attempts("draft"), _rows([[7]])))


def test_agreement_counts() -> None:
    shares = [
        confidence(_attempts("draft"), _rows([[7]]), agreement=(agreeing, 4)).score or 0
        for agreeing in range(5)
    ]
    assert shares == sorted(shares)
    assert shares[0] < shares[-1]
    said = confidence(_attempts("draft"), _rows([[7]]), agreement=(1, 4))
    assert "Of 4 further drafts 1 gave the same result." in said.reasons
    assert signals_of(_attempts("draft"), _rows([[7]]), agreement=(0, 0)).disagreement is None


def test_the_worse_the_signals_the_lower_the_score() -> None:
    best = Signals(*[0.0] * 9)
    worst = Signals(1, 3, 2, 1, 1, 3, 2, 1, 1)
    assert 1 > score_of(best) > MEDIUM > score_of(worst) > 0


def test_queries_that_cannot_be_read_have_signals_too() -> None:
    broken = [Attempt(number=1, sql="SELECT ((((")]
    assert 0 < score_of(signals_of(broken, _rows([[1]]))) < 1


def test_the_coefficients_say_where_they_are_from() -> None:
    written = json.loads((files("graph") / "confidence.json").read_text())
    assert {"fitted_on", "model", "suites", "left_out_of_fit"} <= written.keys()
    for fitted in written["coefficients"].values():
        assert all(weight <= 0 for name, weight in fitted.items() if name != "constant")
    assert all(one["answers"] > 50 for one in written["left_out_of_fit"].values())


def test_words_of_which_the_query_has_no_trace_lower_the_score_one_after_the_other() -> None:
    words = ["premium", "overdrawn", "closed", "marketing", "sixth"]
    said = [confidence(_attempts("draft"), _rows([[7]]), unsaid=words[:count]) for count in range(6)]
    scores = [one.score or 0 for one in said]
    assert scores[:5] == sorted(set(scores), reverse=True)
    assert scores[5] == scores[4]
    assert [one.level for one in said[:4]] == ["high", "medium", "medium", "low"]
    assert said[2].reasons == ["The query has no trace of “premium”, “overdrawn”."]


def test_a_name_left_out_is_low_whatever_else_speaks_for_the_answer() -> None:
    said = confidence(_attempts("draft"), _rows([[7]]), dropped=["Mars"])
    assert said.level == "low"
    assert said.reasons == ["The query has nothing for “Mars”."]
