"""Sparing Python's garbage collector the work that it has with what lives as long as the process."""

import gc

YOUNG = 10_000
"""Containers that may come to be before the young ones are looked at; Python's own 700 is a fraction of one
body's rows."""


def spare() -> None:
    """Look once at all that there is, and never again; look at what comes less often.

    For a process whose modules are loaded: a hundred thousand objects that stay were looked through time and
    again, and took an export more than the reading of its rows.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 10, 10)
