"""What speaks against an answer lowers its confidence, with the reason; nothing does, and it is high."""

from typing import Any

import pytest

from graph.confidence import confidence
from graph.context.coverage import Coverage
from graph.record import Attempt, Origin
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
    assert (said.level, said.score) == ("high", None)
    assert said.reasons


@pytest.mark.parametrize(
    ("origins", "reason"),
    [
        (("draft", "autofix"), "mended by rule"),
        (("draft", "repair"), "rewritten once"),
        (("draft", "repair", "repair"), "rewritten 2 times"),
    ],
)
def test_a_mended_query_is_medium(origins: tuple[Origin, ...], reason: str) -> None:
    said = confidence(_attempts(*origins), _rows([[7]]))
    assert said.level == "medium"
    assert reason in " ".join(said.reasons)


def test_a_cut_result_is_medium() -> None:
    said = confidence(_attempts("draft"), _rows([[7]], row_count=10_000, truncated="rows"))
    assert said.level == "medium"
    assert "10,000 rows" in said.reasons[0]


def test_an_unknown_word_is_medium_and_many_are_low() -> None:
    few = confidence(_attempts("draft"), _rows([[7]]), Coverage(("a", "b"), ("office",), named=1))
    assert (few.level, few.reasons) == ("medium", ["Nothing here is called “office”."])
    many = confidence(_attempts("draft"), _rows([[7]]), Coverage(("a",), ("office", "hours"), named=1))
    assert many.level == "low"
    assert "“office”, “hours”" in many.reasons[0]


@pytest.mark.parametrize("preview", [[], [[None]]])
def test_nothing_found_is_low(preview: list[list[Any]]) -> None:
    said = confidence(_attempts("draft", "autofix"), _rows(preview))
    assert said.level == "low"
    assert len(said.reasons) == 2
