from __future__ import annotations

import numpy as np

from metafacs.faces.face import Face


def test_the_size_of_a_face_is_that_of_its_box() -> None:
    face = Face((10.0, 20.0, 40.0, 70.0), 0.9, np.zeros((68, 2)))
    assert (face.width, face.height) == (30, 50)
    assert face.mesh is None
