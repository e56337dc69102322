"""Log lines of libraries: told as our own are, or not at all."""

import json
import logging

import psycopg
import pytest

from api.logs import configure


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (psycopg.ProgrammingError('missing "=" after "hunter2"'), "ProgrammingError"),
        (
            psycopg.OperationalError("connection refused\nby hunter2"),
            "error connecting in 'custard-store': connection refused",
        ),
    ],
)
def test_the_pool_quotes_no_connection_string(
    error: psycopg.Error, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure("info")
    logging.getLogger("psycopg.pool").warning("error connecting in %r: %s", "custard-store", error)
    written = capsys.readouterr()
    assert "hunter2" not in written.err + written.out
    assert json.loads(written.err)["said"] == told


def test_what_the_pool_chatters_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info")
    logging.getLogger("psycopg.pool").info("adding new connection to the pool")
    assert capsys.readouterr().err == ""
