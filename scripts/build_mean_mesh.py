"""Make faces/assets/mean_mesh.safetensors: the mean mesh of rendered faces at rest, from the front.

    python scripts/build_mean_mesh.py mean_mesh.safetensors

Takes half a minute. The attention mesh looks at people who face the camera; their meshes are centred, scaled
and averaged together with their mirror pictures.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from metafacs.faces.attention_mesh import load_attention_mesh
from metafacs.faces.mesh import Region
from metafacs.faces.warping import similarity, warp
from metafacs.synthesis.activations import Activation
from metafacs.synthesis.identities import sample_identity
from metafacs.synthesis.renderer import Subject, render
from metafacs.synthesis.scenes import lab_scene, sample_studio
from metafacs.tensor_files import save_tensors

PEOPLE, PIXELS = 100, 256


def main() -> None:
    """Render, look and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="file to write")
    arguments = parser.parse_args()
    network = load_attention_mesh()
    meshes = []
    for number in range(PEOPLE):
        rng = np.random.default_rng([7, number])
        subject = Subject(sample_identity(number, pool="mean-mesh"))
        picture = render(subject, Activation({}), lab_scene(rng, PIXELS, sample_studio(rng), (0.0, 0.0, 0.0)))
        left, top, right, bottom = picture.face_box
        side = 1.5 * max(right - left, bottom - top)
        region = Region(((left + right) / 2, (top + bottom) / 2), side)
        matrix = similarity(region.centre, region.side, 0.0, network.input_size)
        crop = warp(picture.image, matrix, network.input_size, border=0)
        both = torch.from_numpy(np.stack([crop, crop[:, ::-1]])).permute(0, 3, 1, 2).float() / 255
        with torch.inference_mode():
            mesh, mirrored = network(both).refined()
        # Numbers of points stay with the sides of the picture, so that both together favour no side.
        turned = _level(mesh) + _level(mirrored)
        meshes.append(turned / 2)
    mean = torch.stack(meshes).mean(0)
    mean = mean - mean.mean(0)
    points = mean / mean.square().mean().sqrt()
    save_tensors(arguments.out, {"points": points}, {"format": "metafacs-mean-mesh-1"})
    print(f"{arguments.out}: {len(mean)} points of {PEOPLE} people")


def _level(mesh: torch.Tensor) -> torch.Tensor:
    centred = mesh - mesh.mean(0)
    return centred / centred.square().mean().sqrt()


if __name__ == "__main__":
    main()
