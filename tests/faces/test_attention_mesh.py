from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from metafacs.faces.attention_mesh import (
    AttentionFaces,
    AttentionMesh,
    cut_windows,
    load_attention_mesh,
    window_matrices,
)
from metafacs.faces.attention_points import IRISES, MIRROR_ROWS, WINDOWS, Window
from metafacs.faces.graph_network import load_asset
from metafacs.faces.landmarks import MESH_TO_68

Picture = NDArray[np.uint8]

# What the unconverted TFLite file gives for two parts of the astronaut, run with its own operators by the
# inference calculator of mediapipe 0.10.14 (the maps by making them outputs of the same file): values at the
# first place, a seventh, a third and half of the way and the last, and the mean; maps in the order channel,
# row, column. The first part holds the face, the second cuts it.
CORNERS = ((20, 128), (10, 218))
REFERENCES: dict[str, list[tuple[list[float], float]]] = {
    "mesh": [
        ([95.79656, -11.51846, 55.64436, 47.96222, 1.86008], 66.57413),
        ([90.72533, -4.93746, 48.77106, 49.31151, -4.98175], 66.60497),
    ],
    "lips": [
        ([74.02995, 76.35192, 129.56018, 74.59402, 120.94621], 109.92390),
        ([76.19595, 77.53642, 131.24356, 76.81504, 130.39897], 112.11400),
    ],
    "left_eye": [
        ([66.52457, 68.90948, 84.94102, 88.17148, 80.60692], 77.20199),
        ([59.62094, 60.67416, 86.77026, 94.97447, 83.03107], 75.51665),
    ],
    "right_eye": [
        ([127.81459, 125.8546, 85.90254, 91.24565, 80.75737], 101.99894),
        ([119.72474, 117.02703, 87.60091, 92.19104, 84.75758], 97.95616),
    ],
    "left_iris": [
        ([75.65736, 81.07685, 81.38338, 76.89903, 85.24783], 78.35677),
        ([67.2542, 85.38924, 84.95255, 81.79709, 88.92873], 76.34022),
    ],
    "right_iris": [
        ([118.55779, 83.62341, 83.75806, 80.36911, 86.847], 101.09319),
        ([114.67214, 82.12163, 81.79947, 78.34824, 85.85129], 98.39279),
    ],
    "flag": [([20.82705], 20.82705), ([-14.40559], -14.40559)],
    "features.trunk": [
        ([-1.65663, 5.70988, 0.26964, 12.58471, 6.065], 9.17617),
        ([11.24165, 9.30879, 3.15831, 12.12071, 11.41884], 8.53900),
    ],
    "features.lips": [
        ([15.08209, 2.97985, -4.37718, 12.62668, 11.41702], 6.54746),
        ([4.26869, 8.69325, -2.55786, 6.04901, 4.11162], 4.68749),
    ],
    "features.left_eye": [
        ([15.1709, 15.43153, 11.47178, 3.40568, 6.10106], 6.29071),
        ([1.72509, 8.9689, 0.66624, 2.1234, 12.16361], 6.01030),
    ],
    "features.right_eye": [
        ([13.78702, 25.59122, 20.33241, 3.26844, 3.18289], 6.22761),
        ([12.34665, 20.07566, 17.95117, 5.77153, 6.46189], 5.15546),
    ],
    "features.left_iris": [
        ([14.19673, 10.27525, 3.20576, 0.56177, 11.60995], 6.94475),
        ([12.19083, 4.26254, 0.15922, 2.16244, 6.50617], 5.96833),
    ],
    "features.right_iris": [
        ([0.10998, 9.82473, 11.27625, 1.71363, 13.74148], 6.77785),
        ([4.54675, 7.45321, 10.33633, 4.3192, 12.60131], 6.43584),
    ],
}


@pytest.fixture(scope="module")
def network() -> AttentionMesh:
    return load_attention_mesh()


@pytest.fixture(scope="module")
def regions(astronaut: Picture) -> Tensor:
    parts = [astronaut[top : top + 192, left : left + 192] for top, left in CORNERS]
    return torch.from_numpy(np.stack(parts)).permute(0, 3, 1, 2).float() / 255


@pytest.fixture(scope="module")
def faces(network: AttentionMesh, regions: Tensor) -> AttentionFaces:
    with torch.no_grad():
        found: AttentionFaces = network(regions)
    return found


def named(faces: AttentionFaces) -> Iterator[tuple[str, Tensor]]:
    """Yield every output with its name."""
    yield from ((name, value) for name, value in faces._asdict().items() if name != "features")
    yield from ((f"features.{name}", value) for name, value in faces.features._asdict().items())


def test_points_and_features_are_those_of_the_original(faces: AttentionFaces) -> None:
    outputs = dict(named(faces))
    assert outputs.keys() == REFERENCES.keys()
    for name, references in REFERENCES.items():
        for output, (values, mean) in zip(outputs[name], references, strict=True):
            flat = output.reshape(-1)
            places = sorted({0, len(flat) // 7, len(flat) // 3, len(flat) // 2, len(flat) - 1})
            torch.testing.assert_close(flat[places], torch.tensor(values), rtol=0, atol=1e-3)
            assert flat.double().mean().item() == pytest.approx(mean, abs=1e-3)


def test_shapes(faces: AttentionFaces) -> None:
    shapes = {name: tuple(value.shape) for name, value in named(faces)}
    assert shapes == {
        "mesh": (2, 468, 3),
        "lips": (2, 80, 2),
        "left_eye": (2, 71, 2),
        "right_eye": (2, 71, 2),
        "left_iris": (2, 5, 2),
        "right_iris": (2, 5, 2),
        "flag": (2,),
        "features.trunk": (2, 128, 3, 3),
        "features.lips": (2, 128, 2, 2),
        "features.left_eye": (2, 128, 2, 2),
        "features.right_eye": (2, 128, 2, 2),
        "features.left_iris": (2, 128, 2, 2),
        "features.right_iris": (2, 128, 2, 2),
    }


def test_a_batch_gives_what_its_pictures_give_alone(
    network: AttentionMesh, regions: Tensor, faces: AttentionFaces
) -> None:
    with torch.no_grad():
        alone = [dict(named(network(region[None]))) for region in regions]
    for name, value in named(faces):
        torch.testing.assert_close(value, torch.cat([one[name] for one in alone]), rtol=1e-4, atol=1e-3)


def test_autocast_leaves_the_points_in_place(
    network: AttentionMesh, regions: Tensor, faces: AttentionFaces
) -> None:
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        found = network(regions[:1])
    assert found.mesh.dtype == torch.float32
    assert found.refined().dtype == torch.float32
    # Measured: .13 pixels here; on 8 photos .06, and .27 if the windows are placed in bfloat16.
    assert (found.lips[0] - faces.lips[0]).abs().mean() < 0.25


def test_gradients_reach_the_pictures_and_agree_with_small_changes(regions: Tensor) -> None:
    network = load_attention_mesh().double()

    def score(images: Tensor) -> Tensor:
        found: AttentionFaces = network(images)
        return found.refined().sum() / 100 + sum(one.sum() for one in found.features)

    images = regions[:1].double().requires_grad_()
    for name, value in named(network(images)):
        (gradient,) = torch.autograd.grad(value.sum(), images, retain_graph=True)
        assert gradient.isfinite().all(), name
        assert gradient.abs().sum() > 0, name
    (gradient,) = torch.autograd.grad(score(images), images)
    direction = torch.randn(images.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    step = 1e-7
    with torch.no_grad():
        change = (score(images + step * direction) - score(images - step * direction)) / (2 * step)
    assert (gradient * direction).sum().item() == pytest.approx(change.item(), rel=1e-4)


def test_a_mirrored_face_gives_mirrored_points(network: AttentionMesh, regions: Tensor) -> None:
    with torch.no_grad():
        face, turned = network(regions[:1]), network(regions[:1].flip(3))
    eyes = float((face.mesh[0, 263, :2] - face.mesh[0, 33, :2]).norm())
    pairs = {"lips": "lips", "left_eye": "right_eye", "right_eye": "left_eye"}
    pairs |= {"left_iris": "right_iris", "right_iris": "left_iris"}
    for name, counterpart in pairs.items():
        points = getattr(turned, counterpart)[0, list(MIRROR_ROWS[name.split("_")[-1]])]
        points = torch.stack([192 - points[:, 0], points[:, 1]], 1)
        # Measured: .6 to 1.4 % of the eye corners' distance here, .6 to .9 % on average of 104 photos; rows
        # of the lips or irises in a wrong order give 6 to 40 %.
        assert (points - getattr(face, name)[0]).norm(dim=1).mean() < 0.02 * eyes, name


def test_a_face_is_told_from_a_part_of_one(faces: AttentionFaces) -> None:
    assert faces.flag[0] > 10
    assert faces.flag[1] < -10


def test_the_points_refine_those_of_the_base_mesh(regions: Tensor, faces: AttentionFaces) -> None:
    with torch.no_grad():
        base = load_asset("facemesh")(regions[:1])[0].reshape(468, 3)
    refined = faces.refined()[0]
    eyes = (base[263, :2] - base[33, :2]).norm()
    assert refined.shape == (478, 3)
    assert ((refined[:468, :2] - base[:, :2]).norm(dim=1) / eyes).mean() < 0.05
    for name, window in WINDOWS.items():
        assert torch.equal(refined[list(window.points), :2], getattr(faces, name)[0])
    for name, numbers in IRISES.items():
        assert torch.equal(refined[list(numbers), :2], getattr(faces, name)[0])
    # The irises lie between the corners of their eyes.
    assert refined[33, 0] < refined[468, 0] < refined[133, 0]
    assert refined[362, 0] < refined[473, 0] < refined[263, 0]


def test_brows_lids_and_lips_of_the_68_points_come_from_the_branches() -> None:
    refined = {point for window in WINDOWS.values() for point in window.points}
    assert sum(len(window.points) for window in WINDOWS.values()) == len(refined) == 222
    places = [place for place, point in enumerate(MESH_TO_68) if point in refined]
    assert places == [*range(17, 27), *range(36, 68)]


def test_a_window_lies_along_its_corners_around_its_points() -> None:
    points = torch.zeros(1, 4, 2)
    points[0, :3] = torch.tensor([[10.0, 20.0], [30.0, 20.0], [20.0, 25.0]])
    upright = window_matrices(points, Window((0, 1, 2), (0, 1)), 10)
    torch.testing.assert_close(upright, torch.tensor([[[3.0, 0.0, 5.0], [0.0, 0.75, 18.75]]]))
    turned = window_matrices(torch.stack([-points[..., 1], points[..., 0]], 2), Window((0, 1, 2), (0, 1)), 10)
    torch.testing.assert_close(turned, torch.tensor([[[0.0, -0.75, -18.75], [3.0, 0.0, 5.0]]]))


def test_a_window_beyond_the_map_is_zero() -> None:
    columns = torch.arange(8.0).expand(1, 1, 8, 8) + 1
    matrices = torch.tensor([[[2.0, 0.0, -2.0], [0.0, 1.0, 0.0]]])
    window = cut_windows(columns, matrices, 6)
    # Pixel i lies 2 (i + 1/2) - 2 = 2 i - 1 from the map's left edge: 2 i - 3/2 from its first centre.
    expected = torch.tensor([0.0, 1.5, 3.5, 5.5, 7.5, 0.0]).expand(1, 1, 6, 6)
    torch.testing.assert_close(window, expected)


def test_another_picture_size_is_refused(network: AttentionMesh) -> None:
    with pytest.raises(ValueError, match="192 x 192"):
        network(torch.zeros(1, 3, 128, 128))


def test_another_model_is_refused() -> None:
    base = Path(__file__).parents[2] / "src/metafacs/models/assets/facemesh.safetensors"
    with pytest.raises(ValueError, match=r"convert_attention_mesh\.py"):
        load_attention_mesh(base)


def test_its_file_is_not_taken_for_one_network() -> None:
    with pytest.raises(ValueError, match="load_attention_mesh"):
        load_asset("attention_mesh")


def test_a_missing_file_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist"):
        load_attention_mesh(tmp_path / "none.safetensors")
