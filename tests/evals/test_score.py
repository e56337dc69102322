from collections.abc import Iterator

import pytest

from evals.cases import load_cases
from evals.commands.asking import BUNDLED, BUNDLED_DATABASES
from evals.databases import SuiteServer, suite_server
from evals.errors import DatabaseError, GoldError
from evals.execution import ScoringConnection
from evals.gold import accepted_queries
from evals.score import Scorer


@pytest.fixture(scope="module")
def scorer(server: SuiteServer) -> Iterator[Scorer]:
    with ScoringConnection(server.database("pets").owner_dsn) as connection:
        yield Scorer(connection)


@pytest.mark.parametrize(
    ("gold", "predicted", "match"),
    [
        ("SELECT COUNT(*) FROM pet", "SELECT COUNT(pet_id) AS n FROM pet", "exact"),
        ("SELECT 1; SELECT COUNT(*) FROM pet", "SELECT 4", "exact"),
        ("SELECT {name, pet_id} FROM pet", "SELECT pet_id FROM pet", "exact"),
        ("SELECT {name, pet_id} FROM pet", "SELECT pet_id, species FROM pet", "subset"),
        ("SELECT nowhere FROM pet; SELECT 4", "SELECT COUNT(*) FROM pet", "exact"),
        ("SELECT name FROM pet WHERE name LIKE '%e%'", "SELECT name FROM pet WHERE pet_id = 1", "exact"),
        ("SELECT SUM(weight) FROM pet", "SELECT 30.5", "exact"),
        ("SELECT name FROM pet", "SELECT species FROM pet", "none"),
        # Tom and Kit weigh the same: whichever of them LIMIT keeps is right, and so are both.
        ("SELECT name FROM pet ORDER BY weight DESC LIMIT 2", "VALUES ('Rex'), ('Kit')", "exact"),
        ("SELECT name FROM pet ORDER BY weight DESC LIMIT 2", "VALUES ('Rex'), ('Tom')", "exact"),
        ("SELECT name FROM pet ORDER BY weight DESC LIMIT 2", "VALUES ('Rex'), ('Tom'), ('Kit')", "exact"),
        ("SELECT name FROM pet ORDER BY weight DESC LIMIT 2", "VALUES ('Kit'), ('Tom')", "none"),
        ("SELECT name FROM pet ORDER BY weight DESC LIMIT 1", "VALUES ('Kit')", "none"),
    ],
)
def test_predictions(scorer: Scorer, gold: str, predicted: str, match: str) -> None:
    score = scorer.score(gold, predicted)
    assert (score.match, score.valid) == (match, True)


@pytest.mark.parametrize(
    "predicted",
    [
        "SELECT nothing FROM pet",
        "",
        "SELECT 1; DROP TABLE pet",
        "DELETE FROM pet RETURNING 1",
        "no sql",
        "COMMIT",
    ],
)
def test_what_the_server_refuses_is_invalid(scorer: Scorer, predicted: str) -> None:
    score = scorer.score("SELECT COUNT(*) FROM pet", predicted)
    assert (score.match, score.valid) == ("none", False)
    assert score.error
    assert scorer.score("SELECT COUNT(*) FROM pet", "SELECT 4").match == "exact"


def test_gold_that_never_runs_is_an_error(scorer: Scorer) -> None:
    with pytest.raises(GoldError, match="No accepted query runs"):
        scorer.score("SELECT nowhere", "SELECT 1")


def test_rows_of_copy_are_there(scorer: Scorer) -> None:
    assert scorer.score("SELECT said FROM audit.entry", "VALUES (E'one\\ttab'), (NULL)").match == "exact"


def test_a_database_without_a_script(server: SuiteServer) -> None:
    with pytest.raises(DatabaseError, match="no script"):
        server.database("unknown")


def test_the_bundled_gold_scores_in_full() -> None:
    """Whatever the bundled suite accepts is accepted, and tells its cases apart."""
    with suite_server(BUNDLED_DATABASES) as bundled:
        cases = [case for case in load_cases(BUNDLED["bakery"]) if case.answerable]
        with ScoringConnection(bundled.database("bakery").owner_dsn) as connection:
            scorer = Scorer(connection)
            for case in cases:
                for query in accepted_queries(case.gold):
                    assert scorer.score(case.gold, query).match == "exact", (case.id, query)
                assert scorer.score(case.gold, "SELECT -1").match == "none"
    assert len(cases) > 20


def test_bare_names_are_looked_up_where_the_connection_does(server: SuiteServer) -> None:
    dsn = server.database("pets").owner_dsn
    with ScoringConnection(dsn, ["nowhere", "audit"]) as connection:
        score = Scorer(connection).score(
            "SELECT COUNT(*) FROM public.visit", "SELECT COUNT(*) + 1 FROM entry"
        )
    assert score.match == "exact"
    with ScoringConnection(dsn) as connection:
        assert not Scorer(connection).score("SELECT 1", "SELECT COUNT(*) FROM entry").valid


@pytest.mark.parametrize(
    ("gold", "predicted", "match"),
    [
        ("SELECT 0.25", "SELECT 25.0", "exact"),
        ("SELECT 100.0 * 1 / 4", "SELECT 1 / 4.0", "exact"),
        ("SELECT name, 100 * weight / 50 FROM pet", "SELECT name, weight / 50 FROM pet", "exact"),
        ("SELECT 66.6667", "SELECT 2 / 3.0", "exact"),
        ("SELECT 0.25", "SELECT 0.0025", "none"),
        ("SELECT 0.25", "SELECT 2.5", "none"),
        ("SELECT 0.25, name FROM pet", "SELECT 25.0, name FROM pet", "none"),
    ],
)
def test_a_share_may_be_told_in_percent_and_the_other_way_round(
    scorer: Scorer, gold: str, predicted: str, match: str
) -> None:
    assert scorer.score(gold, predicted, accept=["percent", "rounded"]).match == match
