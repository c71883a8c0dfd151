"""What is not worth writing twice."""

import torch.nn.functional as F

kernels = F


def mix(query, key, value, mask):
    return kernels.scaled_dot_product_attention(query, key, value, attn_mask=mask)
