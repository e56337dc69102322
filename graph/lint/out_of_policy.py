"""out_of_policy: no system catalogs, and nothing that the cloud's policy denies.

The owner's policy needs no rule: what it denies is not in the snapshot. The rule foretells, the agent
enforces.

Anti-pattern: ``FROM pg_user``, ``FROM information_schema.columns``. Best practice: the schema's own tables.
"""

from collections.abc import Iterator

from graph.lint.base import Rule, Statement, position_of
from graph.record import Finding

_HINT = "Leave it out, or ask the database's owner to permit it."


def _check(statement: Statement) -> Iterator[Finding]:
    resolution, policy = statement.resolution, statement.cloud_policy
    for ref in resolution.tables:
        if ref.system:
            message = f"The system catalog {ref.name} cannot be read."
            hint = "Use only tables of the schema."
            yield Finding(rule="out_of_policy", message=message, hint=hint, position=position_of(ref.node))
        elif policy and ref.table and not policy.permits_table(ref.table.schema_name, ref.table.name):
            yield _denied(f"the table {ref.table.qualified_name}", position_of(ref.node))
    if policy is None:
        return
    for column in resolution.columns:
        table = column.table
        if table and not policy.permits_column(table.schema_name, table.name, column.name):
            yield _denied(f"the column {table.qualified_name}.{column.name}", position_of(column.node))
    for node, table in resolution.whole_rows:
        names = (column.name for column in table.columns)
        denied = [name for name in names if not policy.permits_column(table.schema_name, table.name, name)]
        if denied:
            yield _denied(f"all of {table.qualified_name} ({', '.join(denied[:4])})", position_of(node))


def _denied(what: str, position: int | None) -> Finding:
    return Finding(
        rule="out_of_policy", message=f"The policy does not permit {what}.", hint=_HINT, position=position
    )


OUT_OF_POLICY = Rule("out_of_policy", _check)
