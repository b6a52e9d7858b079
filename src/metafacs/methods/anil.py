"""ANIL, a control of MAML-AU: only the last layer takes part in adaptation."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from metafacs.methods.few_shot import CLASSIFIER, MetaLearner


class ANIL(MetaLearner):
    """MAML whose inner steps move the classifier and leave the features alone ("almost no inner loop").

    Implements Raghu et al., "Rapid Learning or Feature Reuse?", ICLR 2020, on the episodes of MAML-AU; its
    options are those of :class:`MetaLearner`. What it loses against MAML is what adapting features is worth.
    """

    def step_sizes(self) -> Mapping[str, float | Tensor]:
        """Return alpha for weight and bias of the classifier."""
        return dict.fromkeys(CLASSIFIER, self.inner_rate)
