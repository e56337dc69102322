"""The application: every part made, wired and, with its lifespan, opened and closed.

``api.app:app`` is made from the environment when it is first asked for, so that Studio and uvicorn can name
it while tests and the command line make their own.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
from fastapi import FastAPI
from langchain_core.language_models import BaseChatModel
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import WebSocketRoute

from api import VERSION, problem
from api.admission import Admission
from api.auth import Keyring
from api.bus import make_bus
from api.bus.protocol import Bus
from api.driver import Pipeline
from api.export import ExportLimits, Exports
from api.gateway import Gateway, StatementLimits
from api.guard import Guard
from api.limits import Bucket
from api.logs import configure
from api.metrics import Metrics
from api.models import Models
from api.openapi import document
from api.parting import Parting
from api.replicas import Replicas
from api.results import Results
from api.routes import agents, cases, connections, query, reference, runs, status, threads
from api.routes.socket import PATH, agent_socket
from api.runs import Runs
from api.serving import Serving
from api.settings import Settings, load_settings
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
    bus: Bus | None = None,
) -> FastAPI:
    """The application.

    Args:
        settings: None reads the environment.
        store: None takes the one that the settings name: see ``api.store.make_store``.
        pipeline: what makes a run's events; None means the graph.
        model: the chat model; None makes the one that the settings name.
        bus: None takes the one that the settings name: see ``api.bus.make_bus``.

    Raises:
        BadSettings: the keys, or another setting, cannot be taken.
    """
    settings = settings or load_settings()
    configure(settings.log_level)
    state = _state(settings, store or make_store(settings), bus or make_bus(settings), pipeline, model)
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
    for module in (connections, agents, cases, query, runs, threads, status, reference):
        app.include_router(module.router)
    # Starlette's own route: FastAPI's costs an agent half as much memory again and buys nothing here.
    # And first: a herd of agents is not to be held against every other route.
    app.router.routes.insert(0, WebSocketRoute(PATH, agent_socket))
    if (settings.frontend_dir / "index.html").is_file():
        app.frontend("/", directory=settings.frontend_dir, fallback="index.html")
    app.add_middleware(Guard, settings=settings)
    app.add_middleware(Parting, stopping=lambda: state.runs.closing)
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


def _state(
    settings: Settings, store: Store, bus: Bus, pipeline: Pipeline | None, model: BaseChatModel | None
) -> State:
    metrics = Metrics()
    results = Results(settings.home / "results", settings.results_bytes)
    models = Models(settings, model)
    limits = StatementLimits(settings.statement_seconds, settings.max_rows, settings.max_result_bytes)
    replicas = Replicas(bus)
    gateway = Gateway(store, results, metrics, limits, settings.reconnect_seconds, replicas)
    runs = Runs(settings, store, gateway, models, metrics, replicas, pipeline)
    exports = Exports(results, gateway, store, _export_limits(settings))
    serving = Serving(store, gateway, runs, exports)
    replicas.take, replicas.heed, replicas.give = serving.take, serving.heed, serving.give
    if replicas.shared:
        results.fetch = replicas.kept
    return State(
        settings=settings,
        keyring=Keyring(settings.keys),
        store=store,
        results=results,
        exports=exports,
        metrics=metrics,
        models=models,
        gateway=gateway,
        runs=runs,
        admission=Admission(settings.agents_per_second),
        joins=Bucket(_JOINS_AT_ONCE, _JOINS_PER_MINUTE),
    )


def _export_limits(settings: Settings) -> ExportLimits:
    share = settings.max_exports // 2 if settings.several_tenants else settings.max_exports
    return ExportLimits(
        seconds=settings.export_seconds,
        stall_seconds=settings.export_stall_seconds,
        at_once=settings.max_exports,
        per_tenant=settings.max_exports_per_tenant or max(1, share),
    )


async def _share_results(state: State) -> None:
    """Let other replicas fetch what is kept here, where there may be any."""
    if not state.gateway.replicas.shared:
        return
    try:
        place = await asyncio.to_thread(state.results.place)
    except OSError as error:
        _log.warning("results cannot be kept", kind=type(error).__name__, errno=error.errno)
        return
    await state.gateway.replicas.keep(place, state.results.pieces)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    state: State = app.state.custard
    await state.store.open()
    await state.results.open()
    await state.gateway.replicas.open()
    await _share_results(state)
    resumed = await state.runs.open()
    _log.info("open", version=VERSION, resumed_runs=resumed, single_user=state.settings.single_user)
    try:
        yield
    finally:
        await state.runs.close(0)
        await state.gateway.replicas.close()
        await state.gateway.close()
        state.exports.close()
        await state.results.close()
        await state.store.close()
        _log.info("closed")
