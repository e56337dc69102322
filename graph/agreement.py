"""Whether two results say the same, whatever the queries that gave them look like."""

from collections import Counter
from decimal import Decimal, InvalidOperation

from wire.outcome import Rows


def same_result(one: Rows, other: Rows) -> bool:
    """Whether two results hold the same rows, in any order of rows and columns, numbers as displayed.

    Beyond the preview only the number of rows is compared.
    """
    if one.row_count != other.row_count or len(one.columns) != len(other.columns):
        return False
    if one.row_count > len(one.preview):
        return one.digest == other.digest or _bag(one) == _bag(other)
    return _bag(one) == _bag(other)


def _bag(rows: Rows) -> Counter[tuple[str, ...]]:
    return Counter(tuple(sorted(map(_plain, row))) for row in rows.preview)


def _plain(cell: object) -> str:
    if isinstance(cell, bool) or cell is None:
        return repr(cell)
    try:
        value = Decimal(str(cell))
    except InvalidOperation:
        return str(cell)
    return f"{float(value):.6g}" if value.is_finite() else str(cell)
