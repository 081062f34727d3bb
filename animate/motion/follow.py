"""The camera's motion between two pictures: one matrix that most of what is seen in both agrees on."""

from __future__ import annotations

import cv2
import numpy as np
from torch import Tensor

from animate.motion.flow import grey
from animate.motion.matrix import Matrix

DISTINCT = 0.75
"""A feature counts where its nearest is so much nearer than the second (Lowe, IJCV 2004, §7.1)."""
FEWEST = 9
"""Matches below which nothing is known."""
NEAR = 3.0
"""Pixels within which a match agrees with a matrix."""
TRIES = 2000
KINDS = ("Affine", "Perspective")


def between(before: Tensor, now: Tensor, kind: str) -> Matrix:
    """(3, 3) pixel of `before` → pixel of `now`, both (3, H, W); the identity where that cannot be told.

    SIFT features, matched and agreed upon by RANSAC: `Affine` shifts, turns and scales alike in all directions (what a
    camera does that turns, rolls and zooms), `Perspective` is any homography.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown kind of motion {kind!r}; known are {', '.join(KINDS)}")
    old, new = _matched(grey(before), grey(now))
    if len(old) < FEWEST:
        return np.eye(3)
    cv2.setRNGSeed(0)  # RANSAC draws by OpenCV's own, and a run must give the same bytes again
    if kind == "Affine":
        found, agree = cv2.estimateAffinePartial2D(
            old, new, method=cv2.RANSAC, ransacReprojThreshold=NEAR, maxIters=TRIES
        )
        matrix = None if found is None else np.vstack([found, (0.0, 0.0, 1.0)])
    else:
        matrix, agree = cv2.findHomography(old, new, cv2.RANSAC, NEAR, maxIters=TRIES)
    if matrix is None or agree is None or int(agree.sum()) < FEWEST or not _sane(matrix, before):
        return np.eye(3)
    return np.asarray(matrix, dtype=np.float64)


def _matched(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n, 2) float32 each: places in both that look alike."""
    sift = cv2.SIFT.create(nfeatures=2000)
    (here, about_here), (there, about_there) = sift.detectAndCompute(a, None), sift.detectAndCompute(b, None)
    none = np.empty((0, 2), np.float32)
    if about_here is None or about_there is None or len(there) < 2:
        return none, none
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(about_here, about_there, k=2)
    good = [first for first, second in pairs if first.distance < DISTINCT * second.distance]
    if not good:
        return none, none
    old = np.array([here[match.queryIdx].pt for match in good], np.float32)
    new = np.array([there[match.trainIdx].pt for match in good], np.float32)
    return old, new


def _sane(matrix: np.ndarray, picture: Tensor) -> bool:
    """Whether the corners stay a picture: no flip, no change of area beyond four times."""
    height, width = picture.shape[-2:]
    corners = np.array([[0, width, width, 0], [0, 0, height, height], [1, 1, 1, 1]], dtype=float)
    moved = matrix @ corners
    if not np.isfinite(moved).all() or (moved[2] <= 1e-3).any():
        return False
    x, y = moved[:2] / moved[2]
    area = (np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2  # the shoelace formula, positive as it was
    return bool(0.25 < area / (height * width) < 4)
