"""Values looked up, through the real graph and a real sandbox: literals are mended, a prompt gets lines."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evals.options import SuiteOptions
from evals.run import run_suite

SCRIPT = """
CREATE TABLE public.client (client_id bigint, name text, town text);
INSERT INTO public.client
SELECT g, 'Client Number ' || chr(65 + g % 26) || chr(65 + g / 26) || 'x', 'Town ' || g
FROM generate_series(1, 400) AS g;
INSERT INTO public.client VALUES (900, 'Ümit & Sons', 'Oldenburg');
"""
CASES = (
    ("case", "Which town has the client ümit & sons?", "SELECT town FROM client WHERE name = 'ümit & sons'"),
    ("spelling", "Which client has the town Oldenborg?", "SELECT name FROM client WHERE town = 'Oldenborg'"),
    (
        "column",
        "Which client_id has the name Oldenburg?",
        "SELECT client_id FROM client WHERE name = 'Oldenburg'",
    ),
)
GOLD = {
    "case": "SELECT town FROM client WHERE client_id = 900",
    "spelling": "SELECT name FROM client WHERE client_id = 900",
    "column": "SELECT client_id FROM client WHERE client_id = 900",
}


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("clients")
    (root / "clients").mkdir()
    (root / "clients" / "clients.sql").write_text(SCRIPT)
    return root


@pytest.mark.parametrize("without", ["", "value_lookup", "literal_case"])
def test_literals_are_mended_by_what_the_database_holds(
    write_cases: Callable[..., Path],
    clients: Path,
    tmp_path: Path,
    scripted: Any,
    use_model: Callable[[Any], None],
    without: str,
) -> None:
    model = scripted({question: f"```sql\n{sql};\n```" for _, question, sql in CASES})
    use_model(model)
    cases = [
        {"id": name, "db": "clients", "question": question, "gold": GOLD[name]} for name, question, _ in CASES
    ]
    switched = frozenset({"check_result", *([without] if without else [])})
    options = SuiteOptions(without=switched, max_repairs=0, fresh=True)
    _, results = run_suite(write_cases(*cases), clients, tmp_path / "out", options)
    verdicts = {one.id: one.verdict for one in results}
    assert verdicts == dict.fromkeys(GOLD, "wrong" if without else "correct")
    changes = {one.id: [change for note in one.attempts for change in note.changes] for one in results}
    if not without:
        assert changes["case"] == ["name holds 'Ümit & Sons', not 'ümit & sons'."]
        assert changes["spelling"] == ["town holds 'Oldenburg', not 'Oldenborg'."]
        assert changes["column"] == ["'Oldenburg' is a value of town, not of name."]
    assert not any("client.name = 'Ümit & Sons'" in prompt for prompt in model.asked)


def test_hints_are_in_the_prompt_where_they_are_asked_for(
    write_cases: Callable[..., Path],
    clients: Path,
    tmp_path: Path,
    scripted: Any,
    use_model: Callable[[Any], None],
) -> None:
    name, question, sql = CASES[0]
    model = scripted({question: f"```sql\n{sql};\n```"})
    use_model(model)
    case = {"id": name, "db": "clients", "question": question, "gold": GOLD[name]}
    options = SuiteOptions(value_hints=True, max_repairs=0, fresh=True)
    run_suite(write_cases(case), clients, tmp_path / "out", options)
    assert "client.name = 'Ümit & Sons'" in model.asked[0]
