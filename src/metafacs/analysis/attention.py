"""Where a detector looks: Grad-CAM on the last stage of its backbone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor, nn

from metafacs.methods.base import Method
from metafacs.models.networks import BaseNet


def attention_maps(method: Method, images: Tensor, au: int) -> np.ndarray:
    """Return where the evidence for one AU is, by Grad-CAM (Selvaraju et al. 2017) as captum computes it.

    Args:
        method: A trained detector with a base net, in evaluation mode.
        images: ``batch x 3 x height x width``.
        au: FACS number that the method detects.

    Returns:
        ``batch x height x width``, 0 to 1 within each picture; all zero where nothing speaks for the AU.

    Raises:
        ValueError: If the method does not detect the AU or has no base net.
    """
    if au not in method.aus:
        raise ValueError(f"the detector does not know AU{au}; it detects {list(method.aus)}")
    return _maps(method, "action_units", images, [method.aus.index(au)] * len(images))


def expression_attention(method: Method, images: Tensor, classes: Sequence[int]) -> np.ndarray:
    """Return where the evidence for an expression is, one expression per picture; see :func:`attention_maps`.

    Args:
        method: A trained method with a base net that recognises expressions, in evaluation mode.
        images: ``batch x 3 x height x width``.
        classes: ``batch``, index of the expression to explain in each picture.

    Returns:
        ``batch x height x width``, 0 to 1 within each picture.

    Raises:
        ValueError: If the method does not recognise expressions or has no base net.
    """
    if not method.expressions:
        raise ValueError(f"{type(method).__name__} recognises no expressions; give a model such as mml")
    return _maps(method, "expressions", images, classes)


def _maps(method: Method, output: str, images: Tensor, targets: Sequence[int]) -> np.ndarray:
    # captum takes a second to import and is needed only here.
    from captum.attr import LayerAttribution, LayerGradCam

    network = getattr(method, "network", None)
    if not isinstance(network, BaseNet):
        raise ValueError(f"{type(method).__name__} has no base net whose attention could be drawn")
    maps = LayerGradCam(_Scores(network, output), network.backbone.last_stage).attribute(
        images, target=list(targets), relu_attributions=True
    )
    size = (images.shape[2], images.shape[3])
    grown = LayerAttribution.interpolate(maps, size, "bilinear")[:, 0].detach().cpu().numpy()
    highest = grown.max(axis=(1, 2), keepdims=True)
    return np.divide(grown, highest, out=np.zeros_like(grown), where=highest > 0)


class _Scores(nn.Module):
    """A base net that returns the logits of one of its classifiers only."""

    def __init__(self, network: BaseNet, output: str) -> None:
        super().__init__()
        self.network, self.output = network, output

    def forward(self, images: Tensor) -> Tensor:
        scores = getattr(self.network(images), self.output)
        assert isinstance(scores, Tensor)
        return scores
