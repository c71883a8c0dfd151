"""The benchmark ends in words where there is no card, and its figures are of right values."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest
import torch

FILE = Path(__file__).parents[2] / "bench" / "gpu.py"


@pytest.fixture
def bench(monkeypatch):
    spec = importlib.util.spec_from_file_location("bench_gpu", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["gpu.py", *arguments])
        module.main()

    return run


def test_without_a_card_it_says_so_and_is_no_failure(bench, monkeypatch, capsys, no_driver):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    bench()
    told = capsys.readouterr().out
    assert told.startswith("No GPU that can be used (torch 2.")
    assert told.endswith(
        "there is no NVIDIA driver (libnvidia-ml.so.1 was not found)): nothing was measured.\n"
    )


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_its_values_are_those_of_torchmetrics(bench, capsys):
    torch.manual_seed(0)
    sizes = ("--images", "300", "--features", "16", "--tokens", "2000", "--side", "64", "--repeats", "1")
    bench("--device", "cpu", *sizes)
    told = capsys.readouterr().out
    assert told.count("times the floor") == 4
    pairs = re.findall(r"ours ([\d.e+-]+), torchmetrics ([\d.e+-]+)$", told, re.MULTILINE)
    assert len(pairs) == 2
    for ours, theirs in pairs:
        assert float(ours) == pytest.approx(float(theirs), rel=1e-3)
