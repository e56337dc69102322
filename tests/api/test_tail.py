"""A stream's pieces: whole blocks, as many together as there are, and none too large."""

from api.store.records import StoredEvent
from api.tail import pieces


def test_events_that_are_there_together_go_together() -> None:
    events = [StoredEvent(1, "run_started", '{"a":1}'), StoredEvent(2, "refused", '{"b":"\u2028"}')]
    assert [piece.decode() for piece in pieces(events)] == [
        'id: 1\r\nevent: run_started\r\ndata: {"a":1}\r\n\r\n'
        'id: 2\r\nevent: refused\r\ndata: {"b":"\u2028"}\r\n\r\n'
    ]
    assert list(pieces([])) == []


def test_much_goes_in_several_pieces_of_whole_events() -> None:
    """A reader that takes nothing holds up one piece, not all that there is."""
    events = [StoredEvent(number, "sql_delta", "x" * 1_000) for number in range(1, 501)]
    made = list(pieces(events))
    assert len(made) > 20
    assert all(len(piece) < 18_000 and piece.endswith(b"\r\n\r\n") for piece in made)
    assert b"".join(made) == b"".join(next(pieces([event])) for event in events)
