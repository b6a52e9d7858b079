"""Turns photos of one face each and counts how often the face is found as if it were upright.

    python benchmarks/turned_faces.py PHOTOS [--step 45] [--every 1]

PHOTOS is a folder; photos below it in which the upright face is not found alone are left out. A face is wrong
if its landmarks lie off those of the upright face, turned, by more than 5 % of the distance between the eyes'
outer corners. Runs on one thread; times are processor time for one photo. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

from metafacs.faces.detection import FaceDetector
from metafacs.faces.landmarks import inter_ocular_distance
from metafacs.faces.pictures import SUFFIXES, read_picture
from metafacs.faces.warping import move_points, similarity, warp

WRONG = 0.05
"""Mean error of the landmarks, as a share of the inter-ocular distance, from which on a face is wrong."""


def main() -> None:
    """Print one line per angle and one JSON line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path, help="folder of photos with one face each")
    parser.add_argument("--step", type=int, default=45, help="degrees from one angle to the next")
    parser.add_argument("--every", type=int, default=1, help="take every n-th photo")
    options = parser.parse_args()
    torch.set_num_threads(1)
    detector = FaceDetector()
    paths = sorted(path for path in options.photos.rglob("*") if path.suffix.lower() in SUFFIXES)
    photos = [read_picture(path) for path in paths[:: options.every]]
    known = [(photo, faces[0]) for photo in photos if len(faces := detector.find(photo)) == 1]
    print(f"{len(known)} of {len(photos)} photos show one upright face")
    rows = []
    for degrees in range(0, 360, options.step):
        missed = wrong = several = 0
        used = 0.0
        for photo, face in known:
            height, width = photo.shape[:2]
            side = int(np.hypot(height, width))
            matrix = similarity(((width - 1) / 2, (height - 1) / 2), side, np.radians(degrees), side)
            turned, expected = warp(photo, matrix, side, border=120), move_points(matrix, face.landmarks)
            start = time.process_time()
            found = detector.find(turned)
            used += time.process_time() - start
            missed += not found
            several += len(found) > 1
            errors = [float(np.linalg.norm(each.landmarks - expected, axis=1).mean()) for each in found]
            wrong += bool(errors and min(errors) > WRONG * inter_ocular_distance(expected))
        spent = round(1000 * used / len(known), 1)
        rows.append({"degrees": degrees, "missed": missed, "wrong": wrong, "several": several, "ms": spent})
        print(f"{degrees:4d} degrees: {missed} missed, {wrong} wrong, {several} with more, {spent} ms")
    print(json.dumps({"benchmark": "turned_faces", "photos": len(known), "rows": rows}))


if __name__ == "__main__":
    main()
