"""WebSocket close codes: why a socket was closed, in a number that the other end acts upon.

Below 3000 they are the protocol's own (RFC 6455 §7.4), from 4000 on they are ours. After those below 4400 an
agent dials again; after those of 4400 and more it stops: dialling again would not help. ``docs/wire.md``
tells them to people.
"""

PROTOCOL_ERROR = 1002
"""No hello came, or something else came first."""
TOO_MANY_BAD_FRAMES = 1008
"""Frames kept coming that could not be understood."""
TRY_LATER = 1013
"""The backend cannot serve anybody now: its store is out."""
SAME_REPLICA = 4300
"""This process is attached to this very replica by another socket; dialled again, it may reach another."""
REVOKED = 4401
"""The token is worthless now: it was revoked, or its connection was deleted."""
FORBIDDEN = 4403
"""As ``REVOKED``, from a gateway in front of the backend that tells them apart."""
UNSUPPORTED_VERSION = 4406
"""No protocol version in common; an error frame said which are spoken."""
SUPERSEDED = 4409
"""A newer session of the same agent is served."""
TOKEN_SHARED = 4429
"""Several processes take turns with one token and keep displacing each other."""
