"""What the owner of a database permits: the shape of the policy file, and what it says of a name.

The file is TOML and lies beside the agent, never in the cloud. A whole one::

    version = 1
    name = "billing, read by the business"
    default = "deny"                      # for every table that no rule names

    [schemas.sales]                       # every table of a schema
    allow = true

    [tables."sales.customers"]            # a table: wins over its schema
    allow = true
    deny_columns = ["email", "tax_id"]    # or allow_columns: then only those
    row_filter = "region = 'EU'"          # only these rows exist
    [tables."sales.customers".masks]
    phone = { kind = "partial", keep = 3 }

    [functions]
    deny = ["pg_typeof"]                  # besides what the sandbox refuses anyway

    [limits]
    statement_seconds = 20
    rows = 5000

    [share]                               # what may go up: "schema", "samples" or "results"
    model = "results"                     # to the language model
    screen = "results"                    # to the asker
    trace = "schema"                      # to LangSmith

    [[tests]]                             # run before the file is taken
    sql = "SELECT email FROM sales.customers"
    expect = "deny"

Names are compared exactly, as PostgreSQL stores them. How a statement is held to the policy is the agent's
sandbox's business, not this module's.
"""

import hashlib
import tomllib
from functools import cached_property, reduce
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from wire.base import Value
from wire.errors import PolicyError
from wire.masks import ConstantMask as ConstantMask
from wire.masks import HashMask as HashMask
from wire.masks import Mask as Mask
from wire.masks import NullMask as NullMask
from wire.masks import PartialMask as PartialMask
from wire.masks import stricter

ShareLevel = Literal["schema", "samples", "results"]
SHARE_ORDER: tuple[ShareLevel, ...] = ("schema", "samples", "results")
"""From the least to the most that leaves."""


class SchemaRule(Value):
    """Whether the tables of a schema may be read, where no table rule says otherwise."""

    allow: bool


class TableRule(Value):
    """Whether a table may be read, which of its columns, and how they look."""

    allow: bool = True
    allow_columns: list[str] | None = None
    """Only these; None means all but ``deny_columns``."""
    deny_columns: list[str] = Field(default_factory=list)
    row_filter: str | None = None
    """A boolean SQL expression over the table's own columns; rows for which it is not true do not exist."""
    masks: dict[str, Mask] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_column_list(self) -> "TableRule":
        if self.allow_columns is not None and set(self.allow_columns) & set(self.deny_columns):
            both = ", ".join(sorted(set(self.allow_columns) & set(self.deny_columns)))
            raise ValueError(f"allow_columns and deny_columns both name {both}; leave it in one of them")
        return self

    def permits(self, column: str) -> bool:
        """Whether this column may be read."""
        if column in self.deny_columns:
            return False
        return self.allow_columns is None or column in self.allow_columns


class FunctionRules(Value):
    """Functions beside the sandbox's own list. ``allow`` admits the owner's own, as ``schema.name``."""

    allow: list[str] = Field(default_factory=list)
    deny: list[str] = Field(default_factory=list)


class Limits(Value):
    """Bounds on one statement and on all of them together; the stricter of two policies holds."""

    statement_seconds: float = Field(default=30.0, gt=0, le=3600)
    lock_seconds: float = Field(default=2.0, gt=0, le=60)
    rows: int = Field(default=10_000, gt=0)
    """Rows of one result; more are cut and the result says so."""
    bytes: int = Field(default=32 * 1024 * 1024, gt=0)
    """Bytes of one result on the wire."""
    statement_bytes: int = Field(default=32_768, gt=0, le=1024 * 1024)
    cost: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """The planner's total cost above which a statement is not run; None sets no bound."""
    concurrent: int = Field(default=4, gt=0, le=64)
    per_minute: int = Field(default=240, gt=0)

    def tighten(self, other: "Limits") -> "Limits":
        """The stricter of the two, field by field."""
        mine, theirs = self.model_dump(), other.model_dump()
        stricter = {
            name: min((value for value in (mine[name], theirs[name]) if value is not None), default=None)
            for name in mine
        }
        return Limits.model_validate(stricter)


class Exports(Value):
    """Bounds on one export, in place of those on a result; None keeps what ``Limits`` says."""

    rows: int | None = Field(default=None, gt=0)
    bytes: int | None = Field(default=None, gt=0)
    """Bytes of its rows as ``COPY`` writes them."""
    seconds: float | None = Field(default=None, gt=0, le=86_400)
    """From its start to its last row, the waiting for a slow reader included."""

    def of(self, limits: Limits) -> "Exports":
        """With every bound that is left open filled in from ``limits``."""
        return Exports(
            rows=self.rows or limits.rows,
            bytes=self.bytes or limits.bytes,
            seconds=self.seconds or limits.statement_seconds,
        )


class Share(Value):
    """How much may leave the owner's network, by where it goes."""

    model: ShareLevel = "results"
    screen: ShareLevel = "results"
    trace: ShareLevel = "schema"


class PolicyTest(Value):
    """A statement and what the policy must say of it."""

    sql: str
    expect: Literal["allow", "deny"]


class Policy(Value):
    """One owner's policy. The default-made one allows nothing: every table must be named."""

    version: Literal[1] = 1
    name: str = ""
    default: Literal["allow", "deny"] = "deny"
    schemas: dict[str, SchemaRule] = Field(default_factory=dict)
    tables: dict[str, TableRule] = Field(default_factory=dict)
    """By ``schema.table``, as PostgreSQL stores the names."""
    functions: FunctionRules = Field(default_factory=FunctionRules)
    limits: Limits = Field(default_factory=Limits)
    exports: Exports = Field(default_factory=Exports)
    share: Share = Field(default_factory=Share)
    tests: list[PolicyTest] = Field(default_factory=list)

    @model_validator(mode="after")
    def _qualified_tables(self) -> "Policy":
        for name in self.tables:
            if "." not in name.strip("."):
                raise ValueError(f'tables."{name}" needs its schema: write tables."public.{name}"')
        return self

    def permits_table(self, schema_name: str, table: str) -> bool:
        """Whether anything of this table may be read: its rule, else its schema's, else the default."""
        if schema_name in SYSTEM_SCHEMAS:
            return False
        rule = self.tables.get(f"{schema_name}.{table}")
        if rule is not None:
            return rule.allow
        schema_rule = self.schemas.get(schema_name)
        if schema_rule is not None:
            return schema_rule.allow
        return self.default == "allow"

    def permits_column(self, schema_name: str, table: str, column: str) -> bool:
        """Whether this column may be read."""
        if not self.permits_table(schema_name, table):
            return False
        rule = self.tables.get(f"{schema_name}.{table}")
        return rule is None or rule.permits(column)

    def mask(self, schema_name: str, table: str, column: str) -> Mask | None:
        """How the column's values are rewritten; None when they are shown as they are."""
        rule = self.tables.get(f"{schema_name}.{table}")
        return rule.masks.get(column) if rule else None

    def row_filter(self, schema_name: str, table: str) -> str | None:
        """The condition that a row must meet to exist; None when all do."""
        rule = self.tables.get(f"{schema_name}.{table}")
        return rule.row_filter if rule else None

    @cached_property
    def digest(self) -> str:
        """SHA-256 (first 32 hex digits) of what the policy says; its name and tests do not count.

        A section that came with a later version counts only where it says something: what the policy says
        has not changed by an update of ours.
        """
        silent = {"name", "tests"} | ({"exports"} if self.exports == Exports() else set())
        return hashlib.sha256(self.model_dump_json(exclude=silent).encode()).hexdigest()[:32]


class PolicyStack(Value):
    """The owner's policy with those that may only tighten it (the cloud's), answered as one.

    What any of them denies is denied, every row filter holds, and of two limits or masks the stricter counts.
    Nothing in ``tighteners`` can permit what ``owner`` does not.
    """

    owner: Policy = Field(default_factory=Policy)
    tighteners: tuple[Policy, ...] = ()

    @property
    def policies(self) -> tuple[Policy, ...]:
        """All of them, the owner's first."""
        return (self.owner, *self.tighteners)

    def permits_table(self, schema_name: str, table: str) -> bool:
        """Whether every policy permits something of this table."""
        return all(policy.permits_table(schema_name, table) for policy in self.policies)

    def permits_column(self, schema_name: str, table: str, column: str) -> bool:
        """Whether every policy permits this column."""
        return all(policy.permits_column(schema_name, table, column) for policy in self.policies)

    def mask(self, schema_name: str, table: str, column: str) -> Mask | None:
        """The strictest mask of any policy, see ``wire.masks``; None when no policy has one."""
        masks = [policy.mask(schema_name, table, column) for policy in self.policies]
        found = [mask for mask in masks if mask is not None]
        return reduce(stricter, found) if found else None

    def row_filters(self, schema_name: str, table: str) -> tuple[str, ...]:
        """Every condition that a row must meet to exist."""
        filters = (policy.row_filter(schema_name, table) for policy in self.policies)
        return tuple(condition for condition in filters if condition is not None)

    @cached_property
    def limits(self) -> Limits:
        """The stricter of all, field by field."""
        limits = self.owner.limits
        for policy in self.tighteners:
            limits = limits.tighten(policy.limits)
        return limits

    @cached_property
    def exports(self) -> Exports:
        """The stricter of all, with nothing left open."""
        each = [policy.exports.of(policy.limits).model_dump() for policy in self.policies]
        return Exports.model_validate({name: min(one[name] for one in each) for name in each[0]})

    @cached_property
    def share(self) -> Share:
        """The least that any of them lets out, place by place."""
        return Share.model_validate(
            {
                place: min((getattr(policy.share, place) for policy in self.policies), key=SHARE_ORDER.index)
                for place in Share.model_fields
            }
        )

    @cached_property
    def digest(self) -> str:
        """The owner's own digest while nothing tightens it, else the hash of all digests in order."""
        if not self.tighteners:
            return self.owner.digest
        text = "+".join(policy.digest for policy in self.policies)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


SYSTEM_SCHEMAS = frozenset({"pg_catalog", "information_schema", "pg_toast"})
"""Never readable as tables, whatever a policy says: they name what it denies."""


def parse_policy(text: str) -> Policy:
    """Read a policy file's text.

    Raises:
        PolicyError: it is not TOML, or a key or value is wrong; the message names the place.
    """
    try:
        said = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise PolicyError(
            f"The policy is not valid TOML: {error}", "Mend that line and try again."
        ) from error
    return policy_of(said)


def policy_of(said: dict[str, Any]) -> Policy:
    """The policy that a table of keys describes: a file's, or one that came as JSON.

    Raises:
        PolicyError: a key or value is wrong; the message names the place.
    """
    try:
        return Policy.model_validate(said)
    except ValidationError as error:
        places = "; ".join(
            f"{'.'.join(str(part) for part in item['loc']) or 'policy'}: {item['msg']}"
            for item in error.errors()
        )
        raise PolicyError(
            f"The policy cannot be taken: {places}", "docs/policy.md lists every key with an example."
        ) from error


def beyond_tightening(policy: Policy) -> list[str]:
    """Keys with which a policy asks for what no tightening one can give; empty when it has none."""
    found = []
    if policy.functions.allow:
        found.append("functions.allow: only the owner's file can admit functions")
    if policy.tests:
        found.append("tests: only the owner's file is tested at the agent")
    return found
