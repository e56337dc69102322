"""``python -m evals`` (= ``custard eval``): run suites, compare runs, write reports, import and check cases.

Results go to standard output, progress and errors to standard error. Exit codes: 0 done, 1 failed, 2 wrong
use, 5 a regression beside the baseline, 130 stopped.
"""

import sys
from collections.abc import Sequence

from evals.commands import app
from evals.commands.common import EXIT_FAILED, EXIT_STOPPED, complain
from wire.errors import CustardError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; a clear line instead of a traceback."""
    try:
        app(args=list(arguments) if arguments is not None else None, prog_name="custard eval")
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else EXIT_FAILED
    except CustardError as error:
        complain(str(error), error.hint)
        return EXIT_FAILED
    except KeyboardInterrupt:
        complain("Stopped.", "The same command goes on where it stood.")
        return EXIT_STOPPED
    except BrokenPipeError:
        # Whoever read our output has gone (``| head``): nothing is left to say, not even at exit.
        sys.stdout = None  # what the interpreter itself does for a closed stream
        return 0
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
