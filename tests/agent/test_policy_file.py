"""The policy file: a safe default, changes taken, bad ones refused."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from agent.policy_file import PolicyFile, load_policy
from wire.errors import PolicyError
from wire.policy import Policy


def test_no_file_allows_nothing() -> None:
    policy = load_policy(None)
    assert not policy.permits_table("public", "anything")


@pytest.mark.parametrize("text", ["nonsense", "defualt = 'allow'", "[limits]\nrows = -1"])
def test_an_agent_does_not_start_on_a_bad_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(text)
    with pytest.raises(PolicyError):
        PolicyFile(path)


def test_files_that_cannot_be_read_say_so(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="There is no policy file"):
        load_policy(tmp_path / "absent.toml")
    with pytest.raises(PolicyError, match="cannot be read"):
        load_policy(tmp_path)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PolicyError, match="cannot be read"):
        load_policy(tmp_path / "binary.toml")
    (tmp_path / "huge.toml").write_bytes(b"#" * 5_000_000)
    with pytest.raises(PolicyError, match="larger"):
        load_policy(tmp_path / "huge.toml")


async def test_changes_are_taken_and_bad_ones_are_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "policy.toml"
    path.write_text('default = "deny"')
    file = PolicyFile(path, watch_seconds=0.01)
    taken: asyncio.Queue[Policy] = asyncio.Queue()

    async def watch() -> None:
        async for policy in file.changes():
            taken.put_nowait(policy)

    task = asyncio.create_task(watch())
    try:
        path.write_text('default = "allow')
        await asyncio.sleep(0.05)
        assert file.current.default == "deny"
        assert "last good one" in caplog.text
        path.unlink()
        await asyncio.sleep(0.05)
        assert file.current.default == "deny"
        path.write_text('default = "allow"  # as asked')
        policy = await asyncio.wait_for(taken.get(), 5)
        assert policy.default == file.current.default == "allow"
        path.write_text('# nothing new\ndefault = "allow"')
        await asyncio.sleep(0.05)
        assert taken.empty()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
