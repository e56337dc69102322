"""PostgreSQL's text becomes a JSON value only where nothing is lost."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.cells import cells, converters
from wire.outcome import Cell, ResultColumn

BOOL, INT8, INT4, FLOAT8, NUMERIC, TEXT, DATE = 16, 20, 23, 701, 1700, 25, 1082


def cell(text: str | None, oid: int) -> Cell:
    (value,) = cells([text], converters([ResultColumn(name="x", type="?", oid=oid)]))
    return value


@pytest.mark.parametrize(
    ("text", "oid", "expected"),
    [
        (None, INT4, None),
        ("t", BOOL, True),
        ("f", BOOL, False),
        ("42", INT4, 42),
        ("-7", INT8, -7),
        ("9007199254740992", INT8, 9007199254740992),
        ("9007199254740993", INT8, "9007199254740993"),
        ("-9223372036854775808", INT8, "-9223372036854775808"),
        ("1.5", FLOAT8, 1.5),
        ("1e+300", FLOAT8, 1e300),
        ("NaN", FLOAT8, "NaN"),
        ("Infinity", FLOAT8, "Infinity"),
        ("-Infinity", NUMERIC, "-Infinity"),
        ("NaN", NUMERIC, "NaN"),
        ("12.50", NUMERIC, 12.5),
        ("100", NUMERIC, 100),
        ("0.1", NUMERIC, 0.1),
        ("1" * 100, NUMERIC, "1" * 100),
        ("0.12345678901234567890", NUMERIC, "0.12345678901234567890"),
        ("****", INT4, "****"),
        ("", INT4, ""),
        ("-", INT8, "-"),
        ("--5", INT8, "--5"),
        ("٣", INT4, "٣"),
        ("", TEXT, ""),
        ("42", TEXT, "42"),
        ("0044-03-15 BC", DATE, "0044-03-15 BC"),
        ("{1,2,NULL}", 1007, "{1,2,NULL}"),
        ("\\xdeadbeef", 17, "\\xdeadbeef"),
        ('{"a": 1}', 3802, '{"a": 1}'),
        ("[1,5)", 3904, "[1,5)"),
        ("1 mon -2 days", 1186, "1 mon -2 days"),
        ("42", 0, "42"),
    ],
)
def test_values(text: str | None, oid: int, expected: Cell) -> None:
    found = cell(text, oid)
    assert found == expected
    assert type(found) is type(expected)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4))
def test_no_numeric_changes_its_value(number: Decimal) -> None:
    text = format(number, "f")
    through = json.loads(json.dumps(cell(text, NUMERIC)), parse_float=Decimal)
    assert Decimal(through) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_no_float_changes_its_value(number: float) -> None:
    assert json.loads(json.dumps(cell(repr(number), FLOAT8))) == number


@given(st.integers(-(2**63), 2**63 - 1))
def test_no_integer_changes_its_value(number: int) -> None:
    found = cell(str(number), INT8)
    assert int(found or 0) == number
    assert isinstance(found, str) == (abs(number) > 2**53)
