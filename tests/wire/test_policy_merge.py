"""Whatever the second policy says, both together never permit what the owner's does not."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from wire.masks import ConstantMask, NullMask, PartialMask
from wire.policy import SHARE_ORDER, Limits, Policy, PolicyStack, Share

SCHEMAS = ("app", "vault", "pg_catalog")
TABLES = ("people", "orders", "secrets")
COLUMNS = ("id", "email", "phone", "note")

masks = st.one_of(
    st.just({"kind": "hash"}),
    st.just({"kind": "null"}),
    st.builds(lambda keep: {"kind": "partial", "keep": keep}, st.integers(0, 8)),
    st.builds(lambda value: {"kind": "constant", "value": value}, st.sampled_from(["x", "7"])),
)
columns = st.lists(st.sampled_from(COLUMNS), unique=True)


@st.composite
def table_rules(draw: st.DrawFn) -> dict[str, Any]:
    denied = draw(columns)
    allowed = draw(st.none() | columns)
    return {
        "allow": draw(st.booleans()),
        "deny_columns": denied,
        "allow_columns": None if allowed is None else [one for one in allowed if one not in denied],
        "row_filter": draw(st.sampled_from([None, "id > 1", "note = 'a'"])),
        "masks": draw(st.dictionaries(st.sampled_from(COLUMNS), masks, max_size=3)),
    }


limits = st.fixed_dictionaries(
    {
        "statement_seconds": st.floats(0.1, 3600),
        "lock_seconds": st.floats(0.1, 60),
        "rows": st.integers(1, 10**6),
        "bytes": st.integers(1, 10**9),
        "statement_bytes": st.integers(1, 1024 * 1024),
        "cost": st.none() | st.floats(1, 1e9),
        "concurrent": st.integers(1, 64),
        "per_minute": st.integers(1, 10**5),
    }
)
share = st.fixed_dictionaries({place: st.sampled_from(SHARE_ORDER) for place in Share.model_fields})
functions = st.fixed_dictionaries(
    {name: st.lists(st.sampled_from(["app.own", "random"]), unique=True) for name in ("allow", "deny")}
)
names = st.builds(
    lambda schema, table: f"{schema}.{table}", st.sampled_from(SCHEMAS), st.sampled_from(TABLES)
)
policies = st.builds(
    lambda **said: Policy.model_validate(said),
    default=st.sampled_from(["allow", "deny"]),
    schemas=st.dictionaries(
        st.sampled_from(SCHEMAS), st.builds(lambda allow: {"allow": allow}, st.booleans())
    ),
    tables=st.dictionaries(names, table_rules(), max_size=4),
    limits=limits,
    share=share,
    functions=functions,
)


@given(policies, st.lists(policies, min_size=1, max_size=2))
def test_together_they_permit_what_all_permit_and_no_more(owner: Policy, others: list[Policy]) -> None:
    both = PolicyStack(owner=owner, tighteners=tuple(others))
    for schema in SCHEMAS:
        for table in TABLES:
            permitted = [policy.permits_table(schema, table) for policy in both.policies]
            assert both.permits_table(schema, table) == all(permitted)
            filters = [policy.row_filter(schema, table) for policy in both.policies]
            assert list(both.row_filters(schema, table)) == [one for one in filters if one is not None]
            for column in COLUMNS:
                each = [policy.permits_column(schema, table, column) for policy in both.policies]
                assert both.permits_column(schema, table, column) == all(each)


@given(policies, policies)
def test_a_mask_is_never_taken_away_nor_made_to_tell_more(owner: Policy, other: Policy) -> None:
    both = PolicyStack(owner=owner, tighteners=(other,))
    for table in TABLES:
        for column in COLUMNS:
            mine, theirs = owner.mask("app", table, column), other.mask("app", table, column)
            found = both.mask("app", table, column)
            assert (found is None) == (mine is None and theirs is None)
            if isinstance(mine, NullMask | ConstantMask):
                assert found == mine
            if isinstance(theirs, NullMask | ConstantMask):
                assert isinstance(found, NullMask | ConstantMask)
            if isinstance(mine, PartialMask) and isinstance(found, PartialMask):
                assert found.keep <= mine.keep
            if mine is not None and type(found) is not type(mine):
                assert isinstance(found, NullMask | ConstantMask)


@given(policies, policies)
def test_of_two_limits_and_two_levels_the_stricter_counts(owner: Policy, other: Policy) -> None:
    both = PolicyStack(owner=owner, tighteners=(other,))
    for name in Limits.model_fields:
        known = [value for one in (owner, other) if (value := getattr(one.limits, name)) is not None]
        assert getattr(both.limits, name) == min(known, default=None)
    for place in Share.model_fields:
        levels = [SHARE_ORDER.index(getattr(one.share, place)) for one in (owner, other)]
        assert SHARE_ORDER.index(getattr(both.share, place)) == min(levels)


@given(policies, policies)
def test_the_digest_tells_both_apart_from_either(owner: Policy, other: Policy) -> None:
    both = PolicyStack(owner=owner, tighteners=(other,))
    assert both.digest not in (owner.digest, other.digest)
    assert both.digest == PolicyStack(owner=owner, tighteners=(other.model_copy(),)).digest
    assert Policy.model_validate_json(owner.model_dump_json()).digest == owner.digest
