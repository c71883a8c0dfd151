"""Start the worker: `python3 -I -B run.py`. Isolated mode has no path to us, so we add it.

With `--several`, one worker after another; see `several`.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

if "--several" in sys.argv:
    from harness.inside.several import main
else:
    from harness.inside.worker import main

main()
