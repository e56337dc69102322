"""What a policy says of a name, and how a bad file is refused."""

import textwrap

import pytest

import wire.policy
from wire.errors import PolicyError
from wire.policy import Limits, Policy, parse_policy


def example() -> str:
    text = (wire.policy.__doc__ or "").split("::\n", 1)[1].split("\nNames are")[0]
    return textwrap.dedent(text)


def test_the_example_in_the_docs_is_a_policy() -> None:
    policy = parse_policy(example())
    assert policy.permits_table("sales", "orders")
    assert not policy.permits_table("public", "orders")
    assert policy.permits_column("sales", "customers", "name")
    assert not policy.permits_column("sales", "customers", "email")
    assert policy.row_filter("sales", "customers") == "region = 'EU'"
    mask = policy.mask("sales", "customers", "phone")
    assert mask is not None
    assert mask.kind == "partial"


def test_the_default_policy_permits_nothing() -> None:
    assert not Policy().permits_table("public", "anything")


def test_a_table_rule_wins_over_its_schema_and_the_default() -> None:
    policy = parse_policy(
        'default = "allow"\n[schemas.hr]\nallow = false\n[tables."hr.offices"]\nallow = true\n'
        '[tables."public.secrets"]\nallow = false'
    )
    assert policy.permits_table("public", "t")
    assert not policy.permits_table("public", "secrets")
    assert not policy.permits_table("hr", "salaries")
    assert policy.permits_table("hr", "offices")


@pytest.mark.parametrize("schema", ["pg_catalog", "information_schema", "pg_toast"])
def test_system_schemas_stay_closed_whatever_the_policy_says(schema: str) -> None:
    policy = Policy.model_validate({"default": "allow", "schemas": {schema: {"allow": True}}})
    assert not policy.permits_table(schema, "pg_class")


def test_allow_columns_closes_all_others() -> None:
    policy = parse_policy('[tables."s.t"]\nallow_columns = ["a"]')
    assert policy.permits_column("s", "t", "a")
    assert not policy.permits_column("s", "t", "b")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("default =", "TOML"),
        ('default = "maybe"', "default"),
        ("colour = 1", "colour"),
        ("[tables.t]\nallow = true", "schema"),
        ('[tables."s.t"]\nallow_columns = ["a"]\ndeny_columns = ["a"]', "a"),
        ("[limits]\nrows = 0", "limits.rows"),
        ("version = 2", "version"),
    ],
)
def test_a_bad_file_is_refused_by_place(text: str, place: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse_policy(text)
    assert place in str(caught.value)
    assert caught.value.hint


def test_the_stricter_limit_holds() -> None:
    merged = Limits(rows=10, cost=None).tighten(Limits(rows=20, cost=5.0, statement_seconds=1))
    assert (merged.rows, merged.cost, merged.statement_seconds) == (10, 5.0, 1)


def test_the_digest_follows_what_is_said_and_not_the_name() -> None:
    assert Policy(name="a").digest == Policy(name="b").digest
    assert Policy().digest != Policy(default="allow").digest


def test_a_policy_that_is_silent_on_exports_keeps_its_digest_and_its_limits() -> None:
    """Digests are compared over versions of ours: a section that a file does not have must not count."""
    from wire.policy import Exports, Limits, Policy, PolicyStack

    silent = Policy(limits=Limits(rows=500))
    assert silent.digest != Policy(limits=Limits(rows=500), exports=Exports(rows=1)).digest
    assert '"exports"' in silent.model_dump_json()
    owner = Policy(limits=Limits(rows=500), exports=Exports(rows=10_000))
    cloud = Policy(limits=Limits(rows=400, bytes=1_000))
    both = PolicyStack(owner=owner, tighteners=(cloud,)).exports
    assert (both.rows, both.bytes, both.seconds) == (400, 1_000, 30.0)
    assert PolicyStack(owner=owner).exports.rows == 10_000
