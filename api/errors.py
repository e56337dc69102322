"""Errors of the backend: each knows the status, title and code under which a client meets it.

::

    CustardError
    ├── StartupError                 the server cannot or must not start
    │   ├── BadSettings
    │   ├── UnsafeBind
    │   └── PortInUse
    └── ApiError                     answered as problem+json, see api.problem
        ├── BadQuestion              422
        ├── BadCursor                422
        ├── Unauthorized             401
        ├── ForeignHost              403
        ├── ForeignOrigin            403
        ├── BadJoinCode              403
        ├── NotFound                 404
        │   ├── UnknownConnection
        │   ├── UnknownAgent
        │   ├── UnknownRun
        │   ├── UnknownThread
        │   ├── NoSnapshot
        │   └── NoResult
        ├── KeyReused                409
        ├── ThreadElsewhere          409
        ├── ResultGone               410
        ├── BadRange                 416
        ├── BodyTooLarge             413
        ├── UnsupportedMedia         415
        ├── TooManyRequests          429, Retry-After
        ├── FormatUnavailable        501
        ├── ExportRefused            403
        ├── ExportUnfit              422
        ├── ExportFailed             502
        ├── AgentTrouble             502
        └── Unavailable              503, Retry-After
            ├── AgentOffline
            ├── ModelMissing
            ├── StoreUnavailable
            │   └── StoreRefused     422
            ├── BusUnavailable
            ├── Busy
            └── ShuttingDown
"""

from wire.errors import CustardError


class StartupError(CustardError):
    """The server cannot or must not start."""

    code = "startup"


class BadSettings(StartupError):
    """A setting has a value that cannot be used; the message names it."""

    code = "bad_settings"


class UnsafeBind(StartupError):
    """Without keys only a loopback address may be bound."""

    code = "unsafe_bind"


class PortInUse(StartupError):
    """Another process listens on the address."""

    code = "port_in_use"


class ApiError(CustardError):
    """A request that is answered with a problem."""

    status = 500
    title = "Something went wrong"
    retry_after: int | None = None
    """Seconds after which asking again makes sense; None sends no ``Retry-After``."""
    run_id: str | None = None
    """The run that it is about, when the address does not name it."""


class BadQuestion(ApiError):
    code = "bad_question"
    status = 422
    title = "The question cannot be taken"


class BadCursor(ApiError):
    """A ``before`` that no earlier page gave out."""

    code = "bad_cursor"
    status = 422
    title = "The page cannot be found"


class Unauthorized(ApiError):
    """No key, or one that nobody has."""

    code = "unauthorized"
    status = 401
    title = "A key is needed"


class ForeignHost(ApiError):
    """The Host header names something that is not this server: a rebound name, perhaps."""

    code = "foreign_host"
    status = 403
    title = "This name does not lead here"


class ForeignOrigin(ApiError):
    """A page of another site tries to change something here."""

    code = "foreign_origin"
    status = 403
    title = "Not from that page"


class BadJoinCode(ApiError):
    """Unknown, used or expired: the three are not told apart, so that nothing can be learnt by trying."""

    code = "bad_join_code"
    status = 403
    title = "The join code does not work"


class NotFound(ApiError):
    code = "not_found"
    status = 404
    title = "Not found"


class UnknownConnection(NotFound):
    code = "unknown_connection"
    title = "No such connection"


def connection_gone() -> UnknownConnection:
    """The error of what was asked of a connection while it was deleted."""
    return UnknownConnection("The connection was deleted meanwhile.")


class UnknownAgent(NotFound):
    code = "unknown_agent"
    title = "No such agent"


class UnknownRun(NotFound):
    code = "unknown_run"
    title = "No such run"


class UnknownThread(NotFound):
    code = "unknown_thread"
    title = "No such thread"


class NoSnapshot(NotFound):
    """The connection's agent has not told its tables yet."""

    code = "no_snapshot"
    title = "The tables are not known yet"


class NoCases(NotFound):
    """No cases of an eval lie beside the connection's agent."""

    code = "no_cases"
    title = "The agent holds no cases"


class BadRange(ApiError):
    """A part of a file that the file does not have, or that cannot be understood."""

    code = "bad_range"
    status = 416
    title = "There is no such part"


class NoResult(NotFound):
    """The run has no rows to give."""

    code = "no_result"
    title = "The run has no result"


class KeyReused(ApiError):
    """An idempotency key came again with another body."""

    code = "idempotency_key_reused"
    status = 409
    title = "The idempotency key was used for another question"


class ThreadElsewhere(ApiError):
    """The thread belongs to another connection."""

    code = "thread_elsewhere"
    status = 409
    title = "The thread is about another database"


class ResultGone(ApiError):
    """The result was kept and has been dropped for space or age."""

    code = "result_gone"
    status = 410
    title = "The result is no longer kept"


class BodyTooLarge(ApiError):
    code = "body_too_large"
    status = 413
    title = "The body is too large"


class UnsupportedMedia(ApiError):
    code = "unsupported_media_type"
    status = 415
    title = "The body must be JSON"


class TooManyRequests(ApiError):
    code = "too_many_requests"
    status = 429
    title = "Too many requests"

    def __init__(self, message: str, hint: str = "", retry_after: int = 60) -> None:
        super().__init__(message, hint)
        self.retry_after = retry_after


class FormatUnavailable(ApiError):
    """The format needs a package that is not installed here."""

    code = "format_unavailable"
    status = 501
    title = "That format is not available here"


class ExportRefused(ApiError):
    """The owner's policy does not let this leave as a file."""

    code = "export_refused"
    status = 403
    title = "The owner does not permit this export"


class ExportUnfit(ApiError):
    """The result has no exact form in the format that was asked for."""

    code = "export_unfit"
    status = 422
    title = "The result does not fit this format"


class ExportFailed(ApiError):
    """The statement could not be run again, or not to its end."""

    code = "export_failed"
    status = 502
    title = "The export failed"


class AgentTrouble(ApiError):
    """The agent answered, but not with what was asked of it."""

    code = "agent_trouble"
    status = 502
    title = "The agent could not do it"


class Unavailable(ApiError):
    code = "unavailable"
    status = 503
    title = "Not available right now"
    retry_after: int | None = 5


class AgentOffline(Unavailable):
    code = "agent_offline"
    title = "The agent is offline"


class ModelMissing(Unavailable):
    """No model is configured."""

    code = "model_missing"
    title = "No model is configured"


class StoreUnavailable(Unavailable):
    """The store cannot be read or written: full, read-only, locked or broken."""

    code = "store_unavailable"
    title = "The store is not available"


class StoreRefused(StoreUnavailable):
    """The store works, and cannot hold just this: what its encoding lacks, or more than a value may have.

    Asking again would change nothing.
    """

    code = "not_storable"
    status = 422
    title = "The store cannot hold this"
    retry_after = None


class BusUnavailable(Unavailable):
    """The replica that could serve it cannot be reached."""

    code = "bus_unavailable"
    title = "Another replica cannot be reached"


class Busy(Unavailable):
    code = "busy"
    title = "Too many questions at once"


class ShuttingDown(Unavailable):
    code = "shutting_down"
    title = "The backend is stopping"
