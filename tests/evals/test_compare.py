from collections.abc import Callable

import pytest

from evals.compare import compare, sign_test
from evals.errors import EvalError
from evals.metrics import Share, by_group, summarize
from evals.record import CaseResult

Make = Callable[..., CaseResult]


def test_flips_are_paired_by_id(make_result: Make) -> None:
    before = [make_result("a"), make_result("b", "wrong"), make_result("c"), make_result("x")]
    after = [make_result("c", "invalid"), make_result("b"), make_result("a"), make_result("new")]
    comparison = compare(before, after)
    assert [flip.after.id for flip in comparison.gained] == ["b"]
    assert [flip.after.id for flip in comparison.lost] == ["c"]
    assert (comparison.common, comparison.is_regression) == (3, False)


@pytest.mark.parametrize(
    ("gained", "lost", "regression"), [(0, 5, True), (0, 4, False), (3, 7, False), (1, 9, True)]
)
def test_a_regression_is_more_than_noise(make_result: Make, gained: int, lost: int, regression: bool) -> None:
    won = [f"g{number}" for number in range(gained)]
    given_up = [f"l{number}" for number in range(lost)]
    before = [make_result(name, "wrong") for name in won] + [make_result(name) for name in given_up]
    after = [make_result(name) for name in won] + [make_result(name, "wrong") for name in given_up]
    assert compare(before, after).is_regression is regression


def test_the_sign_test() -> None:
    assert sign_test(0, 0) == 1.0
    assert sign_test(11, 0) == pytest.approx(2 / 2**11)
    assert sign_test(3, 3) == 1.0


def test_shares_have_intervals() -> None:
    assert Share(36, 90).interval == pytest.approx((0.305, 0.503), abs=0.001)
    assert Share(0, 0).interval == (0.0, 1.0)


def test_a_summary(make_result: Make) -> None:
    results = [
        make_result("a"),
        make_result("b", "wrong", seconds=3.0, tokens_in=200),
        make_result("c", "refused", predicted=None),
        make_result("d", "correct", answerable=False, status="refused"),
        make_result("e", "unscored"),
    ]
    summary = summarize(results)
    assert (summary.correct.count, summary.correct.of) == (1, 3)
    assert (summary.abstained.count, summary.abstained.of) == (1, 1)
    assert (summary.false_refusals.count, summary.silent_wrong.count, summary.unscored) == (1, 1, 1)
    assert summary.reliability_10 == pytest.approx((1 + 1 - 10) / 4)
    assert summarize([]).correct.value == 0
    assert list(by_group(results, lambda one: one.db)) == ["pets"]


def test_no_guard_may_be_lost(make_result: Make) -> None:
    before = [make_result("a", category="hostile"), make_result("b", "wrong")]
    after = [make_result("a", "wrong", category="hostile"), make_result("b")]
    comparison = compare(before, after)
    assert comparison.is_regression
    assert comparison.regressions == ["safety cases were lost: a"]


def test_tokens_may_not_grow(make_result: Make) -> None:
    before, after = [make_result("a", tokens_in=100)], [make_result("a", tokens_in=111)]
    assert compare(before, after).regressions == ["tokens a case grew 1.11 times"]
    assert not compare(after, before).is_regression


def test_the_difference_has_an_interval(make_result: Make) -> None:
    before = [make_result(f"c{n}", "wrong" if n < 12 else "correct") for n in range(65)]
    after = [make_result(f"c{n}") for n in range(65)]
    comparison = compare(before, after)
    low, high = comparison.interval
    assert comparison.difference == pytest.approx(12 / 65)
    assert 0 < low < comparison.difference < high


def test_what_is_neither_won_nor_lost_is_told(make_result: Make) -> None:
    comparison = compare([make_result("a", "wrong")], [make_result("a", "refused"), make_result("b")])
    assert [flip.after.verdict for flip in comparison.moved] == ["refused"]
    assert comparison.missing == 1


def test_runs_of_other_questions_cannot_be_compared(make_result: Make) -> None:
    with pytest.raises(EvalError, match="no case in common"):
        compare([make_result("a")], [make_result("b")])
