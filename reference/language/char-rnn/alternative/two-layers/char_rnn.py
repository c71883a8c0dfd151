"""Two gated layers, one above the other; AdamW with a triangle for a schedule."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def alphabet_of(text: str) -> str:
    return "".join(chr(number) for number in sorted({ord(character) for character in text}))


def encode(text: str, alphabet: str) -> Tensor:
    table = dict(zip(alphabet, range(len(alphabet))))
    return torch.LongTensor(list(map(table.__getitem__, text)))


def decode(codes: Tensor, alphabet: str) -> str:
    return "".join(map(list(alphabet).__getitem__, codes.tolist()))


class GRUCell(nn.Module):
    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.weight_ih = nn.Parameter(nn.init.xavier_uniform_(torch.empty(3 * width, inputs)))
        self.weight_hh = nn.Parameter(nn.init.orthogonal_(torch.empty(3 * width, width)))
        self.bias_ih = nn.Parameter(torch.zeros(3 * width))
        self.bias_hh = nn.Parameter(torch.zeros(3 * width))

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        return self.step(F.linear(x, self.weight_ih, self.bias_ih), state)

    def step(self, drive: Tensor, state: Tensor) -> Tensor:
        """One step from what the input adds, (batch, 3 width)."""
        width = state.shape[1]
        recurrent = F.linear(state, self.weight_hh, self.bias_hh)
        gates = (drive[:, : 2 * width] + recurrent[:, : 2 * width]).sigmoid()
        new = (drive[:, 2 * width :] + gates[:, :width] * recurrent[:, 2 * width :]).tanh()
        return torch.lerp(new, state, gates[:, width:])

    def run(self, drives: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """All steps, (batch, time, 3 width) -> (batch, time, width) and the last state."""
        out = []
        for time in range(drives.shape[1]):
            state = self.step(drives[:, time], state)
            out.append(state)
        return torch.stack(out, 1), state


class CharRNN(nn.Module):
    def __init__(self, symbols: int, width: int) -> None:
        super().__init__()
        self.symbols = symbols
        self.lower, self.upper = GRUCell(symbols, width), GRUCell(width, width)
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Dropout(0.0), nn.Linear(width, symbols))

    def read(self, codes: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        width = self.upper.weight_hh.shape[1]
        first, second = (torch.zeros(len(codes), 2 * width) if state is None else state).chunk(2, dim=1)
        drives = self.lower.weight_ih.T[codes] + self.lower.bias_ih  # a product with one-hot rows
        states, first = self.lower.run(drives, first)
        states, second = self.upper.run(F.linear(states, self.upper.weight_ih, self.upper.bias_ih), second)
        return self.head(states), torch.cat((first, second), dim=1)

    def forward(self, codes: Tensor) -> Tensor:
        return self.read(codes, None)[0]


def loss(logits: Tensor, targets: Tensor) -> Tensor:
    return F.nll_loss(F.log_softmax(logits, dim=2).reshape(-1, logits.shape[2]), targets.reshape(-1))


def clip(gradients: list[Tensor], limit: float) -> list[Tensor]:
    length = torch.stack([torch.linalg.vector_norm(each) for each in gradients]).norm()
    return [each / torch.clamp(length / limit, min=1.0) for each in gradients]


def train(text: str, width: int, steps: int, batch: int, length: int, seed: int) -> tuple[CharRNN, list[float]]:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = CharRNN(len(set(text)), width)
    dice = torch.Generator().manual_seed(seed)
    cut = encode(text, alphabet_of(text)).unfold(0, length + 1, 1)
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.008, total_steps=steps + 1, pct_start=0.2)
    losses = []
    for _ in range(steps):
        rows = cut[torch.randint(len(cut), (batch,), generator=dice)]
        value = loss(model(rows[:, :-1]), rows[:, 1:])
        model.zero_grad()
        value.backward()
        slopes = clip([weight.grad for weight in model.parameters()], 1.0)
        for weight, slope in zip(model.parameters(), slopes):
            weight.grad = slope
        optimiser.step()
        schedule.step()
        losses.append(value.item())
    return model.eval(), losses


@torch.no_grad()
def generate(model: CharRNN, prompts: Tensor, length: int, temperature: float, seed: int) -> Tensor:
    """Draw by inverting the cumulative distribution; every time the whole text is read again."""
    dice, text = torch.Generator().manual_seed(seed), prompts
    for _ in range(length):
        scores = model(text)[:, -1].double()
        if temperature:
            rising = (scores / temperature).softmax(1).cumsum(1)
            level = torch.rand(len(text), 1, generator=dice, dtype=torch.float64) * rising[:, -1:]
            following = (rising < level).sum(1, keepdim=True).clamp(max=model.symbols - 1)
        else:
            following = scores.topk(1).indices
        text = torch.cat((text, following), 1)
    return text[:, prompts.shape[1] :].clone()
