"""``custard studio``: LangGraph Studio's server over the demo database, with a real agent attached."""

import os
import shutil
import sys
import time
from pathlib import Path

from cli.console import err
from cli.errors import UsageError

_QUIET = {
    # Without these the server calls home for analytics and for its newest version.
    "LANGGRAPH_CLI_NO_ANALYTICS": "1",
    "LANGGRAPH_NO_VERSION_CHECK": "1",
    "LANGGRAPH_DISABLE_FILE_PERSISTENCE": "true",
}


def run_studio(port: int) -> None:
    """Serve until Ctrl-C.

    Raises:
        UsageError: the Studio server is not installed in this environment.
    """
    program = Path(sys.executable).parent / "langgraph"
    if not program.exists() and shutil.which("langgraph") is None:
        raise UsageError(
            "LangGraph's Studio server is not in this environment: it needs one of its own.",
            "Run: make studio",
        )
    from cli.chain import Chain, ModelChoice
    from cli.stopping import stopped_in_order
    from embedded.paths import home

    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    with (
        stopped_in_order(),
        Chain(port=port, model=ModelChoice(), folder=home(), studio=True) as chain,
    ):
        err.print(f"\n  Studio's server: [bold]{chain.url}[/], graph [bold]custard[/]")
        err.print("  Connect LangGraph Studio to that address. Ctrl-C stops everything.\n")
        try:
            while True:
                chain.tend()
                time.sleep(1)
        except KeyboardInterrupt:
            err.print("Stopping …")
