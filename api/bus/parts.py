"""What the parts of an answer begin with, and how the two ends of a request come to terms.

=======  ===========================================================================================
first    what it says
=======  ===========================================================================================
``s``    a sign: the request is taken, or still worked at; behind it, where to speak to the answerer
``m``    a part of the answer, and more of them follow
``l``    the last part
``x``    the answering broke
``b``    the answerer has too many already; nothing was done
``n``    the asker was not heard of in time; nothing was done
=======  ===========================================================================================

A broker that was stopped delivers what it holds when it wakes, which may be long after the asker has given
up. So an answerer does nothing before the asker has answered its first sign: a request that nobody has
confirmed is one that never begins, and may be refused, or sent again. Whether an asker confirms, its reply's
word says: it begins with ``c``. One of the version before does not, and is answered without.
"""

from api.bus.protocol import AnswerBroke, BusBusy, BusSilent

SIGN, MORE, LAST, BROKE, BUSY, LATE = b"s", b"m", b"l", b"x", b"b", b"n"
GROUP = "replicas"
SIGN_SECONDS = 2.0
TAKEN_SECONDS = 3.0
"""The first sign comes as soon as a request is taken: one that was lost on the way is noticed sooner."""
CONFIRM_SECONDS = 1.0
"""How long an answerer waits for the asker's word."""
CONFIRMING = "c"
ALL_PART_BYTES = 512 * 1024


class TooLate(BusSilent):
    """The answerer did not hear the asker's word in time."""

    begun = False


def confirms(reply: str) -> bool:
    """Whether the asker at this reply subject answers the first sign."""
    return reply.rpartition(".")[2].startswith(CONFIRMING)


def told(kind: bytes, subject: str) -> bytes:
    """The kind of a part that holds something. Raises a ``BusError`` for another."""
    if kind == BUSY:
        raise BusBusy(subject)
    if kind == LATE:
        raise TooLate(subject)
    if kind not in (MORE, LAST):
        raise AnswerBroke(subject)
    return kind
