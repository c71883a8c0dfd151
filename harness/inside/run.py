"""Start the worker: `python3 -I -B run.py`. Isolated mode has no path to us, so we add it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from harness.inside.worker import main

main()
