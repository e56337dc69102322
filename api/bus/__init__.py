"""How the replicas of a backend speak to each other. Nothing durable travels here: the truth is in the store.

=========  =============================================================================
protocol   what a bus promises, and how it fails
local      for one process, and for several applications within one (``Hub``)
broker     over NATS, for several processes
=========  =============================================================================
"""

from api.bus.protocol import Bus
from api.settings import Settings


def make_bus(settings: Settings) -> Bus:
    """The bus that the settings name: NATS at ``nats_url``, else none beyond this process. Not opened yet.

    Raises:
        BadSettings: ``nats_url`` is set and nats-py is not installed.
    """
    if settings.nats_url is None:
        from api.bus.local import LocalBus

        return LocalBus()
    from importlib.util import find_spec

    from api.errors import BadSettings

    if find_spec("nats") is None:
        raise BadSettings(
            "CUSTARD_NATS_URL is set, but the NATS client is not installed.",
            "Install it beside the backend: pip install 'custard-sql[replicas]'",
        )
    from api.bus.broker import NatsBus

    return NatsBus(settings.nats_url.get_secret_value())
