"""`python -m harness.cli` is `roadmark`."""

from harness.cli.main import main

main(prog_name="roadmark")
