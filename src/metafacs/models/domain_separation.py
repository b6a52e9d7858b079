"""Separates features of two domains into landmarks and background and puts them together crosswise."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

from metafacs.models.convolutions import instance_convolution
from metafacs.precision import in_float32


class Rounds(NamedTuple):
    """Both rounds of separation and reconstruction; rows are source pictures, then as many target ones.

    Names in Shang & Liu (dual-domain AU detection) for a source picture s and a target picture t:

    Attributes:
        features: F_s, F_t: ``batch x channel x height x width``.
        logits: E_l(F), ``batch x landmark x height x width``.
        landmarks: F_sl, F_tl: ``batch x 1 x height x width``.
        background: F_sb, F_tb: like ``features``.
        mixed: F_sltb, F_sbtl: landmarks of the row's domain on the background of the other.
        mixed_logits: What the landmark encoder, held still, sees in ``mixed``; they belong to the landmarks
            of the same row.
        landmarks_again: F'_sl, F'_tl.
        background_again: F'_sb, F'_tb.
        restored: F'_s, F'_t.
    """

    features: Tensor
    logits: Tensor
    landmarks: Tensor
    background: Tensor
    mixed: Tensor
    mixed_logits: Tensor
    landmarks_again: Tensor
    background_again: Tensor
    restored: Tensor


class DomainSeparation(nn.Module):
    """E_l, G_b and G_st with the two rounds they go through.

    Section 3.3 of Shang & Liu; layers and stopped gradients as in ADLD. The paper calls the landmark encoder
    E_l "facial texture encoder" and spells the generator G_st also G_sl.

    Args:
        channels: Channels of the features, 64 in the paper.
        landmarks: Number of landmarks.
    """

    def __init__(self, channels: int, landmarks: int) -> None:
        super().__init__()
        four = [layer for _ in range(4) for layer in instance_convolution(channels, channels)]
        self.landmark_encoder = nn.Sequential(*four, nn.Tanh(), nn.Conv2d(channels, landmarks, 3, padding=1))
        four = [layer for _ in range(4) for layer in instance_convolution(channels, channels)]
        self.background_generator = nn.Sequential(*four, nn.Tanh())
        self.feature_generator = nn.Sequential(
            *instance_convolution(1 + channels, 2 * channels),
            *instance_convolution(2 * channels, 2 * channels),
            *instance_convolution(2 * channels, channels),
            *instance_convolution(channels, channels),
            *instance_convolution(channels, channels),
            nn.Tanh(),
        )

    def forward(self, features: Tensor, *, end_to_end: bool = False) -> Rounds:
        """Run both rounds.

        Args:
            features: Of the source pictures, then of as many target pictures.
            end_to_end: Let gradients pass where ADLD stops them: from the generators to the features and to
                the landmark encoder, and from the second round to the first.
        """
        stop: Callable[[Tensor], Tensor] = _pass if end_to_end else Tensor.detach
        logits = self.landmark_encoder(features)
        landmarks = attention(logits)
        background = self.background_generator(stop(features))
        mixed = self.generate(stop(landmarks), swap_domains(background))

        # What the encoder sees in mixed features teaches the generators, never the encoder itself.
        still = {name: parameter.detach() for name, parameter in self.landmark_encoder.named_parameters()}
        mixed_logits = functional_call(self.landmark_encoder, still, (mixed,))
        landmarks_again = attention(mixed_logits)
        background_again = swap_domains(self.background_generator(stop(mixed)))
        restored = self.generate(stop(landmarks_again), background_again)
        return Rounds(
            features,
            logits,
            landmarks,
            background,
            mixed,
            mixed_logits,
            landmarks_again,
            background_again,
            restored,
        )

    def generate(self, landmarks: Tensor, background: Tensor) -> Tensor:
        """Return G_st(F_l, F_b): features with these landmarks on this background."""
        return self.feature_generator(torch.cat([landmarks, background], dim=1))

    def reconstruct(self, features: Tensor) -> Tensor:
        """Return features put together from their own landmarks and background, as target ones are read."""
        landmarks = attention(self.landmark_encoder(features))
        return self.generate(landmarks, self.background_generator(features))


@in_float32
def attention(logits: Tensor) -> Tensor:
    """Return F_l: the sum over the landmarks of the softmax over the places of each one's map.

    Args:
        logits: ``batch x landmark x height x width``.

    Returns:
        ``batch x 1 x height x width``, non-negative; the places of a picture sum to the number of landmarks.
    """
    return logits.flatten(2).softmax(dim=-1).sum(dim=1, keepdim=True).unflatten(2, logits.shape[-2:])


def swap_domains(rows: Tensor) -> Tensor:
    """Return the rows with their first and second half exchanged."""
    first, second = rows.chunk(2)
    return torch.cat([second, first])


def _pass(features: Tensor) -> Tensor:
    return features
