"""``python -m tests.agent.fuzz --minutes N``: the corpus's fuzzer for longer than a test run has time."""

import argparse
import os
import random
import sys

import pytest

FUZZER = "tests/agent/corpus/test_fuzz.py"
SERVERS = 2


def main() -> int:
    """Fuzz on every server for its share of the time; returns pytest's exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.agent.fuzz")
    parser.add_argument("--minutes", type=float, default=10.0, help="altogether; default 10")
    parser.add_argument("--seed", type=int, help="repeat the run of this seed")
    options = parser.parse_args()
    seconds = options.minutes * 60 / SERVERS
    os.environ["CUSTARD_FUZZ_SECONDS"] = str(seconds)
    seed = options.seed or random.SystemRandom().randrange(1, 2**32)
    os.environ["CUSTARD_FUZZ_SEED"] = str(seed)
    return int(pytest.main(["-q", "-s", "-x", f"--timeout={int(seconds) + 120}", FUZZER]))


if __name__ == "__main__":
    sys.exit(main())
