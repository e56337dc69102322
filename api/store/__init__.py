"""What the backend keeps, behind narrow repositories (``protocols``) that two databases implement.

=============  =============================================================================
protocols      the repositories, and what they promise
records        what they keep
sqlite         one file, for one machine: ``lane``, ``migrations``, ``sqlite_*``
postgres       a PostgreSQL, for several: ``pool``, ``sql/``, ``postgres_*``
=============  =============================================================================
"""

from api.settings import Settings
from api.store.protocols import Store


def make_store(settings: Settings) -> Store:
    """The store that the settings name: a PostgreSQL at ``database_url``, else a file. Not opened yet."""
    if settings.database_url is not None:
        from api.store.postgres import PostgresStore

        return PostgresStore(settings.database_url.get_secret_value())
    from api.store.sqlite import SqliteStore

    return SqliteStore(settings.store_file)
