"""A second policy can only tighten the owner's."""

from hypothesis import given
from hypothesis import strategies as st

from wire.policy import Policy, PolicyStack

OWNER = Policy.model_validate(
    {
        "schemas": {"app": {"allow": True}},
        "tables": {"app.people": {"deny_columns": ["email"], "masks": {"phone": {"kind": "null"}}}},
        "limits": {"rows": 100, "statement_seconds": 5},
        "share": {"model": "samples"},
    }
)

names = st.sampled_from(["app.people", "app.orders", "vault.secrets"])
columns = st.lists(st.sampled_from(["id", "email", "phone", "note"]), unique=True)
rules = st.fixed_dictionaries(
    {"allow": st.booleans(), "deny_columns": columns, "row_filter": st.sampled_from([None, "id > 1"])}
)
policies = st.builds(
    lambda default, tables, rows: Policy.model_validate(
        {"default": default, "tables": tables, "limits": {"rows": rows}}
    ),
    st.sampled_from(["allow", "deny"]),
    st.dictionaries(names, rules, max_size=3),
    st.integers(1, 10_000),
)


@given(policies)
def test_nothing_is_permitted_that_the_owner_denies(other: Policy) -> None:
    stack = PolicyStack(owner=OWNER, tighteners=(other,))
    for schema, table in (("app", "people"), ("app", "orders"), ("vault", "secrets"), ("pg_catalog", "x")):
        assert not stack.permits_table(schema, table) or OWNER.permits_table(schema, table)
        for column in ("id", "email", "phone", "note"):
            permitted = stack.permits_column(schema, table, column)
            assert permitted == (
                OWNER.permits_column(schema, table, column) and other.permits_column(schema, table, column)
            )
    assert stack.limits.rows == min(100, other.limits.rows)
    assert stack.limits.statement_seconds == 5
    assert stack.share.model == "samples"
    assert stack.mask("app", "people", "phone") is not None


def test_the_digest_is_the_owners_until_something_tightens_it() -> None:
    assert PolicyStack(owner=OWNER).digest == OWNER.digest
    tightened = PolicyStack(owner=OWNER, tighteners=(Policy(default="allow"),))
    assert tightened.digest not in (OWNER.digest, Policy(default="allow").digest)


def test_all_row_filters_hold() -> None:
    other = Policy.model_validate({"tables": {"app.people": {"row_filter": "id > 1"}}})
    third = Policy.model_validate({"tables": {"app.people": {"row_filter": "id < 9"}}})
    stack = PolicyStack(owner=OWNER, tighteners=(other, third))
    assert stack.row_filters("app", "people") == ("id > 1", "id < 9")
