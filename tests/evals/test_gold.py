import pytest

from evals.errors import GoldError
from evals.gold import accepted_queries, split_statements


def test_alternatives_are_split() -> None:
    assert accepted_queries("SELECT 1; SELECT 2;") == ["SELECT 1", "SELECT 2"]


def test_semicolons_in_quotes_and_comments_do_not_split() -> None:
    text = "SELECT ';', \";\", $$;$$, $x$ ; $x$ -- ;\n, 1 /* ; */; SELECT 'it''s;'"
    assert len(split_statements(text)) == 2


def test_any_choice_of_columns_is_accepted() -> None:
    queries = accepted_queries("SELECT {a.name, a.id}, COUNT(*) FROM a GROUP BY {}")
    assert queries == [
        "SELECT a.name, a.id, COUNT(*) FROM a GROUP BY a.name, a.id",
        "SELECT a.name, COUNT(*) FROM a GROUP BY a.name",
        "SELECT a.id, COUNT(*) FROM a GROUP BY a.id",
    ]


def test_an_alias_and_an_aggregate_do_not_group() -> None:
    queries = accepted_queries("SELECT {name AS n, COUNT(*) AS c} FROM a GROUP BY {}")
    assert queries[0].endswith("GROUP BY name")
    assert queries[2].endswith("GROUP BY ()")


def test_an_alias_after_the_braces_goes_with_one_column() -> None:
    queries = accepted_queries("SELECT {a, b} AS x FROM t")
    assert queries == ["SELECT a, b FROM t", "SELECT a AS x FROM t", "SELECT b AS x FROM t"]


def test_commas_inside_a_call_do_not_separate() -> None:
    assert len(accepted_queries("SELECT {COALESCE(a, b), c} FROM t")) == 3


@pytest.mark.parametrize("gold", ["", " ; ", "SELECT 'open", "SELECT {a,b,c,d,e,f,g} FROM t"])
def test_what_cannot_be_read_is_an_error(gold: str) -> None:
    with pytest.raises(GoldError):
        accepted_queries(gold)


@pytest.mark.parametrize(
    ("column", "key"),
    [
        ("date_trunc('month', t.at)", "date_trunc('month', t.at)"),
        ("date_trunc('month', t.at) AS month", "date_trunc('month', t.at)"),
        ("to_char(at, 'YYYY-MM') \"Month\"", "to_char(at, 'YYYY-MM')"),
        ("upper(name) name", "upper(name)"),
        ("rank() OVER (ORDER BY total)", "()"),
        ("1 AS one", "()"),
    ],
)
def test_what_groups_is_what_was_selected_letter_by_letter(column: str, key: str) -> None:
    assert accepted_queries(f"SELECT {{{column}}} FROM t GROUP BY {{}}") == [
        f"SELECT {column} FROM t GROUP BY {key}"
    ]
