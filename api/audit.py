"""Who let whom in and out: a line each in the log, which ``audit`` tells from the others.

=======================  ========================================================
event                    when
=======================  ========================================================
join code made           somebody may join an agent to a connection
agent joined             the code was changed for a token
token revoked            an agent was removed; its socket and statements are ended
connection deleted       with all its agents
policy changed           the backend's, of a connection
token shared             processes take turns with one token; the last is refused
=======================  ========================================================

Names and ids only: no code, no token, no policy.
"""

import structlog

_log = structlog.get_logger("api.audit")


def audited(event: str, *, tenant: str, connection: str, **more: str) -> None:
    """Tell that it was done, by whoever holds a key of this tenant."""
    _log.info(event, audit=True, tenant=tenant, connection=connection, **more)
