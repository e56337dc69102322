"""A draft that does not hold together, for a question of which the database hardly knows a word.

Of a question of two words one may be known by chance. A model that is asked about something else then makes
up names; asked about the database in other words than its own, it finds the right ones.
"""

from collections.abc import Collection

from graph.autofix import autofix
from graph.context.coverage import Coverage
from graph.lint import lint
from wire.snapshot import SchemaSnapshot


def unsound_draft(
    sql: str, snapshot: SchemaSnapshot, covered: Coverage, question: str, *, without: Collection[str] = ()
) -> list[str]:
    """The words that the database does not know, when a draft is rejected even after rules have mended it."""
    if not covered.needs_a_sound_draft:
        return []
    mended = autofix(sql, snapshot, question=question, without=without).sql
    return list(covered.missing) if lint(mended, snapshot, without=without).verdict == "reject" else []
