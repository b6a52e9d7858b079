"""One feature extractor and one branch per action unit: ADLD's detector without its adaptation."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from metafacs.models.au_branches import ActionUnitBranches
from metafacs.models.landmark_branch import FeatureExtractor


class BranchedNet(nn.Module):
    """E_f followed by E_au.

    Args:
        aus: FACS numbers to detect.
        width: Channels of the first module, 32 in ADLD; all other widths follow.
    """

    def __init__(self, aus: Sequence[int], width: int) -> None:
        super().__init__()
        # Named as in LandmarkNet: one can start from the other.
        self.extractors = nn.ModuleList([FeatureExtractor(width)])
        self.detector = ActionUnitBranches(2 * width, aus)

    @property
    def extractor(self) -> nn.Module:
        """E_f."""
        return self.extractors[0]

    def forward(self, images: Tensor) -> Tensor:
        """Return AU logits, ``batch x au``."""
        return self.detector(self.extractor(images))
