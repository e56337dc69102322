"""Packed snapshots: the same when unpacked, bounded, and no way to break their reader."""

import base64
import zlib
from datetime import UTC, datetime

import pytest

from wire import packing
from wire.errors import FrameTooLarge, MalformedFrame
from wire.messages import Delta, Packed, Snapshot
from wire.snapshot import Column, SchemaSnapshot, Table


def many(count: int) -> SchemaSnapshot:
    columns = [Column(name=f"column_{place}", type="text", samples=["ü"]) for place in range(12)]
    tables = [
        Table(schema_name="public", name=f"t_{number}", columns=columns, row_estimate=number)
        for number in range(count)
    ]
    return SchemaSnapshot(database="d", server_version=180000, tables=tables, taken_at=datetime.now(UTC))


def packed(data: bytes) -> Packed:
    return Packed(request_id="r", encoding="zlib", data=base64.b64encode(data).decode())


def test_what_is_unpacked_is_what_was_packed() -> None:
    taken = many(1000)
    message = Snapshot(request_id="r", snapshot=taken)
    text = message.model_dump_json(exclude_defaults=True)
    small = packing.pack("r", f'{{"type":"snapshot",{text[1:]}')
    assert len(small.model_dump_json()) < len(text) / 10
    assert packing.unpack(small) == message
    delta = Delta(
        request_id="r",
        base="x",
        tables=taken.tables[:3],
        removed=["a.b"],
        snapshot_head=taken.model_copy(update={"tables": []}),
        fingerprint="y",
    )
    assert packing.unpack(packing.pack("r", delta.model_dump_json())) == delta


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no zlib",
        zlib.compress(b"no json"),
        zlib.compress(b"[1]"),
        zlib.compress(b"{}"),
        zlib.compress(b"[" * 100_000),
        zlib.compress(b'{"type": "hello"}'),
        zlib.compress(b'{"type": "snapshot", "request_id": "r", "snapshot": {"tables": [{}]}}'),
        zlib.compress(b'{"type": "snapshot", "request_id": "r", "snapshot": {"tables": 3}}'),
        zlib.compress(b'{"type": "snapshot"}')[:-3],
    ],
)
def test_what_is_none_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedFrame):
        packing.unpack(packed(data))


def test_what_unfolds_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "MOST_BYTES", 1_000_000)
    with pytest.raises(FrameTooLarge):
        packing.unpack(packed(zlib.compress(b" " * 10_000_000)))
    with pytest.raises(MalformedFrame):
        packing.unpack(Packed(request_id="r", encoding="zlib", data="!"))
