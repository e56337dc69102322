"""Importing ahead what the first question needs, so that nobody waits seconds for it."""

import gc
import threading
from importlib import import_module

import structlog

_log = structlog.get_logger("api.warm")

_YOUNG = 10_000
"""Containers that may come to be before the collector looks at them: a question makes some thousand."""
HEAVY = ("langgraph.graph", "langchain_openai", "sqlglot", "graph.build")
"""Imported when first used, since they cost seconds and the port should open before that."""


def warm() -> threading.Thread:
    """Import the heavy modules in a thread of its own.

    A daemon, so that a process that is told to stop meanwhile need not wait. A module that cannot be imported
    is only logged: the run that needs it says so to whoever asked.
    """
    thread = threading.Thread(target=_import_all, name="warm", daemon=True)
    thread.start()
    return thread


def _import_all() -> None:
    for name in HEAVY:
        try:
            import_module(name)
        except Exception as error:
            _log.warning("not_warmed", module=name, error=type(error).__name__)
            return
    _spare_collector()
    _log.debug("warm")


def _spare_collector() -> None:
    """What is loaded by now stays: looking for garbage in half a million objects again and again costs every
    question, and now and then one of them a tenth of a second."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 10, 10)
