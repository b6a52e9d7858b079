from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from metafacs.inference.pose_conventions import openface_angles
from metafacs.synthesis.projection import rotation_matrix

TO_OPENFACE = np.diag([1.0, -1.0, -1.0])
"""From x right, y up, z to the viewer to x right, y down, z away."""


def test_openface_turns_the_same_head() -> None:
    """OpenFace's angles, put into its own formula R = Rx Ry Rz, turn the head as ours turn it."""
    for pose in np.random.default_rng(0).uniform(-1.2, 1.2, (50, 3)):
        found = Rotation.from_euler("XYZ", openface_angles((pose[0], pose[1], pose[2]))).as_matrix()
        expected = TO_OPENFACE @ rotation_matrix(*pose) @ TO_OPENFACE
        np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("pose", "expected"),
    [
        ((0.3, 0.0, 0.0), (0.0, -0.3, 0.0)),
        ((0.0, 0.3, 0.0), (0.3, 0.0, 0.0)),
        ((0.0, 0.0, 0.3), (0.0, 0.0, -0.3)),
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
    ],
    ids=["to the right of the picture", "down", "top of the head to the left", "straight"],
)
def test_one_angle_alone_has_openfaces_sign(
    pose: tuple[float, float, float], expected: tuple[float, float, float]
) -> None:
    assert openface_angles(pose) == pytest.approx(expected)
