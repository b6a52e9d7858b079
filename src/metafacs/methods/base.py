"""The contract of a method: which streams it reads, how one iteration updates it, what it predicts."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from metafacs.batch import Batch
from metafacs.hypergradient.updates import UpdateRule
from metafacs.methods.options import arguments_of
from metafacs.models.dual_domain import Domain
from metafacs.models.networks import Outputs
from metafacs.parsing import check_number
from metafacs.ranks import mean_over_ranks

if TYPE_CHECKING:
    from typing_extensions import Self


HIGHEST_RATE = 1e6
"""Limit of learning rates and weight decays: far beyond sense, so that slips are told."""


OptimizerName = Literal["sgd", "adam", "adamw"]
Schedule = Literal["constant", "cosine", "one_cycle", "flat_then_linear", "halved"]


class DivergedError(FloatingPointError):
    """A loss or a gradient is not finite, or an adversary has won; the message says which."""


class Prediction(NamedTuple):
    """What a detector says about pictures.

    Attributes:
        probabilities: ``batch x au`` in [0, 1], columns in the order of the method's ``aus``.
        expressions: ``batch x expression`` probabilities in the order of the method's ``expressions``; None
            from a method that does not recognise expressions.
        intensities: ``batch x au``, FACS intensity from 0 (absent) to 5 (level E), columns as
            ``probabilities``; None from a method that tells no intensities.
        pose: ``batch x 3``, yaw, pitch and roll of the head in radians as the pictures show it, signs as in
            :class:`metafacs.data.datasets.reading.Sample`; None from a method that tells no pose.
    """

    probabilities: Tensor
    expressions: Tensor | None = None
    intensities: Tensor | None = None
    pose: Tensor | None = None

    @classmethod
    def of(cls, outputs: Outputs) -> Prediction:
        """Return the probabilities that a base net's logits stand for."""
        logits = outputs.expressions
        return cls(outputs.action_units.sigmoid(), None if logits is None else logits.softmax(dim=1))


@dataclass(frozen=True)
class OptimizerChanges:
    """What is changed of how a method steps one group of parameters.

    >>> OptimizerChanges(lr=0.1).laid_over(OptimizerSpec("adam", betas=(0.5, 0.9))).betas
    (0.5, 0.9)

    Attributes:
        name: As in :class:`OptimizerSpec`, like all others; None leaves what the method has. Beside another
            optimiser than the method's, None is the default of :class:`OptimizerSpec`.
        lr: Learning rate at its highest.
        momentum: Momentum of SGD.
        weight_decay: L2 penalty or decoupled decay.
        schedule: Of the learning rate.
        betas: Decay rates of Adam's two moments.

    Raises:
        ValueError: If a number is out of range.
    """

    name: OptimizerName | None = None
    lr: float | None = None
    momentum: float | None = None
    weight_decay: float | None = None
    schedule: Schedule | None = None
    betas: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        for name, highest in (("lr", HIGHEST_RATE), ("momentum", 1), ("weight_decay", HIGHEST_RATE)):
            if (value := getattr(self, name)) is not None:
                check_number(f"an optimiser's {name}", value, 0, highest)
        if self.betas is None:
            return
        if len(self.betas) != 2:
            raise ValueError(f"an optimiser's betas are two numbers, not {self.betas!r}")
        for beta in self.betas:
            check_number("an optimiser's beta", beta, 0, 1)

    def laid_over(self, usual: OptimizerSpec) -> OptimizerSpec:
        """Return a method's own spec with these changes."""
        if self.name not in (None, usual.name):
            usual = OptimizerSpec()
        return replace(usual, **{name: value for name, value in vars(self).items() if value is not None})


@dataclass(frozen=True)
class OptimizerSpec(OptimizerChanges):
    """How one group of parameters is stepped; given instead of a method's own it is taken whole.

    Attributes:
        name: ``sgd``, ``adam`` or ``adamw``.
        lr: Learning rate at its highest.
        momentum: Momentum of SGD; ignored by the others.
        weight_decay: L2 penalty (sgd, adam) or decoupled decay (adamw).
        schedule: ``constant``, ``cosine`` (to zero), ``one_cycle`` (warm up over the first 30 % of the
            iterations, then cosine to zero), ``flat_then_linear`` (flat over the first third of the
            iterations, then linearly to zero) or ``halved`` (half the rate from half of the iterations on).
        betas: Decay rates of Adam's two moments; ignored by SGD.

    Raises:
        ValueError: If a number is out of range.
    """

    name: OptimizerName = "sgd"
    lr: float = 1e-3
    momentum: float = 0.9
    weight_decay: float = 5e-4
    schedule: Schedule = "constant"
    betas: tuple[float, float] = (0.9, 0.999)


@dataclass(frozen=True)
class Diagnostic:
    """A curve that tells whether a run is sound.

    Attributes:
        curve: Its name among what :meth:`Learner.update` returns.
        title: What it is called in tables.
        chance: Level of an answer that knows nothing; None where there is no such level.
        meaning: How to read its last level, a clause.
        until: Share of the run after which it is read, where a stage ends earlier than the run.
        lost_below: Level below which a game is lost; None where there is none.
        lost_above: Level above which a game is lost; None where there is none.
    """

    curve: str
    title: str
    chance: float | None = None
    meaning: str = ""
    until: float = 1.0
    lost_below: float | None = None
    lost_above: float | None = None


DETECTION = Diagnostic(
    "loss_action_units",
    "AU loss",
    meaning="on training pictures; rows that differ in the loss itself cannot be compared by it",
)
"""What tells whether action units were learned at all."""


class Stepper(Protocol):
    """The only thing that changes parameters; see :class:`metafacs.training.stepper.OptimizerStepper`."""

    @property
    def progress(self) -> float:
        """Share of the iterations that are done, in [0, 1)."""

    def descend(self, loss: Tensor, *groups: str) -> None:
        """Take one optimiser step on the parameters of ``groups`` down the gradient of ``loss``."""

    def gradients(self, loss: Tensor, parameters: Sequence[nn.Parameter]) -> tuple[Tensor, ...]:
        """Return the gradient of ``loss``; nothing is changed."""

    def apply(self, gradients: Sequence[Tensor], *groups: str) -> None:
        """Take one optimiser step on ``groups`` with the gradients of what requires some, group by group."""

    def update_rule(self, *groups: str, plain: bool = False) -> UpdateRule:
        """Return the step the optimisers of ``groups`` would take now as a differentiable rule.

        It is for the parameters of the groups that require gradients, one after the other. ``plain`` gives a
        gradient step at each group's current learning rate instead.
        """


def total_loss(losses: Mapping[str, Tensor], weights: Mapping[str, float] | None = None) -> Tensor:
    """Return the sum of named scalar losses, each times its weight (1 where ``weights`` does not name it).

    A loss on a GPU is not looked at, which would mean to wait for it; its curve tells.

    Raises:
        DivergedError: If a loss is not finite; the message names it.
    """
    for name, loss in losses.items():
        if loss.device.type == "cpu" and not torch.isfinite(told := mean_over_ranks(loss.detach())):
            raise DivergedError(f"{name} is {told.item()}")
    factors = weights or {}
    return torch.stack([factors.get(name, 1.0) * loss for name, loss in losses.items()]).sum()


class Learner(nn.Module, ABC):
    """Whatever is trained by iterations on named batches.

    Attributes:
        streams: Names of the batches one iteration reads: ``au``, ``expression``, ``joint`` (pictures with
            both labels), ``validation``.
        renamed_options: Name that an option had before -> its name, for old configurations and models.
        normalises_apart: Whether BatchNorm sees the tasks of a batch one by one, each whole in one process;
            otherwise it sees the whole batch, of which several processes have a part each.
        aus: FACS numbers it learns; none unless it is a detector.
        expressions: Names of the expression classes it learns; none unless it is a detector that does.
        validation_batches: How many batches of the stream ``validation`` one iteration reads. They come as
            one, which :meth:`metafacs.batch.Batch.parts` cuts.
    """

    streams: ClassVar[tuple[str, ...]]
    renamed_options: ClassVar[Mapping[str, str]] = {}
    normalises_apart: ClassVar[bool] = False
    aus: tuple[int, ...] = ()
    expressions: tuple[str, ...] = ()
    validation_batches: int = 1

    @classmethod
    def build(
        cls, aus: Sequence[int], expressions: Sequence[str] = (), options: Mapping[str, object] | None = None
    ) -> Self:
        """Return a learner with random or initial weights, whichever of the arguments its constructor takes.

        Args:
            aus: FACS numbers to detect.
            expressions: Names of the expression classes.
            options: The constructor's other arguments as a configuration holds them.

        Raises:
            ValueError: If there is no such option, one is missing, or its value is refused.
        """
        taken = inspect.signature(cls).parameters
        given = {"aus": aus, "expressions": expressions}
        named = {name: value for name, value in given.items() if name in taken}
        return cls(**named, **arguments_of(cls, options or {}))

    @abstractmethod
    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Return the parameters under the name of the group that steps them.

        Those that require no gradients, as in a backbone that is frozen, stay as they are.
        """

    @abstractmethod
    def optimizers(self) -> dict[str, OptimizerSpec]:
        """Return the paper's optimiser for each group; a configuration may change them."""

    def origins(self) -> dict[str, object]:
        """Return the trained models it learns from, by role, as plain data for the record of a run."""
        return {}

    def observe_labels(self, labels: Mapping[str, Tensor]) -> None:
        """Look once, before training, at all AU labels of each stream: ``row x au``, NaN unknown."""

    def diagnostics(self, size: int) -> tuple[Diagnostic, ...]:
        """Return which curves tell whether a run was sound; none by default.

        Args:
            size: Side of the pictures in pixels, on which chance levels may depend.
        """
        return ()

    @abstractmethod
    def update(self, batches: Mapping[str, Batch], step: Stepper) -> dict[str, Tensor]:
        """Run one whole iteration and return the scalars worth a curve, detached."""


class Method(Learner):
    """A way to train an AU detector.

    A concrete method is final: no method subclasses another one.

    Attributes:
        aus: FACS numbers in the order of the predicted columns.
        expressions: Names of the expression classes; empty if the method reads none.
        domain: Which pictures :meth:`predict` expects, where a method reads two domains apart; else None.
        landmark_domains: In whose pictures :meth:`predict_landmarks` finds landmarks.
        weighs_pictures: Whether :meth:`weigh` tells what training pictures are worth.
        gives_intensities: Whether predictions tell how strong the action units are.
        gives_pose: Whether predictions tell how the head is turned.
    """

    domain: Domain | None = None
    landmark_domains: tuple[Domain, ...] = ()
    weighs_pictures: ClassVar[bool] = False
    gives_intensities: ClassVar[bool] = False
    gives_pose: ClassVar[bool] = False

    def __init__(self, aus: Sequence[int], expressions: Sequence[str] = ()) -> None:
        super().__init__()
        self.aus = tuple(aus)
        self.expressions = tuple(expressions)

    @abstractmethod
    def predict(self, images: Tensor) -> Prediction:
        """Return what is told of ``batch x 3 x height x width`` pictures: AU probabilities, maybe more."""

    def predict_landmarks(self, images: Tensor, domain: Domain) -> Tensor:
        """Return the 49 landmarks of pictures of a domain, ``batch x 49 x 2`` as (x, y) in pixels.

        Raises:
            ValueError: If the method finds no landmarks there, see :attr:`landmark_domains`.
        """
        raise ValueError(f"this method finds no landmarks in {domain} pictures")

    def weigh(self, images: Tensor, expressions: Tensor) -> Tensor:
        """Return the learned weight of each expression picture for training, ``batch`` in (0, 1).

        Args:
            images: ``batch x 3 x height x width``.
            expressions: ``batch``, long, the labels that are learned.

        Raises:
            ValueError: If the method learns no weights of pictures, see :attr:`weighs_pictures`.
        """
        raise ValueError(f"{type(self).__name__} learns no weights of pictures; analyse a model such as mal")


class SingleLossMethod(Method):
    """A method whose iteration is one step on a sum of losses; it writes :meth:`losses` only.

    Parameters that need another learning rate are groups of their own: :meth:`parameter_groups`.
    """

    @abstractmethod
    def losses(self, batches: Mapping[str, Batch]) -> dict[str, Tensor]:
        """Return the named scalar losses; their sum is descended."""

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Return one group, ``base``, with every parameter."""
        return {"base": list(self.parameters())}

    def update(self, batches: Mapping[str, Batch], step: Stepper) -> dict[str, Tensor]:
        """Descend the sum of the losses once."""
        losses = self.losses(batches)
        step.descend(total_loss(losses), *self.parameter_groups())
        return {name: loss.detach() for name, loss in losses.items()}
