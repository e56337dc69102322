"""What changes when one policy takes another's place, in sentences: what can be read, how, and how much."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from agent.policy_review import Exposure, exposures
from agent.sandbox.catalog import Catalog
from wire.masks import Mask, stricter
from wire.policy import SHARE_ORDER, Limits, Policy, PolicyStack, Share

Effect = Literal["opens", "closes", "changes"]
"""Whether more can be read, less, or the same in another form."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference."""

    effect: Effect
    about: str
    """``schema.table``, ``schema.table.column``, or a key of the policy."""
    says: str


def difference(before: Policy, after: Policy, catalog: Catalog | None) -> list[Change]:
    """Everything that changes, data first.

    Args:
        catalog: the server's names, by which views, partitions and defaults are followed; None compares the
            rules alone.
    """
    if catalog is None:
        data = list(_rules(before, after))
    else:
        data = list(
            _data(exposures(PolicyStack(owner=before), catalog), exposures(PolicyStack(owner=after), catalog))
        )
    return [
        *data,
        *_functions(before, after),
        *_limits(before.limits, after.limits),
        *_share(before.share, after.share),
    ]


def _data(before: list[Exposure], after: list[Exposure]) -> Iterator[Change]:
    old, new = {one.relation: one for one in before}, {one.relation: one for one in after}
    for name in sorted(old.keys() | new.keys()):
        was, now = old.get(name), new.get(name)
        if was is None and now is not None:
            yield Change("opens", name, f"{name} becomes readable: {', '.join(now.columns) or 'its rows'}.")
        elif now is None:
            yield Change("closes", name, f"{name} is no longer readable.")
        elif was is not None:
            yield from _relation(name, was, now)


def _relation(name: str, was: Exposure, now: Exposure) -> Iterator[Change]:
    for column in now.columns:
        if column not in was.columns:
            mask = f", masked ({_mask(now.masks[column])})" if column in now.masks else ""
            yield Change("opens", f"{name}.{column}", f"{name}.{column} becomes readable{mask}.")
    for column in was.columns:
        if column not in now.columns:
            yield Change("closes", f"{name}.{column}", f"{name}.{column} is no longer readable.")
    for column in sorted((was.masks.keys() | now.masks.keys()) & set(was.columns) & set(now.columns)):
        yield from _masks(f"{name}.{column}", was.masks.get(column), now.masks.get(column))
    yield from _filters(name, was.filters, now.filters)


def _masks(name: str, was: Mask | None, now: Mask | None) -> Iterator[Change]:
    if was == now:
        return
    if was is None and now is not None:
        yield Change("closes", name, f"{name} is masked from now on ({_mask(now)}).")
    elif now is None:
        yield Change("opens", name, f"{name} shows its real values.")
    elif was is not None:
        effect: Effect = "changes"
        if stricter(was, now) == now and stricter(now, was) == now:
            effect = "closes"
        elif stricter(was, now) == was and stricter(now, was) == was:
            effect = "opens"
        yield Change(effect, name, f"{name} is masked otherwise: {_mask(was)}, now {_mask(now)}.")


def _filters(name: str, was: tuple[str, ...], now: tuple[str, ...]) -> Iterator[Change]:
    for condition in now:
        if condition not in was:
            effect: Effect = "changes" if was else "closes"
            yield Change(effect, name, f"Rows of {name} exist only where {condition}.")
    for condition in was:
        if condition not in now:
            effect = "changes" if now else "opens"
            yield Change(effect, name, f"Rows of {name} need no longer meet: {condition}.")


def _rules(before: Policy, after: Policy) -> Iterator[Change]:
    """Without a server: what the rules say of the names that are in them."""
    if before.default != after.default:
        effect: Effect = "opens" if after.default == "allow" else "closes"
        verb = "readable" if after.default == "allow" else "no longer readable"
        yield Change(effect, "default", f"Tables that no rule names become {verb}.")
    for schema in sorted(before.schemas.keys() | after.schemas.keys()):
        probe = "\0"
        was, now = before.permits_table(schema, probe), after.permits_table(schema, probe)
        if was != now:
            verb = "become readable" if now else "are no longer readable"
            yield Change("opens" if now else "closes", schema, f"Tables of the schema {schema} {verb}.")
    for name in sorted(before.tables.keys() | after.tables.keys()):
        yield from _table_rule(name, before, after)


def _table_rule(name: str, before: Policy, after: Policy) -> Iterator[Change]:
    schema, _, table = name.partition(".")
    was, now = before.permits_table(schema, table), after.permits_table(schema, table)
    if was != now:
        verb = "becomes readable" if now else "is no longer readable"
        yield Change("opens" if now else "closes", name, f"{name} {verb}.")
    if not now:
        return
    old, new = before.tables.get(name), after.tables.get(name)
    rules = [rule for rule in (old, new) if rule is not None]
    columns = {
        column for rule in rules for column in (*rule.deny_columns, *(rule.allow_columns or ()), *rule.masks)
    }
    for column in sorted(columns) if was else ():
        could, can = before.permits_column(schema, table, column), after.permits_column(schema, table, column)
        place = f"{name}.{column}"
        if could != can:
            verb = "becomes readable" if can else "is no longer readable"
            yield Change("opens" if can else "closes", place, f"{place} {verb}.")
        elif can:
            yield from _masks(place, before.mask(schema, table, column), after.mask(schema, table, column))
    if was and ((old and old.allow_columns is not None) != (new and new.allow_columns is not None)):
        listed = new is not None and new.allow_columns is not None
        effect: Effect = "closes" if listed else "opens"
        said = "only the listed columns are" if listed else "columns that no list names become"
        yield Change(effect, name, f"Of {name} {said} readable.")
    filters = [
        (condition,) if (condition := policy.row_filter(schema, table)) else () for policy in (before, after)
    ]
    yield from _filters(name, filters[0], filters[1])


def _functions(before: Policy, after: Policy) -> Iterator[Change]:
    for key, opening in (("allow", True), ("deny", False)):
        was, now = set(getattr(before.functions, key)), set(getattr(after.functions, key))
        for name in sorted(was ^ now):
            opens = (name in now) == opening
            verb = "may be called" if opens else "may no longer be called"
            yield Change("opens" if opens else "closes", f"functions.{key}", f"The function {name} {verb}.")


def _limits(before: Limits, after: Limits) -> Iterator[Change]:
    for name in Limits.model_fields:
        was, now = getattr(before, name), getattr(after, name)
        if was != now:
            opens = now is None or (was is not None and now > was)
            said = f"limits.{name}: {_figure(was)}, now {_figure(now)}."
            yield Change("opens" if opens else "closes", f"limits.{name}", said)


def _share(before: Share, after: Share) -> Iterator[Change]:
    for place in Share.model_fields:
        was, now = getattr(before, place), getattr(after, place)
        if was != now:
            opens = SHARE_ORDER.index(now) > SHARE_ORDER.index(was)
            said = f"The {place} gets {now}, where it got {was}."
            yield Change("opens" if opens else "closes", f"share.{place}", said)


def _figure(value: float | None) -> str:
    return "none" if value is None else f"{value:,}"


def _mask(mask: Mask) -> str:
    details = ", ".join(f"{name} {value}" for name, value in mask.model_dump(exclude={"kind"}).items())
    return f"{mask.kind}, {details}" if details else mask.kind
