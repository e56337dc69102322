"""Which types have values that operators put together, or compare part by part, besides texts and arrays.

``||`` always makes one value of two. Four more operators do so for some types only: ``+`` joins paths and
multiranges, ``&&`` and ``<->`` join search queries, and intarray's ``+`` and ``|`` join arrays. For every
other type they give a truth or a number, so a rule must know which of them is meant.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from agent.sandbox.catalog import JOINS, OUTLINES, Catalog
from agent.sandbox.columns import COLUMN, FIELDS, JOINING, OUTLINE, OUTLINED, TABLE_COLUMN, Cell, Columns
from agent.sandbox.vocabulary import words

JOINING_OPERATORS = words("+ && <-> |")
"""Operators that make one value of two, where the type is one of those."""
OUTLINE_OPERATORS = words("<-> ?# @> <@ && ~= #")
"""Operators that compare each point, or side, of a path or polygon with each of another, in one step."""
TRUTHS = words("""
    = <> != < <= > >= ~ ~* !~ !~* ~~ ~~* !~~ !~~* ~<=~ ~<~ ~>=~ ~>~ *< *<= *<> *= *> *>= @> <@ && @? @@ @@@ ?
    ?& ?| ?# ?- ?-| ?|| -|- &< &<| &> |&> <<| |>> <<= >>= <^ >^ ^@ ~= <-> @-@
""")
"""Operators that give a truth or a number, of whatever length their operands are."""
MULTIRANGES = words("""
    datemultirange int4multirange int8multirange nummultirange tsmultirange tstzmultirange
""")
ARRAYS = words("""
    array_agg array_append array_cat array_fill array_prepend array_remove array_replace array_reverse
    array_sample array_shuffle array_sort regexp_split_to_array string_to_array
""")

_FUNCTIONS = {
    **dict.fromkeys(words("path pclose popen polygon"), JOINING | OUTLINED),
    **dict.fromkeys(
        words("phraseto_tsquery plainto_tsquery to_tsquery tsquery_phrase websearch_to_tsquery"), JOINING
    ),
    **dict.fromkeys(MULTIRANGES | words("multirange range_agg range_intersect_agg"), JOINING),
    **dict.fromkeys(ARRAYS, JOINING),
}
_TYPES = {
    **dict.fromkeys(words("path polygon"), JOINING | OUTLINED),
    **dict.fromkeys(MULTIRANGES | words("tsquery"), JOINING),
}


@dataclass(frozen=True)
class Kinds:
    """What is known of types by the names that the text to run has for them."""

    catalog: Catalog

    @cached_property
    def _types(self) -> dict[str, int]:
        found = dict(_TYPES)
        for info in self.catalog.types:
            found[info.name] = found.get(info.name, 0) | _traits(info.joins)
        return found

    def of_type(self, type_name: object) -> int:
        """The traits of a value cast to a type, as the tree has it."""
        names = getattr(type_name, "names", ())
        word = names[-1].string.sval if names else ""
        array = JOINING if getattr(type_name, "array_bounds", ()) else 0
        return self._types.get(word, 0) | array

    def of_call(self, call: object) -> int:
        """The traits of what a function gives, whatever it is given."""
        name = [part.string.sval for part in getattr(call, "funcname", ())]
        # What an extension's or the owner's gives is not known here.
        unknown = JOINING if name[:-1] != ["pg_catalog"] and name[-1] not in _FUNCTIONS else 0
        return unknown | _FUNCTIONS.get(name[-1], 0)

    def of_relation(self, schema: str, name: str, names: list[str]) -> Columns:
        """The columns of a table: those with traits by their names, the rest as one.

        Args:
            names: of a column alias list, which may mean any of them.
        """
        relation = self.catalog.by_name.get((schema, name)) if schema else None
        columns: Columns = []
        traits = 0
        for column in relation.columns if relation else ():
            if column.joins:
                own = _traits(column.joins)
                traits |= own
                columns.append((column.name, Cell(1, OUTLINE if own & OUTLINED else COLUMN, own)))
        renamed = TABLE_COLUMN._replace(size=OUTLINE if traits & OUTLINED else COLUMN, traits=traits)
        return [*columns, *((alias, renamed) for alias in names), (FIELDS, TABLE_COLUMN)]


def _traits(joins: str) -> int:
    if joins == OUTLINES:
        return JOINING | OUTLINED
    return JOINING if joins == JOINS else 0
