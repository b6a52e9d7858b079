"""Few-shot learners: one binary detector for every action unit and person, adapted by gradient steps."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from metafacs.batch import Batch
from metafacs.facs import check_aus
from metafacs.hypergradient.statistics import frozen_running_statistics
from metafacs.methods.base import Learner, OptimizerSpec, Stepper
from metafacs.models.backbones import FEW_SHOT_BACKBONE, Backbone
from metafacs.models.networks import BaseNet, Outputs
from metafacs.ranks import sum_over_batch

Parameters = dict[str, Tensor]
"""Name within the network -> value."""

CLASSIFIER = ("action_units.weight", "action_units.bias")
"""Names of the last layer's parameters within the network."""

OUTER_RATE = 0.03
"""Learning rate of Adam in section 4.2.1 of MAML-AU; high for Adam, see docs/maml.md."""


class FewShotLearner(Learner):
    """One binary detector, and how it is adapted to a task from a few of its pictures.

    A task is one action unit of one person (section 4.1.3 of Lee et al., "Fast Adaptation of Deep Models for
    Facial Action Unit Detection Using Model-Agnostic Meta-Learning", MAML-AU). The network has a single
    output, which means whatever AU it is being adapted to.

    Batch normalisation uses the statistics of the batch at hand, in adaptation and in prediction: the
    pictures to be judged must then be a balanced set (transductive, as the paper's test sets are).
    :meth:`support_statistics` gives the alternative that judges one frame at a time.

    Differs from the paper, where all parameters start at random: the classifier starts at zero. The logits of
    a random one are larger than what a step of adaptation changes, and training has to undo them first.

    Args:
        aus: FACS numbers it is trained on; adaptation is not bound to them.
        backbone: Which backbone, and with which weights it starts.
        inner_rate: alpha, the step size of adaptation; .03 in the paper.
        shots: N, which sets the size of a training batch: 4 N pictures per AU.
    """

    def __init__(
        self,
        aus: Sequence[int],
        *,
        backbone: Backbone = FEW_SHOT_BACKBONE,
        inner_rate: float = 0.03,
        shots: int = 5,
    ) -> None:
        super().__init__()
        self.aus, self.inner_rate, self.shots = check_aus(aus), inner_rate, shots
        self.network = BaseNet(backbone.build(), 1)
        nn.init.zeros_(self.network.action_units.weight)
        nn.init.zeros_(self.network.action_units.bias)

    @abstractmethod
    def step_sizes(self) -> Mapping[str, float | Tensor]:
        """Return alpha of Eq. (1) for every parameter of the network that adaptation changes, by name."""

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Return one group, ``base``, with every parameter."""
        return {"base": list(self.parameters())}

    def optimizers(self) -> dict[str, OptimizerSpec]:
        """Return Adam at .03 as printed in section 4.2.1."""
        return {"base": OptimizerSpec("adam", OUTER_RATE, momentum=0.0, weight_decay=0.0)}

    def adaptation(
        self, images: Tensor, targets: Tensor, steps: int, *, order: Literal[0, 1, 2] = 0
    ) -> Iterator[Parameters]:
        """Yield the network's parameters before adaptation and after each of its gradient steps.

        Implements Eq. (1) of MAML-AU: ``theta_i = theta - alpha * grad L(theta)`` with L of Eq. (3).
        Differs from the paper: Eq. (3) lacks its sign and a bracket; it is read as the cross-entropy.

        Args:
            images: ``batch x 3 x height x width``, the labelled pictures of one task.
            targets: ``batch``, 1 present, 0 absent.
            steps: Number of gradient steps.
            order: What the adapted parameters can be differentiated by afterwards: 0 nothing; 1 the initial
                parameters and the step sizes, each gradient taken as a constant; 2 through the gradients too.

        Yields:
            ``steps + 1`` times every parameter by name.
        """
        parameters: Parameters = dict(self.network.named_parameters())
        sizes = {n: size for n, size in self.step_sizes().items() if parameters[n].requires_grad}
        yield parameters
        features = None
        if steps and set(sizes) == set(CLASSIFIER):
            # What no step changes is computed once, and only second order differentiates through it.
            with torch.set_grad_enabled(order == 2):
                features = self._outputs(parameters, images).features
        for _ in range(steps):
            if features is None:
                logits = self.logits(parameters, images)
            else:
                weight, bias = (parameters[name] for name in CLASSIFIER)
                logits = functional.linear(features, weight, bias).squeeze(1)
            loss = functional.binary_cross_entropy_with_logits(logits, targets)
            slopes = torch.autograd.grad(loss, [parameters[name] for name in sizes], create_graph=order == 2)
            moved = {
                name: parameters[name] - size * slope
                for (name, size), slope in zip(sizes.items(), slopes, strict=True)
            }
            if order == 0:
                moved = {name: value.detach().requires_grad_() for name, value in moved.items()}
            parameters = {**parameters, **moved}
            yield parameters

    def logits(self, parameters: Parameters, images: Tensor) -> Tensor:
        """Return ``batch`` logits of pictures that are normalised by their own statistics."""
        return self._outputs(parameters, images).action_units.squeeze(1)

    def _outputs(self, parameters: Parameters, images: Tensor) -> Outputs:
        self.network.train()
        with frozen_running_statistics(self.network):
            outputs: Outputs = functional_call(self.network, parameters, (images,))
        return outputs

    def logits_by_statistics(self, parameters: Parameters, statistics: Parameters, images: Tensor) -> Tensor:
        """Return ``batch`` logits of pictures that are normalised by given statistics, each on its own."""
        self.network.eval()
        return functional_call(self.network, {**parameters, **statistics}, (images,)).action_units.squeeze(1)

    @torch.no_grad()
    def support_statistics(self, parameters: Parameters, images: Tensor) -> Parameters:
        """Return mean and variance of every batch normalisation over the labelled pictures of a task.

        They take the place of running statistics, so that a single frame can be judged afterwards.

        Args:
            parameters: From :meth:`adaptation`.
            images: ``batch x 3 x height x width``, balanced.

        Returns:
            The network's buffers ``*.running_mean`` and ``*.running_var``.
        """
        found: Parameters = {}

        def note(name: str, inputs: Tensor) -> None:
            around = [axis for axis in range(inputs.ndim) if axis != 1]
            found[f"{name}.running_mean"] = inputs.mean(around)
            # Biased, as the batch's own normalisation is: with two pictures it makes a factor of two.
            found[f"{name}.running_var"] = inputs.var(around, unbiased=False)

        with ExitStack() as hooks:
            for name, module in self.network.named_modules():
                if isinstance(module, _BatchNorm):
                    handle = module.register_forward_pre_hook(lambda _, x, name=name: note(name, x[0]))
                    hooks.callback(handle.remove)
            self.logits(parameters, images)
        return found


class MetaLearner(FewShotLearner):
    """A few-shot learner whose initial parameters are learned so that one step from them serves a task.

    One iteration is lines 4 to 11 of Algorithm 1 of MAML-AU. Differs from the paper: line 9 evaluates the
    second half of each episode, D[trv], with the adapted parameters, which is what line 11 differentiates.

    Args:
        aus: FACS numbers it is trained on.
        backbone: Which backbone, and with which weights it starts.
        inner_rate: alpha, the step size of adaptation; .03 in the paper.
        shots: N, positive pictures per half of an episode; as many negative ones.
        steps: Gradient steps per task in training.
        second_order: Differentiate through the inner gradient; False takes the adapted gradient as it is
            (first-order MAML), three times as fast.
    """

    streams: ClassVar[tuple[str, ...]] = ("episodes",)
    normalises_apart: ClassVar[bool] = True

    def __init__(
        self,
        aus: Sequence[int],
        *,
        backbone: Backbone = FEW_SHOT_BACKBONE,
        inner_rate: float = 0.03,
        shots: int = 5,
        steps: int = 1,
        second_order: bool = True,
    ) -> None:
        super().__init__(aus, backbone=backbone, inner_rate=inner_rate, shots=shots)
        self.steps, self.second_order = steps, second_order

    def update(self, batches: Mapping[str, Batch], step: Stepper) -> dict[str, Tensor]:
        """Adapt to every task of the batch, sum the gradients of the adapted losses, and step once.

        The tasks come one after the other, each graph freed before the next: on a CPU that is the fastest
        way and takes the memory of one task.
        """
        episodes = batches["episodes"]
        groups = {
            name: [parameter for parameter in group if parameter.requires_grad]
            for name, group in self.parameter_groups().items()
        }
        parameters = [parameter for group in groups.values() for parameter in group]
        total = [torch.zeros_like(parameter) for parameter in parameters]
        losses, hits = [], []
        half = 2 * self.shots
        for images, targets in zip(
            episodes.images.split(2 * half),
            episodes.require("action_units").squeeze(1).split(2 * half),
            strict=True,
        ):
            if self.second_order:
                # Pictures come channels last, which is faster in all passes but double backward.
                images = images.contiguous()
            (support, query), (known, asked) = images.split(half), targets.split(half)
            *_, adapted = self.adaptation(support, known, self.steps, order=2 if self.second_order else 1)
            logits = self.logits(adapted, query)
            loss = functional.binary_cross_entropy_with_logits(logits, asked)
            torch._foreach_add_(total, step.gradients(sum_over_batch(loss), parameters))
            losses.append(loss.detach())
            hits.append(((logits > 0) == (asked > 0)).float().mean())
        for name, group in groups.items():
            step.apply(total[: len(group)], name)
            total = total[len(group) :]
        return {"loss_adapted": torch.stack(losses).mean(), "accuracy_adapted": torch.stack(hits).mean()}
