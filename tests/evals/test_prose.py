"""The judge of sentences shares no code with the product's check, and must itself tell right from wrong."""

import pytest

from evals.prose import told
from wire.outcome import ResultColumn, Rows


def _rows(columns: str, *cells: list[object], **more: object) -> Rows:
    named = [ResultColumn(name=name, type="text") for name in columns.split()]
    return Rows.model_validate({"columns": named, "preview": list(cells), "row_count": len(cells)} | more)


CUSTOMERS = _rows("customer orders", ["Acme Corp", 12], ["Bolt Ltd", 8])
YEARS = _rows("year orders", [2022, 40], [2023, 60])
MONTHS = _rows("month revenue", ["2024-05-01", 100], ["2024-06-01", 150])
SUM = _rows("revenue", ["1234567.89"])
SHARE = _rows("share", [0.25])
LOSS = _rows("profit", [-5])


@pytest.mark.parametrize(
    ("sentence", "rows", "figures"),
    [
        ("Acme Corp has 12 orders, Bolt Ltd 8.", CUSTOMERS, 2),
        ("12 orders came from Acme Corp and 8 from Bolt Ltd.", CUSTOMERS, 2),
        ("There are 2 customers with 20 orders in total.", CUSTOMERS, 2),
        ("Acme Corp has 4 more than Bolt Ltd.", CUSTOMERS, 1),
        ("Acme Corp hat zwölf Bestellungen.", CUSTOMERS, 1),
        ("40 orders in 2022, 60 in 2023.", YEARS, 4),
        ("Revenue was 100 in May 2024 and 150 in June 2024.", MONTHS, 2),
        ("Im Juni 2024 lag der Umsatz bei 150.", MONTHS, 1),
        ("The revenue is 1,234,567.89, or 1.23 million.", SUM, 2),
        ("Der Umsatz ist 1.234.567,89.", SUM, 1),
        ("Le chiffre est de 1 234 567,89.", SUM, 1),
        ("25% are paid.", SHARE, 1),
        ("25 Prozent sind bezahlt.", SHARE, 1),
        ("There was a loss of 5.", LOSS, 1),
        ("No figure.", LOSS, 0),
    ],
)
def test_what_is_so(sentence: str, rows: Rows, figures: int) -> None:
    said = told(sentence, rows)
    assert said.wrong == ()
    assert said.figures == figures


@pytest.mark.parametrize(
    ("sentence", "rows", "wrong"),
    [
        ("Acme Corp has 8 orders, Bolt Ltd 12.", CUSTOMERS, ("8", "12")),
        ("Acme Corp has 13 orders.", CUSTOMERS, ("13",)),
        ("Acme Corp hat dreizehn Bestellungen.", CUSTOMERS, ("dreizehn",)),
        ("60 orders in 2022, 40 in 2023.", YEARS, ("60", "40")),
        ("Revenue was 150 in May 2024.", MONTHS, ("150",)),
        ("Revenue was 100 on 3 May 2024.", MONTHS, ("3",)),
        ("The revenue is 1.3 million.", SUM, ("1.3M",)),
        ("The revenue is 1.2 billion.", SUM, ("1.2B",)),
        ("The revenue is 1,234,567.98.", SUM, ("1,234,567.98",)),
        ("0.25% are paid.", SHARE, ("0.25%",)),
        ("The profit is 5.", LOSS, ("5",)),
        ("There are 2 customers.", _rows("customer", ["a"], ["b"], truncated="rows"), ("2",)),
    ],
)
def test_what_is_not(sentence: str, rows: Rows, wrong: tuple[str, ...]) -> None:
    assert told(sentence, rows).wrong == wrong


def test_the_askers_figures_are_not_the_models() -> None:
    assert told("In 2020 there was 1.", _rows("n", [1]), "How many in 2020?").wrong == ()
    assert told("In 2021 there was 1.", _rows("n", [1]), "How many in 2020?").wrong == ("2021",)
