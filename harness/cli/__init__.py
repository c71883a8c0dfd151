"""The command line: a file per command, imported only when it is called."""

from harness.cli.main import main

__all__ = ["main"]
