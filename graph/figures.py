"""Whether the figures of a sentence stand in the result that it tells of.

Numbers are compared as people write them: grouped by commas, points, spaces or apostrophes, rounded, as a
percentage of a share, or with a word such as *million*. A figure that the asker wrote is not the model's.
"""

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from wire.outcome import Rows

_FIGURE = re.compile(
    r"(?<![\w.,])[-−]?(?:\d{1,3}(?: \d{3})+(?!\d)|\d+)(?:[.,'’\u00a0\u202f]\d+)*"
    r"(?:\s?%|\s?(?:thousand|million|billion|tausend|Mio|Mrd|k|m|bn)\b)?",
    re.IGNORECASE,
)
_SCALES = {
    "k": 10**3, "thousand": 10**3, "tausend": 10**3, "m": 10**6, "million": 10**6, "mio": 10**6,
    "bn": 10**9, "billion": 10**9, "mrd": 10**9,
}  # fmt: skip
_WORDS = {
    "zero": 0, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "twenty": 20, "thirty": 30, "hundred": 100, "thousand": 1000,
}  # fmt: skip
"""*One* is left out: it is more often a pronoun than a number."""
_WORD = re.compile(rf"(?<!\d\s)(?<!\w)({'|'.join(_WORDS)})(?!\w)", re.IGNORECASE)
_MANTISSA_LIMIT = 60
"""Digits beyond which a figure is compared as text only."""


def unfounded_figures(text: str, rows: Rows, *, known: str = "") -> list[str]:
    """The figures of ``text`` that neither the result nor ``known`` (the question) holds, as written."""
    values = _values(rows)
    texts = [str(cell) for row in rows.preview for cell in row if isinstance(cell, str)]
    texts += [column.name for column in rows.columns]
    given = {value for _, readings in _figures(known) for value, _ in readings}

    def founded(readings: list[tuple[Decimal, Decimal]]) -> bool:
        return any(value in given or _among(value, step, values) for value, step in readings)

    wrong = []
    for written, readings in _figures(text):
        bare = written.strip("%").strip()
        if founded(readings) or any(_holds(cell, bare) for cell in texts):
            continue
        if " " in bare and all(founded(parts) for piece in bare.split() for _, parts in _figures(piece)):
            continue
        wrong.append(written)
    for word in _WORD.findall(text):
        value = Decimal(_WORDS[word.lower()])
        if not founded([(value, Decimal(1))]) and word.lower() not in known.lower():
            wrong.append(word)
    return wrong


def _values(rows: Rows) -> set[Decimal]:
    """Every number of the preview, and the counts of rows and columns."""
    values = {Decimal(rows.row_count), Decimal(len(rows.preview))}
    for row in rows.preview:
        for cell in row:
            if isinstance(cell, bool) or cell is None:
                continue
            try:
                value = Decimal(str(cell))
            except InvalidOperation:
                continue
            if value.is_finite() and len(value.as_tuple().digits) <= _MANTISSA_LIMIT:
                values |= {value, abs(value)}
    return values


def _figures(text: str) -> Iterator[tuple[str, list[tuple[Decimal, Decimal]]]]:
    """Each figure as written, with its possible readings: the value, and the step it is rounded to."""
    for match in _FIGURE.finditer(text):
        written = match[0].strip()
        parts = re.match(r"([-−]?)([\d.,'’\u00a0\u202f ]*\d)\s?(.*)$", written)
        if parts is None:
            continue
        sign = -1 if parts[1] else 1
        unit = parts[3].lower()
        readings = []
        for digits in _digits(parts[2]):
            value, step = sign * Decimal(digits), Decimal(1).scaleb(-len(digits.partition(".")[2]))
            if unit == "%":
                readings += [(value, step), (value / 100, step / 100)]
            elif unit in _SCALES:
                readings.append((value * _SCALES[unit], step * _SCALES[unit]))
            else:
                readings.append((value, step))
        yield written, readings


def _digits(written: str) -> set[str]:
    """Plain decimal notations that this may mean: ``1,234`` and ``1.234`` are each read both ways."""
    plain = re.sub(r"['’\u00a0\u202f ]", "", written)
    found = set()
    for group, point in ((",", "."), (".", ",")):
        whole, _, part = plain.partition(point)
        groups = whole.split(group)
        grouped = len(groups) == 1 or all(len(each) == 3 for each in groups[1:])
        if grouped and group not in part and point not in part:
            found.add("".join(groups) + (f".{part}" if part else ""))
    return found


def _among(value: Decimal, step: Decimal, values: set[Decimal]) -> bool:
    """Whether a value of the result rounds to this one. Half a step, and half a step only."""
    return any(abs(known - value) <= step / 2 for known in values) or any(
        abs(known - value) <= Decimal("0.005") * abs(known) and step >= 1000 for known in values
    )


def _holds(cell: str, digits: str) -> bool:
    """Whether a text of the result (a date, a name) has these digits as a number of its own."""
    trimmed = digits.lstrip("0") or "0"
    return bool(re.search(rf"(?<!\d)0*{re.escape(trimmed)}(?!\d)", cell))
