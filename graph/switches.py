"""The names by which steps, rules and checks are switched off (``graph.ports.Settings.without``).

A name that nothing answers to switches off nothing, and what is then measured would be told as the worth of a
step; so whoever takes names from a person asks :func:`unknown_switches` first.
"""

from collections.abc import Iterable
from difflib import get_close_matches

from graph.autofix import RULES as MENDING
from graph.lint import RULES as LINTING
from graph.results import NAMES as RESULT_CHECKS

STEPS = frozenset({"check_answerable", "ground", "find_values", "autofix", "check_result", "second_draft"})
"""Nodes of the graph that a run can do without."""
PARTS = frozenset(
    {
        "cannot_answer",
        "lint",
        "linked_notes",
        "prune",
        "redraft",
        "short_names",
        "spelled_out",
        "standalone_question",
        "surprisal",
        "unsaid_word",
        "value_lookup",
        "worded_answer",
    }
)
"""Parts of steps."""
REFUSALS = frozenset(
    {
        "asked_beyond",
        "asked_write",
        "constant_answer",
        "copied_name",
        "dropped_name",
        "invented_concept",
        "unclear",
        "unheld_name",
        "unheld_word",
        "unknown_thing",
        "unsound_draft",
    }
)
"""Checks that refuse a question by how it is put or by what its draft gives away."""
SWITCHES = STEPS.union(
    PARTS, REFUSALS, RESULT_CHECKS, (rule.name for rule in MENDING), (rule.name for rule in LINTING)
)

SINGLE_SHOT = (STEPS - {"ground"}) | (PARTS - {"cannot_answer"}) | REFUSALS
"""All that stands between a question and its query but the model itself. With no repair either, what is
left is one prompt with the whole schema and one query, run as it came: what figures are held against."""


def unknown_switches(names: Iterable[str]) -> dict[str, list[str]]:
    """The names that switch off nothing, each with those that may have been meant, the likeliest first."""
    return {
        name: get_close_matches(name, sorted(SWITCHES), n=3)
        for name in sorted(set(names))
        if name not in SWITCHES
    }
