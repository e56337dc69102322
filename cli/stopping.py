"""Being told to stop by something else than the keyboard."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def stopped_in_order() -> Iterator[None]:
    """Within, SIGTERM and SIGHUP do what Ctrl-C does: what was started is stopped, what was made is removed.

    Once one has come, another changes nothing: it would break off the clearing away. What is ignored on
    purpose, as by ``nohup``, stays so.
    """
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    taken = [number for number, handler in before.items() if handler is not signal.SIG_IGN]

    def stop(*_: object) -> NoReturn:
        for number in taken:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in taken:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in taken:
            with suppress(TypeError):  # a handler that was not Python's cannot be put back
                signal.signal(number, before[number])
