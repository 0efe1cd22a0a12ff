"""A policy of stable-baselines3 with a hybrid action: one decision of several, and continuous levels."""

from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.distributions import DiagGaussianDistribution
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.type_aliases import Schedule
from torch.distributions import Categorical, Normal


class HybridDistribution(DiagGaussianDistribution):
    """A categorical decision and independent normal levels; their log-likelihoods are added.

    An action is a row: the index of the decision, then the levels. The class is a diagonal Gaussian because
    stable-baselines3 gives a log standard deviation to that class alone.
    """

    def __init__(self, decisions: int, levels: int) -> None:
        super().__init__(levels)
        self._decisions = decisions
        self._decision: Categorical | None = None
        self._levels: Normal | None = None

    def proba_distribution_net(
        self, latent_dim: int, log_std_init: float = 0.0
    ) -> tuple[torch.nn.Module, torch.nn.Parameter]:
        """A linear layer for the decisions' scores and the levels' means, and the levels' log deviations."""
        net = torch.nn.Linear(latent_dim, self._decisions + self.action_dim)
        return net, torch.nn.Parameter(torch.ones(self.action_dim) * log_std_init)

    def proba_distribution(self, mean_actions: torch.Tensor, log_std: torch.Tensor) -> "HybridDistribution":
        """Set the parameters: scores of the decisions, then means of the levels."""
        scores, means = mean_actions[..., : self._decisions], mean_actions[..., self._decisions :]
        self._decision = Categorical(logits=scores)
        self._levels = Normal(means, log_std.exp().expand_as(means))
        return self

    def log_prob(self, actions: torch.Tensor) -> torch.Tensor:
        """Log-likelihood of actions."""
        decision, levels = self._parts
        index = actions[..., :1].round().long()
        return decision.logits.gather(-1, index).squeeze(-1) + levels.log_prob(actions[..., 1:]).sum(-1)

    def entropy(self) -> torch.Tensor:
        """Sum of the entropies of decision and levels, in nats."""
        decision, levels = self._parts
        return decision.entropy() + levels.entropy().sum(-1)

    def sample(self) -> torch.Tensor:
        """A random action."""
        decision, levels = self._parts
        return torch.cat([decision.sample().unsqueeze(-1).float(), levels.sample()], -1)

    def mode(self) -> torch.Tensor:
        """The most probable decision, and the means of the levels."""
        decision, levels = self._parts
        return torch.cat([decision.logits.argmax(-1, keepdim=True).float(), levels.mean], -1)

    @property
    def _parts(self) -> tuple[Categorical, Normal]:
        assert self._decision is not None
        assert self._levels is not None
        return self._decision, self._levels


class HybridPolicy(ActorCriticPolicy):
    """Actor and critic over a hybrid action.

    Args:
        observation_space, action_space, lr_schedule: As stable-baselines3 passes them; the action is a box
            whose first number is the decision.
        kwargs: Further arguments of `ActorCriticPolicy`.
    """

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Box,
        lr_schedule: Schedule,
        **kwargs: Any,
    ) -> None:
        self._hybrid = (int(action_space.high[0]) + 1, action_space.shape[0] - 1)
        super().__init__(  # pyright: ignore[reportUnknownMemberType]  # its spaces are untyped
            observation_space, action_space, lr_schedule, **kwargs
        )

    def _build(self, lr_schedule: Schedule) -> None:
        self.action_dist = HybridDistribution(*self._hybrid)
        super()._build(lr_schedule)
