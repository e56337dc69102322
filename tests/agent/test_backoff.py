"""Delays between attempts."""

import itertools

from agent.backoff import CAP_SECONDS, SLOW_SECONDS, STABLE_SECONDS, Backoff


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


def test_the_delays_never_end() -> None:
    backoff = Backoff(draw=lambda: 1.0)
    backoff.failed()
    assert list(itertools.islice(backoff.delays(), 3)) == [0.5, 0.5, 0.5]
