"""Dual-domain AU detection: laboratory labels carried into the wild with landmarks of both domains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Tensor, nn

from metafacs.batch import Batch
from metafacs.faces.landmarks import LEFT_EYE_49, RIGHT_EYE_49
from metafacs.losses.action_units import action_unit_loss, occurrence_rates, rate_balanced_weights
from metafacs.losses.landmarks import landmark_loss
from metafacs.losses.reconstruction import reconstruction_loss
from metafacs.methods.adversarial_separation import (
    ADVERSARY_OPTIMIZER,
    LANDMARKS,
    TASK_OPTIMIZER,
    GameWatch,
    detection_apart,
    discriminator_losses,
    game_diagnostics,
    inner_landmarks,
    label_cells,
    labelled_rows,
    paired,
    separation_losses,
)
from metafacs.methods.base import (
    DETECTION,
    Diagnostic,
    Method,
    OptimizerSpec,
    Prediction,
    Stepper,
    total_loss,
)
from metafacs.metrics.landmarks import interocular_distance
from metafacs.models.domain_separation import Rounds
from metafacs.models.dual_domain import Domain, DualDomainNet, LandmarkNet, Reading, SupervisedNet

_BRANCHES: dict[str, tuple[Domain, ...]] = {
    "both": ("source", "target"),
    "source": ("source",),
    "target": ("target",),
    "none": (),
}


class Pass(NamedTuple):
    """What the networks make of a pair of batches.

    Attributes:
        rounds: Features of both domains.
        cells: ``batch x landmark``, where the landmarks of the rows are taken to be.
        landmarks: Domain -> ``batch x 49 x 2`` that its branch predicts, pixels.
    """

    rounds: Rounds
    cells: Tensor
    landmarks: dict[str, Tensor]


class DualDomain(Method):
    """Landmark detection in two domains, trained together with the exchange of their landmarks' features.

    Implements Shang & Liu, "Facial Action Unit Detection Based on Multi-task Learning Strategy for Unlabeled
    Facial Images in the Wild", Eqs. (1)-(13), and the ablations of its Table 7. How the paper is read is
    written in docs/dual_domain.md. Training has two stages, each a run of its own: ``stage="landmarks"``
    trains the landmark branches; ``stage="joint"``, started from that model with ``--initialise``, trains
    everything. For a first stage of which short runs have more, ``stage="supervised"`` trains the AU branches
    as well. Source pictures need AU labels, pictures of both domains landmarks; AU labels of target pictures
    are not looked at unless ``pseudo_labels`` says so.

    Args:
        aus: FACS numbers to detect.
        stage: ``landmarks``, ``supervised`` (landmarks of both domains, AUs of the source, no adversaries) or
            ``joint``.
        width: Channels of the first module, 32 in the paper; all other widths follow.
        domain: Which pictures :meth:`predict` expects, ``target`` ones or ``source`` ones, which are read
            directly.
        read: How target pictures are read: ``direct``, E_au(F_t), because D_d makes the mixtures that E_au
            learns from look like F_t; or from the ``reconstruction`` of their features, G_st(F_tl, F_tb), as
            in ADLD, which trains it; of the stage ``joint`` only.
        landmark_branches: Which domains have a landmark branch; elsewhere the landmarks of the batch stand in
            for predicted ones (``both`` is SD + TD of Table 7).
        intermediate_supervisors: Align landmarks and background too, not only whole features (AS).
        projectors: Project the ``reconstructed`` features before they are aligned, ``both`` sides as printed,
            or ``none`` (AP).
        focus: Exponent beta of the asymmetric AU loss; 0 is weighted cross-entropy (AL).
        shared_features: One feature extractor for both domains, as in ADLD and as three places of the text
            say; off gives each domain its own.
        end_to_end: Let gradients pass where ADLD stops them.
        shift_to_centres: Move landmarks onto action units before they become cells, as in ADLD.
        pseudo_labels: Learn from AU labels of target pictures as well, in the stage ``joint``; they must come
            from another detector.
        action_unit_weight: lambda_au.
        landmark_weight: lambda_fl.
        cell_weight: lambda_lr.
        uniformity_weight: lambda_adlb.
        domain_weight: lambda_adst.
        reconstruction_weight: lambda_sr.

    Raises:
        ValueError: If the landmark stage is asked for without a landmark branch, or pseudo labels or
            reconstructions of a stage before ``joint``, which has none.
    """

    streams: ClassVar[tuple[str, ...]] = ("source", "target")
    domain: Domain
    au_weights: Tensor

    def __init__(
        self,
        aus: Sequence[int],
        *,
        stage: Literal["joint", "landmarks", "supervised"] = "joint",
        width: int = 32,
        domain: Domain = "target",
        read: Reading = "direct",
        landmark_branches: Literal["both", "source", "target", "none"] = "both",
        intermediate_supervisors: bool = True,
        projectors: Literal["reconstructed", "both", "none"] = "reconstructed",
        focus: float = 0.7,
        shared_features: bool = True,
        end_to_end: bool = False,
        shift_to_centres: bool = True,
        pseudo_labels: bool = False,
        action_unit_weight: float = 1.0,
        landmark_weight: float = 0.1,
        cell_weight: float = 0.6,
        uniformity_weight: float = 400.0,
        domain_weight: float = 1.2,
        reconstruction_weight: float = 100.0,
    ) -> None:
        super().__init__(aus)
        self.stage, self.domain, self.reading, self.projection = stage, domain, read, projectors
        self.landmark_domains = branched = _BRANCHES[landmark_branches]
        self.intermediate_supervisors, self.focus = intermediate_supervisors, focus
        self.end_to_end, self.shift_to_centres = end_to_end, shift_to_centres
        self.pseudo_labels = pseudo_labels
        self.loss_weights = {
            "loss_action_units": action_unit_weight,
            "loss_landmarks": landmark_weight,
            "loss_cells": cell_weight,
            "loss_mixed_cells": cell_weight,
            "loss_uniformity": uniformity_weight,
            "loss_domain": domain_weight,
            "loss_reconstruction": reconstruction_weight,
        }
        if stage == "landmarks" and not branched:
            raise ValueError(
                "stage 'landmarks' trains landmark branches; landmark_branches must not be 'none'"
            )
        if stage != "joint" and pseudo_labels:
            raise ValueError(
                f"stage '{stage}' looks at no AU labels of target pictures; leave pseudo_labels to stage "
                "'joint'"
            )
        if stage != "joint" and read == "reconstruction":
            raise ValueError(
                f"stage '{stage}' has no generators, and nothing to read but 'direct'; leave read "
                "'reconstruction' to stage 'joint'"
            )
        self.network: LandmarkNet
        if stage == "landmarks":
            self.network = LandmarkNet(width, LANDMARKS, branched, shared_features=shared_features)
        elif stage == "supervised":
            self.network = SupervisedNet(
                self.aus, width, LANDMARKS, branched, shared_features=shared_features
            )
        else:
            self.network = DualDomainNet(
                self.aus,
                width,
                LANDMARKS,
                branched,
                shared_features=shared_features,
                project=projectors != "none",
            )
            self.watch = GameWatch()
        if stage != "landmarks":
            self.register_buffer("au_weights", torch.ones(len(self.aus)))

    def observe_labels(self, labels: Mapping[str, Tensor]) -> None:
        """Weigh each AU inversely to how often it occurs in the source pictures, w_i of Eq. (9)."""
        if self.stage != "landmarks":
            self.au_weights.copy_(rate_balanced_weights(occurrence_rates(labels["source"])))

    @property
    def detecting_network(self) -> SupervisedNet:
        """The network of the stages that detect AUs.

        Raises:
            ValueError: If the method was built for the landmark stage only.
        """
        if not isinstance(self.network, SupervisedNet):
            raise ValueError(
                "a model of stage 'landmarks' detects no action units; train stage 'joint' from it"
            )
        return self.network

    @property
    def joint_network(self) -> DualDomainNet:
        """The network of the joint stage.

        Raises:
            ValueError: If the method was built for another stage.
        """
        if not isinstance(self.network, DualDomainNet):
            raise ValueError(
                f"a model of stage '{self.stage}' has no generators; train stage 'joint' from it"
            )
        return self.network

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Return ADLD's groups, and what the landmark branches have beyond the feature extractors."""
        if self.stage == "landmarks":
            return {"landmarks": list(self.network.parameters())}
        return self.detecting_network.groups()

    def optimizers(self) -> dict[str, OptimizerSpec]:
        """Return the paper's Adams (section 4.1.2)."""
        first = OptimizerSpec("adam", lr=1e-3, weight_decay=5e-4, schedule="halved")
        specs = {
            "landmark_discriminator": ADVERSARY_OPTIMIZER,
            "discriminators": ADVERSARY_OPTIMIZER,
            "generators": ADVERSARY_OPTIMIZER,
            "task": TASK_OPTIMIZER,
            "landmarks": replace(first, lr=5e-4, schedule="constant") if self.stage == "joint" else first,
        }
        return {group: specs[group] for group in self.parameter_groups()}

    def diagnostics(self, size: int) -> tuple[Diagnostic, ...]:
        """Return the state of the games; before the joint stage what learns from labels."""
        if self.stage == "joint":
            return game_diagnostics(size)
        known = (Diagnostic("loss_landmarks", "landmark loss"),)
        return known if self.stage == "landmarks" else (DETECTION, *known)

    def update(self, batches: Mapping[str, Batch], step: Stepper) -> dict[str, Tensor]:
        """Step the discriminators, then everything else; before the joint stage what learns from labels."""
        source, target = paired(batches)
        if self.stage != "joint":
            return self._learn_labels(source, target, step)

        result = self.run(source, target)
        played = discriminator_losses(self.joint_network.discriminators, result.rounds, result.cells)
        adversaries = ("landmark_discriminator", "discriminators")
        step.descend(total_loss(played), *adversaries)

        detection = self.action_unit_errors(result.rounds, source, target)
        losses = self.losses(result, detection, source, target)
        others = [group for group in self.parameter_groups() if group not in adversaries]
        step.descend(total_loss(losses, self.loss_weights), *others)
        told = {name: loss.detach() for name, loss in {**losses, **played}.items()}
        told |= detection_apart(detection)
        return {**told, **self.watch(told, result.rounds, step.progress)}

    def _learn_labels(self, source: Batch, target: Batch, step: Stepper) -> dict[str, Tensor]:
        features = self.network.extract(source.images, target.images)
        predicted = self.network.landmarks_of(features, source.images.shape[-1])
        losses, weights = {}, self.loss_weights
        if self.stage == "landmarks":
            weights = {}  # there is nothing to weigh against
        else:
            known = source.require("action_units")
            losses["loss_action_units"] = self._detection_losses(features[: len(source)], known).mean()
        if predicted:
            losses["loss_landmarks"] = self.landmark_error(predicted, source, target)
        step.descend(total_loss(losses, weights), *self.parameter_groups())
        return {name: loss.detach() for name, loss in losses.items()}

    def run(self, source: Batch, target: Batch) -> Pass:
        """Return landmarks and features of both rounds for a pair of batches."""
        network, picture = self.joint_network, source.images.shape[-1]
        features = network.extract(source.images, target.images)
        landmarks = network.landmarks_of(features, picture)
        # FL of the paper: a cell is no function to differentiate, so predicted landmarks only label.
        labels = [
            landmarks[name].detach() if name in landmarks else inner_landmarks(batch)
            for name, batch in (("source", source), ("target", target))
        ]
        cells = label_cells(torch.cat(labels), picture, features.shape[-1], shift=self.shift_to_centres)
        return Pass(network.separation(features, end_to_end=self.end_to_end), cells, landmarks)

    def losses(self, result: Pass, detection: Tensor, source: Batch, target: Batch) -> dict[str, Tensor]:
        """Return every loss of Eq. (13) before its weight; scalars, means over both domains.

        Args:
            result: What the networks make of the batches.
            detection: From :meth:`action_unit_errors`.
            source: The source batch.
            target: The target batch.
        """
        rounds = result.rounds
        losses = {
            "loss_action_units": detection.mean(),
            **separation_losses(self.joint_network.discriminators, rounds, result.cells),
            # Eq. (8) sums over the domains; rows are pictures of both.
            "loss_reconstruction": 2 * reconstruction_loss(self.aligned_pairs(rounds)).mean(),
        }
        if result.landmarks:
            losses["loss_landmarks"] = self.landmark_error(result.landmarks, source, target)
        return losses

    def landmark_error(self, landmarks: Mapping[str, Tensor], source: Batch, target: Batch) -> Tensor:
        """Return L_fl, Eq. (1): the mean over the domains that have a branch."""
        errors = []
        for name, predicted in landmarks.items():
            known = inner_landmarks(source if name == "source" else target)
            scale = interocular_distance(known, LEFT_EYE_49, RIGHT_EYE_49)
            errors.append(landmark_loss(predicted, known, scale).mean())
        return torch.stack(errors).mean()

    def action_unit_errors(self, rounds: Rounds, source: Batch, target: Batch) -> Tensor:
        """Return L_au, Eq. (9), of F_s and F_sltb, row by row; with pseudo labels of F_t and F_sbtl too."""
        features, targets = labelled_rows(rounds, source, target, pseudo_labels=self.pseudo_labels)
        return self._detection_losses(features, targets)

    def _detection_losses(self, features: Tensor, targets: Tensor) -> Tensor:
        return action_unit_loss(
            self.detecting_network.detector(features),
            targets,
            reduction="mean",
            au_weights=self.au_weights,
            focus=self.focus,
        )

    def aligned_pairs(self, rounds: Rounds) -> list[tuple[Tensor, Tensor]]:
        """Return the pairs of Eq. (8), restored and original; originals are what to aim at, so detached."""
        pairs = [(rounds.restored, rounds.features.detach())]
        if self.intermediate_supervisors:
            pairs += [
                (rounds.background_again, rounds.background.detach()),
                (rounds.landmarks_again, rounds.landmarks.detach()),
            ]
        projectors = self.joint_network.projectors
        if projectors is None:
            return pairs
        projected = []
        for restored, original in pairs:
            projector = projectors.landmarks if restored.shape[1] == 1 else projectors.features
            other = projector(original) if self.projection == "both" else original
            projected.append((projector(restored), other))
        return projected

    def predict(self, images: Tensor) -> Prediction:
        """Return AU probabilities of pictures of :attr:`domain`, ``batch x au``.

        Raises:
            ValueError: If the method was built for the landmark stage only.
        """
        return Prediction(self.detecting_network(images, self.domain, self.reading).sigmoid())

    def predict_landmarks(self, images: Tensor, domain: Domain) -> Tensor:
        """Return what the landmark branch of a domain finds, ``batch x 49 x 2`` as (x, y) in pixels.

        Raises:
            ValueError: If the method has no landmark branch for that domain.
        """
        return self.network.landmarks(images, domain)
