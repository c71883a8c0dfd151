"""How the engine is asked for a GPU: as data, for every kind of engine; and what else CUDA changes in the wall."""

import json
from dataclasses import replace

import pytest
from docker.types import DeviceRequest

from harness.errors import SandboxError
from harness.gpu.choosing import on_gpu
from harness.gpu.requesting import device_request
from harness.records import Exercise, Limits
from harness.sandbox.docker import parameters
from harness.sandbox.process import environment
from harness.sandbox.protocol import Slot
from tests.gpu.conftest import gpu

UUID = gpu(0).uuid
LISTED = {"Source": "cdi", "ID": f"nvidia.com/gpu={UUID}"}
CDI = {"driver": "cdi", "device_ids": [f"nvidia.com/gpu={UUID}"]}
LEGACY = {"driver": "nvidia", "device_ids": [UUID], "capabilities": [["gpu", "compute", "utility"]]}
FOLDERS = {"CDISpecDirs": ["/etc/cdi", "/var/run/cdi"]}
ENGINES = {
    "lists-it": ({"ServerVersion": "28.3.3", **FOLDERS, "DiscoveredDevices": [LISTED]}, CDI),
    "lists-it-without-version": ({"DiscoveredDevices": [LISTED]}, CDI),
    "lists-others": (
        {"ServerVersion": "28.3.3", **FOLDERS, "DiscoveredDevices": [{"ID": "nvidia.com/gpu=0"}]},
        LEGACY,
    ),
    "lists-none": ({"ServerVersion": "28.3.3", **FOLDERS, "DiscoveredDevices": None}, LEGACY),
    "old-with-cdi": ({"ServerVersion": "27.5.1", **FOLDERS}, CDI),
    "old-without": ({"ServerVersion": "24.0.7", "CDISpecDirs": None}, LEGACY),
    "tells-nothing": ({}, LEGACY),
}
EXERCISE = Exercise(
    id="stage/small",
    title="",
    summary="",
    entry="small.py",
    device="gpu",
    limits=Limits(memory_mb=700, pids=99, disk_mb=64),
    gpu_limits=Limits(memory_mb=9000, pids=1500, disk_mb=2048),
)


@pytest.mark.parametrize(("info", "asked"), ENGINES.values(), ids=ENGINES)
def test_one_gpu_by_its_uuid(info, asked):
    assert device_request(UUID, info) == asked
    made = parameters(on_gpu(EXERCISE), "i", Slot(device=UUID), "r", info=info)["device_requests"]
    assert made == [DeviceRequest(**asked)]
    assert made[0]["Count"] == 0, "never all of them"


def test_a_slice_is_asked_for_like_a_gpu():
    assert device_request("MIG-1234-abcd", {"ServerVersion": "27.0", **FOLDERS})["device_ids"] == [
        "nvidia.com/gpu=MIG-1234-abcd"
    ]


@pytest.mark.parametrize("uuid", ["all", "0", "GPU-a,GPU-b", "GPU-", "GPU-a\n", "void", "GPU-a=b"])
def test_what_is_no_uuid_is_refused(uuid):
    with pytest.raises(SandboxError, match="is no uuid"):
        device_request(uuid, {})


def test_the_budget_of_cuda_reaches_the_container():
    given = parameters(on_gpu(EXERCISE), "i", Slot(device=UUID), "r")
    assert (given["mem_limit"], given["memswap_limit"], given["pids_limit"]) == ("9000m", "9000m", 1500)
    assert given["shm_size"] == "2048m"
    without = parameters(EXERCISE, "i", Slot(), "r")
    assert (without["mem_limit"], without["pids_limit"], without["shm_size"]) == ("700m", 99, "64m")


def test_only_the_request_and_one_variable_differ_from_the_wall_of_the_cpu():
    exercise = replace(EXERCISE, gpu_limits=EXERCISE.limits)
    cpu = parameters(exercise, "i", Slot(), "r")
    lent = parameters(exercise, "i", Slot(device=UUID), "r")
    del lent["device_requests"]
    assert lent["environment"].pop("CUBLAS_WORKSPACE_CONFIG") == ":4096:8"
    for given in (cpu, lent):
        del given["labels"]
    assert cpu == lent
    assert "runtime" not in lent
    assert "NVIDIA" not in json.dumps(lent, default=str), "no variable that the toolkit's hooks obey"


def test_without_a_lease_nothing_is_asked_for(tmp_path):
    given = parameters(EXERCISE, "i", Slot(), "r", info={"DiscoveredDevices": [LISTED], **FOLDERS})
    assert "device_requests" not in given
    assert not {"CUBLAS_WORKSPACE_CONFIG", "CUDA_VISIBLE_DEVICES"} & set(given["environment"])
    assert environment(tmp_path, EXERCISE.limits, Slot())["CUDA_VISIBLE_DEVICES"] == ""


def test_in_the_process_sandbox_the_gpu_that_is_lent_is_the_only_one(tmp_path):
    given = environment(tmp_path, EXERCISE.limits, Slot(device=UUID))
    assert (given["CUDA_VISIBLE_DEVICES"], given["CUBLAS_WORKSPACE_CONFIG"]) == (UUID, ":4096:8")
