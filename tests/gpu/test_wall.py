"""Tensors that lie on a device cross the wall as tensors of the CPU, in their own dtype.

The device is torch's `lazy`, which every build has: like a GPU it has memory of its own, from which a tensor
must be fetched, and refuses to compute with a tensor of the CPU.
"""

import pytest
import torch
import torch._lazy.ts_backend

from harness import wire
from harness.errors import SandboxError
from harness.inside.gpu import settle
from harness.inside.worker import _vjp
from harness.records import Exercise, Limits
from harness.sandbox.docker import DockerSandbox
from harness.sandbox.protocol import Slot
from tests.gpu.conftest import gpu

DTYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64, torch.bool]


@pytest.fixture(scope="module")
def device():
    torch._lazy.ts_backend.init()
    return "lazy"


def there_and_back(value):
    encoder = wire.Encoder(lambda value: pytest.fail(f"{value!r} stayed inside"))
    tree = encoder.encode(value)
    body = bytearray(b"".join(bytes(part) for part in encoder.body))
    return wire.Decoder(body, lambda handle: handle).decode(tree)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_tensor_of_a_device_comes_back_as_one_of_the_cpu_in_its_dtype(device, dtype):
    here = torch.arange(12).reshape(3, 4).to(dtype)
    there = here.to(device)
    assert there.device.type == device
    back = there_and_back(there)
    assert (back.device.type, back.dtype) == ("cpu", dtype)
    assert torch.equal(back, here)


def test_views_gradients_and_parameters_do_too(device):
    there = torch.arange(12.0).reshape(3, 4).to(device).requires_grad_()
    back = there_and_back({"view": there.T[1:, ::2], "weights": torch.nn.Parameter(there.detach())})
    assert torch.equal(back["view"], torch.arange(12.0).reshape(3, 4).T[1:, ::2])
    assert type(back["weights"]) is torch.Tensor
    assert not back["weights"].requires_grad


def test_gradients_are_taken_where_the_output_is(device):
    """The cotangent comes from the grader, on the CPU; the submission has moved its work to the device."""
    x, cotangent = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 10.0, 100.0])
    found = _vjp(lambda x: x.to(device) ** 2, (x,), cotangent)
    assert found["output"].device.type == device
    assert torch.equal(there_and_back(found)["inputs"][0], torch.tensor([2.0, 40.0, 600.0]))


@pytest.fixture
def torch_settings():
    """What `settle` changes, put back."""
    deterministic, warn = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    cudnn, matmul = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    yield
    torch.use_deterministic_algorithms(deterministic, warn_only=warn)
    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = cudnn, matmul


def test_torch_is_set_to_be_deterministic_and_exact_or_says_why_it_cannot_be_used(torch_settings):
    told = settle()
    assert set(told) == ({"torch", "cuda"} if torch.cuda.is_available() else {"trouble"})
    assert torch.are_deterministic_algorithms_enabled()
    assert torch.is_deterministic_algorithms_warn_only_enabled()
    assert not torch.backends.cudnn.benchmark
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32


@pytest.mark.docker
def test_an_engine_that_has_no_gpu_says_so_and_leaves_nothing(engine, image, no_leftovers):
    if "nvidia" in str(engine.info().get("Runtimes")) or engine.info().get("DiscoveredDevices"):
        pytest.skip("this engine may have GPUs")
    exercise = Exercise(
        id="stage/small", title="", summary="", entry="small.py", limits=Limits(memory_mb=256)
    )
    sandbox = DockerSandbox(engine, Slot(device=gpu(0).uuid))
    with pytest.raises(SandboxError, match="the sandbox did not start") as caught, sandbox.launch(exercise):
        pass
    assert "device" in str(caught.value)
    assert caught.value.hint == "roadmark doctor"
