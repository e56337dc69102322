"""What llama.cpp needs of the machine itself, looked for before a gigabyte of weights is fetched."""

from __future__ import annotations

import ctypes
import sys

from embedded.errors import ModelRuntimeMissing

OPENMP = "libgomp.so.1"
"""GCC's OpenMP runtime: the one shared library that xllamacpp's Linux wheels take from the system."""


def require_runtime() -> None:
    """Return when llama.cpp can be loaded here.

    Raises:
        ModelRuntimeMissing: the OpenMP runtime is not installed (minimal images and fresh servers lack it).
    """
    if sys.platform != "linux":
        return
    try:
        ctypes.CDLL(OPENMP)
    except OSError:
        raise ModelRuntimeMissing(
            f"The local model needs the system library {OPENMP}, which is not on this machine.",
            "Install it and run this again: apt-get install libgomp1 (Debian, Ubuntu) or dnf install libgomp "
            "(Fedora); or use another model by CUSTARD_MODEL_BASE_URL.",
        ) from None
