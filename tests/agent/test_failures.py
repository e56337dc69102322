"""What may leave of PostgreSQL's errors, and where they point."""

from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from agent.failures import from_database, map_position


class Refused(psycopg.Error):
    """An error as psycopg would raise it."""

    def __init__(self, sqlstate: str, message: str, hint: str = "", position: int | None = None) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self._diagnosis = SimpleNamespace(
            message_primary=message,
            message_hint=hint,
            statement_position=str(position) if position else None,
        )

    @property
    def diag(self) -> Any:
        return self._diagnosis


def said(error: Refused, submitted: str, **options: Any) -> Any:
    return from_database(error, submitted=submitted, executed=submitted, **options)


def test_syntax_is_told_as_it_is() -> None:
    failed = said(Refused("42601", 'syntax error at or near "FORM"', position=10), "SELECT 1 FORM t")
    assert failed.message == 'syntax error at or near "FORM"'
    assert failed.position == 10


def test_a_message_that_names_what_the_statement_did_not_is_replaced() -> None:
    failed = said(Refused("42P01", 'relation "salaries" does not exist'), "SELECT * FROM overview")
    assert "salaries" not in failed.message


def test_a_permission_error_names_nothing() -> None:
    failed = said(Refused("42501", "permission denied for table salaries"), "SELECT * FROM overview")
    assert "salaries" not in failed.message
    assert failed.sqlstate == "42501"


@pytest.mark.parametrize(
    ("sqlstate", "message"),
    [
        ("22P02", 'invalid input syntax for type integer: "4111-1111"'),
        ("22003", "value 4111 is out of range for type smallint"),
        ("23505", "Key (email)=(a@example.org) already exists."),
        ("P0001", "secret 4111"),
        ("XX000", "cache lookup 4111"),
        ("22008", 'date/time field value out of range: "4111"'),
    ],
)
def test_an_error_of_the_data_is_told_without_the_data(sqlstate: str, message: str) -> None:
    failed = said(Refused(sqlstate, message), "SELECT x::integer FROM t")
    assert "4111" not in failed.message
    assert "example" not in failed.message
    assert failed.message
    assert failed.sqlstate == sqlstate


def test_an_error_of_a_literal_is_told_as_it_is() -> None:
    sql = "SELECT * FROM t WHERE id = 'abc'"
    failed = said(Refused("22P02", 'invalid input syntax for type integer: "abc"', position=28), sql)
    assert '"abc"' in failed.message
    assert failed.position == 28


def test_hints_name_only_what_is_shown() -> None:
    hint = 'Perhaps you meant to reference the column "people.email".'
    sql = "SELECT emial FROM people"
    error = Refused("42703", 'column "emial" does not exist', hint, 8)
    assert said(error, sql).hint == ""
    assert said(error, sql, known_names={"people", "email"}).hint == hint


def test_the_cursors_prefix_is_taken_off() -> None:
    sql = "SELECT nmae FROM people"
    error = Refused("42703", 'column "nmae" does not exist', position=33 + 8)
    assert from_database(error, submitted=sql, executed=sql, prefix=33).position == 8


@pytest.mark.parametrize(
    ("submitted", "executed", "place", "expected"),
    [
        ("SELECT a FROM t", "SELECT a FROM t", 8, 8),
        ("SELECT nmae FROM t", "SELECT t.nmae FROM public.t t", 10, 8),
        ("SELECT a, a FROM t", "SELECT t.a, t.a FROM t", 10, None),
        ("SELECT 1 + x FROM t", "SELECT 1 + t.x FROM t", 10, None),
        ("SELECT x FROM t", "SELECT t.x FROM t", None, None),
        ('SELECT "Name" FROM t', 'SELECT t."Name" FROM t', 10, 8),
        ("SELECT NMAE FROM t", "SELECT t.nmae FROM t", 10, 8),
    ],
)
def test_positions_after_a_rewrite(
    submitted: str, executed: str, place: int | None, expected: int | None
) -> None:
    assert map_position(place, submitted=submitted, executed=executed) == expected


def test_a_lost_connection_is_worth_another_try() -> None:
    failed = from_database(psycopg.OperationalError("gone"), submitted="SELECT 1", executed="SELECT 1")
    assert (failed.code, failed.retryable) == ("database_unavailable", True)
