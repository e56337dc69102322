"""Large answers to ``introspect``, compressed: names repeat, so ten thousand tables go into a small frame.

Unpacking reads a table at a time, so that a thread that does it lets others run in between.
"""

import base64
import json
import zlib
from typing import Any

from wire.errors import FrameTooLarge, MalformedFrame
from wire.messages import Delta, Packed, Snapshot
from wire.snapshot import Column, Table

MOST_BYTES = 64 * 1024 * 1024
"""Of what is packed, some hundred thousand tables: a small frame must not make its reader hold more."""
WORTH_BYTES = 16 * 1024
"""Shorter messages go as they are."""


def pack(request_id: str, text: str) -> Packed:
    """The message of this JSON text, packed."""
    data = base64.b64encode(zlib.compress(text.encode(), 6)).decode()
    return Packed(request_id=request_id, encoding="zlib", data=data)


def unpack(message: Packed) -> Snapshot | Delta:
    """The message that was packed.

    Raises:
        MalformedFrame: it is none.
        FrameTooLarge: it is longer than ``MOST_BYTES``.
    """
    try:
        whole = json.loads(_inflated(base64.b64decode(message.data, validate=True)))
        if whole["type"] == "snapshot":
            tables = _tables(whole["snapshot"].pop("tables"))
            snapshot = Snapshot.model_validate({**whole, "snapshot": {**whole["snapshot"], "tables": []}})
            filled = snapshot.snapshot.model_copy(update={"tables": tables})
            return snapshot.model_copy(update={"snapshot": filled})
        tables = _tables(whole.pop("tables"))
        return Delta.model_validate({**whole, "tables": []}).model_copy(update={"tables": tables})
    except (zlib.error, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise MalformedFrame("A packed frame holds neither a snapshot nor a delta.") from error


def _inflated(data: bytes) -> bytes:
    machine = zlib.decompressobj()
    text = machine.decompress(data, MOST_BYTES)
    if machine.unconsumed_tail:
        raise FrameTooLarge(f"A packed frame holds more than {MOST_BYTES:,} bytes.")
    if not machine.eof:
        raise ValueError("it ends too early")
    return text


def _tables(found: list[dict[str, Any]]) -> list[Table]:
    """Tables, with one value for all columns that are alike."""
    alike: dict[str, Column] = {}
    tables = []
    for item in found:
        columns = []
        for column in item.pop("columns"):
            key = repr(column)
            made = alike.get(key)
            if made is None:
                made = alike[key] = Column.model_validate(column)
            columns.append(made)
        tables.append(Table.model_validate({**item, "columns": []}).model_copy(update={"columns": columns}))
    return tables
