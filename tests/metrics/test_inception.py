"""Inception-v3: what is said without it, and the real network with weights that are not the published ones.

There is no torchvision that fits torch for processors only, and torch-fidelity imports one for other networks than
this; an empty one stands in for it. The published weights cannot be had everywhere, so random ones show that
images go in as bytes and features come out, and that other bytes than expected are refused.
"""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from harness.metrics import inception
from harness.metrics.inception import InceptionFeatures, InceptionUnavailable, as_bytes, fetch_weights

TORCHVISION = {
    "__init__.py": "from . import datasets, models, transforms\n",
    "datasets.py": "CIFAR10 = CIFAR100 = STL10 = object\n",
    "models.py": "",
    "transforms/__init__.py": "from . import functional\nCompose = Resize = CenterCrop = object\n",
    "transforms/functional.py": "",
}


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """Put torch-fidelity on the path for this module, without what it does not need here."""
    folder = tmp_path_factory.mktemp("fidelity")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder)]
    subprocess.run([*install, "torch-fidelity==0.4.0", "tqdm"], check=True, capture_output=True)
    for name, text in TORCHVISION.items():
        file = folder / "torchvision" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    patch = pytest.MonkeyPatch()
    patch.syspath_prepend(str(folder))
    yield folder
    patch.undo()
    for name in [name for name in sys.modules if name.partition(".")[0] in ("torch_fidelity", "torchvision")]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def weights(network, tmp_path_factory):
    """Random weights in a file, and their digest."""
    import torch
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3 as Network

    file = tmp_path_factory.mktemp("weights") / "random.pth"
    torch.save({}, file)
    with pytest.MonkeyPatch.context() as patch, torch.random.fork_rng():
        torch.manual_seed(0)
        patch.setattr(Network, "load_state_dict", lambda self, state: None)
        torch.save(Network("random", ["2048"], feature_extractor_weights_path=str(file)).state_dict(), file)
    return file, hashlib.sha256(file.read_bytes()).hexdigest()


def test_images_become_features(weights):
    file, digest = weights
    features = InceptionFeatures(file, digest=digest)
    images = np.random.default_rng(0).uniform(size=(3, 12, 12))
    found = features(images)
    assert found.shape == (3, 2048)
    assert found.dtype == np.float64
    assert features.digest == digest
    assert not np.allclose(found[0], found[1])
    assert np.array_equal(found, features(as_bytes(images)))  # floats and bytes are the same picture


def test_other_weights_than_the_published_ones_are_refused(weights):
    with pytest.raises(InceptionUnavailable, match="not the published network"):
        InceptionFeatures(weights[0])


def test_missing_weights_say_how_to_get_them(network, tmp_path):
    with pytest.raises(InceptionUnavailable, match="fetch_weights"):
        InceptionFeatures(tmp_path / "none.pth")


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    with pytest.raises(InceptionUnavailable, match=r"roadmark\[inception\]"):
        InceptionFeatures()


def test_weights_are_fetched_once_whole_and_checked(tmp_path):
    origin = tmp_path / "origin.pth"
    origin.write_bytes(b"weights")
    file = tmp_path / "cache" / "weights.pth"
    fetch_weights(origin.as_uri(), file, hashlib.sha256(b"weights").hexdigest())
    assert file.read_bytes() == b"weights"
    assert [one.name for one in file.parent.iterdir()] == ["weights.pth"]


def test_a_download_that_is_something_else_leaves_nothing(tmp_path):
    origin = tmp_path / "origin.pth"
    origin.write_bytes(b"sign in to continue")
    with pytest.raises(InceptionUnavailable, match="not the published network"):
        fetch_weights(origin.as_uri(), tmp_path / "weights.pth")
    assert not (tmp_path / "weights.pth").exists()


def test_no_network_says_where_to_put_the_file(tmp_path):
    with pytest.raises(InceptionUnavailable, match=r"Put them at .*weights\.pth"):
        fetch_weights((tmp_path / "nowhere").as_uri(), tmp_path / "weights.pth")


def test_the_weights_lie_in_the_users_cache():
    assert inception.weights_file().parent.name == "roadmark"
    assert isinstance(inception.weights_file(), Path)


@pytest.mark.parametrize(
    ("images", "reason"),
    [
        pytest.param(np.zeros((2, 4, 12, 12)), "wrong shape", id="four-channels"),
        pytest.param(np.zeros((0, 12, 12)), "wrong shape", id="none"),
        pytest.param(np.full((2, 12, 12), 1.1), "out of range", id="too-bright"),
        pytest.param(np.full((2, 12, 12), np.nan), "out of range", id="nan"),
    ],
)
def test_what_is_no_picture_is_refused(images, reason):
    with pytest.raises(ValueError, match=reason):
        as_bytes(images)
