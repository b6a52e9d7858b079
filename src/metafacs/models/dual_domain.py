"""All networks of the dual-domain method; ADLD is made of a part of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from metafacs.models.au_branches import ActionUnitBranches
from metafacs.models.discriminators import Discriminators
from metafacs.models.domain_separation import DomainSeparation
from metafacs.models.landmark_branch import FeatureExtractor, LandmarkBranches
from metafacs.models.projectors import Projectors

Domain = Literal["source", "target"]
DOMAINS: tuple[Domain, ...] = ("source", "target")
Reading = Literal["reconstruction", "direct"]
"""How a target picture is read; see :meth:`DualDomainNet.forward`."""


class LandmarkNet(nn.Module):
    """Feature extractors and landmark branches of two domains: what the first stage of training needs.

    Args:
        width: Channels of the first module, 32 in the paper; all other widths follow.
        landmarks: Number of landmarks.
        branched: Domains that have a landmark branch.
        shared_features: One feature extractor for both domains.
    """

    def __init__(
        self, width: int, landmarks: int, branched: Sequence[Domain], *, shared_features: bool = False
    ) -> None:
        super().__init__()
        # Source first, target last: one and the same where they are shared.
        self.extractors = nn.ModuleList(FeatureExtractor(width) for _ in range(1 if shared_features else 2))
        self.branches = LandmarkBranches(width, branched, landmarks) if branched else None

    def extractor(self, domain: Domain) -> nn.Module:
        """Return E_f of a domain."""
        return self.extractors[0 if domain == "source" else -1]

    def extract(self, source: Tensor, target: Tensor) -> Tensor:
        """Return F of the source pictures, then of the target pictures."""
        if len(self.extractors) == 1:
            return self.extractors[0](torch.cat([source, target]))
        return torch.cat([self.extractors[0](source), self.extractors[1](target)])

    def landmarks_of(self, features: Tensor, picture: int) -> dict[str, Tensor]:
        """Return what the branches make of F of both domains.

        Args:
            features: From :meth:`extract`, as many rows of the source as of the target.
            picture: Side of the pictures in pixels.

        Returns:
            Domain that has a branch -> ``batch x landmark x 2``, (x, y) in pixels.
        """
        if self.branches is None:
            return {}
        halves: dict[str, Tensor] = dict(zip(DOMAINS, features.chunk(2), strict=True))
        return self.branches({domain: halves[domain] for domain in self.branches.ends}, picture)

    def landmarks(self, images: Tensor, domain: Domain) -> Tensor:
        """Return the landmarks of pictures of one domain, ``batch x landmark x 2`` in pixels.

        Raises:
            ValueError: If there is no landmark branch for that domain.
        """
        if self.branches is None or domain not in self.branches.ends:
            raise ValueError(f"this model has no landmark branch for {domain} pictures")
        return self.branches({domain: self.extractor(domain)(images)}, images.shape[-1])[domain]


class SupervisedNet(LandmarkNet):
    """The landmark net with the AU branches: all that learns from labels, no adversary among it.

    Args:
        aus: FACS numbers to detect.
        width: Channels of the first module, 32 in the paper; all other widths follow.
        landmarks: Number of landmarks.
        branched: Domains that have a landmark branch.
        shared_features: One feature extractor for both domains.
    """

    def __init__(
        self,
        aus: Sequence[int],
        width: int,
        landmarks: int,
        branched: Sequence[Domain] = (),
        *,
        shared_features: bool = True,
    ) -> None:
        super().__init__(width, landmarks, branched, shared_features=shared_features)
        self.detector = ActionUnitBranches(2 * width, aus)

    def groups(self) -> dict[str, list[nn.Parameter]]:
        """Return the parameters by who steps them."""
        return _groups({"task": [self.extractors, self.detector], "landmarks": [self.branches]})

    def forward(self, images: Tensor, domain: Domain, read: Reading = "direct") -> Tensor:
        """Return AU logits, ``batch x au``, of pictures of one domain, ``batch x 3 x height x width``.

        Raises:
            ValueError: If a reconstruction is asked for: there is no generator.
        """
        if domain == "target" and read != "direct":
            raise ValueError("this model has no generators: it can only read target pictures directly")
        return self.detector(self.extractor(domain)(images))


class DualDomainNet(SupervisedNet):
    """The supervised net with what separates the domains and puts them together.

    Args:
        aus: FACS numbers to detect.
        width: Channels of the first module, 32 in the paper; all other widths follow.
        landmarks: Number of landmarks.
        branched: Domains that have a landmark branch; none in ADLD.
        shared_features: One feature extractor for both domains, as in ADLD.
        project: Have projectors; not in ADLD.
    """

    def __init__(
        self,
        aus: Sequence[int],
        width: int,
        landmarks: int,
        branched: Sequence[Domain] = (),
        *,
        shared_features: bool = True,
        project: bool = False,
    ) -> None:
        super().__init__(aus, width, landmarks, branched, shared_features=shared_features)
        channels = 2 * width
        self.separation = DomainSeparation(channels, landmarks)
        self.discriminators = Discriminators(channels, landmarks)
        self.projectors = Projectors(channels) if project else None

    def groups(self) -> dict[str, list[nn.Parameter]]:
        """Return the parameters by who steps them.

        ADLD's three groups, D_l taken out of its discriminators: it has to learn as fast as G_b, or G_b wins
        against a D_l that never found a landmark. Then the rest of the landmark branches.
        """
        separation = self.separation
        return _groups(
            {
                "landmark_discriminator": [self.discriminators.landmarks],
                "discriminators": [self.discriminators.source, self.discriminators.target],
                "generators": [
                    separation.background_generator,
                    separation.feature_generator,
                    self.projectors,
                ],
                "task": [self.extractors, separation.landmark_encoder, self.detector],
                "landmarks": [self.branches],
            }
        )

    def forward(self, images: Tensor, domain: Domain, read: Reading = "reconstruction") -> Tensor:
        """Return AU logits, ``batch x au``, of pictures of one domain.

        Args:
            images: ``batch x 3 x height x width``.
            domain: Source pictures are read from their features.
            read: How target pictures are read: from the ``reconstruction`` of their features, as in ADLD, or
                ``direct``, from their features too.
        """
        features = self.extractor(domain)(images)
        if domain == "target" and read == "reconstruction":
            features = self.separation.reconstruct(features)
        return self.detector(features)


def _groups(parts: Mapping[str, Sequence[nn.Module | None]]) -> dict[str, list[nn.Parameter]]:
    """Return the parameters of the modules of each group, without empty groups."""
    groups = {
        name: [parameter for module in modules if module is not None for parameter in module.parameters()]
        for name, modules in parts.items()
    }
    return {name: parameters for name, parameters in groups.items() if parameters}
