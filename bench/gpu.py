"""FID and perplexity on a GPU against what the card can do at best, and against torchmetrics on that card.

    python bench/gpu.py [--images 50000] [--features 2048] [--tokens 10000000] [--vocabulary 256]

The floor of a piece of work is the longer of two times: its bytes by the bandwidth that is measured here, its
floating-point operations by the rate that a product of matrices reaches here in the same precision. Figures
are the best of the repeats, and the values are told beside torchmetrics'. Without a GPU that torch can use
there is nothing to measure. `--device cpu` runs the same on the CPU, to see that it works.
"""

from __future__ import annotations

import argparse
import math
import time
import warnings
from functools import partial

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.text import Perplexity

from harness.gpu import computing
from harness.gpu.computing import DeviceStatistics
from harness.gpu.nvml import find
from harness.sources.encoder import load_encoder
from harness.sources.sprites import make_sprites

ROWS = 5_000
"""Features that come in together."""
TOKENS = 1 << 17
"""Tokens that come in together."""


class Identity(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.num_features = width

    def forward(self, features):
        return features


def main():
    options = parsed()
    if options.device == "cuda" and not torch.cuda.is_available():
        told = find().reason or "the driver lists some"
        print(f"No GPU that can be used ({versions()}; {told}): nothing was measured.")
        return
    place = torch.device(options.device)
    name = torch.cuda.get_device_name() if options.device == "cuda" else "the CPU"
    print(f"{name}, {versions()}, {time.strftime('%Y-%m-%d')}")
    card = Card(place, options)
    single, double = (card.rate[dtype] / 1e12 for dtype in (torch.float32, torch.float64))
    print(f"measured: {card.bandwidth / 1e9:,.0f} GB/s; products of matrices, TFLOP/s: ", end="")
    print(f"{single:.2f} in float32, {double:.2f} in float64")
    features_of_images(card, options)
    statistics(card, options)
    perplexity(card, options)


def versions():
    return f"torch {torch.__version__}, CUDA {torch.version.cuda or 'none'}"


def parsed():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--features", type=int, default=2048)
    parser.add_argument("--tokens", type=int, default=10_000_000)
    parser.add_argument("--vocabulary", type=int, default=256)
    parser.add_argument("--side", type=int, default=8192, help="of the matrices that are multiplied")
    parser.add_argument("--repeats", type=int, default=3)
    return parser.parse_args()


class Card:
    """What a device can do, measured."""

    def __init__(self, place, options):
        self.place, self.repeats = place, options.repeats
        numbers = torch.empty(options.side**2 * 4, dtype=torch.float32, device=place)
        target = torch.empty_like(numbers)
        self.bandwidth = 2 * numbers.nbytes / self.seconds(partial(target.copy_, numbers))
        del numbers, target
        self.rate = {dtype: self._rate(dtype, options.side) for dtype in (torch.float32, torch.float64)}

    def _rate(self, dtype, side):
        a = torch.randn(side, side, dtype=dtype, device=self.place)
        return 2 * side**3 / self.seconds(lambda: a @ a)

    def seconds(self, work):
        """Return the best time of the repeats, after one that does not count."""
        best = math.inf
        for turn in range(self.repeats + 1):
            self._wait()
            began = time.perf_counter()
            work()
            self._wait()
            best = min(best, time.perf_counter() - began) if turn else best
        return best

    def floor(self, size, operations, dtype):
        """Return the seconds that so many bytes and operations take at best."""
        return max(size / self.bandwidth, operations / self.rate[dtype])

    def tell(self, what, seconds, floor, theirs=None):
        against = (
            "" if theirs is None else f", torchmetrics {theirs:.3f} s: {theirs / seconds:.1f} times ours"
        )
        print(f"{what}: {seconds:.3f} s, floor {floor:.3f} s: {seconds / floor:.1f} times the floor{against}")

    def _wait(self):
        if self.place.type == "cuda":
            torch.cuda.synchronize()


def features_of_images(card, options):
    """Pictures to features and their statistics, by the sprite encoder."""
    some = make_sprites(train=min(options.images, 2_000), heldout=1, seed=0).train
    pixels = torch.from_numpy(np.asarray(some, np.float32))[:, None].to(card.place)
    pixels = pixels.repeat(-(-options.images // len(pixels)), 1, 1, 1)[: options.images]
    network = load_encoder().network.to(card.place)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(pixels[:100])
    operations = counter.get_total_flops() / 100 * options.images

    def work():
        found = computing.features(network, pixels, where=card.place, batch=8192)
        return DeviceStatistics(found, where=card.place)

    floor = card.floor(pixels.nbytes, operations, torch.float32)
    card.tell(f"features and statistics of {options.images:,} sprites", card.seconds(work), floor)


def statistics(card, options):
    """Features of Inception's width to statistics, and two of those to a distance."""
    count, width = options.images, options.features
    scale = torch.logspace(0, -1, width, device=card.place)
    rows = [torch.randn(count, width, device=card.place) * scale * factor for factor in (1.0, 1.1)]
    floor = card.floor(rows[0].nbytes, 2 * count * width**2, torch.float64)
    what = f"statistics of {count:,} x {width:,} features, float64"
    seconds = card.seconds(lambda: DeviceStatistics(rows[0], where=card.place))
    card.tell(what, seconds, floor, card.seconds(lambda: fed(width, rows[:1], card)))
    ours, theirs = [DeviceStatistics(one, where=card.place) for one in rows], fed(width, rows, card)
    values = computing.frechet_distance(*ours), float(theirs.compute())
    print(f"  distance: ours {values[0]:.10g}, torchmetrics {values[1]:.10g}")
    # Cholesky (n^3 / 3), two products (2 n^3 each), eigenvalues alone (4 n^3 / 3)
    floor = card.floor(4 * width**2 * 8, (4 + 5 / 3) * width**3, torch.float64)
    seconds = card.seconds(lambda: computing.frechet_distance(*ours))
    what = f"distance of two of them, width {width:,}"
    card.tell(what, seconds, floor, card.seconds(lambda: again(theirs)))


def fed(width, rows, card):
    """Return torchmetrics' metric that has seen features, in float64 as ours."""
    metric = FrechetInceptionDistance(feature=Identity(width), input_img_size=(width,))
    metric = metric.to(card.place).set_dtype(torch.float64)
    for real, every in zip((True, False), rows, strict=False):
        for part in every.split(ROWS):
            metric.update(part, real=real)
    return metric


def again(metric):
    """Compute what is kept from the last time."""
    metric._computed = None  # noqa: SLF001 - there is no other way to have it forgotten
    return metric.compute()


def perplexity(card, options):
    """Logits to perplexity, batch by batch, as they would come from a model on the card."""
    size = min(TOKENS, options.tokens)
    logits = torch.randn(size, options.vocabulary, device=card.place) * 3
    targets = torch.randint(0, options.vocabulary, (size,))
    there, turns = targets.to(card.place), -(-options.tokens // size)

    def ours():
        bits = [computing.token_bits(logits, targets, where=card.place) for _ in range(turns)]
        return 2 ** float(np.concatenate(bits).mean())

    def theirs():
        metric = Perplexity().to(card.place)
        for _ in range(turns):
            metric.update(logits[None], there[None])
        return float(metric.compute())

    values = ours(), theirs()
    print(f"  perplexity: ours {values[0]:.10g}, torchmetrics {values[1]:.10g}")
    floor = card.floor(turns * logits.nbytes, 0, torch.float32)
    what = f"perplexity of {turns * size:,} tokens, vocabulary {options.vocabulary:,}"
    card.tell(what, card.seconds(ours), floor, card.seconds(theirs))


if __name__ == "__main__":
    warnings.filterwarnings("ignore", category=UserWarning, module="torchmetrics")
    main()
