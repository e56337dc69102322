"""The condition under which a verdict still holds: that the relations are those which were judged.

A view can be replaced, a table dropped for a view of its name, a partition attached, all between the reading
of the catalog and the statement. So the transaction that runs a statement first compares what it will read
with what was judged: by name and number, views by their definition's version, parents by their children.
"""

from __future__ import annotations

from collections.abc import Iterable

from agent.sandbox.catalog import Catalog, Relation
from agent.sandbox.wrapping import literal, quote


def guard(catalog: Catalog, named: Iterable[Relation]) -> str:
    """The condition, as SQL that names nothing by the search path; empty when nothing is read.

    Args:
        named: the relations that the text to run has by name.
    """
    terms = []
    below: dict[int, Relation] = {}
    for relation in named:
        name = literal(f"{quote(relation.schema)}.{quote(relation.name)}")
        terms.append(f"pg_catalog.to_regclass({name})::pg_catalog.oid = {relation.oid}")
        _collect(catalog, relation, below)
    terms.extend(_defined(relation) for relation in below.values() if relation.version)
    tables = [relation for relation in below.values() if relation.kind in "rpf"]
    if tables:
        terms.append(_heirs(tables))
    return " AND ".join(terms)


def _defined(view: Relation) -> str:
    """That this view has the definition that it had."""
    rule = f"r.ev_class = {view.oid} AND r.rulename = '_RETURN'"
    source = f"FROM pg_catalog.pg_rewrite AS r WHERE {rule}"
    return f"(SELECT r.xmin::pg_catalog.text {source}) = '{view.version}'"


def _collect(catalog: Catalog, relation: Relation, found: dict[int, Relation]) -> None:
    waiting = [relation]
    while waiting:
        one = waiting.pop()
        if one.oid in found:
            continue
        found[one.oid] = one
        below = [oid for oid, _ in one.reads] if one.kind == "v" else one.children
        waiting.extend(catalog.relations[oid] for oid in below if oid in catalog.relations)


def _heirs(tables: list[Relation]) -> str:
    """That these tables have the children that they had, and no others."""
    oids = ",".join(str(table.oid) for table in tables)
    where = f"= {oids}" if len(tables) == 1 else f"= ANY ('{{{oids}}}'::pg_catalog.oid[])"
    source = f"FROM pg_catalog.pg_inherits AS i WHERE i.inhparent {where}"
    children = [child for table in tables for child in table.children]
    if not children:
        return f"NOT EXISTS (SELECT {source})"
    # Each pair once: the sum tells a child apart from another that took its place.
    total = sum(children)
    return (
        f"(SELECT pg_catalog.count(*) = {len(children)}"
        f" AND pg_catalog.sum(i.inhrelid::pg_catalog.int8) = {total} {source})"
    )
