"""The database role of a running agent: examined before the first statement, and again and again after it.

The role is the wall that holds when the gate is wrong. So an agent whose role is dangerous does not start,
and one whose role becomes dangerous answers no statement until it is well again. ``agent.doctor`` says what
is dangerous; this decides what follows.
"""

import asyncio
import logging
from collections.abc import Callable, Collection

import psycopg

from agent.database import Connection, Database
from agent.doctor import Danger, examine
from agent.errors import DatabaseUnavailable, RoleRefused, SettingsError
from agent.sandbox.rows import fetch
from wire.outcome import Failed
from wire.policy import PolicyStack

_log = logging.getLogger("agent.role")

LOOK_SECONDS = 15.0
"""How often grants are looked at. A look is one query; only when its answer has changed is the role examined
anew."""
ACCEPTABLE = frozenset({"sees_more", "creates"})
"""Dangers that an owner may accept: what old servers grant to everybody, or a role that others use as well.
Neither lets a read-only transaction write; the rest would leave the gate as the only wall."""

_BEGIN = (
    "BEGIN READ ONLY; SET LOCAL statement_timeout = 30000; SET LOCAL lock_timeout = 5000; SET LOCAL jit = off"
)

_GRANTS = """
select md5(concat_ws('|',
  (select concat_ws(',', r.oid, r.rolname, r.rolsuper, r.rolcreaterole, r.rolcreatedb, r.rolreplication,
                    r.rolbypassrls) from pg_catalog.pg_roles r where r.rolname = current_user),
  (select string_agg(r.oid::text, ',' order by r.oid) from pg_catalog.pg_roles r
   where pg_catalog.pg_has_role(r.oid, 'MEMBER')),
  (select concat_ws(',', d.datdba, d.datacl) from pg_catalog.pg_database d
   where d.datname = current_database()),
  (select md5(string_agg(concat_ws(',', n.oid, n.nspowner, n.nspacl), ';' order by n.oid))
   from pg_catalog.pg_namespace n where n.nspname !~ '^pg_(toast|temp)'),
  (select md5(string_agg(concat_ws(',', c.oid, c.relowner, c.relnatts, c.relacl), ';' order by c.oid))
   from pg_catalog.pg_class c where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and c.oid >= 16384),
  (select md5(string_agg(concat_ws(',', a.attrelid, a.attnum, a.attacl), ';' order by a.attrelid, a.attnum))
   from pg_catalog.pg_attribute a where a.attacl is not null),
  (select md5(string_agg(concat_ws(',', p.oid, p.prosecdef, p.proacl), ';' order by p.oid))
   from pg_catalog.pg_proc p where p.proacl is not null or p.prosecdef),
  (select string_agg(concat_ws(',', s.oid, s.srvacl), ';' order by s.oid)
   from pg_catalog.pg_foreign_server s))) as grants
"""
"""A fingerprint of all that decides what the role may do."""


def acceptable(codes: Collection[str]) -> frozenset[str]:
    """The codes of dangers that the owner accepts.

    Raises:
        SettingsError: one of them cannot be accepted.
    """
    wrong = sorted(set(codes) - ACCEPTABLE)
    if wrong:
        raise SettingsError(
            f"A role's danger cannot be accepted: {', '.join(wrong)}.",
            f"CUSTARD_AGENT_ACCEPT_DANGERS takes {' and '.join(sorted(ACCEPTABLE))}; cure the others as"
            " `custard-agent doctor` says.",
        )
    return frozenset(codes)


class RoleWatch:
    """Knows whether the role may serve.

    Args:
        database: whose connections have the role.
        accept: codes of dangers that the owner accepts, see ``acceptable``.
    """

    def __init__(
        self, database: Database, *, accept: frozenset[str] = frozenset(), seconds: float = LOOK_SECONDS
    ) -> None:
        self._database = database
        self._accept = accept
        self._seconds = seconds
        self._grants: object = None
        self._dangers: list[Danger] | None = None
        self._excused: frozenset[str] = frozenset()
        self._policy_changed = False
        self._looking = asyncio.Lock()

    async def start(self, policy: PolicyStack) -> None:
        """The first look.

        Raises:
            RoleRefused: the role is dangerous; the message names every grant, and the line that cures it.
            DatabaseUnavailable: it could not be asked; statements are refused until a later look.
        """
        await self.look(policy)
        refused = self._refused()
        if refused:
            lines = [f"✗ {danger.what}\n    {danger.remedy}" for danger in refused]
            raise RoleRefused(
                "The database role may do more than an agent's should:\n" + "\n".join(lines),
                "Run those lines as the database's owner, or connect as the role that `custard-agent grants`"
                " makes. docs/agent.md says which dangers an owner may accept.",
            )
        for danger in self._dangers or ():
            _log.warning("the role may do more than it needs", extra=_named(danger))

    async def watch(self, policy: Callable[[], PolicyStack]) -> None:
        """Look again and again; never returns. A look that fails leaves the last answer in force."""
        while True:
            await asyncio.sleep(self._seconds)
            try:
                await self.look(policy())
            except DatabaseUnavailable as error:
                _log.debug("the role could not be examined", extra={"reason": str(error)})

    async def look(self, policy: PolicyStack) -> None:
        """Examine the role, if any grant or the policy has changed since the last time.

        Raises:
            DatabaseUnavailable: the server could not be asked.
        """
        async with self._looking:
            try:
                async with self._database.transaction(_BEGIN) as conn:
                    await self._examine(conn, policy)
            except psycopg.Error as error:
                raise DatabaseUnavailable(
                    f"The role could not be examined (sqlstate {error.sqlstate or 'none'})."
                ) from error

    def outdated(self) -> None:
        """The owner's policy has changed: what the role sees must be compared with the new one."""
        self._policy_changed = True

    def refusal(self, shown: Collection[str]) -> Failed | None:
        """Why no statement may run, for the backend to hear; None when they may.

        Args:
            shown: names that the policy shows. No other is told.
        """
        if self._dangers is None:
            return Failed(
                code="database_unavailable",
                message="The agent has not been able to examine its database role yet.",
                hint="Ask again in a moment; the database must answer first.",
                retryable=True,
            )
        refused = self._refused()
        if not refused:
            return None
        first = refused[0]
        if first.on and first.on not in shown:
            what, cure = "Its role may reach something that the policy does not show.", ""
        else:
            what, cure = first.what, f"Its cure: {first.remedy} "
        others = f" ({len(refused)} dangers in all)" if len(refused) > 1 else ""
        return Failed(
            code="policy",
            layer="role",
            message=f"The agent runs nothing, because its database role may do too much. {what}{others}",
            hint=f"{cure}The agent's log and `custard-agent doctor` name each grant.",
        )

    async def _examine(self, conn: Connection, policy: PolicyStack) -> None:
        # What the backend tightens is no reason to take grants away: the owner's policy made them.
        owner = PolicyStack(owner=policy.owner)
        [[grants]] = await fetch(conn, _GRANTS)
        changed_policy, self._policy_changed = self._policy_changed, False
        if grants == self._grants and not changed_policy:
            return
        try:
            dangers = await examine(conn, owner)
        except BaseException:
            self._policy_changed = changed_policy
            raise
        if changed_policy and grants == self._grants:
            # No grant was added; the owner denied what was granted. The gate holds that, and the next start
            # will ask for the grants to follow.
            self._excused = frozenset(danger.what for danger in dangers if danger.code == "sees_more")
        before = {danger.what for danger in self._refused()}
        self._grants, self._dangers = grants, dangers
        for danger in self._refused():
            if danger.what not in before:
                _log.error("dangerous role: no statement runs until this is cured", extra=_named(danger))
        for danger in dangers:
            if danger.what in self._excused:
                _log.warning("the policy denies what the role may still read", extra=_named(danger))
        if before and not self._refused():
            _log.info("the role is as it should be again")

    def _refused(self) -> list[Danger]:
        return [
            danger
            for danger in self._dangers or ()
            if danger.severity == "refuse"
            and danger.code not in self._accept
            and danger.what not in self._excused
        ]


def _named(danger: Danger) -> dict[str, str]:
    return {"danger": danger.code, "what": danger.what, "cure": danger.remedy}
