"""The walk through a statement: every name looked up, every relation replaced by what may be read of it.

The tree is changed in place. When the walk is done, each relation in it is qualified and permitted, each
function belongs to ``pg_catalog`` or is admitted by name, and what the policy holds back is not in the tree
any more.
"""

from __future__ import annotations

from typing import Any

import postgast
from postgast import pg_query_pb2 as pb

from agent.sandbox import bounds
from agent.sandbox.access import NO_TRUST, Access, RelationAccess, Trust
from agent.sandbox.bodies import check_body
from agent.sandbox.catalog import Relation
from agent.sandbox.naming import output_name
from agent.sandbox.scope import Cte, Ctes, Item, Output, Outputs, Scope
from agent.sandbox.shape import MESSAGES, children, unwrap
from agent.sandbox.verdict import Refusal
from agent.sandbox.vocabulary import AGGREGATES, SYSTEM_COLUMNS, TYPES
from agent.sandbox.words import OwnersWords, Words
from agent.sandbox.wrapping import MaskKey, bad_filter, parse_condition, wrap, wrap_view

SAMPLERS = frozenset({"bernoulli", "system"})
MAX_VIEW_DEPTH = 20
FILTER_MESSAGES = MESSAGES - {"SubLink", "SelectStmt", "WindowDef", "GroupingFunc"}


class ColumnDenied(Refusal):
    """A column that exists and may not be read was named."""

    def __init__(self, table: str, column: str) -> None:
        super().__init__(
            "policy",
            "column_denied",
            f"The column {column} of {table} may not be read.",
            "Leave it out; the schema lists the columns that may be read.",
        )


class Analysis:
    """One statement's walk.

    Args:
        access: the policy on this server.
        words: the vocabulary on this server.
        key: the secret of hash masks.
    """

    def __init__(self, access: Access, words: Words, key: MaskKey) -> None:
        self._access = access
        self._catalog = access.catalog
        self._words = words
        self._key = key
        self._in_view = False
        self._depth = 0
        self._trust: Trust = NO_TRUST
        self._aggregate = 0
        self.relations: set[str] = set()
        self.columns: set[tuple[str, str]] = set()
        self.rewritten: set[str] = set()
        self.cte_names: set[str] = set()
        self._read: dict[int, Relation] = {}
        self._cast_to: set[str] = set()

    # --- queries --------------------------------------------------------------------------------------------

    def query(self, select: Any, outer: Scope | None, ctes: Ctes) -> Outputs:
        """Walk a SELECT and return its result columns.

        Raises:
            Refusal: it names something that it may not.
        """
        if select.HasField("with_clause"):
            ctes = self._with(select.with_clause, outer, ctes)
        if select.op != pb.SETOP_NONE:
            return self._set_operation(select, outer, ctes)
        scope = Scope(outer)
        if select.values_lists:
            for row in select.values_lists:
                self.walk(row, scope, ctes)
            width = len(select.values_lists[0].list.items)
            outputs = Outputs([Output(f"column{place + 1}") for place in range(width)])
            self._tail(select, scope, ctes)
            return outputs
        for node in select.from_clause:
            self._from(node, scope, ctes)
        _collect(scope, bool(select.group_clause))
        outputs = self._targets(select, scope, ctes)
        scope.outputs = {output.name: place for place, output in enumerate(outputs.columns)}
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

    def check_casts(self) -> None:
        """Refuse a cast for which the owner's database has a function of its own: casting would call it.

        Raises:
            Refusal: a value that this statement can have may be cast so.
        """
        for source, target in self._catalog.casts:
            if target in self._cast_to and (source in TYPES or self._has_type(source)):
                raise Refusal(
                    "function",
                    "cast_denied",
                    f"Casting {source} to {target} would call a function that is not permitted.",
                    "Leave the cast out.",
                )

    def _has_type(self, name: str) -> bool:
        return any(
            relation.name == name
            or any(column.type.rpartition(".")[2].strip('"') == name for column in relation.columns)
            for relation in self._read.values()
        )

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
        return probe

    def _cte(self, cte: Any, outputs: Outputs | None, earlier: Cte | None = None) -> Cte:
        """An entry for a CTE. One that has a relation's name gets another, so that no mistake in scoping
        could ever let the server take the relation for it."""
        rename = earlier.rename if earlier else ""
        name = cte.ctename
        taken = self._catalog.schemas_of.keys() | self._catalog.system_relations
        if not earlier and name in taken:
            place = 1
            while (rename := f"{name[:50]}_cte{place}") in taken | self.cte_names:
                place += 1
            self.cte_names.add(rename)
        return Cte(outputs or Outputs(certain=False), rename)

    def _set_operation(self, select: Any, outer: Scope | None, ctes: Ctes) -> Outputs:
        left = self.query(select.larg, outer, ctes)
        right = self.query(select.rarg, outer, ctes)
        columns = []
        for place, output in enumerate(left.columns):
            other = right.columns[place] if place < len(right.columns) else Output("")
            columns.append(Output(output.name, output.origins | other.origins, output.denied or other.denied))
        if any(column.denied for column in columns) and not (select.op == pb.SETOP_UNION and select.all):
            raise Refusal("policy", "view_denied", "A view compares columns that may not be read.")
        outputs = Outputs(columns, left.certain and right.certain)
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
        """ORDER BY, GROUP BY or DISTINCT ON: a bare name may be an output's."""
        inner = unwrap(node)
        if inner is None:
            return
        if inner.DESCRIPTOR.name == "SortBy":
            if inner.use_op:
                self._operator(inner.use_op)
            inner = unwrap(inner.node)
            if inner is None:
                return
        if inner.DESCRIPTOR.name == "ColumnRef" and len(inner.fields) == 1:
            name = inner.fields[0].string.sval
            if inner.fields[0].WhichOneof("node") == "string" and name in scope.outputs:
                return
        self.walk(inner, scope, ctes)

    def _targets(self, select: Any, scope: Scope, ctes: Ctes) -> Outputs:
        outputs = Outputs()
        for node in select.target_list:
            target = node.res_target
            reference = unwrap(target.val)
            if reference is not None and reference.DESCRIPTOR.name == "ColumnRef" and _is_star(reference):
                self._star(reference, scope, outputs)
                continue
            before = set(self.columns)
            self.columns = set()
            try:
                self.walk(target.val, scope, ctes)
                output = Output(output_name(target), frozenset(self.columns))
            except ColumnDenied:
                if not self._in_view:
                    raise
                output = Output(output_name(target), denied=True)
                target.val.Clear()
                target.val.a_const.isnull = True
            self.columns |= before
            outputs.columns.append(output)
        return outputs

    def _star(self, reference: Any, scope: Scope, outputs: Outputs) -> None:
        items = scope.items
        if len(reference.fields) > 1:
            item = self._find(reference, scope, len(reference.fields) - 1)
            items = [item] if item else []
            outputs.certain = outputs.certain and item is not None
        for item in items:
            outputs.certain = outputs.certain and not item.opaque
            self._note(item, item.columns)
            outputs.columns.extend(Output(name, origins) for name, origins in item.columns.items())

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

    # --- FROM -----------------------------------------------------------------------------------------------

    def _from(self, node: Any, scope: Scope, ctes: Ctes) -> None:
        value = unwrap(node)
        kind = value.DESCRIPTOR.name
        if kind == "RangeVar":
            self._range_var(node, scope, ctes, None)
        elif kind == "RangeTableSample":
            self._sample(node, scope, ctes)
        elif kind == "RangeSubselect":
            outer = scope if value.lateral else scope.parent
            outputs = self.query(value.subquery.select_stmt, outer, ctes)
            scope.items.append(outputs.item(value.alias.aliasname, _alias_columns(value.alias)))
        elif kind == "JoinExpr":
            self._join(value, scope, ctes)
        elif kind == "RangeFunction":
            self.walk(value, scope, ctes)
            _restore_unnest(value)
            scope.items.append(_function_item(value))
        elif kind == "JsonTable":
            self.walk(value, scope, ctes)
            names = [*_alias_columns(value.alias), *_json_columns(value.columns)]
            columns = {name: frozenset[tuple[str, str]]() for name in names}
            scope.items.append(Item(value.alias.aliasname, columns, opaque=True))
        else:
            raise Refusal("shape", "node", f"{kind} is not permitted in FROM.")

    def _sample(self, node: Any, scope: Scope, ctes: Ctes) -> None:
        sample = node.range_table_sample
        if len(sample.method) != 1 or sample.method[0].string.sval not in SAMPLERS:
            raise Refusal("function", "sampler_denied", "Only BERNOULLI and SYSTEM may sample a table.")
        for arg in sample.args:
            self.walk(arg, scope, ctes)
        if sample.HasField("repeatable"):
            self.walk(sample.repeatable, scope, ctes)
        if sample.relation.WhichOneof("node") != "range_var":
            raise Refusal("shape", "node", "Only a table can be sampled.")
        self._range_var(node, scope, ctes, sample)

    def _range_var(self, node: Any, scope: Scope, ctes: Ctes, sample: Any | None) -> None:
        reference = sample.relation.range_var if sample is not None else node.range_var
        name = reference.relname
        if reference.catalogname:
            if reference.catalogname != self._catalog.database:
                raise self._unknown(f"{reference.catalogname}.{reference.schemaname}.{name}")
            reference.catalogname = ""
        aliases = _alias_columns(reference.alias)
        if not reference.schemaname and name in ctes:
            cte = ctes[name]
            alias = reference.alias.aliasname or name
            if cte.rename:
                reference.relname = cte.rename
                reference.alias.aliasname = alias
            scope.items.append(cte.outputs.item(alias, aliases))
            return
        access = self._readable(reference.schemaname, name)
        relation = access.relation
        named = not reference.alias.aliasname
        alias = reference.alias.aliasname or name
        only = not reference.inh
        self._check_view(access)
        self._check_filters(access)
        replaced = self._replacement(access, only, sample)
        reference.schemaname = relation.schema
        item = Item(
            alias,
            {column: frozenset({(relation.qualified_name, column)}) for column in access.readable},
            access.hidden,
            relation=True,
            qualified=(relation.schema, relation.name) if named else None,
        )
        if replaced is not None:
            select, readable = replaced
            item.columns = {column: item.columns[column] for column in readable}
            item.hidden = access.hidden | (frozenset(access.readable) - frozenset(readable))
            item.key = relation.primary_key
            if named and any(other.alias == alias for other in scope.items):
                alias = item.alias = _free(alias, scope)
            wrapper = pb.Node()
            wrapper.range_subselect.subquery.select_stmt.CopyFrom(select)
            wrapper.range_subselect.alias.CopyFrom(reference.alias)
            wrapper.range_subselect.alias.aliasname = alias
            node.CopyFrom(wrapper)
            self.rewritten.add(relation.qualified_name)
        if aliases:
            item.columns = {
                aliases[place] if place < len(aliases) else column: origins
                for place, (column, origins) in enumerate(item.columns.items())
            }
            item.key = frozenset()
        scope.items.append(item)

    def _readable(self, schema: str, name: str) -> RelationAccess:
        if not schema and name in self._catalog.system_relations:
            raise self._unknown(name)
        relation = self._catalog.resolve(schema, name)
        if relation is None:
            raise self._unknown(f"{schema}.{name}" if schema else name)
        access = self._access.of(relation, self._trust)
        if not access.allowed:
            raise self._unknown(f"{schema}.{name}" if schema else name)
        self.relations.add(relation.qualified_name)
        self._read[relation.oid] = relation
        return access

    def _unknown(self, name: str) -> Refusal:
        # The same words whether it is denied or does not exist: that it exists is the owner's business.
        return Refusal(
            "policy",
            "relation_denied",
            f"The table {name} does not exist, or may not be read.",
            "Use the tables that the schema lists.",
        )

    def _check_view(self, access: RelationAccess) -> None:
        view = access.relation
        if view.definition is None:
            return
        for oid, _ in view.reads:
            base = self._catalog.relations.get(oid)
            if base is not None:
                self.relations.add(base.qualified_name)
        if len(access.trust) == len(self._access.stack.policies):
            return
        if not check_body(view, self._words):
            raise Refusal(
                "policy",
                "view_denied",
                f"The view {view.qualified_name} calls functions that are not permitted.",
                "The owner can give the view a rule of its own in the policy.",
            )

    def _check_filters(self, access: RelationAccess) -> None:
        """A tightening policy's row filter is the cloud's text: it may compare columns, and do nothing
        else."""
        for condition, owners in access.filters:
            if owners:
                continue
            waiting = [parse_condition(condition, owners=False)]
            while waiting:
                value = unwrap(waiting.pop())
                if value is None:
                    continue
                name = value.DESCRIPTOR.name
                names = tuple(part.string.sval for part in getattr(value, "names", ()))
                try:
                    if name not in FILTER_MESSAGES:
                        raise bad_filter(condition, owners)
                    if name == "FuncCall":
                        self._words.function(tuple(part.string.sval for part in value.funcname))
                    elif name == "TypeName" and names:
                        self._words.type(names)
                    elif name == "A_Expr":
                        self._operator(value.name)
                except Refusal as error:
                    raise bad_filter(condition, owners) from error
                waiting.extend(children(value))

    def _replacement(
        self, access: RelationAccess, only: bool, sample: Any | None
    ) -> tuple[Any, list[str]] | None:
        """What takes the relation's place, and its columns; None when it stays."""
        relation = access.relation
        if access.inline:
            body, outputs = self._view_body(access)
            if relation.kind == "m":
                masked = {
                    origin
                    for output in outputs.columns
                    for origin in output.origins
                    if self._is_masked(origin)
                }
                if masked or any(output.denied for output in outputs.columns) or not outputs.certain:
                    raise self._unknown(relation.qualified_name)
            else:
                denied = {
                    column.name
                    for column, output in zip(relation.columns, outputs.columns, strict=False)
                    if output.denied
                }
                readable = [column for column in access.readable if column not in denied]
                return wrap_view(access, self._key, body, readable), readable
        if access.restricted:
            return wrap(access, self._key, only=only, sample=sample), list(access.readable)
        return None

    def _is_masked(self, origin: tuple[str, str]) -> bool:
        schema, _, table = origin[0].partition(".")
        base = self._access.named(schema, table)
        return base is not None and origin[1] in base.masks

    def _view_body(self, access: RelationAccess) -> tuple[Any, Outputs]:
        if self._depth >= MAX_VIEW_DEPTH:
            raise Refusal("bounds", "too_deep", "Views are nested too deeply.")
        body = postgast.parse(access.relation.definition or "").stmts[0].stmt.select_stmt
        whole = len(access.trust) == len(self._access.stack.policies)
        words = OwnersWords(self._words.stack, self._catalog) if whole else self._words
        inside = Analysis(self._access, words, self._key)
        inside._in_view, inside._depth, inside._trust = True, self._depth + 1, access.trust
        try:
            outputs = inside.query(body, None, {})
        except ColumnDenied as error:
            raise Refusal(
                "policy",
                "view_denied",
                f"The view {access.relation.qualified_name} depends on columns that may not be read.",
                "Use the tables below it.",
            ) from error
        self.relations |= inside.relations
        self.rewritten |= inside.rewritten
        self.cte_names |= inside.cte_names
        return body, outputs

    def _join(self, join: Any, scope: Scope, ctes: Ctes) -> None:
        before = len(scope.items)
        self._from(join.larg, scope, ctes)
        middle = len(scope.items)
        self._from(join.rarg, scope, ctes)
        left, right = scope.items[before:middle], scope.items[middle:]
        self._check_merged(join, left, right)
        if join.HasField("quals"):
            self.walk(join.quals, scope, ctes)
        if join.HasField("join_using_alias"):
            columns = {name.string.sval: frozenset[tuple[str, str]]() for name in join.using_clause}
            scope.items.append(Item(join.join_using_alias.aliasname, columns))
        if join.HasField("alias") and join.alias.aliasname:
            scope.items[before:] = [_joined(join.alias, left + right)]

    def _check_merged(self, join: Any, left: list[Item], right: list[Item]) -> None:
        def denied(items: list[Item], name: str) -> bool:
            return any(name in item.hidden for item in items) and not any(
                name in item.columns for item in items
            )

        for node in join.using_clause:
            name = node.string.sval
            for items in (left, right):
                if denied(items, name):
                    raise ColumnDenied(items[0].alias, name)
            for item in left + right:
                if name in item.columns:
                    self._note(item, [name])
        if join.is_natural:
            for one, others in ((left, right), (right, left)):
                for item in one:
                    for name in item.hidden:
                        if any(name in other.columns or name in other.hidden for other in others):
                            raise ColumnDenied(item.alias, name)

    # --- expressions ----------------------------------------------------------------------------------------

    def walk(self, message: Any, scope: Scope, ctes: Ctes) -> None:
        """Look at an expression and everything below it."""
        value = unwrap(message)
        if value is None:
            return
        name = value.DESCRIPTOR.name
        if name == "ColumnRef":
            self._column(value, scope)
            return
        if name == "SelectStmt":
            self.query(value, scope, ctes)
            return
        if name == "FuncCall":
            self._call(value, scope, ctes)
            return
        if name == "A_Expr":
            self._operator(value.name)
            if value.name[-1].string.sval == "^":
                bounds.bound_power(value.rexpr)
        elif name == "SubLink":
            if value.oper_name:
                self._operator(value.oper_name)
        elif name == "SortBy":
            if value.use_op:
                self._operator(value.use_op)
        elif name == "TypeName":
            self._type(value)
        elif name == "A_Indirection":
            self._indirection(value, scope)
        for child in children(value):
            self.walk(child, scope, ctes)

    def _call(self, call: Any, scope: Scope, ctes: Ctes) -> None:
        name = self._words.function(tuple(part.string.sval for part in call.funcname))
        del call.funcname[:]
        for part in name:
            call.funcname.add().string.sval = part
        aggregate = name[-1] in AGGREGATES and not call.HasField("over")
        self._aggregate += aggregate
        for child in children(call):
            self.walk(child, scope, ctes)
        self._aggregate -= aggregate
        if name[0] == "pg_catalog":
            bounds.bound_call(name[1], call)

    def _operator(self, parts: Any) -> None:
        words = tuple(part.string.sval for part in parts)
        if words in (("BETWEEN",), ("NOT BETWEEN",), ("BETWEEN SYMMETRIC",), ("NOT BETWEEN SYMMETRIC",)):
            return
        name = self._words.operator(words)
        if name != words:
            del parts[:]
            for word in name:
                parts.add().string.sval = word

    def _type(self, type_name: Any) -> None:
        if type_name.setof or type_name.pct_type:
            raise Refusal("function", "type_denied", "SETOF and %TYPE are not permitted.")
        words = tuple(part.string.sval for part in type_name.names)
        if not words:
            return
        name = self._words.type(words)
        self._cast_to.add(name[-1])
        if name != words:
            del type_name.names[:]
            for word in name:
                type_name.names.add().string.sval = word
        bounds.bound_type(type_name)

    def _indirection(self, indirection: Any, scope: Scope) -> None:
        """``(x).name``: a field of a composite, a column of a whole row, or a function in disguise."""
        base = unwrap(indirection.arg)
        fields = [part for part in indirection.indirection if part.WhichOneof("node") == "string"]
        if not fields:
            return
        word = fields[0].string.sval
        if base is not None and base.DESCRIPTOR.name == "ColumnRef" and not _is_star(base):
            parts = [part.string.sval for part in base.fields]
            item = scope.item(parts[-1]) if len(parts) == 1 else None
            if item is not None and word in item.hidden and word not in item.columns:
                raise ColumnDenied(item.alias, word)
            if item is not None and word in item.columns:
                self._note(item, [word])
                return
        if any(self._words.is_call_in_disguise(part.string.sval) for part in fields):
            raise Refusal("function", "function_denied", f"A field or function {word} is not permitted here.")

    def _column(self, reference: Any, scope: Scope) -> None:
        if _is_star(reference):
            self._star(reference, scope, Outputs())
            return
        fields = reference.fields
        if len(fields) == 1:
            self._bare(fields[0].string.sval, scope)
            return
        word = fields[-1].string.sval
        item = self._find(reference, scope, len(fields) - 1)
        if item is None:
            if self._words.is_call_in_disguise(word):
                raise Refusal("shape", "unknown_column", f"There is no column {_spelled(fields)}.")
            return
        if word in item.columns:
            self._note(item, [word])
        elif word in item.hidden:
            raise ColumnDenied(item.alias, word)
        elif item.relation or self._words.is_call_in_disguise(word) or word in SYSTEM_COLUMNS:
            raise Refusal(
                "policy",
                "unknown_column",
                f"The column {_spelled(fields)} does not exist, or may not be read.",
                f"Columns of {item.alias}: {', '.join(list(item.columns)[:30])}.",
            )

    def _bare(self, name: str, scope: Scope) -> None:
        level: Scope | None = scope
        while level is not None:
            found = [item for item in level.items if name in item.columns]
            if found:
                for item in found:
                    self._note(item, [name])
                return
            for item in level.items:
                if name in item.hidden:
                    raise ColumnDenied(item.alias, name)
            if any(item.alias == name for item in level.items):
                for item in level.items:
                    if item.alias == name:
                        self._note(item, item.columns)
                return
            if any(item.opaque for item in level.items):
                return
            level = level.parent
        if name in SYSTEM_COLUMNS:
            raise Refusal(
                "policy", "system_column", f"The system column {name} may not be read.", "Leave it out."
            )

    def _find(self, reference: Any, scope: Scope, length: int) -> Item | None:
        """The item that the first ``length`` parts of a name mean; a schema is cut from a wrapped one's
        name."""
        parts = [part.string.sval for part in reference.fields][:length]
        if len(parts) == 3 and parts[0] == self._catalog.database:
            del reference.fields[0]
            parts = parts[1:]
        if len(parts) == 1:
            item = scope.item(parts[0])
            if item is not None:
                reference.fields[0].string.sval = item.alias
            return item
        if len(parts) != 2:
            return None
        item = scope.qualified(parts[0], parts[1])
        if item is not None:
            del reference.fields[0]
            reference.fields[0].string.sval = item.alias
        return item

    def _note(self, item: Item, names: Any) -> None:
        for name in names:
            self.columns |= item.columns.get(name, frozenset())
            if item.collect and not self._aggregate:
                item.used.add(name)


def _collect(scope: Scope, on: bool) -> None:
    for item in scope.items:
        item.collect = on


def _spelled(fields: Any) -> str:
    return ".".join(part.string.sval for part in fields)


def _is_star(reference: Any) -> bool:
    return bool(reference.fields) and reference.fields[-1].WhichOneof("node") == "a_star"


def _alias_columns(alias: Any) -> list[str]:
    return [part.string.sval for part in alias.colnames]


def _renamed(outputs: Outputs, names: list[str]) -> Outputs:
    for output, name in zip(outputs.columns, names, strict=False):
        output.name = name
    for name in names[len(outputs.columns) :]:
        outputs.columns.append(Output(name))
    return outputs


def _free(alias: str, scope: Scope) -> str:
    taken = {item.alias for item in scope.items}
    place = 2
    while f"{alias}_{place}" in taken:
        place += 1
    return f"{alias}_{place}"


def _restore_unnest(function: Any) -> None:
    """``unnest`` with several arguments is no function but grammar, and only under its bare name.

    PostgreSQL takes its own ``unnest`` for it whatever the search path has.
    """
    for node in function.functions:
        call = unwrap(node.list.items[0])
        if call.DESCRIPTOR.name != "FuncCall" or len(call.args) < 2:
            continue
        if [part.string.sval for part in call.funcname] == ["pg_catalog", "unnest"]:
            del call.funcname[0]


def _function_item(function: Any) -> Item:
    names = _alias_columns(function.alias)
    names += [node.column_def.colname for node in function.coldeflist]
    alias = function.alias.aliasname
    if not alias and len(function.functions) == 1:
        call = unwrap(function.functions[0].list.items[0])
        if call is not None and call.DESCRIPTOR.name == "FuncCall":
            alias = call.funcname[-1].string.sval
    if alias and not names:
        names = [alias]
    return Item(alias, {name: frozenset() for name in names}, opaque=True)


def _json_columns(columns: Any) -> list[str]:
    names = []
    for node in columns:
        names += [node.json_table_column.name] if node.json_table_column.name else []
        names += _json_columns(node.json_table_column.columns)
    return names


def _joined(alias: Any, items: list[Item]) -> Item:
    names = _alias_columns(alias)
    columns = [(name, origins) for item in items for name, origins in item.columns.items()]
    renamed = {
        (names[place] if place < len(names) else name): origins
        for place, (name, origins) in enumerate(columns)
    }
    hidden = frozenset(name for item in items for name in item.hidden) - set(renamed)
    # USING merges columns, so that an alias list may end up at others than counted here.
    return Item(alias.aliasname, renamed, hidden, opaque=bool(names) or any(item.opaque for item in items))
