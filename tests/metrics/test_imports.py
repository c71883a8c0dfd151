import subprocess
import sys

import pytest


def loaded_by(module):
    code = f"import sys, {module}; print(*sorted(sys.modules))"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()


def test_the_package_itself_loads_nothing_heavy():
    assert not {"numpy", "scipy", "torch", "sklearn", "torchmetrics"} & set(loaded_by("harness.metrics"))


@pytest.mark.parametrize("room", ["panel", "language", "privacy", "calibration"])
def test_rooms_that_need_no_framework_load_none(room):
    loaded = loaded_by(f"harness.metrics.{room}")
    assert not {"torch", "sklearn", "torchmetrics", "scipy.stats"} & set(loaded)
