"""The codes in the code are those that the wire's page tells."""

import re
from pathlib import Path

from wire import closing

_PAGE = Path(__file__).parents[2] / "docs" / "wire.md"
_FROM_THE_SERVER = {1009}
"""Sent by the WebSocket server itself, before any code of ours is asked."""


def test_every_close_code_is_documented_once() -> None:
    told = [int(code) for code in re.findall(r"^\| (\d{4}) \|", _PAGE.read_text(encoding="utf-8"), re.M)]
    codes = [value for name, value in vars(closing).items() if name.isupper()]
    assert len(set(codes)) == len(codes)
    assert sorted(told) == sorted({*codes, *_FROM_THE_SERVER})
