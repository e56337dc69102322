"""What may become of a thing in the end: *failed*, *won*, *returned*. A status or a code may say so."""

import re

from graph.context.words import fold, listed, stem, words

OUTCOMES = listed(
    """
    abandon abandoned accept accepted admit admitted approve approved arrive arrived beat beaten break
    broke broken cancel canceled cancelled clear cleared close closed complete completed decline declined
    defeat defeated deliver delivered deny denied died discontinued draw drawn drew expire expired fail
    failed finish finished fix fixed grant granted leave left lose loses loss lost miss missed paid pass
    passed pay postponed refund refunded refuse refused reject rejected resolve resolved retire retired
    return returned sell settle settled sold solve solved succeed succeeded survive survived suspended
    terminated turn turned win wins withdraw withdrawn withdrew won
    """
)
"""In any form of the verb."""
_FORMS = (
    listed("win won wins"),
    listed("loss lose lost loses losses"),
    listed("draw drawn drew draws"),
    listed("withdraw withdrawn withdrew withdraws"),
    listed("pay paid pays"),
    listed("sell sold sells"),
    listed("break broke broken breaks"),
)
"""Irregular ones."""


def said_forms(value: str, text: str) -> str:
    """A value as a text has it, as a pattern: an outcome in any form of its verb, anything else as it is.

    Args:
        value: as the column holds it.
        text: a question or a note, folded.
    """
    spelt = r"[\s_-]+".join(map(re.escape, words(value)))
    own = fold(value)
    if own not in OUTCOMES:
        return spelt
    forms = {form for forms in _FORMS if own in forms for form in forms}
    same = [word for word in words(text) if stem(word) == stem(own) or word in forms]
    return f"(?:{'|'.join(map(re.escape, dict.fromkeys([*same, own])))})"
