"""Logs: one JSON object a line on standard error. Never a secret, a question, SQL or a row."""

import logging
import sys

import structlog

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure(level: str) -> None:
    """Set logging up for this process; an unknown level means ``info``."""
    logging.getLogger("uvicorn.error").addFilter(_silence)
    logging.getLogger("psycopg.pool").addFilter(_retell)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS.get(level.lower(), logging.INFO)),
        logger_factory=_to_stderr,
        cache_logger_on_first_use=False,
    )


def bare(error: BaseException | None) -> BaseException | None:
    """The error's type and traceback without its text, which may quote a row or a secret."""
    return None if error is None else RuntimeError(type(error).__name__).with_traceback(error.__traceback__)


def _silence(record: logging.LogRecord) -> bool:
    """uvicorn repeats errors that are logged already, with their text; the repetition goes."""
    return record.exc_info is None


def _retell(record: logging.LogRecord) -> bool:
    """What the store's pool says of its connections, as a line like all others and without what the driver
    says of a connection string: it quotes a piece."""
    if record.levelno >= logging.WARNING:
        args = record.args if isinstance(record.args, tuple) else ()
        errors = [arg for arg in args if isinstance(arg, BaseException)]
        quoting = any(kind.__name__ == "ProgrammingError" for one in errors for kind in type(one).__mro__)
        lines = [] if quoting else record.getMessage().splitlines()
        said = lines[0] if lines else ", ".join(type(one).__name__ for one in errors)
        structlog.get_logger("api").warning("database connections", said=said)
    return False


def _to_stderr(*_: object) -> structlog.PrintLogger:
    """Found when a line is written, since a test or a daemon may have replaced it meanwhile."""
    return structlog.PrintLogger(sys.stderr)
