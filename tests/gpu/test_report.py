"""Who reads a result sees on what it ran; what the driver said is shown as text and nothing else."""

from dataclasses import replace

import pytest

from harness.cli.printing import print_result
from reports import learner_page as page
from tests.gpu.conftest import gpu
from tests.gradebook.conftest import result


@pytest.fixture
def ran():
    made = result()
    lent = gpu(1, torch="2.13.0", cuda="13.0")
    return replace(made, provenance=replace(made.provenance, device="cuda:1", gpu=lent))


def test_the_terminal_says_it_in_a_line(ran, capsys):
    print_result(ran)
    line = "Ran on cuda:1: NVIDIA H200, driver 580.95.05, torch 2.13.0, CUDA 13.0."
    assert line in " ".join(capsys.readouterr().out.split())
    print_result(result())
    assert "Ran on" not in capsys.readouterr().out


def test_the_page_says_it(ran):
    assert "NVIDIA H200, driver 580.95.05, CUDA 13.0, torch 2.13.0" in page(ran)
    assert "NVIDIA" not in page(result())


def test_a_name_is_never_markup(ran):
    evil = replace(ran.provenance.gpu, name="<script>alert(1)</script>")
    assert "<script>alert" not in page(replace(ran, provenance=replace(ran.provenance, gpu=evil)))
