"""Pretrain the network that the grader of this exercise ships as base.safetensors.

Run it from the repository's root: python reference/transformers/lora/make_base.py
It takes about a minute. The languages are those of graders/transformers/lora/conftest.py.
"""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn import functional

from harness.sources.markov import make_chain

ROOT = Path(__file__).parents[3]
STEPS, BATCH, TEXTS = 6_000, 64, 40_000
LETTERS, LENGTH, LANGUAGES, ENTROPY = "abcdefghijkl", 24, 3, 2.0


def solution():
    """Return the reference, which holds the network."""
    spec = importlib.util.spec_from_file_location("lora", Path(__file__).parent / "solution" / "lora.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["lora"] = module
    spec.loader.exec_module(module)
    return module


def texts(seed):
    """Return (TEXTS, LENGTH): a tag, then letters of its language."""
    rows = []
    for tag in range(LANGUAGES):
        chain = make_chain(seed=tag, order=1, alphabet=LETTERS, entropy=ENTROPY)
        letters = chain.sample_many(TEXTS // LANGUAGES, LENGTH - 1, seed + tag)
        rows.append(np.concatenate([np.full((len(letters), 1), len(LETTERS) + tag), letters], axis=1))
    return torch.from_numpy(np.concatenate(rows))


def main():
    """Train, say how good it is, and write the weights."""
    torch.manual_seed(0)
    model, known = solution().Network(), texts(1_000)
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=5e-3, total_steps=STEPS, pct_start=0.1)
    for step in range(STEPS):
        rows = known[torch.randint(len(known), (BATCH,))]
        loss = functional.cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 500 == 499:
            print(step + 1, loss.item() / np.log(2), "bits")
    save_file(model.state_dict(), ROOT / "graders" / "transformers" / "lora" / "base.safetensors")


if __name__ == "__main__":
    main()
