"""The walk through a statement: every name looked up, every relation replaced by what may be read of it.

The tree is changed in place. When the walk is done, each relation in it is qualified and permitted, each
function belongs to ``pg_catalog`` or is admitted by name, and what the policy holds back is not in the tree
any more.
"""

from __future__ import annotations

from typing import Any

from postgast import pg_query_pb2 as pb

from agent.sandbox import bounds
from agent.sandbox.filling import is_string
from agent.sandbox.naming import output_name
from agent.sandbox.references import ColumnDenied, is_star
from agent.sandbox.scope import Cte, Ctes, Item, Output, Outputs, Scope
from agent.sandbox.shape import unwrap
from agent.sandbox.sources import Sources
from agent.sandbox.verdict import Refusal
from wire.masks import Mask


class Analysis(Sources):
    """One statement's walk: queries, their WITH clauses and what they return."""

    def query(self, select: Any, outer: Scope | None, ctes: Ctes) -> Outputs:
        """Walk a SELECT and return its result columns.

        Raises:
            Refusal: it names something that it may not.
        """
        self._delivers = False
        if select.HasField("with_clause"):
            ctes = self._with(select.with_clause, outer, ctes)
        if select.op != pb.SETOP_NONE:
            return self._set_operation(select, outer, ctes)
        scope = Scope(outer)
        if select.values_lists:
            with self._meeting() as met:
                for row in select.values_lists:
                    self.walk(row, scope, ctes)
            if met.structured and any(
                is_string(cell) for row in select.values_lists for cell in row.list.items
            ):
                self._fills = True
            width = len(select.values_lists[0].list.items)
            outputs = Outputs([Output(f"column{place + 1}") for place in range(width)])
            self._tail(select, scope, ctes)
            return outputs
        for node in select.from_clause:
            self._from(node, scope, ctes)
        _collect(scope, bool(select.group_clause))
        self._delivers = select is self.statement
        outputs = self._targets(select, scope, ctes)
        self._delivers = False
        scope.outputs = {output.name: place for place, output in enumerate(outputs.columns)}
        scope.shown = [output.origins for output in outputs.columns]
        if any(unwrap(node) is None for node in select.distinct_clause):
            self.sorted_by.update(*scope.shown)
        _collect(scope, False)
        if select.HasField("where_clause"):
            self.walk(select.where_clause, scope, ctes)
        _collect(scope, bool(select.group_clause))
        for node in select.distinct_clause:
            self._by(node, select, scope, ctes)
        if select.HasField("having_clause"):
            self.walk(select.having_clause, scope, ctes)
        for node in select.window_clause:
            self.walk(node, scope, ctes)
        self._tail(select, scope, ctes)
        _collect(scope, False)
        for node in select.group_clause:
            self._by(node, select, scope, ctes)
        self._cover_groups(select, scope)
        if any(output.denied for output in outputs.columns) and select.distinct_clause:
            raise Refusal("policy", "view_denied", "A view's DISTINCT is over columns that may not be read.")
        return outputs

    def _with(self, clause: Any, outer: Scope | None, ctes: Ctes) -> Ctes:
        inner = dict(ctes)
        if clause.recursive:
            for node in clause.ctes:
                inner[node.common_table_expr.ctename] = self._cte(node.common_table_expr, None)
        for node in clause.ctes:
            cte = node.common_table_expr
            name = cte.ctename
            aliases = [part.string.sval for part in cte.aliascolnames]
            query = cte.ctequery.select_stmt
            if cte.ctematerialized == pb.CTEMaterializeNever:
                # The hint changes nothing but the plan, and each inlined twice in the next makes one that
                # doubles with every step: the planner would be gone for hours, deaf to its timeout.
                cte.ctematerialized = pb.CTEMaterializeDefault
            if clause.recursive and query.op != pb.SETOP_NONE and not query.HasField("with_clause"):
                # What it reads from itself has the columns of its first half.
                first = pb.SelectStmt()
                first.CopyFrom(query.larg)
                probe = self._probe()
                inner[name].outputs = _renamed(probe.query(first, outer, dict(inner)), aliases)
                inner[name].outputs.certain = False
            outputs = _renamed(self.query(query, outer, inner), aliases)
            if cte.HasField("search_clause") or cte.HasField("cycle_clause"):
                outputs.certain = False
            inner[name] = self._cte(cte, outputs, inner.get(name) if clause.recursive else None)
        for node in clause.ctes:
            entry = inner[node.common_table_expr.ctename]
            if entry.rename:
                node.common_table_expr.ctename = entry.rename
            self.cte_names.add(node.common_table_expr.ctename)
        return inner

    def _probe(self) -> Analysis:
        probe = Analysis(self._access, self._words, self._key)
        probe._in_view, probe._depth, probe._trust = self._in_view, self._depth, self._trust
        probe.statement = self.statement
        return probe

    def _cte(self, cte: Any, outputs: Outputs | None, earlier: Cte | None = None) -> Cte:
        """An entry for a CTE. One that has a relation's name gets another, so that no mistake in scoping
        could ever let the server take the relation for it."""
        rename = earlier.rename if earlier else ""
        name = cte.ctename
        taken = self._catalog.names
        if not earlier and name in taken:
            place = 1
            short = name.encode()[:50].decode(errors="ignore")
            while (rename := f"{short}_cte{place}") in taken or rename in self.cte_names:
                place += 1
            self.cte_names.add(rename)
        return Cte(outputs or Outputs(certain=False), rename)

    def _set_operation(self, select: Any, outer: Scope | None, ctes: Ctes) -> Outputs:
        left = self.query(select.larg, outer, ctes)
        right = self.query(select.rarg, outer, ctes)
        columns = []
        for place, output in enumerate(left.columns):
            other = right.columns[place] if place < len(right.columns) else Output("")
            # A masked value on one side only: what the other shows is anything.
            both = bool(output.masks and other.masks) and not (left.merged or right.merged)
            masks = (*output.masks, *other.masks) if both else ()
            literal, structured = output.literal or other.literal, output.structured or other.structured
            columns.append(
                Output(
                    output.name,
                    output.origins | other.origins,
                    output.denied or other.denied,
                    masks,
                    literal,
                    structured,
                )
            )
            self._fills = self._fills or (literal and structured)
            self._convert(output, other)
        if any(column.denied for column in columns) and not (select.op == pb.SETOP_UNION and select.all):
            raise Refusal("policy", "view_denied", "A view compares columns that may not be read.")
        outputs = Outputs(columns, left.certain and right.certain)
        if select.op != pb.SETOP_UNION or not select.all:
            self.sorted_by.update(*(column.origins for column in columns))
        item = outputs.item("", [])
        item.opaque = True
        self._tail(select, Scope(outer, [item]), ctes)
        return outputs

    def _tail(self, select: Any, scope: Scope, ctes: Ctes) -> None:
        for node in select.sort_clause:
            self._by(node, select, scope, ctes)
        for part in ("limit_offset", "limit_count"):
            if select.HasField(part):
                self.walk(getattr(select, part), scope, ctes)

    def _by(self, node: Any, select: Any, scope: Scope, ctes: Ctes) -> None:
        """ORDER BY, GROUP BY or DISTINCT ON: a bare name may be an output's, a number its place."""
        self.inspected.update(bounds.literals(node))
        inner = unwrap(node)
        if inner is None:
            return
        if inner.DESCRIPTOR.name == "SortBy":
            if inner.use_op:
                self._operator(inner.use_op)
            inner = unwrap(inner.node)
            if inner is None:
                return
        place = inner.ival.ival - 1 if inner.DESCRIPTOR.name == "A_Const" else -1
        if inner.DESCRIPTOR.name == "ColumnRef" and len(inner.fields) == 1:
            name = inner.fields[0].string.sval
            if inner.fields[0].WhichOneof("node") == "string" and name in scope.outputs:
                self.sorted_by |= scope.shown[scope.outputs[name]]
                return
        if 0 <= place < len(scope.shown):
            self.sorted_by |= scope.shown[place]
        walk = self.shielded if inner.DESCRIPTOR.name == "ColumnRef" else self.walk
        with self.sorting():
            walk(inner, scope, ctes)

    def _targets(self, select: Any, scope: Scope, ctes: Ctes) -> Outputs:
        outputs = Outputs()
        for node in select.target_list:
            target = node.res_target
            reference = unwrap(target.val)
            if reference is not None and reference.DESCRIPTOR.name == "ColumnRef" and is_star(reference):
                self._shielded = True
                self._star(reference, scope, outputs)
                self._shielded = False
                continue
            before = set(self.columns)
            self.columns, self._rows = set(), False
            try:
                self.shielded(target.val, scope, ctes)
                masks = _masks_of(reference, scope)
                output = Output(
                    output_name(target),
                    frozenset(self.columns),
                    masks=masks,
                    literal=is_string(target.val),
                    structured=self._structured(),
                    type=self._type_shown(reference, scope),
                )
            except ColumnDenied:
                if not self._in_view:
                    raise
                output = Output(output_name(target), denied=True)
                target.val.Clear()
                target.val.a_const.isnull = True
            self.columns |= before
            outputs.columns.append(output)
        return outputs

    def _cover_groups(self, select: Any, scope: Scope) -> None:
        """Group by what depends on a grouped primary key, where wrapping has hidden the key from the
        server."""
        for item in scope.items:
            if not item.key or not item.used:
                continue
            grouped = {name for node in select.group_clause for name in self._grouped(node, select, item)}
            if item.key <= grouped:
                for name in sorted(item.used - grouped):
                    reference = select.group_clause.add().column_ref
                    reference.fields.add().string.sval = item.alias
                    reference.fields.add().string.sval = name

    def _grouped(self, node: Any, select: Any, item: Item, again: bool = True) -> set[str]:
        value = unwrap(node)
        if value is None:
            return set()
        if value.DESCRIPTOR.name == "A_Const" and value.WhichOneof("val") == "ival" and again:
            place = value.ival.ival - 1
            if 0 <= place < len(select.target_list):
                return self._grouped(select.target_list[place].res_target.val, select, item, False)
        if value.DESCRIPTOR.name == "RowExpr":
            return {name for arg in value.args for name in self._grouped(arg, select, item, again)}
        if value.DESCRIPTOR.name != "ColumnRef":
            return set()
        parts = [part.string.sval for part in value.fields if part.WhichOneof("node") == "string"]
        if len(parts) == 1:
            if parts[0] in item.columns:
                return {parts[0]}
            for target in select.target_list if again else ():
                if target.res_target.name == parts[0]:
                    return self._grouped(target.res_target.val, select, item, False)
        elif len(parts) > 1 and parts[-2] == item.alias and parts[-1] in item.columns:
            return {parts[-1]}
        return set()


def _renamed(outputs: Outputs, names: list[str]) -> Outputs:
    if outputs.merged and names:
        for output in outputs.columns:
            output.masks = ()
    for output, name in zip(outputs.columns, names, strict=False):
        output.name = name
    for name in names[len(outputs.columns) :]:
        outputs.columns.append(Output(name))
    return outputs


def _masks_of(value: Any, scope: Scope) -> tuple[Mask, ...]:
    """The masks that have made a target's values, where it is no more than a column."""
    if value is None or value.DESCRIPTOR.name != "ColumnRef":
        return ()
    parts = [part.string.sval for part in value.fields]
    if len(parts) == 2:
        item = scope.item(parts[0])
        return item.masks.get(parts[1], ()) if item is not None else ()
    level: Scope | None = scope if len(parts) == 1 else None
    while level is not None:
        ways = [item.masks.get(parts[0], ()) for item in level.items if parts[0] in item.columns]
        if ways:
            return tuple(mask for found in ways for mask in found) if all(ways) else ()
        level = level.parent
    return ()


def _collect(scope: Scope, on: bool) -> None:
    for item in scope.items:
        item.collect = on
