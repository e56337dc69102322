"""Errors of the values that cross a boundary.

::

    CustardError
    ├── WireError
    │   ├── MalformedFrame
    │   ├── UnknownMessage
    │   ├── FrameTooLarge
    │   ├── UnsupportedVersion
    │   └── IncompleteResult
    └── PolicyError
"""


class CustardError(Exception):
    """Anything of ours that went wrong.

    ``str(error)`` says what happened; ``hint`` says what to do about it, or is empty when the message
    already does. ``code`` is the stable name that programs match on.
    """

    code: str = "internal"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class WireError(CustardError):
    """A peer broke the protocol between agent and backend."""

    code = "wire"


class MalformedFrame(WireError):
    """A frame is not JSON, not a message, or its binary header makes no sense."""

    code = "malformed_frame"


class UnknownMessage(WireError):
    """A well-formed message of a type that this version does not know."""

    code = "unknown_message"


class FrameTooLarge(WireError):
    """A frame is longer than the limit that ``welcome`` stated."""

    code = "frame_too_large"


class UnsupportedVersion(WireError):
    """The two peers share no protocol version; one of them must be updated."""

    code = "unsupported_version"


class IncompleteResult(WireError):
    """A result's rows, bytes or hash differ from what its ``end`` states: none of it may be used."""

    code = "incomplete_result"


class PolicyError(CustardError):
    """A policy file cannot be taken: it is not TOML, has an unknown key, or contradicts itself."""

    code = "bad_policy"
