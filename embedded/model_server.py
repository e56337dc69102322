"""The child process that serves a GGUF file over llama.cpp's OpenAI-compatible HTTP API.

`python -m embedded.model_server --model FILE --port N` runs until it is told to stop. `embedded.model`
starts and watches it; nothing here knows about downloads, health checks or log files.

It is a process of its own, not a thread, because llama.cpp aborts the whole process on an allocation it
cannot make, and because its matrix work would fight the event loop for the same cores.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

EXIT_BAD_MODEL = 3
"""Exit code when llama.cpp refuses the weights or cannot bind; the reason is in its log above."""

PROMPT_CACHE_MIB = 1024
"""Host memory, in MiB, for prompt prefixes that lost their slot; llama.cpp's own default is 8 GiB."""


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until a signal ends the process or, with `--watch-stdin`, until standard input closes.

    Prints `listening URL` on standard output once the model is loaded and the port is open.
    """
    options = _parser().parse_args(argv)
    # Signals end the process outright, even in the middle of loading: there is nothing to put away, and
    # unloading would tear down threads that may be at work on a token.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    if options.watch_stdin:
        threading.Thread(target=_exit_with_parent, daemon=True).start()

    import xllamacpp as llama

    params = llama.CommonParams()
    params.model.path = str(options.model)
    params.model_alias = {options.alias}
    params.hostnames = [options.host]
    params.port = options.port
    params.n_parallel = options.slots
    # llama.cpp divides the context among its slots; the option here is what one request may use.
    params.n_ctx = options.context * options.slots
    params.cpuparams.n_threads = options.threads
    params.cpuparams_batch.n_threads = options.threads
    # Repacking the weights at load takes seconds and, on x86-64, costs a third of the speed at which a prompt
    # is read: without it llama.cpp takes its tiled kernels. Elsewhere the repacked ones are the fast ones.
    params.no_extra_bufts = platform.machine() in {"x86_64", "AMD64"}
    params.fit_params = False
    params.cache_prompt = True
    params.cache_ram_mib = PROMPT_CACHE_MIB
    # Slots show other people's prompts, the web interface is not ours, and no page may call this server.
    params.endpoint_slots = False
    params.ui = False
    params.cors_origins = "http://127.0.0.1"
    params.cors_origins_explicit = True
    params.offline = True
    try:
        server = llama.Server(params)
    except Exception as error:
        print(f"llama.cpp could not start: {error}", file=sys.stderr, flush=True)
        return EXIT_BAD_MODEL
    print(f"listening {server.listening_address}", flush=True)
    threading.Event().wait()
    return 0


def _exit_with_parent() -> None:
    """End this process when the parent's end of the pipe closes, however the parent died.

    A pipe, not PR_SET_PDEATHSIG: that signal follows the *thread* that forked, and a start from a worker
    thread would take the server down as soon as the thread is done.
    """
    while os.read(0, 4096):
        pass
    os._exit(0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m embedded.model_server")
    parser.add_argument("--model", type=Path, required=True, help="GGUF file")
    parser.add_argument("--alias", default="local", help="model name the API reports")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--context", type=int, default=8192, help="tokens one request may use")
    parser.add_argument("--slots", type=int, default=2, help="requests served at once")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--watch-stdin", action="store_true", help="stop when standard input closes")
    return parser


if __name__ == "__main__":
    sys.exit(main())
