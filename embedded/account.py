"""The operating system's account that PostgreSQL runs under, and the way it gets to its files.

PostgreSQL refuses to run as root. When we are root, an unprivileged account runs it, and needs to pass
through folders that may be closed to others (`/root` usually is). It gets exactly that: an access control
entry with the search right for this one account, on the folders on its way, nothing for anybody else.
"""

from __future__ import annotations

import errno
import os
import pwd
import shutil
import stat
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from embedded.errors import PostgresMissing

ACCOUNT_NAMES = ("postgres", "custard")
"""Taken in this order; the last is created when neither is there."""

ACL_ATTRIBUTE = "system.posix_acl_access"
ACL_VERSION = 2
ACL_ENTRY = struct.Struct("<HHI")
ACL_USER_OBJ, ACL_USER, ACL_GROUP_OBJ, ACL_MASK, ACL_OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
ACL_NO_ID = 0xFFFF_FFFF


class Identity(TypedDict, total=False):
    """The keyword arguments of `subprocess` that make a child run as the account; empty for our own."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Account:
    """Who runs the server. ``uid`` None stands for whoever we are."""

    uid: int | None = None
    gid: int | None = None

    @property
    def identity(self) -> Identity:
        """For `subprocess.Popen` and `subprocess.run`."""
        if self.uid is None or self.gid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Give a file or folder of ours to the account."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def let_through(self, path: Path) -> None:
        """Make sure that the account can pass through every folder above ``path``, and ``path`` itself."""
        if self.uid is None or self.gid is None:
            return
        resolved = path.resolve()
        for folder in [*reversed(resolved.parents), resolved]:
            if folder.is_dir() and not may_search(folder, self.uid, self.gid):
                grant_search(folder, self.uid)

    def let_read(self, tree: Path) -> None:
        """Make sure that the account can read and run what an installer put into ``tree``.

        Only needed where the installer ran with a umask that hides its files from others.
        """
        if self.uid is None:
            return
        for folder, _, names in os.walk(tree):
            for path in [Path(folder), *(Path(folder, name) for name in names)]:
                mode = path.stat().st_mode
                wanted = stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
                if mode & wanted != wanted:
                    path.chmod(mode | wanted)


def server_account(data: Path) -> Account:
    """The account for a server whose data are, or will be, in ``data``.

    Raises:
        PostgresMissing: we are root and no unprivileged account exists or can be made.
    """
    if os.geteuid() != 0:
        return Account()
    if data.exists() and data.stat().st_uid != 0:
        return Account(data.stat().st_uid, data.stat().st_gid)
    for name in ACCOUNT_NAMES:
        account = _named(name)
        if account is not None:
            return account
    _create(ACCOUNT_NAMES[-1])
    account = _named(ACCOUNT_NAMES[-1]) or _named("nobody")
    if account is None:
        raise PostgresMissing(
            "PostgreSQL does not run as root, and there is no other account on this machine.",
            "Run as an ordinary user, or create one: useradd --system custard",
        )
    return account


def may_search(folder: Path, uid: int, gid: int) -> bool:
    """Whether an account, without its supplementary groups, may pass through ``folder``."""
    status = folder.stat()
    if status.st_uid == uid:
        return bool(status.st_mode & stat.S_IXUSR)
    entries = _read_acl(folder)
    mask = next((rights for tag, rights, _ in entries if tag == ACL_MASK), 7)
    for tag, rights, number in entries:
        if tag == ACL_USER and number == uid:
            return bool(rights & mask & 1)
    if status.st_gid == gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def grant_search(folder: Path, uid: int) -> None:
    """Let ``uid`` pass through ``folder``. Where the file system has no such lists, let everybody."""
    mode = folder.stat().st_mode
    entries = [entry for entry in _read_acl(folder) if (entry[0], entry[2]) != (ACL_USER, uid)]
    if not entries:
        entries = [
            (ACL_USER_OBJ, mode >> 6 & 7, ACL_NO_ID),
            (ACL_GROUP_OBJ, mode >> 3 & 7, ACL_NO_ID),
            (ACL_OTHER, mode & 7, ACL_NO_ID),
        ]
    mask = next((rights for tag, rights, _ in entries if tag == ACL_MASK), mode >> 3 & 7)
    entries = [entry for entry in entries if entry[0] != ACL_MASK]
    entries += [(ACL_USER, 1, uid), (ACL_MASK, mask | 1, ACL_NO_ID)]
    packed = b"".join(ACL_ENTRY.pack(*entry) for entry in sorted(entries, key=lambda e: (e[0], e[2])))
    try:
        os.setxattr(folder, ACL_ATTRIBUTE, struct.pack("<I", ACL_VERSION) + packed)
    except (OSError, AttributeError):
        folder.chmod(mode | stat.S_IXOTH)


def _read_acl(folder: Path) -> list[tuple[int, int, int]]:
    """The entries (tag, rights, id) of a folder's access control list; none when it has only a mode."""
    try:
        packed = os.getxattr(folder, ACL_ATTRIBUTE)
    except AttributeError:
        return []
    except OSError as error:
        if error.errno in {errno.ENODATA, errno.ENOTSUP}:
            return []
        raise
    return list(ACL_ENTRY.iter_unpack(packed[4:]))


def _named(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(entry.pw_uid, entry.pw_gid)


def _create(name: str) -> None:
    useradd = shutil.which("useradd")
    if useradd is None:
        return
    command = [useradd, "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", name]
    subprocess.run(command, check=False, capture_output=True)
