"""What the image `gpu` is made of and with, as data: it is gigabytes, and nobody builds it here."""

import re
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.sandbox import image_layers, images

CUDA = images.HERE / "packages-cuda.txt"


def pins(profile):
    lines = [line for line in images.requirements(profile).splitlines() if line and not line.startswith("#")]
    found = dict(re.fullmatch(r"([\w.-]+)={2,3}([\w.+]+)", line).groups() for line in lines)
    assert len(found) == len(lines), "a package is asked for twice"
    return found


def test_it_has_what_the_image_of_the_cpu_has_and_torch_for_cuda():
    cpu, gpu = pins("cpu"), pins("gpu")
    assert gpu.items() >= cpu.items(), "another version of something"
    assert {"cuda-toolkit", "nvidia-cublas", "nvidia-cudnn-cu13", "triton"} <= gpu.keys() - cpu.keys()
    assert "\ntorch===" in images.requirements("gpu"), "two signs would take one that was built for the CPU"
    assert "torch===" not in images.requirements("cpu")


def test_the_cuda_of_a_profile_is_that_of_its_toolkit():
    assert re.fullmatch(r"\d+\.\d+", images.cuda_of("gpu"))
    assert images.cuda_of("cpu") == ""


def test_a_change_of_cuda_rebuilds_its_image_and_no_other(monkeypatch, tmp_path):
    before = {profile: images.packages_digest(profile) for profile in images.PROFILES}
    other = tmp_path / "packages-cuda.txt"
    other.write_text(CUDA.read_text().replace("nvidia-nvtx", "nvidia-other"))
    changed = images.Profile(
        packages="packages-cpu.txt",
        imports=images.IMPORTS,
        instead=str(other),
        proof=images.PROFILES["gpu"].proof,
    )
    monkeypatch.setattr(images, "PROFILES", images.PROFILES | {"gpu": changed})
    after = {profile: images.packages_digest(profile) for profile in images.PROFILES}
    assert [profile for profile in before if before[profile] != after[profile]] == ["gpu"]
    assert len(set(after.values())) == len(after)


def test_it_is_built_like_the_other_and_proves_its_torch(monkeypatch):
    done = {}

    def fetch(client, requirements, folder):
        flag, file, pip = requirements
        done["asked"] = (flag, Path(file).read_text(encoding="utf-8"), pip, folder)
        return "wheels"

    @contextmanager
    def building(client):
        yield

    monkeypatch.setattr(images, "_get", lambda *_: None)
    monkeypatch.setattr(image_layers, "make_base", lambda *_: None)
    monkeypatch.setattr(image_layers, "building", building)
    monkeypatch.setattr(image_layers, "fetch_wheels", fetch)
    monkeypatch.setattr(image_layers, "install_wheels", lambda *given: done.update(script=given[-1]))
    monkeypatch.setattr(image_layers, "add_files", lambda *_, tag, **__: tag)
    assert images._build(None, "gpu", lambda _: None) == images.image_tag("gpu")
    flag, text, pip, folder = done["asked"]
    assert (flag, text, pip) == ("--requirement", images.requirements("gpu"), images.PIP)
    assert folder.startswith("gpu-packages-")
    assert done["script"].endswith(
        "python3 -IBc 'import torch; assert torch.version.cuda, '\"'\"'this torch was built for the CPU'\"'\"''\n"
    )


@pytest.mark.parametrize("profile", images.PROFILES)
def test_no_image_sets_what_the_toolkit_obeys(profile):
    text = images.requirements(profile) + images.INSTALL + images.FINISH + images.PROFILES[profile].proof
    assert "NVIDIA_" not in text
