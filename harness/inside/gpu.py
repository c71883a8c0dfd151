"""The GPU that is lent to a submission: how torch is set on it, and proof that it computes."""

from __future__ import annotations


def settle() -> dict[str, str]:
    """Have torch compute deterministically and in full float32, and return its version and CUDA's.

    Called before the submission comes in, which is free to choose otherwise. Where torch cannot use
    the GPU, the answer is why, under `trouble`.
    """
    import torch

    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    try:
        torch.ones(1, device="cuda").sum().item()
    except (RuntimeError, AssertionError) as error:
        return {"trouble": f"torch {torch.__version__}: {error}"}
    return {"torch": str(torch.__version__), "cuda": str(torch.version.cuda)}
