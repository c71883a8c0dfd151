"""Procedural data with exactly known truth: every source comes with its oracle.

A source is drawn anew from a seed for every grading, so nothing can be memorised, and its
density, entropy or optimal answer is known, so a score below the floor proves a leak.
Every function takes `seed` as an integer or as a numpy Generator, which it then advances.
Only `encoder` and `train_encoder` need torch.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Seed: TypeAlias = int | np.random.Generator
