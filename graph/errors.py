"""What can stop a run from inside the graph or at one of its ports.

::

    CustardError
    └── GraphError
        ├── AgentUnavailable
        ├── NothingReadable
        ├── QuestionRejected
        └── ModelError
            ├── ModelUnavailable
            ├── ModelTimedOut
            ├── ModelDenied
            ├── PromptTooLong
            └── ModelGaveNoSql

A failed *query* is none of these: it is data, see ``wire.outcome.Failed``.
"""

from wire.errors import CustardError


class GraphError(CustardError):
    """A run cannot go on."""


class AgentUnavailable(GraphError):
    """No agent is attached to the connection, or it went away. Raised by ``Database`` ports."""

    code = "agent_offline"


class NothingReadable(GraphError):
    """The snapshot names no table: there is nothing that a query could read."""

    code = "no_tables"


class QuestionRejected(GraphError):
    """The question is empty or far too long."""

    code = "bad_question"


class ModelError(GraphError):
    """The language model gave nothing that can be used."""

    code = "model_error"


class ModelUnavailable(ModelError):
    """The model's server cannot be reached, is overloaded, or broke off."""

    code = "model_unavailable"


class ModelTimedOut(ModelError):
    """The model's server took longer than a run may wait."""

    code = "model_timeout"


class ModelDenied(ModelError):
    """The model's server refuses the key, or does not have the model."""

    code = "model_denied"


class PromptTooLong(ModelError):
    """The prompt does not fit into the model's context."""

    code = "prompt_too_long"


class ModelGaveNoSql(ModelError):
    """The reply is empty, prose, or broken off before any SQL."""

    code = "model_gave_no_sql"
