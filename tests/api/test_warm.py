"""A backend that listens has imported what the first question needs, before anybody asks."""

import subprocess
import sys

_PROGRAM = """
import sys
from api.app import create_app
from api.settings import Settings
from api.warm import HEAVY, warm

settings = Settings(port=0)
app = create_app(settings)
assert not [name for name in HEAVY if name in sys.modules and name != "sqlglot"]
warm().join()
assert all(name in sys.modules for name in HEAVY), HEAVY
"""


def test_what_the_first_question_needs_is_imported_ahead(tmp_path, monkeypatch):
    monkeypatch.setenv("CUSTARD_HOME", str(tmp_path))
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_server_warms_up_once_it_listens(monkeypatch):
    import asyncio
    from unittest.mock import AsyncMock, Mock

    import uvicorn

    from api import server

    order: list[str] = []
    monkeypatch.setattr(uvicorn.Server, "startup", AsyncMock(side_effect=lambda _: order.append("listens")))
    monkeypatch.setattr(server, "warm", lambda: order.append("warms"))

    async def app(scope: object, receive: object, send: object) -> None:
        """Never called."""

    asyncio.run(server.Server(uvicorn.Config(app), Mock(settings=Mock(ready_fd=None))).startup([]))
    assert order == ["listens", "warms"]
