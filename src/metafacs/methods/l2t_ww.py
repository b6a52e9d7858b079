"""Learning what and where to transfer (L2T-ww): AU features are drawn to those of an expression network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call

from metafacs.batch import Batch
from metafacs.hypergradient.phases import base_parameters, gradients_of
from metafacs.hypergradient.statistics import frozen_running_statistics
from metafacs.hypergradient.updates import UpdateRule
from metafacs.losses.action_units import action_unit_loss
from metafacs.methods.base import Method, OptimizerSpec, Prediction, Stepper
from metafacs.models.backbones import RESNET34, Backbone
from metafacs.models.matching import Matched, MatchedNet, TransferWeights, matching_loss
from metafacs.models.model_file import METHOD_PREFIX, CheckpointError, origin, read_model_file
from metafacs.models.stages import StagedBackbone, stage_maps, staged

_BACKBONE = f"{METHOD_PREFIX}network.backbone."


class L2TWW(Method):
    """AU detection that also imitates a frozen expression network where learned weights say it helps.

    Implements Algorithm 1 of Jang et al. 2019, "Learning What and Where to Transfer", as the baseline of
    section 4.2.2 of Li & Shan (MAL), with the multi-label loss of Eq. (1) of MAL for the target's task; theta
    -> ``network`` (the target and the convolutions that imitate), phi -> ``transfer_weights``, beta ->
    ``matching_weight``, T -> ``matching_steps``. It reads no expression pictures: what they teach is in the
    teacher (the source network of the paper), a model of ``metafacs train --method single_task_expression``.
    The teacher is not part of the trained model, whose record says which file it was.

    Differs from the authors' code: the recorded steps are plain gradient steps as in Algorithm 1, without
    momentum; only the step that counts moves the running statistics of BatchNorm; the learning rate is MAL's.

    Args:
        aus: FACS numbers to detect.
        teacher: Model file of a network trained for expressions alone.
        teacher_backbone: Name of the teacher's backbone.
        backbone: Which backbone learns, it may be another one, and with which weights it starts.
        reduction: ``sum`` over the AUs of a picture as in Eq. (1) of MAL, or ``mean``.
        matching_weight: Weight of the matching loss.
        matching_steps: Recorded steps on the matching loss alone.
    """

    streams: ClassVar[tuple[str, ...]] = ("au",)
    renamed_options: ClassVar[Mapping[str, str]] = {
        "source": "teacher",
        "source_backbone": "teacher_backbone",
    }

    def __init__(
        self,
        aus: Sequence[int],
        *,
        teacher: str,
        teacher_backbone: str = "resnet34",
        backbone: Backbone = RESNET34,
        reduction: Literal["sum", "mean"] = "sum",
        matching_weight: float = 0.5,
        matching_steps: int = 2,
    ) -> None:
        super().__init__(aus)
        self.teacher, self.teacher_backbone = teacher, teacher_backbone
        widths = [stage.width for stage in _outline(teacher_backbone).split()]
        self.network = MatchedNet(backbone.build(), len(self.aus), widths)
        self.transfer_weights = TransferWeights(widths, len(self.network.backbone.split()))
        self.reduction: Literal["sum", "mean"] = reduction
        self.matching_weight, self.matching_steps = matching_weight, matching_steps
        # In a list, because the teacher is neither trained nor saved. Read when training begins: a trained
        # model must work where that file is not.
        self._teacher: list[StagedBackbone] = []

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Return theta as ``base`` and phi as ``meta``."""
        return {"base": list(self.network.parameters()), "meta": list(self.transfer_weights.parameters())}

    def optimizers(self) -> dict[str, OptimizerSpec]:
        """Return MAL's SGD at .001 for theta and the authors' Adam for phi."""
        return {
            "base": OptimizerSpec(),
            "meta": OptimizerSpec("adam", 1e-4, momentum=0.0, weight_decay=1e-4),
        }

    def origins(self) -> dict[str, object]:
        """Read the teacher and return which one it is.

        Raises:
            CheckpointError: If the file is no model, has another backbone, or was not trained for expressions
                alone: a teacher that knows AU labels could know those of test people.
        """
        header, tensors = read_model_file(self.teacher)
        if header.aus or not header.expressions:
            raise CheckpointError(
                f"{self.teacher} was trained with '{header.method}'; l2t_ww transfers from a network that "
                "learned expressions alone: train one with --method single_task_expression"
            )
        network = _outline(self.teacher_backbone)
        weights = {k.removeprefix(_BACKBONE): v for k, v in tensors.items() if k.startswith(_BACKBONE)}
        try:
            network.load_state_dict(weights, assign=True)
        except RuntimeError as error:
            raise CheckpointError(
                f"{self.teacher} does not hold a backbone {self.teacher_backbone}; set teacher_backbone to "
                "the one it was trained with"
            ) from error
        self._teacher = [network.eval().requires_grad_(False)]
        return {"transferred_from": origin(self.teacher, header, tensors)}

    def update(self, batches: Mapping[str, Batch], step: Stepper) -> dict[str, Tensor]:
        """Take the step that counts, then improve phi by what a few recorded steps would lead to."""
        batch = batches["au"]
        images, targets = batch.images, batch.require("action_units")
        maps = self.teacher_maps(images)

        # The step that counts: detection and matching together.
        matched = self.network(images, maps)
        with torch.no_grad():
            channels, pairs = self.transfer_weights(maps)
        detection = action_unit_loss(matched.action_units, targets, reduction=self.reduction).mean()
        matching = matching_loss(matched.distances, channels, pairs)
        step.descend(detection + self.matching_weight * matching, "base")

        # How useful is the matching? The detection loss after recorded steps tells, differentiated by phi.
        outlook = self.outlook(images, targets, maps, step.update_rule("base", plain=True))
        step.apply(step.gradients(outlook, list(self.transfer_weights.parameters())), "meta")

        stages = len(self.network.backbone.split())
        return {
            "loss_action_units": detection.detach(),
            "loss_matching": matching.detach(),
            "loss_outlook": outlook.detach(),
            **{
                f"weight_teacher{pair // stages + 1}_student{pair % stages + 1}": weight
                for pair, weight in enumerate(pairs.mean(dim=0))
            },
        }

    def teacher_maps(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the frozen teacher's maps of the pictures after each stage."""
        if not self._teacher:
            self.origins()
        teacher = self._teacher[0].to(images)
        with torch.no_grad():
            return stage_maps(teacher, images)

    def outlook(self, images: Tensor, targets: Tensor, maps: Sequence[Tensor], rule: UpdateRule) -> Tensor:
        """Return the detection loss after recorded steps from theta; theta itself stays.

        T steps on the matching loss alone, then one on the detection loss, all on the same pictures; the
        result can be differentiated by phi through all of them.

        Args:
            images: ``batch x 3 x height x width``.
            targets: ``batch x au``, NaN unknown.
            maps: The teacher's maps of the pictures.
            rule: The step to record.
        """
        parameters = base_parameters(self.network)
        theta: tuple[Tensor, ...] = tuple(parameters.values())
        channels, pairs = self.transfer_weights(maps)

        def run(*inputs: object) -> Matched:
            return functional_call(self.network, dict(zip(parameters, theta, strict=True)), inputs)

        def detection_loss() -> Tensor:
            return action_unit_loss(run(images).action_units, targets, reduction=self.reduction).mean()

        def stepped(loss: Tensor) -> tuple[Tensor, ...]:
            return rule.displace(theta, gradients_of(loss, theta, create_graph=True))

        with frozen_running_statistics(self.network):
            for _ in range(self.matching_steps):
                distances = run(images, maps).distances
                theta = stepped(self.matching_weight * matching_loss(distances, channels, pairs))
            theta = stepped(detection_loss())
            return detection_loss()

    def predict(self, images: Tensor) -> Prediction:
        """Return AU probabilities, ``batch x au``."""
        return Prediction(self.network(images).action_units.sigmoid())


def _outline(backbone: str) -> StagedBackbone:
    """Return the backbone without values: nothing is computed, no random number drawn."""
    with torch.device("meta"):
        return staged(Backbone(backbone, "none").build())
