"""Logs: one JSON object a line on standard error. Never a secret, a question, SQL or a row."""

import logging
import sys

import structlog

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure(level: str) -> None:
    """Set logging up for this process; an unknown level means ``info``."""
    logging.getLogger("uvicorn.error").addFilter(_silence)
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


def _to_stderr(*_: object) -> structlog.PrintLogger:
    """Found when a line is written, since a test or a daemon may have replaced it meanwhile."""
    return structlog.PrintLogger(sys.stderr)
