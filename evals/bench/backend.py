"""A backend of its own process whose model answers at once, or whose questions are what one of the pipelines
here takes: ``python -m evals.bench.backend FOLDER [PIPELINE]``. Prints its address when it listens."""

import asyncio
import sys
from pathlib import Path

from api.app import create_app
from api.server import bind, make_server, url_of
from api.settings import Settings
from evals.bench.pipelines import PIPELINES
from evals.bench.questions import PromptModel


async def main(home: Path, asked: str | None) -> None:
    """Serve until SIGTERM. ``asked`` names what questions are; None means questions."""
    settings = Settings(
        home=home,
        port=0,
        frontend_dir=home / "no-frontend",
        log_level="error",
        max_running=512,
        max_running_per_connection=512,
        export_stall_seconds=3_600,
    )
    pipeline = None if asked is None else PIPELINES[asked]
    app = create_app(settings, pipeline=pipeline, model=PromptModel(responses=["unused"]))
    listener = bind(settings)
    print(url_of(listener, settings), flush=True)
    await make_server(app, settings).serve(sockets=[listener])


if __name__ == "__main__":
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None))
