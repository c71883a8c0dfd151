"""Long short-term memory in double precision; the text is read in parallel streams, each from start to end."""

import numpy as np
import torch
from torch import nn


def alphabet_of(text):
    found = []
    for character in text:
        if character not in found:
            found.append(character)
    return "".join(sorted(found, key=ord))


def encode(text, alphabet):
    return torch.as_tensor([alphabet.index(character) for character in text]).long()


def decode(codes, alphabet):
    return "".join(alphabet[int(code)] for code in codes)


class GRUCell(nn.Module):
    """Gate by gate."""

    def __init__(self, inputs, width):
        super().__init__()
        self.width = width
        self.weight_ih = nn.Parameter(torch.randn(3 * width, inputs) / inputs**0.5)
        self.weight_hh = nn.Parameter(torch.randn(3 * width, width) / width**0.5)
        self.bias_ih = nn.Parameter(torch.zeros(3 * width))
        self.bias_hh = nn.Parameter(torch.zeros(3 * width))

    def part(self, number):
        rows = slice(number * self.width, (number + 1) * self.width)
        return self.weight_ih[rows], self.weight_hh[rows], self.bias_ih[rows], self.bias_hh[rows]

    def forward(self, x, state):
        gates = []
        for number in (0, 1):
            from_x, from_state, bias, other_bias = self.part(number)
            gates.append(1 / (1 + torch.exp(-(x @ from_x.t() + state @ from_state.t() + bias + other_bias))))
        reset, update = gates
        from_x, from_state, bias, other_bias = self.part(2)
        inner = torch.einsum("bj,ij->bi", state, from_state) + other_bias
        proposal = torch.tanh(torch.einsum("bj,ij->bi", x, from_x) + bias + reset * inner)
        return proposal + update * (state - proposal)


class CharRNN(nn.Module):
    """An LSTM whose input is the table row of a character; its state holds memory and output side by side."""

    def __init__(self, symbols, width):
        super().__init__()
        self.width = width
        draw = lambda *shape: nn.Parameter(torch.randn(*shape, dtype=torch.float64) / width**0.5)
        self.reads, self.recalls, self.writes = draw(symbols, 4 * width), draw(width, 4 * width), draw(width, symbols)
        self.shift = nn.Parameter(torch.zeros(4 * width, dtype=torch.float64))

    def read(self, codes, state):
        if state is None:
            state = torch.zeros(len(codes), 2 * self.width, dtype=torch.float64)
        memory, output = state.split(self.width, dim=1)
        scores = []
        for time in range(codes.shape[1]):
            mixed = self.reads[codes[:, time]] + output @ self.recalls + self.shift
            enter, keep, show, proposal = mixed.split(self.width, dim=1)
            memory = torch.sigmoid(keep + 1) * memory + torch.sigmoid(enter) * torch.tanh(proposal)
            output = torch.sigmoid(show) * torch.tanh(memory)
            scores.append(output @ self.writes)
        return torch.stack(scores, dim=1), torch.cat([memory, output], dim=1)

    def forward(self, codes):
        return self.read(codes, None)[0]


def loss(logits, targets):
    chosen = torch.gather(logits, -1, targets[..., None])[..., 0]
    return (torch.logsumexp(logits, dim=-1) - chosen).mean()


def clip(gradients, limit):
    length = np.sqrt(sum(float((gradient.double() ** 2).sum()) for gradient in gradients))
    if length <= limit:
        return list(gradients)
    return [gradient * (limit / length) for gradient in gradients]


def train(text, width, steps, batch, length, seed):
    torch.manual_seed(seed)
    alphabet = alphabet_of(text)
    model = CharRNN(len(alphabet), width)
    streams = encode(text, alphabet)
    streams = streams[: len(streams) // batch * batch].reshape(batch, -1)
    places = streams.shape[1] - 1
    optimiser = torch.optim.RMSprop(model.parameters(), lr=0.01)
    losses, start, state = [], 0, None
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = 0.01 * min(1, (step + 10) / 40) * (1 - step / steps) ** 0.8
        if start + length > places:
            start, state = int(torch.randint(max(1, places - length + 1), ())) % max(1, min(length, places - length + 1)), None
        logits, state = model.read(streams[:, start : start + length], state)
        value = loss(logits, streams[:, start + 1 : start + length + 1])
        state, start = state.detach(), start + length
        optimiser.zero_grad()
        value.backward()
        for parameter, slope in zip(model.parameters(), clip([p.grad for p in model.parameters()], 1.0)):
            parameter.grad.copy_(slope)
        optimiser.step()
        losses.append(float(value))
    return model, losses


def generate(model, prompts, length, temperature, seed):
    """Draw by adding Gumbel noise to the scores and taking the largest: at temperature 0 there is none."""
    dice = np.random.default_rng(seed)
    text = []
    with torch.inference_mode():
        logits, state = model.read(prompts, None)
        for _ in range(length):
            scores = logits[:, -1] + temperature * torch.from_numpy(dice.gumbel(size=logits[:, -1].shape))
            text.append(scores.argmax(1))
            logits, state = model.read(text[-1][:, None], state)
    return torch.stack(text, dim=1).clone()
