"""MAML-AU: initial parameters from which one gradient step on a few pictures makes a detector."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from metafacs.methods.few_shot import MetaLearner


class MAML(MetaLearner):
    """Every parameter takes part in adaptation, with one step size.

    Implements Algorithm 1 of Lee et al. (MAML-AU); alpha -> ``inner_rate``, beta -> the learning rate of the
    group ``base``, N -> ``shots``; its options are those of :class:`MetaLearner`. Differs from the paper
    where it is silent: the inner step is plain gradient descent (Eq. 1), although section 4.2.1 names Adam
    for both rates; meta gradients are of second order.
    """

    def step_sizes(self) -> Mapping[str, float | Tensor]:
        """Return alpha for every parameter."""
        return dict.fromkeys(dict(self.network.named_parameters()), self.inner_rate)
