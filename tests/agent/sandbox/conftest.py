"""A catalog made by hand, so that rules are tested without a server."""

from collections.abc import Callable

import pytest

from agent.sandbox.catalog import Cast, Catalog, ColumnInfo, Relation, Routine, TypeInfo
from agent.sandbox.judge import Judge
from agent.sandbox.operands import Signature
from agent.sandbox.verdict import Verdict
from agent.sandbox.vocabulary import FUNCTIONS
from agent.sandbox.wrapping import MaskKey
from wire.policy import Policy, PolicyStack


def _columns(*names: str) -> tuple[ColumnInfo, ...]:
    return tuple(
        ColumnInfo(place, name, "text" if name != "id" else "integer") for place, name in enumerate(names, 1)
    )


def _catalog() -> Catalog:
    relations = [
        Relation(1, "app", "people", "r", _columns("id", "name", "email"), frozenset({"id"})),
        Relation(2, "app", "orders", "r", _columns("id", "person_id", "note"), frozenset({"id"})),
        Relation(3, "vault", "secrets", "r", _columns("id", "value"), frozenset({"id"})),
        Relation(
            4,
            "app",
            "names",
            "v",
            _columns("id", "name", "email"),
            definition="SELECT people.id, people.name, people.email FROM app.people",
            reads=((1, "id"), (1, "name"), (1, "email")),
        ),
        Relation(
            5,
            "app",
            "peek",
            "v",
            _columns("id", "value"),
            definition="SELECT secrets.id, secrets.value FROM vault.secrets",
            reads=((3, "id"), (3, "value")),
        ),
        Relation(6, "app", "log", "p", _columns("id", "line"), children=(7,)),
        Relation(7, "app", "log_2024", "r", _columns("id", "line"), parents=(6,)),
        Relation(
            8,
            "app",
            "stored",
            "m",
            _columns("id", "email"),
            definition="SELECT people.id, people.email FROM app.people",
            reads=((1, "id"), (1, "email")),
        ),
        Relation(
            9,
            "app",
            "calling",
            "v",
            _columns("id", "x"),
            definition="SELECT orders.id, app.own(orders.id) AS x FROM app.orders",
            reads=((2, "id"),),
            calls=("app.own",),
        ),
        Relation(
            10,
            "app",
            "reading_files",
            "v",
            _columns("x"),
            definition="SELECT pg_read_file('/etc/passwd'::text) AS x",
        ),
        Relation(
            11,
            "app",
            "of_catalog",
            "v",
            _columns("rolname"),
            definition="SELECT pg_roles.rolname FROM pg_roles",
            reads=((0, "rolname"),),
        ),
    ]
    return Catalog(
        database="shop",
        server_version=180000,
        search_path=("app", "public"),
        relations={relation.oid: relation for relation in relations},
        system_relations=frozenset({"pg_class", "pg_roles"}),
        routines=(
            Routine("app", "own", None),
            Routine("app", "lower", None),
            Routine("public", "similarity", "pg_trgm"),
            Routine("public", "set_limit", "pg_trgm"),
        ),
        builtin_functions=FUNCTIONS | {"pg_sleep", "version", "pg_read_file", "inet_server_addr"},
        types=(
            TypeInfo("app", "mood", "e", None, False, False),
            TypeInfo("app", "checked", "d", None, False, True),
            TypeInfo("app", "people", "c", None, True, False),
            TypeInfo("public", "citext", "b", "citext", False, False),
            TypeInfo("public", "odd", "b", None, False, False),
        ),
        operators=(("public", "%", "pg_trgm"), ("app", "=", None), ("public", "<%", "pg_trgm")),
        own_operators=(("app", "=", Signature(("integer", "integer"), 2)),),
        casts=(Cast("text", "inet", "app.own", builtin=True, targets=frozenset({"inet"})),),
    )


@pytest.fixture
def catalog() -> Catalog:
    """Tables, views, a partition, a materialized view, functions, types and operators."""
    return _catalog()


@pytest.fixture
def judge(catalog: Catalog) -> Callable[..., Verdict]:
    """Judges a statement under a policy given by its fields."""

    def run(sql: str, *tighteners: Policy, **fields: object) -> Verdict:
        owner = Policy.model_validate({"schemas": {"app": {"allow": True}}, **fields})
        return Judge(PolicyStack(owner=owner, tighteners=tighteners), catalog, MaskKey("key")).judge(sql)

    return run
