"""What the doctor says of GPUs: in the way of grading where the profile is for them, advice elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from harness.doctor.findings import Finding
from harness.gpu.choosing import PROFILE
from harness.gpu.findings import gpu_troubles
from harness.gpu.nvml import Found
from harness.sandbox.images import OLDEST_COMPUTE, cuda_of

ABSENT: Final = "exercises for the CPU need none"


def gpu_findings(info: Mapping[str, Any], found: Found, profile: str) -> Iterator[Finding]:
    """Yield a finding for each thing that grading on a GPU relies on.

    Args:
        info: What `docker info` is made of.
        found: What NVML tells.
        profile: Of the image that is examined: for `gpu`, what is missing stands in the way of grading.
    """
    needed = profile == PROFILE
    if not needed and not found.gpus and not found.driver:
        yield Finding(subject="GPU", good=True, detail=f"none: {found.reason}; {ABSENT}")
        return
    for subject, text, fix, detail in gpu_troubles(info, found, cuda_of(PROFILE), OLDEST_COMPUTE):
        good = not text or not needed
        yield Finding(subject=subject, good=good, detail=text or detail or "holds", fix=fix)
