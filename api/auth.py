"""Who asks: the tenant of a request, by its key, or the only one there is."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.errors import Unauthorized
from api.state import State, state_of
from api.tokens import digest, same

LOCAL_TENANT = "local"
"""The tenant of single-user mode."""

bearer = HTTPBearer(auto_error=False, description="An API key; not asked for in single-user mode.")


class Keyring:
    """The configured keys, by their hashes."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        """``keys`` maps a key to its tenant; empty means single-user mode."""
        self._tenants = {digest(key): tenant for key, tenant in keys.items()}

    def tenant(self, key: str | None) -> str:
        """Whose key this is.

        Raises:
            Unauthorized: it is missing or nobody's.
        """
        if not self._tenants:
            return LOCAL_TENANT
        hint = "Send it as `Authorization: Bearer <key>`; whoever runs this backend hands keys out."
        if key is None:
            raise Unauthorized("This backend asks for an API key.", hint)
        presented = digest(key)
        # Every hash is compared, so that the time taken does not tell which one was near.
        found = [tenant for known, tenant in self._tenants.items() if same(known, presented)]
        if not found:
            raise Unauthorized("Nobody has this API key.", hint)
        return found[0]


async def _state(request: Request) -> State:
    # Both are asynchronous though they wait for nothing: a plain function goes through a thread each time.
    return state_of(request)


async def tenant_of(
    request: Request,
    state: Annotated[State, Depends(_state)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> str:
    """The tenant of a request. Raises ``Unauthorized``."""
    return state.keyring.tenant(credentials.credentials if credentials else None)


StateOf = Annotated[State, Depends(_state)]
TenantOf = Annotated[str, Depends(tenant_of)]
