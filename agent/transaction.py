"""The transaction that a statement runs in: read-only, its settings pinned, always rolled back."""

import re
from collections.abc import Collection

from wire.policy import Limits

WORK_MEM = "16MB"
SEARCH_PATH = ("pg_catalog", "public", "pg_temp")
"""pg_catalog first and temporary objects last: nothing can take the place of what is PostgreSQL's own."""

_CONSTANT = "; ".join(
    f"SET LOCAL {name} = '{value}'"
    for name, value in {
        "work_mem": WORK_MEM,
        "max_parallel_workers_per_gather": "0",
        # The whole result is read, so the plan that is quickest to its end is wanted, not to its first row.
        "cursor_tuple_fraction": "1",
        "jit": "off",
        "row_security": "on",
        "standard_conforming_strings": "on",
        "DateStyle": "ISO, MDY",
        "IntervalStyle": "postgres",
        "bytea_output": "hex",
        "extra_float_digits": "1",
    }.items()
)
_UNSAFE_NAME = re.compile(r"[^A-Za-z0-9_.-]")


def begin_read_only(
    limits: Limits,
    seconds: float,
    *,
    run_id: str = "",
    search_path: Collection[str] = SEARCH_PATH,
    server_version: int = 0,
    guard: str = "",
) -> str:
    """``BEGIN`` and every setting that a statement runs under, for this transaction alone.

    Sent in one piece by the simple protocol; nothing in it comes from outside but ``run_id``, of which only
    letters, digits, ``_``, ``.`` and ``-`` are kept.

    Args:
        guard: a condition of ours; when it is not true, the whole ends in a division by zero (22012), which
            costs a statement that goes on no round trip of its own.
    """
    milliseconds = max(1, int(seconds * 1000))
    name = f"custard-agent/{_UNSAFE_NAME.sub('', run_id)[:40]}" if run_id else "custard-agent"
    path = ", ".join('"' + schema.replace('"', '""') + '"' for schema in search_path)
    lock = max(1, int(min(limits.lock_seconds, seconds) * 1000))
    text = (
        f"BEGIN READ ONLY; SET LOCAL application_name = '{name}'; SET LOCAL search_path = {path};"
        f" SET LOCAL statement_timeout = {milliseconds}; SET LOCAL lock_timeout = {lock};"
        f" SET LOCAL idle_in_transaction_session_timeout = {milliseconds + 5_000}; {_CONSTANT}"
    )
    if server_version >= 140_000:
        # A client that was killed is noticed in the middle of its statement, not at the end.
        text += "; SET LOCAL client_connection_check_interval = 1000"
    if server_version >= 170_000:
        text += f"; SET LOCAL transaction_timeout = {milliseconds + 10_000}"
    return text + (f"; SELECT 1 / coalesce({guard}, false)::pg_catalog.int4" if guard else "")
