"""What a bus promises. Two implementations are held to it by one suite of contract tests.

Delivery is at most once and nothing is kept: a message to nobody is gone, and a request to nobody fails at
once. Whoever sends a hint must be right without it too.
"""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Protocol

Hear = Callable[[bytes], None]
"""Takes a published message. Called on the event loop; must not wait."""
Answer = Callable[[bytes], Awaitable[bytes]]
"""Answers a request; runs as a task of its own, which is cancelled when the asker gives up."""

WINDOW_BYTES = 512 * 1024
"""What of a stream may be under way or wait to be taken; whoever gives it waits beyond that."""
PART_BYTES = 128 * 1024
"""Of a stream's pieces at most; longer ones go in parts."""
MAX_ANSWERING = 512
"""Requests that one replica answers at once; further ones are turned away with ``BusBusy``."""
SILENCE_SECONDS = 6.0
"""An answerer that gives no sign for so long is dead: a living one gives three in that time."""

_SUBJECT = re.compile(r"[a-z]+(\.[A-Za-z0-9_-]+)*")
_SUBJECT_CHARACTERS = 256
"""A line of a broker's protocol that is too long ends the connection, for all who share it."""


class BusError(Exception):
    """A request came to nothing. Internal: callers name what that means for them.

    Args:
        subject: that was asked.
        begun: whether it may have been done, in part or whole, or may yet be; None is what the kind says.
    """

    begun = True

    def __init__(self, subject: str = "", *, begun: bool | None = None) -> None:
        super().__init__(subject)
        if begun is not None:
            self.begun = begun


class NobodyAnswers(BusError):
    """No replica answers this subject; known at once, nothing was done."""

    begun = False


class BusDown(BusError):
    """The broker cannot be reached; known at once. A request that was under way may have begun."""


class BusSilent(BusError):
    """Whoever took the request stopped giving signs, or took too long; or the broker itself says nothing."""


class BusBusy(BusError):
    """The replica that took the request has too many already; nothing was done."""

    begun = False


class AnswerBroke(BusError):
    """The answerer failed inside; its own log says how."""


class Sink(Protocol):
    """Where a stream's pieces are handed over."""

    async def send(self, piece: bytes) -> None:
        """Hand over the next piece; waits while the asker has taken too little of the last ones."""
        ...


Give = Callable[[bytes, Sink], Awaitable[None]]
"""Gives a stream, whole when it returns; a task of its own, which is cancelled when the asker goes."""


class Subscription(Protocol):
    """Something listened to or answered."""

    async def end(self) -> None:
        """Stop; what is being answered already goes on. Twice changes nothing."""
        ...


class Bus(Protocol):
    """One process's end of the bus."""

    on_found: Callable[[], None]
    """Called when the others can be reached again; what was said meanwhile is lost."""

    @property
    def shared(self) -> bool:
        """Whether other replicas may be at the far end."""
        ...

    @property
    def trouble(self) -> str | None:
        """Why nobody can be reached just now; None while all is well."""
        ...

    async def open(self) -> None:
        """Connect. A broker that is away is waited for in the background, not here."""
        ...

    async def publish(self, subject: str, data: bytes = b"") -> None:
        """Tell everyone who subscribes, this process included; lost without a word when that fails."""
        ...

    async def subscribe(self, subject: str, hear: Hear) -> Subscription:
        """Hear what is published from when this returns."""
        ...

    async def answer(self, subject: str, answer: Answer) -> Subscription:
        """Answer requests, sharing them with whoever else answers this subject: each goes to one."""
        ...

    async def request(self, subject: str, data: bytes, *, seconds: float, patient: bool = True) -> bytes:
        """Ask one of those that answer a subject. Cancelling it cancels the answering, and waits for that.

        Args:
            patient: what has begun is waited for although the broker says nothing, as it may wake; without,
                its silence ends that too, for an asker who can find out otherwise what became of it.

        Raises:
            NobodyAnswers, BusBusy: nothing was done.
            BusDown: the broker was lost.
            BusSilent: nobody took it, there was no sign of life for ``SILENCE_SECONDS``, or no answer within
                ``seconds``.
            AnswerBroke: the answerer failed.

        Where ``begun`` of the error is False nothing was done, and nothing will be, however late it arrives.
        """
        ...

    async def give(self, subject: str, give: Give) -> Subscription:
        """Answer requests with streams; as ``answer`` otherwise."""
        ...

    def stream(self, subject: str, data: bytes) -> AsyncGenerator[bytes, None]:
        """Ask one of those that give a subject for a stream; its bytes in order, in pieces of any size.

        It is whole when the generator ends. Closing it earlier cancels the giving. However slow its reader,
        no more than about ``WINDOW_BYTES`` of it are ever outside the giver.

        Raises:
            NobodyAnswers, BusBusy: nothing was given.
            BusDown, BusSilent, AnswerBroke: it is not whole.
        """
        ...

    async def close(self) -> None:
        """Stop everything, and cancel what is being answered."""
        ...


def checked(subject: str) -> str:
    """The subject, when it is made of plain words and short: a star or a space would reach others.

    Raises:
        ValueError: it is not.
    """
    if len(subject) > _SUBJECT_CHARACTERS or _SUBJECT.fullmatch(subject) is None:
        raise ValueError(f"{subject[:80]!r} is no subject")
    return subject
