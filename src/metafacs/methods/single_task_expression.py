"""Expression recognition alone: the network that ``l2t_ww`` transfers from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from torch import Tensor, nn

from metafacs.batch import Batch
from metafacs.losses.expression import expression_loss
from metafacs.methods.base import OptimizerSpec, Prediction, SingleLossMethod
from metafacs.models.backbones import RESNET34, Backbone
from metafacs.models.networks import feature_width


class SingleTaskExpression(SingleLossMethod):
    """Backbone and expression classifier trained on expression labels only; it detects no action units.

    The source network of L2T-ww in section 4.2.2 of Li & Shan (MAL), trained with the loss of Eq. (2).

    Args:
        expressions: Names of the expression classes.
        backbone: Which backbone, and with which weights it starts.
    """

    streams: ClassVar[tuple[str, ...]] = ("expression",)

    def __init__(self, expressions: Sequence[str], *, backbone: Backbone = RESNET34) -> None:
        super().__init__((), expressions)
        trunk = backbone.build()
        head = nn.Linear(feature_width(trunk), len(self.expressions))
        # Named as in the base net, so that a trained part has the same name in every model.
        self.network = nn.ModuleDict({"backbone": trunk, "expressions": head})

    def optimizers(self) -> dict[str, OptimizerSpec]:
        """Return MAL's SGD at .001; how that network was trained is not printed."""
        return {"base": OptimizerSpec()}

    def losses(self, batches: Mapping[str, Batch]) -> dict[str, Tensor]:
        """Return the mean loss of the ``expression`` batch."""
        batch = batches["expression"]
        losses = expression_loss(self._logits(batch.images), batch.require("expression"))
        return {"loss_expression": losses.mean()}

    def _logits(self, images: Tensor) -> Tensor:
        return self.network["expressions"](self.network["backbone"](images))

    def predict(self, images: Tensor) -> Prediction:
        """Return expression probabilities, and AU probabilities without a column."""
        return Prediction(images.new_zeros(len(images), 0), self._logits(images).softmax(dim=1))
