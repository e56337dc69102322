"""docs/agent.md names every setting and command, and no other."""

import re
from pathlib import Path

from agent.__main__ import build_parser
from agent.settings import PREFIX, Settings

TEXT = (Path(__file__).parents[2] / "docs" / "agent.md").read_text()


def test_every_setting_is_in_the_table() -> None:
    named = set(re.findall(rf"^\| `({PREFIX}\w+)`", TEXT, flags=re.MULTILINE))
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    assert named == known | {f"{PREFIX}CONFIG", f"{PREFIX}HOME"}


def test_every_command_is_named() -> None:
    (commands,) = (action for action in build_parser()._actions if action.dest == "command")
    assert commands.choices is not None
    for name in commands.choices:
        assert re.search(rf"`{name}[ `]", TEXT), name
