"""Keeps the old by staying near what the given network predicts; buffers, small steps for one matrix, no schedule class."""

import math

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

SYMBOLS, PLACES, WIDTH, INNER = 16, 24, 48, 96


class Network(nn.Module):
    """The language model whose weights are given: leave it as it is."""

    def __init__(self) -> None:
        super().__init__()
        self.symbols, self.places = nn.Embedding(SYMBOLS, WIDTH), nn.Embedding(PLACES, WIDTH)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(WIDTH) for _ in range(3))
        self.query, self.key = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.value, self.mix = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.wide, self.narrow = nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH)
        self.head = nn.Linear(WIDTH, SYMBOLS)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return scores of the next symbol, (n, time, 16), for tokens (n, time), int64."""
        time = tokens.shape[1]
        x = self.symbols(tokens) + self.places.weight[:time]  # (n, time, 48)
        normal = self.norm1(x)
        scores = self.query(normal) @ self.key(normal).transpose(1, 2) / math.sqrt(WIDTH)  # (n, time, time)
        future = torch.ones(time, time, dtype=torch.bool).triu(1)
        weights = scores.masked_fill(future, -torch.inf).softmax(dim=-1)
        x = x + self.mix(weights @ self.value(normal))
        x = x + self.narrow(functional.gelu(self.wide(self.norm2(x))))
        return self.head(self.norm3(x))


class LoRALinear(nn.Module):
    def __init__(self, weight, bias, rank, alpha):
        super().__init__()
        self.register_buffer("weight", weight.detach().clone())
        self.register_buffer("bias", bias if bias is None else bias.detach().clone())
        self.down = nn.Parameter(nn.init.kaiming_uniform_(weight.new_empty(rank, weight.shape[1]), a=math.sqrt(5)))
        self.up = nn.Parameter(weight.new_zeros(weight.shape[0], rank))
        self.alpha, self.rank = alpha, rank

    def forward(self, x):
        whole = self.weight + self.up @ self.down * (self.alpha / self.rank)
        y = x @ whole.mT
        return y if self.bias is None else y + self.bias

    @torch.no_grad()
    def change(self):
        return torch.einsum("or,ri->oi", self.up, self.down) * self.alpha / self.rank


def add_adapters(model, names, rank, alpha):
    for parameter in model.parameters():
        parameter.requires_grad = False
    for name in names:
        *path, last = name.split(".")
        owner = model
        for step in path:
            owner = getattr(owner, step)
        plain = getattr(owner, last)
        setattr(owner, last, LoRALinear(plain.weight, plain.bias, rank, alpha))
    return model


def adapter_state(model):
    return {k: v for k, v in model.state_dict().items() if k.rsplit(".", 1)[-1] in ("up", "down")}


def merged_state(model):
    state, thin = {}, adapter_state(model)
    for name, value in model.state_dict().items():
        layer, _, part = name.rpartition(".")
        if name in thin:
            continue
        state[name] = value + model.get_submodule(layer).change() if part == "weight" and f"{layer}.up" in thin else value
    return state


def train(state, target, old, steps, batch, seed):
    torch.manual_seed(seed)
    teacher, model = Network(), Network()
    teacher.load_state_dict(state)
    model.load_state_dict(state)
    add_adapters(model, ["value", "mix", "wide", "narrow", "head"], 4, 4.0)
    thin = {True: [], False: []}
    for name, value in model.named_parameters():
        if value.requires_grad:
            thin[name.endswith("up")].append(value)
    optimiser = torch.optim.Adam([{"params": thin[True], "peak": 1.5e-2}, {"params": thin[False], "peak": 8e-3}], lr=0.0)
    losses = torch.zeros(steps)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * min((step + 1) / 50, 1.2 * (1 - step / steps), 1.0)
        new, known = target[torch.randperm(len(target))[: batch * 2 // 3]], old[torch.randperm(len(old))[: batch - batch * 2 // 3]]
        scores = model(new[:, :-1])
        loss = functional.cross_entropy(scores.transpose(1, 2), new[:, 1:])
        with torch.no_grad():
            taught = teacher(known[:, :-1]).softmax(-1)
        stay = -(taught * model(known[:, :-1]).log_softmax(-1)).sum(-1).mean()
        optimiser.zero_grad()
        (loss + 0.5 * stay).backward()
        optimiser.step()
        losses[step] = loss.detach()
    return model, losses
