"""FROM: every relation looked up and replaced by what may be read of it, every alias remembered."""

from __future__ import annotations

from typing import Any

import postgast
from postgast import pg_query_pb2 as pb

from agent.sandbox.access import RelationAccess
from agent.sandbox.bodies import check_body, plain_rows
from agent.sandbox.catalog import Relation
from agent.sandbox.expressions import Expressions
from agent.sandbox.filters import bad_filter, parse_condition, qualified
from agent.sandbox.leaks import may_tell
from agent.sandbox.references import ColumnDenied
from agent.sandbox.scope import Ctes, Item, Outputs, Scope
from agent.sandbox.shape import MESSAGES, children, unwrap
from agent.sandbox.verdict import Refusal
from agent.sandbox.words import OwnersWords
from agent.sandbox.wrapping import wrap, wrap_view
from wire.masks import Mask

SAMPLERS = frozenset({"bernoulli", "system"})
MAX_VIEW_DEPTH = 20
FILTER_MESSAGES = MESSAGES - {"SubLink", "SelectStmt", "WindowDef", "GroupingFunc"}


class Sources(Expressions):
    """How a walk looks at FROM."""

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
            self.shielded(value, scope, ctes)
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
            select, readable, item.masks = replaced
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
            names = dict(zip(item.columns, aliases, strict=False))
            item.columns = {names.get(column, column): found for column, found in item.columns.items()}
            item.masks = {names.get(column, column): masks for column, masks in item.masks.items()}
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
    ) -> tuple[Any, list[str], dict[str, tuple[Mask, ...]]] | None:
        """What takes the relation's place, its columns, and the masks that are in them; None when it
        stays."""
        relation = access.relation
        if access.inline:
            body, outputs = self.view_body(access)
            if relation.kind == "m":
                masked = {
                    origin
                    for output in outputs.columns
                    for origin in output.origins
                    if self.is_masked(origin)
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
                below = {
                    column.name: output.masks
                    for column, output in zip(relation.columns, outputs.columns, strict=False)
                    if not outputs.merged
                }
                own = {column: (mask,) for column, mask in access.masks.items()}
                made = wrap_view(access, self._key, self._conditions(access), body, readable)
                return made, readable, below | own
        if access.restricted:
            key = (relation.oid, access.trust, only)
            made, conditions = self._access.wrapped.get(key), self._conditions(access)
            if made is None or sample is not None:
                made = wrap(access, self._key, conditions, only=only, sample=sample)
                if sample is None:
                    self._access.wrapped[key] = made
            return made, list(access.readable), {column: (mask,) for column, mask in access.masks.items()}
        if access.window and _leaves_out(relation) and self._tells():
            return wrap(access, self._key, (), only=False, sample=sample), list(access.readable), {}
        return None

    def _conditions(self, access: RelationAccess) -> list[Any]:
        """The expressions of the relation's row filters. The owner's may ask other tables, as they are."""
        found = []
        for text, owners in access.filters:
            known = self._access.conditions.get((text, owners))
            if known is None:
                known = self._access.conditions[text, owners] = qualified(self._catalog, text, owners=owners)
            self.relations |= known.relations
            self.cte_names |= known.ctes
            found.append(known.expression)
        return found

    def _tells(self) -> bool:
        """Whether the statement may tell by an error of rows that a view leaves out."""
        return self.statement is None or may_tell(self.statement)

    def is_masked(self, origin: tuple[str, str]) -> bool:
        """Whether a column's values are, or may be, rewritten."""
        relation = self._catalog.by_qualified_name.get(origin[0])
        base = self._access.of(relation) if relation is not None else None
        return base is None or base.inline or origin[1] in base.masks

    def view_body(self, access: RelationAccess) -> tuple[Any, Outputs]:
        """A view's definition with the policy inside, and its result columns.

        Raises:
            Refusal: it depends on what may not be read.
        """
        if self._depth >= MAX_VIEW_DEPTH:
            raise Refusal("bounds", "too_deep", "Views are nested too deeply.")
        body = postgast.parse(access.relation.definition or "").stmts[0].stmt.select_stmt
        plain_rows(body, self._catalog)
        whole = len(access.trust) == len(self._access.stack.policies)
        words = OwnersWords(self._words.stack, self._catalog) if whole else self._words
        inside = type(self)(self._access, words, self._key)
        inside._in_view, inside._depth, inside._trust = True, self._depth + 1, access.trust
        inside.statement = self.statement
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
        scope.merged = scope.merged or bool(join.using_clause) or join.is_natural
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
            for item in left + right:
                for other in right if item in left else left:
                    self._note(item, [name for name in item.columns if name in other.columns])
            for one, others in ((left, right), (right, left)):
                for item in one:
                    for name in item.hidden:
                        if any(name in other.columns or name in other.hidden for other in others):
                            raise ColumnDenied(item.alias, name)


def _leaves_out(view: Relation) -> bool:
    """Whether a view may show fewer rows than what it reads has."""
    select = postgast.parse(view.definition or "").stmts[0].stmt.select_stmt
    if any(select.HasField(part) for part in ("where_clause", "having_clause", "with_clause", "limit_count")):
        return True
    if select.op != pb.SETOP_NONE or select.distinct_clause or select.group_clause:
        return True
    return len(select.from_clause) != 1 or select.from_clause[0].WhichOneof("node") != "range_var"


def _alias_columns(alias: Any) -> list[str]:
    return [part.string.sval for part in alias.colnames]


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
    masks = {
        name: tuple(mask for found in ways for mask in found)
        for name in ({} if names else renamed)
        if all(ways := [item.masks.get(name, ()) for item in items if name in item.columns])
    }
    opaque = bool(names) or any(item.opaque for item in items)
    return Item(alias.aliasname, renamed, hidden, opaque=opaque, masks=masks)
