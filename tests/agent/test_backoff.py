"""Delays between attempts."""

from agent.backoff import CAP_SECONDS, MAX_ASKED_SECONDS, SLOW_SECONDS, STABLE_SECONDS, Backoff


def bounds(count: int, *, slow: bool = False) -> list[float]:
    backoff, found = Backoff(draw=lambda: 1.0), []
    for _ in range(count):
        backoff.failed(slow=slow)
        found.append(backoff.delay())
    return found


def test_the_bound_doubles_up_to_the_cap() -> None:
    assert bounds(7) == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    assert max(bounds(100)) == CAP_SECONDS


def test_jitter_is_full() -> None:
    backoff = Backoff(draw=lambda: 0.0)
    backoff.failed()
    assert backoff.delay() == 0.0


def test_errors_that_a_person_must_mend_are_retried_seldom() -> None:
    assert bounds(2, slow=True) == [SLOW_SECONDS, SLOW_SECONDS]


def test_only_a_stable_session_starts_the_count_anew() -> None:
    backoff = Backoff(draw=lambda: 1.0)
    for _ in range(5):
        backoff.lasted(1.0)
    assert backoff.delay() == 8.0
    backoff.lasted(STABLE_SECONDS)
    assert backoff.delay() == 0.5


def test_what_the_backend_asks_for_comes_before_the_jitter() -> None:
    backoff = Backoff(draw=lambda: 0.5)
    backoff.failed(asked=3.0)
    assert backoff.delay() == 3.25
    backoff.failed(asked=10_000.0)
    assert backoff.delay() == MAX_ASKED_SECONDS + 0.5
    backoff.failed()
    assert backoff.delay() == 1.0


def test_a_twin_counts_by_itself() -> None:
    backoff = Backoff(draw=lambda: 1.0)
    for _ in range(5):
        backoff.failed()
    assert (backoff.delay(), backoff.twin().delay()) == (8.0, 0.5)
    assert backoff.spread(2.0) == 2.0
