"""The binary frame, with bytes and without sockets."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.errors import MalformedFrame
from wire.frames import HEADER_BYTES, RowsFrame, decode_frame, encode_body

STATEMENT = "0" * 31 + "a"
cells = st.none() | st.text(st.characters(exclude_categories=["Cs"]))
rows = st.lists(st.lists(cells, max_size=4), max_size=5)


@given(rows=rows, attempt=st.integers(1, 65_535), sequence=st.integers(0, 2**32 - 1))
def test_what_was_encoded_is_decoded(rows: list[list[str | None]], attempt: int, sequence: int) -> None:
    frame = RowsFrame(STATEMENT, attempt, sequence, len(rows), encode_body(rows))
    back = decode_frame(frame.encode())
    assert back == frame
    assert back.rows() == rows


@given(data=st.binary(max_size=200))
def test_any_bytes_are_a_frame_or_a_malformed_frame(data: bytes) -> None:
    with contextlib.suppress(MalformedFrame):
        decode_frame(data).rows()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[: HEADER_BYTES - 1],
        lambda data: b"XX" + data[2:],
        lambda data: data[:2] + b"\x02" + data[3:],
        lambda data: data[:3] + b"\x09" + data[4:],
    ],
    ids=["short", "magic", "version", "kind"],
)
def test_a_spoiled_header_is_refused(spoil) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(MalformedFrame):
        decode_frame(spoil(RowsFrame(STATEMENT, 1, 0, 0, b"[]").encode()))


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b"[1]", b"[[],[]]", b"\xff\xfe", b"[" * 100_000])
def test_a_body_that_does_not_hold_the_counted_rows_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedFrame):
        RowsFrame(STATEMENT, 1, 0, 1, body).rows()
