"""Pictures of what networks of two domains do: landmarks, separation, reconstruction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from metafacs.models.domain_separation import Rounds
from metafacs.models.dual_domain import DOMAINS, Domain, DualDomainNet
from metafacs.reports.picture_sheet import SheetRow, draw_sheet

Picture = NDArray[np.uint8]

_SIDE = 176
_PREDICTED, _KNOWN = (213, 94, 0), (255, 255, 255)


class FindsLandmarks(Protocol):
    """A trained method that finds landmarks."""

    def predict_landmarks(self, images: Tensor, domain: Domain) -> Tensor:
        """Return ``batch x 49 x 2`` in pixels."""


class SeparatesDomains(Protocol):
    """A trained method that takes features apart and puts them together again."""

    @property
    def joint_network(self) -> DualDomainNet:
        """Networks of both domains."""

    def aligned_pairs(self, rounds: Rounds) -> list[tuple[Tensor, Tensor]]:
        """Return restored features and what they should be, those of the pictures first."""


def draw_predicted_landmarks(
    method: FindsLandmarks, images: Tensor, known: Tensor | None, domain: Domain, *, faces: str
) -> Image.Image:
    """Return faces with their landmarks, predicted ones above, known ones below; Fig. 3 of Shang & Liu.

    Args:
        method: Trained method in evaluation mode with a landmark branch for the domain.
        images: ``batch x 3 x height x width`` in [-1, 1].
        known: ``batch x 49 x 2`` in pixels of ``images``, NaN unknown; None without a row of known ones.
        domain: ``source`` or ``target``.
        faces: For the title, if any are rendered, see :func:`metafacs.reports.tables.faces_in_words`.
    """
    with torch.inference_mode():
        rows = [_marked(images, method.predict_landmarks(images, domain), "predicted", _PREDICTED)]
    if known is not None:
        rows.append(_marked(images, known, "known", _KNOWN))
    title = f"landmarks of {domain} pictures{_told(faces)}"
    return draw_sheet(title, rows, columns=len(images), side=_SIDE)


def draw_separation(method: SeparatesDomains, source: Tensor, target: Tensor, *, faces: str) -> Image.Image:
    """Return what becomes of pairs of pictures: attention, mixed, restored; Fig. 4 of Shang & Liu.

    Features have many channels: the colours are the three directions in which the original features of these
    pictures vary most, one scale for every row, so that equal colours are equal features.

    Args:
        method: Trained method of the joint stage in evaluation mode.
        source: ``batch x 3 x height x width`` in [-1, 1].
        target: As many pictures of the other domain.
        faces: For the title, if any are rendered, see :func:`metafacs.reports.tables.faces_in_words`.
    """
    network = method.joint_network
    with torch.inference_mode():
        rounds = network.separation(network.extract(source, target))
        restored, _ = method.aligned_pairs(rounds)[0]
    colour = _colours_of(rounds.features)
    stages = {
        "landmarks": ("where E_l looks", _grey(rounds.landmarks)),
        "features": ("F", colour(rounds.features)),
        "background": ("what G_b leaves", colour(rounds.background)),
        "mixed": ("on the other's background", colour(rounds.mixed)),
        # As it is compared with F: through the projector, where there is one.
        "restored": ("F' after two rounds", colour(restored)),
    }
    rows, count = [], len(source)
    for domain, images, half in zip(
        DOMAINS, (source, target), (slice(count), slice(count, None)), strict=True
    ):
        rows.append(SheetRow(domain, "pictures", _pictures(images)))
        rows += [SheetRow(name, note, found[half]) for name, (note, found) in stages.items()]
    title = f"separation and reconstruction{_told(faces)}"
    return draw_sheet(title, rows, columns=count, side=_SIDE // 2)


def _told(faces: str) -> str:
    return f" ({faces})" if faces else ""


def _pictures(images: Tensor) -> list[Picture]:
    return [p.permute(1, 2, 0).cpu().numpy() for p in ((images + 1) * 127.5).round().clamp(0, 255).byte()]


def _marked(images: Tensor, points: Tensor, note: str, colour: tuple[int, int, int]) -> SheetRow:
    # Drawn larger than shown, so that the dots stay round when the sheet reduces the picture.
    scale, radius = 2 * _SIDE / images.shape[-1], 3
    marked = []
    for picture, places in zip(_pictures(images), points.cpu().numpy(), strict=True):
        face = Image.fromarray(picture).resize((2 * _SIDE, 2 * _SIDE), Image.Resampling.BICUBIC)
        draw = ImageDraw.Draw(face)
        for x, y in (places[~np.isnan(places).any(axis=1)] + 0.5) * scale:
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
        marked.append(np.asarray(face))
    return SheetRow(note, f"{points.shape[1]} landmarks", marked)


def _grey(maps: Tensor) -> list[Picture]:
    """Return one-channel maps as grey pictures, each white at its highest place."""
    scaled = maps / maps.amax(dim=(1, 2, 3), keepdim=True)
    return list((255 * scaled[:, 0]).round().byte().cpu().numpy())


def _colours_of(features: Tensor) -> Callable[[Tensor], list[Picture]]:
    """Return a function that turns features into colours: three principal directions of the given ones."""
    rows = features.permute(0, 2, 3, 1).reshape(-1, features.shape[1]).double()
    mean = rows.mean(dim=0)
    directions = torch.linalg.svd(rows - mean, full_matrices=False).Vh[:3].T
    seen = (rows - mean) @ directions
    low, high = seen.quantile(0.02, dim=0), seen.quantile(0.98, dim=0)

    def colour(maps: Tensor) -> list[Picture]:
        places = (maps.permute(0, 2, 3, 1).double() - mean) @ directions
        return list((255 * ((places - low) / (high - low)).clamp(0, 1)).round().byte().cpu().numpy())

    return colour
