"""Stands for `harness/inside/run.py` where there is no GPU: the worker, with the proof of CUDA left out."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from harness.inside import worker

worker.settle = lambda: {"torch": "2.13.0+cu130", "cuda": "13.0"}
worker.main()
