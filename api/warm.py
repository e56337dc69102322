"""Importing ahead what the first question needs, so that nobody waits seconds for it."""

import threading
from importlib import import_module

import structlog

_log = structlog.get_logger("api.warm")

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
    _log.debug("warm")
