"""Errors of the parts that make one command enough.

::

    EmbeddedError
    ├── NoHome
    ├── NotEnoughDisk
    ├── PostgresError
    │   ├── PostgresMissing
    │   ├── PostgresStartFailed
    │   └── PostgresBusy
    ├── NatsMissing, NatsFailed      embedded.nats_server
    ├── DemoError
    └── ModelError
        ├── UnknownModel
        ├── ModelRuntimeMissing
        ├── WeightsMissing
        ├── WeightsCorrupt
        ├── DownloadFailed
        └── ModelStartFailed
            └── PortLost
"""

from wire.errors import CustardError


class EmbeddedError(CustardError):
    """Something that this machine was to provide by itself is not there; ``hint`` says what to do."""

    code = "embedded"


class NoHome(EmbeddedError):
    """The folder for models, data and logs cannot be made or written."""

    code = "no_home"


class NotEnoughDisk(EmbeddedError):
    """The file system has less room than the next step needs."""

    code = "disk_full"


class PostgresError(EmbeddedError):
    """The embedded PostgreSQL."""

    code = "postgres"


class PostgresMissing(PostgresError):
    """No server binaries of the wanted kind are installed, or they do not run here."""

    code = "postgres_missing"


class PostgresStartFailed(PostgresError):
    """``initdb`` or the server ended early, or was not ready in time; the message ends with its own words."""

    code = "postgres_start_failed"


class PostgresBusy(PostgresError):
    """Another process has been starting or stopping the same server for too long."""

    code = "postgres_busy"


class DemoError(EmbeddedError):
    """The demo database cannot be made, or something of the same name belongs to someone else."""

    code = "demo"


class ModelError(EmbeddedError):
    """The local language model."""

    code = "model"


class UnknownModel(ModelError):
    """A model name that the table of models does not have."""

    code = "unknown_model"


class ModelRuntimeMissing(ModelError):
    """A system library that llama.cpp loads is not installed."""

    code = "model_runtime_missing"


class WeightsMissing(ModelError):
    """The GGUF file is not on this machine."""

    code = "weights_missing"


class WeightsCorrupt(ModelError):
    """A file's size or SHA-256 is not what was published, or llama.cpp cannot read it: it is not used."""

    code = "weights_corrupt"


class DownloadFailed(ModelError):
    """No source gave the weights; the message lists what each said."""

    code = "download_failed"


class ModelStartFailed(ModelError):
    """llama.cpp's server ended early or did not answer in time; the message ends with its own words."""

    code = "model_start_failed"


class PortLost(ModelStartFailed):
    """Somebody listens on the port that was chosen for it a moment ago: the next start chooses another."""

    code = "port_lost"
