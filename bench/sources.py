"""Time the procedural sources: `python bench/sources.py`. Seconds are the best of three."""

import time
from collections.abc import Callable

import torch

from harness.sources.bandits import make_bandit
from harness.sources.captions import make_pairs
from harness.sources.copy_task import CopyTask
from harness.sources.encoder import load_encoder
from harness.sources.gaussians import ring
from harness.sources.hmm import make_hmm
from harness.sources.markov import make_chain
from harness.sources.melodies import Melodies
from harness.sources.moving_shapes import make_clips
from harness.sources.planted_facts import make_corpus
from harness.sources.ppca import make_ppca
from harness.sources.sprites import make_sprites, quantise
from harness.sources.toy_language import make_language


def seconds(job: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        job()
        times.append(time.perf_counter() - start)
    return min(times)


def jobs() -> dict[str, Callable[[], object]]:
    torch.set_num_threads(2)
    sprites = make_sprites(train=10_000, heldout=1, seed=0).train
    encoder, private = load_encoder("sprite"), load_encoder("sprite-private")
    chain, language, hmm = make_chain(seed=0), make_language(seed=0), make_hmm(seed=0)
    text, story, states = chain.sample(100_000, 0), language.sample(200_000, 0), hmm.sample(100, 600, 0)
    ppca, mixture, melodies, bandit = make_ppca(seed=0), ring(), Melodies(), make_bandit(seed=0)
    points, plane = ppca.sample(10_000, 0), mixture.sample(10_000, 0)
    return {
        "24,000 sprites": lambda: make_sprites(seed=0),
        "quantise 10,000 sprites": lambda: quantise(sprites),
        "features of 10,000 sprites": lambda: encoder.features(sprites),
        "private features of 10,000 sprites": lambda: private.features(sprites),
        "Markov chain, its table": lambda: make_chain(seed=0),
        "Markov chain, 100,000 characters": lambda: chain.sample(100_000, 0),
        "Markov chain, oracle of 100,000": lambda: chain.log_probs(text),
        "toy language, its table": lambda: make_language(seed=0),
        "toy language, 200,000 characters": lambda: language.sample(200_000, 0),
        "toy language, oracle of 200,000": lambda: language.log_probs(story),
        "HMM, 100 texts of 600": lambda: hmm.sample(100, 600, 0),
        "HMM, oracle of 100 texts of 600": lambda: hmm.log_probs(states),
        "PPCA, density of 10,000 points": lambda: ppca.log_density(points),
        "ring, density of 10,000 points": lambda: mixture.log_density(plane),
        "10,000 copy sequences": lambda: CopyTask().sample(10_000, 0),
        "1,000 films of 12 frames": lambda: make_clips(1_000, seed=0),
        "5,000 melodies": lambda: melodies.sample(5_000, 0),
        "5,000 (sprite, caption) pairs": lambda: make_pairs(5_000, seed=0),
        "corpus of planted facts": lambda: make_corpus(seed=0),
        "20,000 preferences": lambda: bandit.preferences(20_000, 0),
    }


if __name__ == "__main__":
    for name, job in jobs().items():
        print(f"{name:36} {seconds(job):8.3f} s")
