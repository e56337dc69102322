"""The gate under two policies: what it lets through, it lets through under each alone."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.sandbox.catalog import Catalog, ColumnInfo, Relation, Routine
from agent.sandbox.judge import Judge
from agent.sandbox.vocabulary import FUNCTIONS
from agent.sandbox.wrapping import MaskKey
from wire.policy import Policy, PolicyStack


def _columns(*names: str) -> tuple[ColumnInfo, ...]:
    return tuple(ColumnInfo(place, name, "text") for place, name in enumerate(names, 1))


RELATIONS = [
    Relation(1, "app", "people", "r", _columns("id", "email", "phone"), frozenset({"id"})),
    Relation(2, "vault", "secrets", "r", _columns("id", "email")),
    Relation(
        3,
        "app",
        "seen",
        "v",
        _columns("id", "email"),
        definition="SELECT people.id, people.email FROM app.people",
        reads=((1, "id"), (1, "email")),
    ),
    Relation(4, "app", "log", "p", _columns("id", "email"), children=(5,)),
    Relation(5, "vault", "log_2024", "r", _columns("id", "email"), parents=(4,)),
    Relation(
        6,
        "vault",
        "both",
        "v",
        _columns("id", "own"),
        definition="SELECT secrets.id, app.own(secrets.id) AS own FROM vault.secrets",
        reads=((2, "id"),),
        calls=("app.own",),
    ),
]
CATALOG = Catalog(
    database="d",
    server_version=180000,
    search_path=("app", "vault"),
    relations={relation.oid: relation for relation in RELATIONS},
    routines=(Routine("app", "own", None),),
    builtin_functions=FUNCTIONS,
)
STATEMENTS = [
    "SELECT * FROM people",
    "SELECT email FROM people WHERE phone = '1'",
    "SELECT count(*) FROM secrets",
    "SELECT s.email FROM seen AS s",
    "SELECT * FROM log",
    "SELECT email FROM vault.log_2024",
    "SELECT own FROM vault.both",
    "SELECT app.own(id) FROM people",
    "SELECT lower(p.email), s.email FROM people p JOIN secrets s USING (id)",
    "SELECT p FROM people p",
    "SELECT random()",
]

columns = st.lists(st.sampled_from(["id", "email", "phone"]), unique=True, max_size=2)


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "allow": draw(st.booleans()),
        "deny_columns": draw(columns),
        "row_filter": draw(st.sampled_from([None, "id = '1'", "lower(email) = 'x'"])),
        "masks": draw(
            st.dictionaries(
                st.sampled_from(["email", "phone"]), st.sampled_from([{"kind": "hash"}, {"kind": "null"}])
            )
        ),
    }


policies = st.builds(
    lambda **said: Policy.model_validate(said),
    default=st.sampled_from(["allow", "deny"]),
    schemas=st.dictionaries(
        st.sampled_from(["app", "vault"]), st.builds(lambda allow: {"allow": allow}, st.booleans())
    ),
    tables=st.dictionaries(
        st.sampled_from([relation.qualified_name for relation in RELATIONS]), rules(), max_size=3
    ),
    functions=st.builds(
        lambda allow, deny: {"allow": allow, "deny": deny},
        st.sampled_from([[], ["app.own"]]),
        st.sampled_from([[], ["random"], ["app.own"]]),
    ),
)


@settings(max_examples=60, deadline=None)
@given(policies, policies, st.sampled_from(STATEMENTS))
def test_both_together_let_through_no_more_than_the_owner(owner: Policy, other: Policy, sql: str) -> None:
    both = Judge(PolicyStack(owner=owner, tighteners=(other,)), CATALOG, MaskKey("k")).judge(sql)
    alone = Judge(PolicyStack(owner=owner), CATALOG, MaskKey("k")).judge(sql)
    if both.allowed:
        assert alone.allowed, (both, alone)
        assert set(both.relations) <= set(alone.relations)
        assert set(both.columns) <= set(alone.columns)
        for condition in ("'1'", "'x'"):
            assert both.sql.count(condition) >= alone.sql.count(condition)


@settings(max_examples=40, deadline=None)
@given(policies, policies)
def test_both_together_show_no_more_than_either(owner: Policy, other: Policy) -> None:
    both = Judge(PolicyStack(owner=owner, tighteners=(other,)), CATALOG, MaskKey("k")).shown()
    alone = Judge(PolicyStack(owner=owner), CATALOG, MaskKey("k")).shown()
    for name, shown in both.items():
        assert name in alone
        assert set(shown.columns) <= set(alone[name].columns)
        assert alone[name].masked & set(shown.columns) <= shown.masked
        assert shown.filtered or not alone[name].filtered
