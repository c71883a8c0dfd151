"""A variational autoencoder, by hand: the bound that it raises, the trick that lets it, and the model itself.

Shapes are written at the end of lines. n counts data points, d the coordinates of a latent
code, k the codes drawn for one data point. All likelihoods are natural logarithms, in nats.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

SIGMA = 0.1
"""Standard deviation of a sprite's pixels around the decoded picture, in units of brightness."""
LATENTS = 16
"""Coordinates of a code. A sprite has six factors; the coordinates that are not needed cost nothing."""


def reparameterise(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    """Return a draw from N(mean, exp(log_variance)) through which gradients flow.

    Args:
        mean: (n, d).
        log_variance: (n, d); the natural logarithm of the variance, not of the standard deviation.
        noise: (n, d), drawn from the standard normal distribution by the caller.

    Returns:
        (n, d), differentiable with respect to `mean` and `log_variance`.
    """
    ### BEGIN SOLUTION shift and scale the noise
    return mean + torch.exp(0.5 * log_variance) * noise
    ### END SOLUTION


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return KL(N(mean, exp(log_variance)) || N(0, 1)) in nats, in closed form.

    Args:
        mean: (n, d).
        log_variance: (n, d).

    Returns:
        (n,), summed over the coordinates; 0 or more, and 0 only at the prior.
    """
    ### BEGIN SOLUTION sum (mean² + variance - 1 - log variance) / 2 over the coordinates
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1)
    ### END SOLUTION


def log_likelihood(x: Tensor, decoded: Tensor, sigma: float) -> Tensor:
    """Return log N(x; decoded, sigma²) in nats: how well the decoder explains the data.

    Args:
        x: (n, ...), such as pictures (n, 12, 12).
        decoded: The same shape; the mean of x given its code.
        sigma: Standard deviation of every entry of x around it, above 0.

    Returns:
        (n,), summed over all other axes, its constant included: a density, so it may be above 0.
    """
    ### BEGIN SOLUTION the logarithm of the normal density, summed over everything but the first axis
    error = (x - decoded) / sigma  # (n, ...)
    return (
        -(0.5 * error.square() + math.log(sigma) + 0.5 * math.log(2 * math.pi))
        .flatten(start_dim=1)
        .sum(dim=1)
    )
    ### END SOLUTION


def elbo(x: Tensor, decoded: Tensor, mean: Tensor, log_variance: Tensor, sigma: float) -> Tensor:
    """Return the evidence lower bound in nats, estimated with one code for each data point.

    Args:
        x: (n, ...).
        decoded: The same shape; decoded from one draw of N(mean, exp(log_variance)).
        mean: (n, d), of the encoder.
        log_variance: (n, d), of the encoder.
        sigma: Standard deviation of the decoder.

    Returns:
        (n,); higher is better. Its mean over draws is at most log p(x).
    """
    ### BEGIN SOLUTION what the decoder explains, minus what the code costs
    return log_likelihood(x, decoded, sigma) - kl_divergence(mean, log_variance)
    ### END SOLUTION


def log_weights(
    x: Tensor, decoded: Tensor, z: Tensor, mean: Tensor, log_variance: Tensor, sigma: float
) -> Tensor:
    """Return log p(x | z) + log p(z) - log q(z | x) in nats: the log importance weight of each code.

    Args:
        x: (n, ...).
        decoded: The same shape; decoded from z.
        z: (n, d), any codes.
        mean: (n, d); q(z | x) is N(mean, exp(log_variance)), and p(z) is N(0, 1).
        log_variance: (n, d).
        sigma: Standard deviation of the decoder.

    Returns:
        (n,). The mean of exp(log weight) over draws of q is p(x), whatever q is.
    """
    ### BEGIN SOLUTION three log densities; the constants of the prior and of q cancel
    log_prior = -0.5 * z.square().sum(dim=1)  # (n,)
    error = (z - mean).square() / log_variance.exp()  # (n, d)
    log_posterior = -0.5 * (error + log_variance).sum(dim=1)  # (n,)
    return log_likelihood(x, decoded, sigma) + log_prior - log_posterior
    ### END SOLUTION


def importance_bound(log_weights: Tensor) -> Tensor:
    """Return the logarithm of the mean importance weight: the bound of the IWAE.

    Args:
        log_weights: (k, n) nats, of k codes for each of n data points.

    Returns:
        (n,) nats; finite for finite weights, however far from 0 they are.
    """
    ### BEGIN SOLUTION log (1/k Σ exp), the largest taken out first
    return torch.logsumexp(log_weights, dim=0) - math.log(len(log_weights))
    ### END SOLUTION


class VAE(nn.Module):
    """Two small networks: one guesses the code of a picture, the other draws the picture of a code."""

    def __init__(self) -> None:
        super().__init__()
        ### BEGIN SOLUTION two networks of your choice
        width = 256
        self.encoder = nn.Sequential(
            nn.Flatten(),  # (n, 144)
            nn.Linear(144, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, 2 * LATENTS),
        )
        self.decoder = nn.Sequential(
            nn.Linear(LATENTS, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, 144),
            nn.Sigmoid(),
            nn.Unflatten(1, (12, 12)),
        )
        ### END SOLUTION

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance of the codes that may have made each picture.

        Args:
            images: (n, 12, 12), float32 in [0, 1].

        Returns:
            Two tensors (n, d).
        """
        ### BEGIN SOLUTION one network, its output cut into halves
        mean, log_variance = self.encoder(images).chunk(2, dim=1)
        return mean, log_variance
        ### END SOLUTION

    def decode(self, z: Tensor) -> Tensor:
        """Return the mean picture of each code.

        Args:
            z: (n, d).

        Returns:
            (n, 12, 12).
        """
        ### BEGIN SOLUTION the other network
        return self.decoder(z)
        ### END SOLUTION


def train(images: Tensor, steps: int, batch: int, seed: int) -> tuple[VAE, list[float]]:
    """Raise the evidence lower bound of a fresh model by gradient ascent.

    Args:
        images: (n, 12, 12), float32 in [0, 1]; the training set.
        steps: Updates of the weights to make.
        batch: Pictures that each step looks at, drawn at random.
        seed: Decides the first weights, the batches and the noise: the same seed, the same model.

    Returns:
        The model, and the loss of each step: the mean negative bound of its batch, in nats.
    """
    ### BEGIN SOLUTION encode, draw a code, decode, and step along the gradient of -elbo
    torch.manual_seed(seed)
    model = VAE()
    optimiser = torch.optim.Adam(model.parameters(), fused=True)  # one pass over all weights
    # A long fall of the step size: large steps find the way, small ones settle.
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=1e-2, total_steps=steps, pct_start=0.1)
    losses = []
    for _ in range(steps):
        x = images[torch.randint(len(images), (batch,))]  # (batch, 12, 12)
        mean, log_variance = model.encode(x)  # (batch, d) each
        z = reparameterise(mean, log_variance, torch.randn_like(mean))  # (batch, d)
        loss = -elbo(x, model.decode(z), mean, log_variance, SIGMA).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
    return model, losses
    ### END SOLUTION


@torch.no_grad()
def sample(model: VAE, count: int, seed: int) -> Tensor:
    """Draw new sprites: codes from the prior, decoded.

    Args:
        model: What `train` returned.
        count: Pictures to draw.
        seed: The same seed gives the same pictures.

    Returns:
        (count, 12, 12), float32 in [0, 1].
    """
    ### BEGIN SOLUTION decode standard normal codes from a generator with this seed
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(count, LATENTS, generator=generator)  # (count, d)
    return model.decode(z)  # (count, 12, 12), in [0, 1] by its last layer
    ### END SOLUTION
