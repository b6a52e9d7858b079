"""Things in front of a face: glasses, hands, cups and other objects, strands of hair.

Each occluder is drawn over a finished picture at the place that the landmarks give, shaded with the
light that already falls on the face. Labels do not change: what the person does is still true.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from metafacs.synthesis.occluders.cups import raise_cup
from metafacs.synthesis.occluders.geometry import FaceGeometry
from metafacs.synthesis.occluders.hair_strands import drop_hair_strands
from metafacs.synthesis.occluders.hands import lay_hand
from metafacs.synthesis.occluders.objects import hold_object
from metafacs.synthesis.occluders.spectacles import wear_glasses, wear_sunglasses

Painter = Callable[
    [NDArray[np.uint8], FaceGeometry, np.random.Generator, "NDArray[np.uint8] | None"], NDArray[np.uint8]
]

OCCLUDERS: dict[str, Painter] = {
    "glasses": wear_glasses,
    "sunglasses": wear_sunglasses,
    "hand": lay_hand,
    "object": hold_object,
    "cup": raise_cup,
    "hair": drop_hair_strands,
}
"""Kind of occluder -> the function that paints it."""


def occlude(
    image: NDArray[np.uint8],
    kind: str,
    geometry: FaceGeometry,
    rng: np.random.Generator,
    hair_colour: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """Return the picture with something in front of the face.

    Args:
        image: Shape (height, width, 3), the rendered picture; not changed.
        kind: One of :data:`OCCLUDERS`.
        geometry: Where the face is.
        rng: Decides shape, colour and exact place.
        hair_colour: Shape (3,), sRGB of the person's hair for strands; a natural colour when None.

    Returns:
        Picture of the same shape.

    Raises:
        ValueError: If the kind is unknown.
    """
    if kind not in OCCLUDERS:
        raise ValueError(f"unknown occluder {kind!r}; choose one of {', '.join(OCCLUDERS)}")
    return OCCLUDERS[kind](image, geometry, rng, hair_colour)


def sample_occluder(rng: np.random.Generator, shares: Mapping[str, float]) -> str | None:
    """Return the kind of occluder of one picture, or None.

    Args:
        rng: Random generator.
        shares: Kind -> share of pictures; what is missing to one is the share without occluder.

    Raises:
        ValueError: If the shares are negative or sum to more than one.
    """
    total = sum(shares.values())
    if total > 1 + 1e-9 or any(share < 0 for share in shares.values()):
        raise ValueError(f"shares of occluders must be positive and sum to at most 1, not {dict(shares)}")
    draw = rng.random()
    for kind, share in shares.items():
        if draw < share:
            return kind
        draw -= share
    return None
