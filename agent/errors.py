"""Errors of the agent.

::

    CustardError (wire)
    └── AgentError
        ├── SettingsError          exit 2
        ├── RoleRefused            exit 3
        ├── JoinRefused            exit 1
        ├── DatabaseUnavailable
        ├── IntrospectionFailed
        ├── StatementTooWide
        ├── Unmasked (agent.masked)
        └── ConnectionEnded        exit 1: reconnecting would not help
            ├── NotAuthorised
            ├── Superseded
            └── VersionRefused

A statement that PostgreSQL or the policy refuses is none of these: it is a ``Failed``.
"""

from wire.errors import CustardError


class AgentError(CustardError):
    """Anything of the agent's own that went wrong."""

    code = "agent"
    exit_code = 1


class SettingsError(AgentError):
    """A setting is missing, contradicts another, or cannot be read."""

    code = "bad_settings"
    exit_code = 2


class RoleRefused(AgentError):
    """The database role may do more than an agent's should, and the owner has not accepted that."""

    code = "role_refused"
    exit_code = 3


class JoinRefused(AgentError):
    """The backend did not exchange the join code for a token."""

    code = "join_refused"


class DatabaseUnavailable(AgentError):
    """The database cannot be reached, or does not let the agent's role in."""

    code = "database_unavailable"


class IntrospectionFailed(AgentError):
    """The catalog could not be read."""

    code = "introspection_failed"


class StatementTooWide(AgentError):
    """One row of a result is larger than a frame may be."""

    code = "limit"


class ConnectionEnded(AgentError):
    """The backend has closed the door for good: the agent stops instead of knocking again."""

    code = "connection_ended"


class NotAuthorised(ConnectionEnded):
    """The token is wrong, or was revoked."""

    code = "not_authorised"


class Superseded(ConnectionEnded):
    """A newer session of the same agent has taken this one's place."""

    code = "superseded"


class VersionRefused(ConnectionEnded):
    """Agent and backend share no protocol version."""

    code = "unsupported_version"
