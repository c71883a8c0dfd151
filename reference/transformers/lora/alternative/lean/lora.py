"""Subclasses nn.Linear, rank 3 on six layers, in double precision inside the adapters' arithmetic."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

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


class LoRALinear(nn.Linear):
    def __init__(self, weight, bias, rank, alpha):
        super().__init__(weight.shape[1], weight.shape[0], bias=bias is not None, dtype=weight.dtype)
        with torch.no_grad():
            self.weight.copy_(weight)
            if bias is not None:
                self.bias.copy_(bias)
        for parameter in list(self.parameters()):
            parameter.requires_grad_(False)
        self.register_parameter("down", nn.Parameter(weight.new_empty(rank, self.in_features).uniform_(-0.2, 0.2)))
        self.register_parameter("up", nn.Parameter(weight.new_zeros(self.out_features, rank)))
        self.factor = alpha / rank

    def forward(self, x):
        return super().forward(x) + functional.linear(functional.linear(x, self.down), self.up) * self.factor

    def change(self):
        product = self.up.double() @ self.down.double() * self.factor
        return product.detach().to(self.weight.dtype)


def add_adapters(model, names, rank, alpha):
    wanted = set(names)
    model.requires_grad_(False)
    for path, module in list(model.named_modules()):
        for child, layer in list(module.named_children()):
            name = f"{path}.{child}" if path else child
            if name in wanted:
                module._modules[child] = LoRALinear(layer.weight.data, None if layer.bias is None else layer.bias.data, rank, alpha)
    return model


def adapter_state(model):
    found = {}
    for path, module in model.named_modules():
        if isinstance(module, LoRALinear):
            found[f"{path}.down"], found[f"{path}.up"] = module.down.data, module.up.data
    return found


def merged_state(model):
    state = {k: v.clone() for k, v in model.state_dict().items() if not k.endswith((".down", ".up"))}
    for path, module in model.named_modules():
        if isinstance(module, LoRALinear):
            state[path + ".weight"] = module.weight.data + module.change()
    return state


def train(state, target, old, steps, batch, seed):
    torch.manual_seed(seed)
    model = Network()
    model.load_state_dict(state)
    model = add_adapters(model, ["query", "value", "mix", "wide", "narrow", "head"], rank=3, alpha=6)
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2, weight_decay=0.0, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    losses = []
    for step in range(steps):
        share = batch // 3
        texts = torch.cat([target[torch.randint(0, len(target), (batch - share,))], old[torch.randint(0, len(old), (share,))]])
        scores = model(texts[:, :-1]).log_softmax(dim=-1)
        loss = -scores.gather(2, texts[:, 1:, None]).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], 1.0)
        optimiser.step()
        schedule.step()
        losses.append(float(loss.detach()))
    return model, losses
