"""The policy file: a safe default, changes taken, bad ones refused."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.policy_file import PolicyFile, load_policy
from tests.patience import HANG_SECONDS
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
    tmp_path: Path, caplog: pytest.LogCaptureFixture, until: Any
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
        await until(lambda: "last good one" in caplog.text)
        assert file.current.default == "deny"
        path.unlink()
        await until(
            lambda: any(
                "There is no policy file" in str(one.__dict__.get("reason")) for one in caplog.records
            )
        )
        assert file.current.default == "deny"
        path.write_text('default = "allow"  # as asked')
        policy = await asyncio.wait_for(taken.get(), HANG_SECONDS)
        assert policy.default == file.current.default == "allow"
        path.write_text('# nothing new\ndefault = "allow"')
        await until(lambda: file._seen == file._state())
        assert taken.empty()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_a_file_that_is_being_written_is_read_when_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In place: emptied, then its first lines, which permit more than all of them, then the rest."""
    first = 'default = "deny"\n[schemas.public]\nallow = true\n'
    whole = first + '[tables."public.secrets"]\nallow = false\n'
    path = tmp_path / "policy.toml"
    path.write_text('default = "allow"')
    file = PolicyFile(path)
    between: list[Callable[[], object]] = [
        lambda: path.write_text(""),
        lambda: path.write_text(first),
        lambda: path.write_text(first + "["),
        lambda: path.write_text(whole),
    ]

    mine, sleep = asyncio.current_task(), asyncio.sleep

    async def step(seconds: float) -> None:
        if asyncio.current_task() is not mine:
            # There is one ``sleep`` in a process, and proxies and servers of other tests run there too.
            await sleep(seconds)
        elif between:
            between.pop(0)()

    monkeypatch.setattr("agent.policy_file.asyncio.sleep", step)
    taken = await anext(file.changes())
    assert not between
    assert taken.permits_table("public", "people")
    assert not taken.permits_table("public", "secrets")


async def test_a_file_that_is_written_again_while_it_is_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "policy.toml"
    path.write_text('default = "deny"')
    file = PolicyFile(path, watch_seconds=0.01)
    read = load_policy

    def overtaken(path: Path) -> Policy:
        found = read(path)
        monkeypatch.setattr("agent.policy_file.load_policy", read)
        path.write_text('default = "allow"\n[tables."public.secrets"]\nallow = false\n')
        return found

    monkeypatch.setattr("agent.policy_file.load_policy", overtaken)
    path.write_text('default = "allow"')
    taken = await anext(file.changes())
    assert not taken.permits_table("public", "secrets")
