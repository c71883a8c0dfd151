"""A GPT in two files: parallel blocks, distances instead of places, and draws by the cumulative distribution."""

import math

import torch
from torch import Tensor, nn

from layers import Block


class GPT(nn.Module):
    def __init__(self, vocabulary: int, context: int, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.context = context
        self.body = nn.Sequential(
            nn.Embedding(vocabulary, width),
            *(Block(width, heads, context) for _ in range(layers)),
            nn.LayerNorm(width),
            nn.Linear(width, vocabulary),
        )
        nn.init.normal_(self.body[0].weight, std=0.3)
        nn.init.normal_(self.body[-1].weight, std=0.01)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.body(tokens)


def loss(logits: Tensor, targets: Tensor) -> Tensor:
    mass = logits.logsumexp(dim=-1)
    wanted = nn.functional.one_hot(targets, logits.shape[-1]).bool()
    return (mass - logits[wanted].view_as(mass)).mean()


def train(tokens: Tensor, *, steps: int, batch: int, seed: int, **sizes: int) -> tuple[GPT, list[float]]:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = GPT(**sizes)
    dice = torch.Generator().manual_seed(seed + 1)
    optimiser = torch.optim.AdamW(model.parameters(), lr=6e-3, betas=(0.9, 0.98), fused=True)
    pace = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: min((step + 1) / 40, 1.01 - step / steps))
    offsets = torch.arange(sizes["context"] + 1)
    losses = []
    for _ in range(steps):
        starts = torch.randint(len(tokens) - sizes["context"], (batch, 1), generator=dice)
        rows = tokens[starts + offsets]
        error = loss(model(rows[:, :-1]), rows[:, 1:])
        model.zero_grad()
        error.backward()
        optimiser.step()
        pace.step()
        losses.append(error.item())
    return model, losses


@torch.no_grad()
def generate(model: GPT, prompts: Tensor, *, length: int, temperature: float, seed: int) -> Tensor:
    dice = torch.Generator().manual_seed(seed)
    text = prompts.clone()
    for _ in range(length):
        scores = model(text[:, -model.context :])[:, -1].double()
        text = torch.cat([text, draw(scores, temperature, dice)], dim=1)
    return text[:, -length:] if length else text[:, :0]


def draw(scores: Tensor, temperature: float, dice: torch.Generator) -> Tensor:
    """One symbol a row, (batch, 1): where a uniform number falls on the cumulative distribution."""
    if math.isclose(temperature, 0):
        return scores.max(dim=-1, keepdim=True).indices
    steps = (scores / temperature).softmax(dim=-1).cumsum(dim=-1)
    point = torch.rand(len(scores), 1, generator=dice, dtype=torch.float64) * steps[:, -1:]
    return torch.searchsorted(steps, point, right=True).clamp(max=scores.shape[-1] - 1)
