"""FID against torchmetrics on the same arrays, memory while streaming, and the time of the whole panel.

    python bench/metrics.py [--rows 10000] [--features 2048] [--repeats 3]

Everything is measured in turns in one process; ratios are what counts on a shared machine. Each figure
is the best of the repeats. On a machine that is busy set OMP_NUM_THREADS=1: threads of BLAS that wait for
each other measure the neighbours. torchmetrics is given the features through an identity "encoder".
"""

from __future__ import annotations

import argparse
import time
import tracemalloc

import numpy as np
import torch
from torchmetrics.image.fid import FrechetInceptionDistance

from harness.metrics.frechet import FeatureStatistics, frechet_distance
from harness.metrics.panel import sample_quality_panel

BATCH = 1000


class Identity(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.num_features = width

    def forward(self, features):
        return features


def batches(rows):
    return (rows[start : start + BATCH] for start in range(0, len(rows), BATCH))


def torchmetrics_with(reference):
    """Return a metric that has seen the reference and keeps it on reset."""
    width = reference.shape[1]
    metric = FrechetInceptionDistance(
        feature=Identity(width), input_img_size=(width,), reset_real_features=False
    )
    for batch in batches(reference):
        metric.update(torch.from_numpy(batch), real=True)
    return metric


def torchmetrics_value(metric, features):
    metric.reset()
    for batch in batches(features):
        metric.update(torch.from_numpy(batch), real=False)
    return float(metric.compute())


def streamed(rows):
    statistics = FeatureStatistics()
    for batch in batches(rows):
        statistics.update(batch)
    return statistics


def clocks():
    return np.array([time.perf_counter(), time.process_time()])


def best(repeats, *functions):
    """Return best (wall, processor) seconds and last value of each, in turns: load falls on all alike."""
    seconds, values = [np.full(2, np.inf) for _ in functions], [0.0] * len(functions)
    for _ in range(repeats):
        for i, function in enumerate(functions):
            start = clocks()
            values[i] = function()
            seconds[i] = np.minimum(seconds[i], clocks() - start)
    return seconds, values


def compare(name, features, reference, repeats):
    known, theirs_known = streamed(reference), torchmetrics_with(reference)
    known.cholesky()
    seconds, values = best(
        repeats,
        lambda: torchmetrics_value(torchmetrics_with(reference), features),
        lambda: torchmetrics_value(theirs_known, features),
        lambda: frechet_distance(streamed(features), streamed(reference)),
        lambda: frechet_distance(streamed(features), known),
    )
    apart = abs(values[0] - values[2]) / values[2]
    print(f"{name}: torchmetrics {values[0]:.8g}, ours {values[2]:.12g}, apart by {apart:.1e}")
    for label, theirs, ours in (
        ("both sides new, ours with the reference kept", 0, 3),
        ("both sides new", 0, 2),
        ("reference kept by both", 1, 3),
    ):
        (wall, busy), (our_wall, our_busy) = seconds[theirs], seconds[ours]
        print(
            f"  {label:45} torchmetrics {wall:6.2f} s, ours {our_wall:5.2f} s: {wall / our_wall:.1f} times"
            f" ({busy / our_busy:.1f} in processor time)"
        )


def memory(width):
    """Print the peak while streaming few and many batches: it must not grow."""
    rng = np.random.default_rng(0)
    for count in (5, 50):
        statistics = FeatureStatistics()
        tracemalloc.start()
        for _ in range(count):
            statistics.update(rng.standard_normal((BATCH, width), dtype=np.float32))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        print(f"memory: {count * BATCH:6} x {width} features streamed, peak {peak / 2**20:.0f} MiB")


def panel(repeats):
    rng = np.random.default_rng(0)
    mix = rng.standard_normal((10, 144)) / 4

    def images(count):
        return (np.tanh(rng.standard_normal((count, 10)) @ mix) / 2 + 0.5).reshape(-1, 12, 12)

    weights = [rng.standard_normal((144, 32)) / 12 for _ in range(2)]
    encoders = [lambda x, w=w: np.maximum(x.reshape(len(x), -1) @ w, 0) for w in weights]
    samples, train, heldout = images(1000), images(5000), images(1000)
    seconds, _ = best(repeats, lambda: sample_quality_panel(samples, train, heldout, *encoders))
    wall, busy = seconds[0]
    print(f"panel: 1000 samples, 1000 held out, 5000 for training: {wall:.2f} s, {busy:.2f} of a processor")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--features", type=int, default=2048)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    shape = (options.rows, options.features)
    spectrum = np.logspace(0, -2, options.features, dtype=np.float32)
    white = [rng.standard_normal(shape, dtype=np.float32) for _ in range(2)]
    compare("white", white[0], 1.1 * white[1], options.repeats)
    compare("decaying, shifted", white[0] * spectrum + 1, 1.1 * white[1] * spectrum + 1.01, options.repeats)
    few = rng.standard_normal((64, options.features), dtype=np.float32)
    compare("degenerate, rank 64", white[0][:, :64] @ few, 1.1 * white[1][:, :64] @ few, options.repeats)
    memory(options.features)
    panel(options.repeats)


if __name__ == "__main__":
    main()
