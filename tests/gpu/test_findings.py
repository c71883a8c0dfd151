"""The doctor explains each broken setup, in the way of grading on a GPU and of nothing else."""

from dataclasses import replace

import pytest

from harness.doctor import controls, engine, proof
from harness.doctor.graphics import gpu_findings
from harness.gpu.nvml import NO_PACKAGE, REASONS, Found
from tests.gpu.conftest import gpu
from tests.test_doctor import INFO, VERSION

FOLDERS = {"CDISpecDirs": ["/etc/cdi"]}
LISTED = {"DiscoveredDevices": [{"Source": "cdi", "ID": f"nvidia.com/gpu={gpu(0).uuid}"}]}
NVIDIA = {"Runtimes": {"runc": {}, "nvidia": {}}}
NEW, OLD = {"ServerVersion": "28.3.3"}, {"ServerVersion": "27.5.1"}
SOUND = Found(gpus=(gpu(0),), driver="580.95.05")


def reason(name):
    return Found(reason=REASONS[f"NVMLError_{name}"])


def card(**fields):
    return replace(SOUND, gpus=(gpu(0, **fields),))


NAMED = "cuda:0 (NVIDIA H200, GPU-aaaaaaaa)"
BROKEN = {
    "no-package": ({}, Found(reason=NO_PACKAGE), "GPU driver", "pip install", "roadmark[gpu]"),
    "no-driver": (
        {},
        reason("LibraryNotFound"),
        "GPU driver",
        "no NVIDIA driver",
        "install the NVIDIA driver",
    ),
    "not-loaded": ({}, reason("DriverNotLoaded"), "GPU driver", "not loaded", "modprobe"),
    "updated-under-us": ({}, reason("LibRmVersionMismatch"), "GPU driver", "different versions", "reboot"),
    "no-permission": ({}, reason("NoPermission"), "GPU driver", "may not ask", "/dev/nvidiactl"),
    "mig-without-slices": (
        NEW | FOLDERS,
        Found(reason="GPU 0 is in MIG mode and has no slices", driver="580.95.05"),
        "GPU driver",
        "MIG mode",
        "nvidia-smi mig -lgip",
    ),
    "no-toolkit": (
        OLD,
        SOUND,
        "GPU in containers",
        "neither the nvidia runtime nor CDI",
        "install the NVIDIA Cont",
    ),
    "cdi-without-description": (
        NEW | FOLDERS,
        SOUND,
        "GPU in containers",
        "there is no nvidia.com/gpu",
        "nvidia-ctk",
    ),
    "cdi-stale": (
        NEW | FOLDERS | {"DiscoveredDevices": [{"ID": "nvidia.com/gpu=GPU-gone"}]},
        SOUND,
        "GPU in containers",
        "its description is stale",
        "nvidia-ctk cdi generate",
    ),
    "rootless-without-cdi": (
        NEW | NVIDIA | {"SecurityOptions": ["name=seccomp", "name=rootless"]},
        SOUND,
        "GPU in containers",
        "through CDI alone",
        "nvidia-ctk",
    ),
    "driver-too-old": (
        NEW | FOLDERS | LISTED,
        card(driver="550.54.15", driver_cuda="12.4"),
        NAMED,
        "driver 550.54.15 runs CUDA 12.4, and the image's torch needs 13.0",
        "update the driver to one for CUDA 13",
    ),
    "card-too-old": (NEW | FOLDERS | LISTED, card(compute="7.0"), NAMED, "it computes 7.0", "newer card"),
    "default-runtime": (
        NEW | FOLDERS | LISTED | {"DefaultRuntime": "nvidia"},
        SOUND,
        "GPU runtime",
        "default runtime",
        "runc",
    ),
    "a-gpu-is-lost": (
        NEW | FOLDERS | LISTED,
        replace(SOUND, notes=("GPU 1 cannot be used: it is lost",)),
        "GPU",
        "it is lost",
        "nvidia-smi",
    ),
}


@pytest.mark.parametrize(("info", "found", "subject", "words", "fix"), BROKEN.values(), ids=BROKEN)
def test_a_broken_setup_is_explained(info, found, subject, words, fix):
    bad = [one for one in gpu_findings(INFO | info, found, "gpu") if not one.good]
    assert [one.subject for one in bad] == [subject]
    assert words in bad[0].detail
    assert fix in bad[0].fix


@pytest.mark.parametrize(("info", "found", "subject", "words", "fix"), BROKEN.values(), ids=BROKEN)
def test_and_does_not_stand_in_the_way_of_the_cpu(info, found, subject, words, fix):
    told = list(gpu_findings(INFO | info, found, "cpu"))
    assert all(one.good for one in told)
    assert any(words in one.detail for one in told)


SOUND_ENGINES = {
    "cdi": (NEW | FOLDERS | LISTED, "CDI, 1 by uuid"),
    "cdi-of-an-old-engine": (OLD | FOLDERS, "CDI, 1 by uuid"),
    "driver": (OLD | NVIDIA, "the engine's nvidia driver"),
    "cdi-stale-but-driver": (
        NEW | FOLDERS | NVIDIA | {"DiscoveredDevices": [{"ID": "nvidia.com/gpu=GPU-gone"}]},
        "the engine's nvidia driver; CDI knows nvidia.com/gpu=GPU-gone, but not",
    ),
}


@pytest.mark.parametrize(("info", "words"), SOUND_ENGINES.values(), ids=SOUND_ENGINES)
def test_a_sound_setup_is_told(info, words):
    told = {one.subject: one for one in gpu_findings(INFO | info, SOUND, "gpu")}
    assert all(one.good for one in told.values())
    assert words in told["GPU in containers"].detail
    assert told["GPU driver"].detail == "580.95.05, 1 to lend"
    assert told[NAMED].detail == "143,771 MiB, compute 9.0, driver 580.95.05 for CUDA 13.0"


def test_a_newer_driver_runs_an_older_cuda():
    told = gpu_findings(INFO | NEW | FOLDERS | LISTED, card(driver_cuda="14.1"), "gpu")
    assert all(one.good for one in told)


def test_the_runtime_nvidia_is_refused_by_name():
    """It gives GPUs to whatever a container's environment names."""
    info = INFO | {"Runtimes": {"runc": {}, "nvidia": {}}}
    bad = [one for one in engine.engine_findings(info, VERSION, "nvidia") if not one.good]
    assert [one.subject for one in bad] == ["runtime"]
    assert "a container's environment" in bad[0].detail


# ---- the wall with a GPU in it -----------------------------------------------------------------

OTHERS = ["nvidiactl", "nvidia-uvm", "nvidia-uvm-tools"]
SEEN = {
    "the-one-that-is-lent": (["nvidia3", *OTHERS], "GPU-a", ""),
    "a-slice": (["nvidia0", "nvidia-caps", *OTHERS], "MIG-a", ""),
    "all-of-them": (["nvidia0", "nvidia1", *OTHERS], "GPU-a", "nvidia0, nvidia1"),
    "a-disk-besides": (["nvidia0", "sda", *OTHERS], "GPU-a", "sda"),
    "none-although-lent": (OTHERS, "GPU-a", "the GPU is not there"),
    "one-that-is-not-lent": (["nvidia0"], "", "nvidia0"),
    "none": ([], "", ""),
}


@pytest.mark.parametrize(("devices", "lent", "trouble"), SEEN.values(), ids=SEEN)
def test_a_container_has_the_gpu_that_is_lent_and_no_other_device(devices, lent, trouble):
    assert controls.CONTROLS["no devices"]({"devices": devices, "lent": lent}) == trouble


@pytest.mark.parametrize(
    ("lent", "trouble"), [("GPU-a", ""), ("", "CUBLAS_WORKSPACE_CONFIG, NVIDIA_VISIBLE_DEVICES")]
)
def test_its_environment_is_ours(lent, trouble):
    names = ["HOME", "PATH", "CUBLAS_WORKSPACE_CONFIG", "NVIDIA_VISIBLE_DEVICES"]
    control = controls.CONTROLS["environment is ours"]
    assert control({"environment": names, "lent": lent}) == trouble
    assert "LD_PRELOAD" in control({"environment": [*names, "LD_PRELOAD"], "lent": lent})


def test_the_wall_is_proved_with_each_gpu_that_may_be_lent(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(proof, "prove", lambda client, profile, runtime, device: asked.append(device) or [])
    monkeypatch.setattr(proof, "engine_findings", lambda *_: [])

    class Engine:
        info = version = dict

    for device in ("GPU-a", "GPU-b", "", "GPU-a", ""):
        proof.require_proof(Engine(), "gpu", "", device)
    assert asked == ["GPU-a", "GPU-b", ""]
