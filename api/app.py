"""The application: every part made, wired and, with its lifespan, opened and closed.

``api.app:app`` is made from the environment when it is first asked for, so that Studio and uvicorn can name
it while tests and the command line make their own.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
from fastapi import FastAPI
from langchain_core.language_models import BaseChatModel
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import WebSocketRoute

from api import VERSION, problem
from api.auth import Keyring
from api.driver import Pipeline
from api.gateway import Gateway, StatementLimits
from api.guard import Guard
from api.limits import Bucket
from api.logs import configure
from api.metrics import Metrics
from api.models import Models
from api.openapi import document
from api.results import Results
from api.routes import agents, connections, query, reference, runs, status, threads
from api.routes.socket import agent_socket
from api.runs import Runs
from api.settings import Settings
from api.state import State
from api.store import make_store
from api.store.protocols import Store

_log = structlog.get_logger("api")

_JOINS_AT_ONCE = 20
_JOINS_PER_MINUTE = 10

_made: list[FastAPI] = []


def create_app(
    settings: Settings | None = None,
    *,
    store: Store | None = None,
    pipeline: Pipeline | None = None,
    model: BaseChatModel | None = None,
) -> FastAPI:
    """The application.

    Args:
        settings: None reads the environment.
        store: None takes the one that the settings name: see ``api.store.make_store``.
        pipeline: what makes a run's events; None means the graph.
        model: the chat model; None makes the one that the settings name.

    Raises:
        BadSettings: the keys cannot be taken.
    """
    settings = settings or Settings()
    configure(settings.log_level)
    state = _state(settings, store or make_store(settings), pipeline, model)
    app = FastAPI(
        title="Custard",
        version=VERSION,
        description="Ask a PostgreSQL database a question; get an answer you can check.",
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        responses={"default": problem.default_response()},
    )
    app.state.custard = state
    problem.install(app)
    for module in (connections, agents, query, runs, threads, status, reference):
        app.include_router(module.router)
    # Starlette's own route: FastAPI's costs an agent half as much memory again and buys nothing here.
    app.router.routes.append(WebSocketRoute("/ws", agent_socket))
    if (settings.frontend_dir / "index.html").is_file():
        app.frontend("/", directory=settings.frontend_dir, fallback="index.html")
    app.add_middleware(Guard, settings=settings)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Last-Event-ID", "Prefer", "Accept"],
            expose_headers=["Location", "X-Run-Id", "Retry-After", "Content-Disposition"],
        )
    app.openapi = lambda: document(app)  # type: ignore[method-assign]  # FastAPI's own way to extend it
    _made.append(app)
    return app


def current() -> State:
    """The state of the application that this process made last: Studio's graph finds its ports here.

    Raises:
        LookupError: none was made.
    """
    if not _made:
        raise LookupError("No application was made in this process; call api.app.create_app first.")
    state: State = _made[-1].state.custard
    return state


def __getattr__(name: str) -> Any:
    """``app``, made when first asked for."""
    if name == "app":
        globals()["app"] = create_app()
        return globals()["app"]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _state(settings: Settings, store: Store, pipeline: Pipeline | None, model: BaseChatModel | None) -> State:
    metrics = Metrics()
    results = Results(settings.home / "results", settings.results_bytes)
    models = Models(settings, model)
    limits = StatementLimits(settings.statement_seconds, settings.max_rows, settings.max_result_bytes)
    gateway = Gateway(store, results, metrics, limits, settings.reconnect_seconds)
    return State(
        settings=settings,
        keyring=Keyring(settings.keys),
        store=store,
        results=results,
        metrics=metrics,
        models=models,
        gateway=gateway,
        runs=Runs(settings, store, gateway, models, metrics, pipeline),
        joins=Bucket(_JOINS_AT_ONCE, _JOINS_PER_MINUTE),
    )


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    state: State = app.state.custard
    await state.store.open()
    await state.results.open()
    resumed = await state.runs.open()
    _log.info("open", version=VERSION, resumed_runs=resumed, single_user=state.settings.single_user)
    try:
        yield
    finally:
        await state.runs.close(0)
        await state.gateway.close()
        await state.store.close()
        _log.info("closed")
