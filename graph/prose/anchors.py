"""What a sentence names: rows by their labels, columns by the words of their names; and what goes with what.

A right number beside a wrong name is a wrong answer. A figure therefore belongs to the nearest name of its
own clause, else to the last one before it, else to the next one after it; of two lists of one length, first
belongs to first. Where a sentence can be read in more than one way, one that fits the result is enough.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from graph.context.words import QUERY_WORDS, STOP_WORDS, fold, name_words, stem
from graph.prose.dates import Written
from graph.prose.number_words import folded
from graph.prose.sheet import Place, Sheet

_TOKEN = re.compile(r"[^\W_]+(?:['’][^\W\d_]+)?")
_MIN_WORD = 3
"""Letters from which a part of a label is taken for the label."""
_BREAK = re.compile(
    r"[,;:()]|\s[–—-]\s|\b(?:and|while|whereas|but|against|versus|vs|than|followed|ahead|compared|behind"
    r"|und|während|aber|gegenüber|als|gefolgt|sowie|et|tandis|mais|contre|que|suivi|y|mientras|pero|con"
    r"|frente|seguido|then|dann|puis|luego)\b",
    re.IGNORECASE,
)
_JOINS = re.compile(
    r"\s+(?:[^\W\d]+\s+)?(?:in|for|by|at|on|im|für|bei|am|en|pour|par|para|por|von)\s+(?:the\s+)?",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[.!?]\s+(?=[^\s\d\W])|\n")

COLUMN_SYNONYMS: dict[str, frozenset[str]] = {
    name: frozenset(map(stem, group.split()))
    for group in (
        "max maximum highest largest most biggest greatest top longest latest dearest expensive"
        " hochste hochster hochsten grosste grossten teuerste maximale maximal maximo maxima mayor",
        "min minimum lowest smallest least fewest shortest earliest cheapest"
        " niedrigste niedrigster niedrigsten kleinste kleinsten billigste gunstigste"
        " minimale minimal minimo minima menor",
        "avg average mean durchschnitt durchschnittliche durchschnittlich moyen moyenne promedio media",
        "median",
        "count number many",
        "sum total overall altogether",
        "previous prior last before",
        "current this now",
    )
    for name in map(stem, group.split())
}
"""Words by which columns that are worked out differ, by stem."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """A name in a text, and the rows or columns that it stands for."""

    start: int
    end: int
    rows: frozenset[int] = frozenset()
    columns: frozenset[int] = frozenset()
    axis: frozenset[int] = frozenset()
    """Columns that the label stands in."""


def sentences(text: str) -> list[tuple[int, int]]:
    """Where each sentence starts and ends; points inside numbers and dates end none."""
    starts = [0, *(match.end() for match in _SENTENCE.finditer(text))]
    return list(zip(starts, [*starts[1:], len(text)], strict=True))


def row_anchors(text: str, sheet: Sheet, dates: Sequence[Written]) -> list[Anchor]:
    """Labels of rows that the text names, whole or by a part of their own, from left to right."""
    found = _whole_labels(text, sheet)
    found += _dated(sheet, dates, found)
    found += _parts(text, sheet, found)
    return _joined(sorted(found, key=lambda one: one.start), text)


def whole_labels(text: str, sheet: Sheet) -> list[tuple[int, int]]:
    """Where a text cell of the result is repeated as it stands: what looks like a figure there is a name."""
    return [(one.start, one.end) for one in _whole_labels(text, sheet)]


def column_anchors(text: str, sheet: Sheet) -> list[Anchor]:
    """Words that tell one column of numbers from the others, where the text uses them."""
    if len(sheet.measures) < 2:
        return []
    own = {column: _widened(name_words(sheet.name(column))) for column in sheet.measures}
    found: list[Anchor] = []
    for match in _TOKEN.finditer(text):
        root = stem(fold(match[0]))
        columns = frozenset(column for column, roots in own.items() if root in roots)
        if columns and len(columns) < len(own):
            found.append(Anchor(match.start(), match.end(), columns=columns))
    return found


def bound(anchors: Sequence[Anchor], start: int, end: int, span: tuple[int, int], text: str) -> list[Anchor]:
    """The anchors that the figure between ``start`` and ``end`` may belong to; none where nothing is named.

    Args:
        anchors: of the whole text.
        start: of the figure.
        end: of the figure.
        span: the sentence that it stands in.
        text: the whole text.
    """
    inside = [one for one in anchors if span[0] <= one.start and one.end <= span[1]]
    if not inside:
        # A sentence that names nobody goes on about the one that was named last.
        before = [one for one in anchors if one.end <= span[0]]
        return before[-1:]
    low, high = _clause(text, start, end, span, anchors)
    near = [one for one in inside if one.start >= low and one.end <= high]
    if near:
        distance = [start - one.end if one.end <= start else one.start - end for one in near]
        nearest = near[distance.index(min(distance))]
        # "100 in May to 150 in June": a preposition binds what it joins.
        joined = [one for one in near if _JOINS.fullmatch(text, end, one.start)] if end else []
        return [_narrowed(joined[0] if joined else nearest, near)]
    before = [one for one in inside if one.end <= start]
    return before[-1:] or [one for one in inside if one.start >= end][:1]


def _narrowed(nearest: Anchor, near: Sequence[Anchor]) -> Anchor:
    """The nearest name, narrowed by those of other columns in its clause: *Acme* in *Berlin*."""
    rows, axis = nearest.rows, nearest.axis
    for one in near:
        if rows & one.rows and not axis & one.axis:
            rows, axis = rows & one.rows, axis | one.axis
    return replace(nearest, rows=rows, axis=axis)


def _clause(
    text: str, start: int, end: int, span: tuple[int, int], anchors: Sequence[Anchor]
) -> tuple[int, int]:
    low, high = span
    for match in _BREAK.finditer(text, *span):
        if any(one.start < match.end() and one.end > match.start() for one in anchors):
            continue  # inside of a label
        if text[match.start() : match.end()] == "," and text[match.end() : match.end() + 1].isdigit():
            continue
        if match.end() <= start:
            low = match.end()
        elif match.start() >= end:
            high = match.start()
            break
    return low, high


def _whole_labels(text: str, sheet: Sheet) -> list[Anchor]:
    plain = folded(text)
    labels: dict[str, list[Place]] = {}
    for place, cell in sheet.texts.items():
        if place not in sheet.moments or len(cell) < len("2024-01-01"):
            labels.setdefault(folded(" ".join(cell.split())), []).append(place)
    found: list[Anchor] = []
    for label in sorted(labels, key=len, reverse=True):
        if len(label) < 2 and not (label.isalpha() and len(labels) > 1):
            continue
        if label.isalpha() and label in STOP_WORDS:
            continue
        for match in re.finditer(rf"(?<!\w){re.escape(label)}(?!\w)", plain):
            if len(label) < 2 and not text[match.start()].isupper():
                continue
            if any(match.start() < one.end and match.end() > one.start for one in found):
                continue
            places = labels[label]
            found.append(
                Anchor(
                    *match.span(),
                    rows=frozenset(place.row for place in places),
                    axis=frozenset(place.column for place in places),
                )
            )
    return found


def _dated(sheet: Sheet, dates: Sequence[Written], taken: Sequence[Anchor]) -> list[Anchor]:
    found = []
    for date in dates:
        if any(date.start < one.end and date.end > one.start for one in taken):
            continue
        places = [
            place
            for place, moment in sheet.moments.items()
            if any(one.means(moment) for one in date.readings)
        ]
        if places:
            rows = frozenset(place.row for place in places)
            found.append(Anchor(date.start, date.end, rows=rows, axis=frozenset(p.column for p in places)))
    return found


def _parts(text: str, sheet: Sheet, taken: Sequence[Anchor]) -> list[Anchor]:
    """Words that only some of the labels have: *Acme* for *Acme Corporation*."""
    homes: dict[str, set[Place]] = {}
    for place, cell in sheet.texts.items():
        if place in sheet.moments:
            continue
        for word in _TOKEN.findall(fold(cell)):
            if len(word) >= _MIN_WORD and word not in STOP_WORDS and word not in QUERY_WORDS:
                homes.setdefault(word, set()).add(place)
    found = []
    for match in _TOKEN.finditer(text):
        places = homes.get(fold(match[0])) or homes.get(re.sub(r"['’]s$", "", fold(match[0])))
        if not places or any(match.start() < one.end and match.end() > one.start for one in taken):
            continue
        rows = frozenset(place.row for place in places)
        if len(rows) == sheet.count and sheet.count > 1:
            continue
        found.append(Anchor(*match.span(), rows=rows, axis=frozenset(p.column for p in places)))
    return found


def _joined(anchors: list[Anchor], text: str) -> list[Anchor]:
    """Neighbours that name one row together, as first and last name or a city and its country."""
    joined: list[Anchor] = []
    for one in anchors:
        last = joined[-1] if joined else None
        both = last.rows & one.rows if last is not None else frozenset()
        between = text[last.end : one.start] if last is not None else ""
        # Two different labels of one column are two rows; one label that a second makes narrower is not.
        if last is not None and both and not re.search(r"\d|[.!?]\s", between) and len(between) <= _NEAR:
            joined[-1] = Anchor(last.start, one.end, rows=both, axis=last.axis | one.axis)
        else:
            joined.append(one)
    return joined


_NEAR = 30
"""Characters between two parts of one name, at most."""


def _widened(names: Sequence[str]) -> set[str]:
    roots = {stem(word) for word in names}
    return roots.union(*(COLUMN_SYNONYMS.get(root, ()) for root in roots))
