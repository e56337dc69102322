"""``python -m cli``: the same as ``custard``."""

from cli.main import main

main()
