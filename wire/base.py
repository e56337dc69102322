"""The two bases of every value that crosses a boundary."""

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """An immutable value that we make and read ourselves: an unknown field is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Message(BaseModel):
    """An immutable value that a peer of another version may have made: unknown fields are passed over.

    That is what lets version N talk to N-1 and N+1; an unknown *message* is still an error.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
