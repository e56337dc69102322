"""All that a sentence says and the result does not.

A figure is founded when it is the cell that its sentence gives it to, the number of rows, arithmetic that
the sentence states, or what the asker wrote in the same place. Being somewhere in the result is not enough: a
right number beside the wrong name is wrong. Doubt counts against the sentence, since the price of a false
alarm is a plainer sentence and that of a miss is a wrong figure.
"""

import re
from collections.abc import Sequence
from decimal import Decimal

from graph.context.words import STOP_WORDS, fold, name_words, stem
from graph.prose.anchors import Anchor, bound, column_anchors, row_anchors, sentences, whole_labels
from graph.prose.arithmetic import TIMES, multiple, stated
from graph.prose.claims import is_no_extreme, unfounded_claims
from graph.prose.dates import Written, dates, moment_of
from graph.prose.figures import Figure, figures
from graph.prose.names import foreign_names
from graph.prose.number_words import in_order
from graph.prose.sheet import Place, Sheet, words_of
from graph.prose.units import another_unit, foreign_currencies
from wire.outcome import Rows

MOST_CHARACTERS = 2_000
"""A longer text is not the two sentences that were asked for, and is not read."""
_WORD = re.compile(r"[^\W_]+")
_LOSS = re.compile(
    r"\b(?:loss\w*|lost|decreas\w+|declin\w+|drop\w*|fell|fallen|negative|less|fewer|below|down|under|deficit"
    r"|verlust\w*|rückgang|gesunken|gefallen|weniger|perte\w*|baiss\w+|diminu\w+|moins|pérdida\w*|disminu\w+"
    r"|caída|menos|overdrawn|owed?|minus|behind|before|early|ago)\b",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"\b(about|around|approximately|roughly|some|circa|approx\.?|etwa|rund|ungefähr|ca\.|environ|presque|unos"
    r"|unas|aproximadamente|alrededor de)\s*[$€£¥]?$",
    re.IGNORECASE,
)
_ABOVE = re.compile(
    r"\b(over|more than|at least|above|exceeding|mehr als|über|mindestens|plus de|au moins|más de|al menos)"
    r"\s*[$€£¥]?$",
    re.IGNORECASE,
)
_BELOW = re.compile(
    r"\b(nearly|almost|just under|under|less than|fewer than|fast|knapp|weniger als|près de|moins de|casi"
    r"|menos de)"
    r"\s*[$€£¥]?$",
    re.IGNORECASE,
)
_FIRST = re.compile(r"\b(first|top|last|bottom|ersten?|premi\w+|primer\w+|shown|leading)\s+$", re.IGNORECASE)
_ONE = re.compile(
    r"\b(?:only|just|exactly|there is|there was|nur|genau|seulement|sólo|solo|solamente)\s+"
    r"(one|eine?n?|une?|una?)\b(?!\s+of\b)",
    re.IGNORECASE,
)
_ORDINAL_WORD = re.compile(
    r"\b(second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth)\b(?!\s+(?:quarter|of (?:the|all|a)))",
    re.IGNORECASE,
)
_ORDINALS = in_order("second third fourth fifth sixth seventh eighth ninth tenth")
_RANGE = re.compile(r"\b(?:rang\w+ from|from|between|zwischen|von|entre|de)\s+[$€£¥]?\s?$", re.IGNORECASE)
_RANGE_CUE = re.compile(r"\brang\w+|\breich\w+|\bvari\w+|\bschwank\w+|\boscil\w+", re.IGNORECASE)


def unfounded(
    text: str, rows: Rows, *, question: str = "", sql: str = "", known: Sequence[str] = ()
) -> list[str]:
    """What the text says and nothing at hand does, as written: figures first, then claims and names.

    Args:
        text: one or two sentences about the result; a longer text is unfounded as a whole.
        rows: the result; what is beyond its preview counts as unknown.
        question: as asked, with what it leans on.
        sql: the query that gave the rows.
        known: further text that units and names may come from: comments of columns, notes.
    """
    if len(text) > MOST_CHARACTERS:
        return [f"{len(text):,} characters"]
    return _Reading(text, rows, question, sql, known).wrong()


class _Reading:
    """One text held against one result."""

    def __init__(self, text: str, rows: Rows, question: str, sql: str, known: Sequence[str]) -> None:
        self.text, self.question, self.sql = text, question, sql
        self.sheet = Sheet(rows, sql)
        self.dates = dates(text)
        self.labels = whole_labels(text, self.sheet)
        self.rows = row_anchors(text, self.sheet, self.dates)
        self.columns = column_anchors(text, self.sheet)
        self.sentences = sentences(text)
        named = [column.name for column in rows.columns]
        self.said = [question, sql, *named, *self.sheet.texts.values(), *known]
        self.said += [column.type for column in rows.columns if column.type == "money"]
        taken = [*self.labels, *((one.start, one.end) for one in self.dates)]
        self.figures = [
            one
            for one in figures(text)
            if not any(one.start < end and one.end > start for start, end in taken)
        ]
        self.figures += [
            Figure(match.start(1), match.end(1), match[1], ((Decimal(1), Decimal(1)),), word=True)
            for match in _ONE.finditer(text)
        ]
        self.rows = sorted([*self.rows, *self._numeric_labels()], key=lambda one: one.start)
        self.lists = self._lists()

    def wrong(self) -> list[str]:
        """Everything unfounded, in the order written within each kind."""
        found = [(one.start, one.written) for one in self.dates if not self._dated(one)]
        found += [(one.start, one.written) for one in self.figures if not self._founded(one)]
        found += [(start, written) for start, written in self._ordinal_words()]
        rows = [one.rows for one in self.rows]
        listed = [written for _, written in sorted(found)]
        listed += unfounded_claims(self.text, self.sheet, rows, self.question)
        listed += foreign_currencies(self.text, self.said)
        listed += foreign_names(self.text, self.said, labelled=bool(self.sheet.texts))
        return list(dict.fromkeys(listed))

    # -- dates ---------------------------------------------------------------------------------------------

    def _dated(self, date: Written) -> bool:
        """Whether the date is a moment of the result, or one of the question's or the query's."""
        moments = list(self.sheet.moments.values())
        if any(one.means(moment) for one in date.readings for moment in moments):
            return True
        if any(start <= date.start and date.end <= end for start, end in self.labels):
            return True
        asked = [one for source in (self.question, self.sql) for one in dates(source)]
        if any(one.means(two) for one in date.readings for each in asked for two in each.readings):
            return True
        # 'DATE_PART('year', …) = 2024': a number of the query that is a year is one.
        year = date.readings[0].year
        if year is not None and all(one.month is None and one.quarter is None for one in date.readings):
            return bool(re.search(rf"(?<!\d){year}(?!\d)", f"{self.question} {self.sql}"))
        quoted = [moment_of(part) for part in re.findall(r"'([^']*)'", self.sql)]
        return any(one.means(two) for one in date.readings for two in quoted if two is not None)

    # -- figures -------------------------------------------------------------------------------------------

    def _founded(self, figure: Figure) -> bool:
        if figure.ordinal:
            return self._is_rank(figure, int(figure.readings[0][0]) if figure.readings else 0)
        if figure.times or TIMES.match(self.text, figure.end) or self._compares(figure):
            named = self._named_in(figure)
            return any(multiple(value, self.sheet, named) for value, _ in figure.readings)
        span = self._sentence(figure.start)
        said = self.text[slice(*span)]
        if any(self._is_cell(figure, value, step, span, said) for value, step in figure.readings):
            return True
        if not figure.percent and any(self._is_count(figure, value) for value, _ in figure.readings):
            return True
        named = self._named_in(figure)
        if not self._is_of_a_label(figure) and any(
            stated(value, step, said, self.sheet, named, percent=figure.percent)
            for value, step in figure.readings
        ):
            return True
        return self._was_asked(figure) or self._in_a_label(figure)

    def _compares(self, figure: Figure) -> bool:
        return bool(re.match(r"\s*times\s+(?:as|more|higher|larger|greater)\b", self.text[figure.end :]))

    def _is_cell(
        self, figure: Figure, value: Decimal, step: Decimal, span: tuple[int, int], said: str
    ) -> bool:
        places = [place for place in self.sheet.numbers if self._is_value(figure, value, step, place, said)]
        places += [
            place
            for place, moment in self.sheet.moments.items()
            if not figure.percent and not figure.money and moment.year == value and place in self.sheet.texts
        ]
        if not places:
            return False
        if any(place.column in self.sheet.axes for place in places) and not any(
            place.column in self.sheet.measures for place in places
        ):
            return True
        columns = bound(self.columns, figure.start, figure.end, span, self.text)
        if columns and not (span[0] <= columns[0].start):
            columns = []  # what the sentence before measured says nothing of this one
        for one in columns:
            places = [
                place for place in places if place.column in one.columns or place.column in self.sheet.axes
            ]
        if not places:
            return False
        if self.sheet.count <= 1:
            return True
        ranged = self._is_end_of_range(figure, value, step, said, places)
        if ranged is not None:
            return ranged
        anchors = self.lists.get(figure.start) or bound(self.rows, figure.start, figure.end, span, self.text)
        if anchors:
            if self._is_alone(figure, span) and is_no_extreme(
                value, step, said, self.sheet, self.sheet.measures
            ):
                return False
            return any(place.row in one.rows for place in places for one in anchors)
        measured = [place.column for place in places]
        if is_no_extreme(value, step, said, self.sheet, measured):
            return False
        if not self.sheet.axes:
            return True
        # It names no row: then it must be the first one's, or stand out.
        ends = [end for c in measured for end in (max(self.sheet.column(c)), min(self.sheet.column(c)))]
        return any(place.row == 0 for place in places) or any(abs(e - value) <= step / 2 for e in ends)

    def _is_alone(self, figure: Figure, span: tuple[int, int]) -> bool:
        """Whether it is the sentence's only figure, of a result with one quantity: an extreme must be it."""
        others = [one for one in self.figures if span[0] <= one.start < span[1] and one is not figure]
        return not others and len(self.sheet.measures) == 1

    def _is_value(self, figure: Figure, value: Decimal, step: Decimal, place: Place, said: str) -> bool:
        """Whether the cell, as it would be displayed, is this figure."""
        cell = self.sheet.numbers[place]
        name = self.sheet.name(place.column)
        if another_unit(self.text, figure, name):
            return False
        candidates = [cell]
        if figure.percent:
            percent = self.sheet.is_percent(place.column)
            if percent is True:
                candidates = [cell]
            elif percent is False:
                candidates = [cell * 100]
            else:
                candidates = [cell * 100] if abs(cell) <= 1 else [cell]
        elif figure.money and words_of(name) & {"cents", "cent", "pence"}:
            candidates = [cell / 100]
        for one in candidates:
            signed = [one, abs(one)] if one < 0 and _LOSS.search(said) else [one]
            if any(self._rounds(figure, value, step, each) for each in signed):
                return True
        return False

    def _rounds(self, figure: Figure, value: Decimal, step: Decimal, cell: Decimal) -> bool:
        if abs(cell - value) > max(step, _LOOSE * abs(cell)):
            return False  # whatever word stands before it
        before = self.text[max(0, figure.start - 25) : figure.start]
        loose = [match for match in (_ABOUT, _ABOVE, _BELOW) if match.search(before)]
        if loose and not figure.word:
            digits = value.normalize().as_tuple()
            if isinstance(digits.exponent, int):
                step = max(step, Decimal(1).scaleb(digits.exponent))
            if abs(cell - value) > _LOOSE * abs(cell):
                return False
            if loose[0] is _ABOVE:
                return value <= cell <= value + step
            if loose[0] is _BELOW:
                return value - step / 2 <= cell <= value
        return abs(cell - value) <= step / 2

    def _is_end_of_range(
        self, figure: Figure, value: Decimal, step: Decimal, said: str, places: Sequence[Place]
    ) -> bool | None:
        """Whether the figure is the right end of "ranging from … to …"; None where no range is told."""
        if not _RANGE_CUE.search(said):
            return None
        low = bool(_RANGE.search(self.text[max(0, figure.start - 20) : figure.start]))
        high = bool(re.search(r"\b(?:to|and|bis|und|à|a|et|y)\s+[$€£¥]?\s?$", self.text[: figure.start]))
        if not low and not high:
            return None
        ends = [(min if low else max)(self.sheet.column(place.column)) for place in places]
        return any(abs(end - value) <= step / 2 for end in ends)

    def _is_count(self, figure: Figure, value: Decimal) -> bool:
        """Whether the figure is the number of rows, said as such."""
        rows = self.sheet.rows
        before = self.text[max(0, figure.start - 25) : figure.start]
        if _FIRST.search(before) and value in {Decimal(self.sheet.count), Decimal(rows.row_count)}:
            return True
        if value != rows.row_count or (rows.truncated is not None and not _ABOVE.search(before)):
            return False
        if self._is_counted_otherwise(figure):
            return False
        return rows.row_count != 1 or not self.sheet.measures

    def _is_of_a_label(self, figure: Figure) -> bool:
        """Whether the noun after it is what rows go by: a sum of orders is no number of customers."""
        noun = _WORD.search(self.text, figure.end)
        root = stem(fold(noun[0])) if noun is not None else ""

        def named(columns: Sequence[int]) -> bool:
            return any(root in map(stem, name_words(self.sheet.name(column))) for column in columns)

        return bool(root) and named(self.sheet.axes) and not named(self.sheet.measures)

    def _is_counted_otherwise(self, figure: Figure) -> bool:
        """Whether the noun after it is what a column of numbers counts, or a label of several rows."""
        noun = _WORD.search(self.text, figure.end)
        if noun is None:
            return False
        root = stem(fold(noun[0]))

        def named(columns: Sequence[int]) -> bool:
            return any(root in map(stem, name_words(self.sheet.name(column))) for column in columns)

        if named(self.sheet.measures) and not named(self.sheet.axes):
            return True
        for column in self.sheet.axes:
            cells = [cell for place, cell in self.sheet.texts.items() if place.column == column]
            if named([column]) and len(set(cells)) < len(cells):
                return True
        return False

    def _was_asked(self, figure: Figure) -> bool:
        """Whether question or query has the figure beside the same word, as a condition that is repeated."""
        values = {value for value, _ in figure.readings}
        own_before, own_after = _neighbours(self.text, figure)
        for other in figures(self.question):
            if other.percent != figure.percent or not values & {value for value, _ in other.readings}:
                continue
            before, after = _neighbours(self.question, other)
            if before == own_before or {before, own_before} <= _COMPARATORS:
                return True
            if (
                after
                and after == own_after
                and (not own_before or own_before in _ARTICLES or before in own_before)
            ):
                return True
        if own_before not in _COMPARATORS:
            return False
        return any(
            values & {value for value, _ in other.readings}
            for other in figures(re.sub(r"'[^']*'", " ", self.sql))
        )

    def _in_a_label(self, figure: Figure) -> bool:
        """Whether a text of the result has the digits beside the same word: *Route 66*, *3 days*."""
        if figure.word or figure.percent or figure.money:
            return False
        own_before, own_after = _neighbours(self.text, figure)
        for place, cell in self.sheet.texts.items():
            for other in figures(cell):
                if other.written != figure.written or (place in self.sheet.moments and not other.word):
                    continue
                before, after = _neighbours(cell, other)
                if (before and before == own_before) or (after and after == own_after):
                    return True
                if len(other.written) >= _CODE:
                    return True
        return False

    # -- ranks ---------------------------------------------------------------------------------------------

    def _ordinal_words(self) -> list[tuple[int, str]]:
        wrong = []
        for match in _ORDINAL_WORD.finditer(self.text):
            number = _ORDINALS.index(match[1].lower()) + 2
            figure = Figure(
                match.start(), match.end(), match[0], ((Decimal(number), Decimal(1)),), ordinal=True
            )
            if not self._is_rank(figure, number) and match[0].lower() not in self.question.lower():
                wrong.append((match.start(), match[0]))
        return wrong

    def _is_rank(self, figure: Figure, number: int) -> bool:
        """Whether the row that is named is the n-th, or a cell says so."""
        if Decimal(number) in self.sheet.numbers.values() or self._was_asked(figure):
            return True
        span = self._sentence(figure.start)
        anchors = bound(self.rows, figure.start, figure.end, span, self.text)
        return any(number - 1 in one.rows for one in anchors) and "order by" in self.sql.lower()

    # -- names ---------------------------------------------------------------------------------------------

    def _numeric_labels(self) -> list[Anchor]:
        """Figures that are labels themselves: a year, a rating, a number that only a key column has."""
        found = []
        for figure in self.figures:
            if figure.percent or figure.money or figure.ordinal or not figure.readings:
                continue
            value = figure.readings[0][0]
            places = [place for place, cell in self.sheet.numbers.items() if cell == value]
            labels = [place for place in places if place.column in self.sheet.axes]
            if not labels:
                continue
            before, _ = _neighbours(self.text, figure)
            named = any(before in map(stem, name_words(self.sheet.name(place.column))) for place in labels)
            if named or not any(place.column in self.sheet.measures for place in places):
                rows = frozenset(place.row for place in labels)
                axis = frozenset(place.column for place in labels)
                found.append(Anchor(figure.start, figure.end, rows=rows, axis=axis))
        return found

    def _lists(self) -> dict[int, list[Anchor]]:
        """By start of each figure in a list that stands beside a list of as many names: its name."""
        paired: dict[int, list[Anchor]] = {}
        starts = {one.start for one in self.rows}
        for low, high in self.sentences:
            items: list[tuple[int, Anchor | Figure]] = [
                (one.start, one) for one in self.rows if low <= one.start < high
            ]
            items += [
                (one.start, one)
                for one in self.figures
                if low <= one.start < high and one.start not in starts and not one.ordinal
            ]
            items.sort(key=lambda item: item[0])
            kinds = "".join("A" if isinstance(one, Anchor) else "F" for _, one in items)
            for match in re.finditer(r"(A{2,})(F{2,})|^(F{2,})(A{2,})$", kinds):
                first, second = (1, 2) if match[1] else (3, 4)
                names = items[slice(*match.span(first))] if match[1] else items[slice(*match.span(second))]
                given = items[slice(*match.span(second))] if match[1] else items[slice(*match.span(first))]
                if len(names) == len(given):
                    for (_, anchor), (start, _) in zip(names, given, strict=True):
                        if isinstance(anchor, Anchor):
                            paired[start] = [anchor]
        return paired

    def _named_in(self, figure: Figure) -> list[frozenset[int]]:
        low, high = self._sentence(figure.start)
        inside = [one.rows for one in self.rows if low <= one.start < high]
        before = [one.rows for one in self.rows if one.end <= low]
        return inside if len(inside) > 1 else [*before[-1:], *inside]

    def _sentence(self, place: int) -> tuple[int, int]:
        return next((low, high) for low, high in reversed(self.sentences) if low <= place)


_LOOSE = Decimal("0.05")
"""How far "about" may be from what it says, as a part of it."""
_CODE = 5
"""Digits from which a number of a text is a code that means nothing else."""
_ARTICLES = frozenset({"the", "all", "these", "those", "die", "der", "das", "les", "los", "las"})
_COMPARATORS = frozenset(
    map(
        stem,
        in_order(
            "than least most over above under below exceeding minimum maximum within last past next"
            " top first up to between and from aged age als mindestens höchstens über unter letzten"
            " plus moins de derniers más menos últimos"
        ),
    )
)


def _neighbours(text: str, figure: Figure) -> tuple[str, str]:
    """Stems of the words right before and after a figure; nothing where there is none."""
    before = _WORD.findall(text[max(0, figure.start - 30) : figure.start])
    after = _WORD.search(text, figure.end)
    close = after is not None and not re.search(r"[.!?;]\s", text[figure.end : after.start()])
    return (
        stem(fold(before[-1])) if before else "",
        stem(fold(after[0])) if after is not None and close and fold(after[0]) not in STOP_WORDS else "",
    )
