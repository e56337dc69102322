"""The libraries that the local model takes from the machine."""

import ctypes
import sys

import pytest

from embedded.errors import ModelRuntimeMissing
from embedded.runtime import OPENMP, require_runtime


@pytest.mark.skipif(sys.platform != "linux", reason="only the Linux wheel takes a library from the system")
def test_a_missing_library_is_named_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", absent)
    with pytest.raises(ModelRuntimeMissing, match=OPENMP) as missing:
        require_runtime()
    assert "apt-get install libgomp1" in (missing.value.hint or "")


def test_this_machine_has_what_the_model_needs() -> None:
    require_runtime()
