"""The 2D motion of a frame as a 3×3 matrix, old pixel → new pixel.

Signs and scales are Deforum's, so that its files move alike: a positive angle turns counter-clockwise, a zoom above 1
enlarges, positive translations move right and down. Translation comes first, then rotation and zoom about the centre.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

Matrix = np.ndarray
"""float64 (3, 3), acts on columns (x, y, 1) in pixels."""


class Values(Protocol):
    """The fields of one frame by name; a `Frame` of the plan or a dict."""

    def __getitem__(self, name: str, /) -> float: ...


def of_frame(values: Values, size: tuple[int, int]) -> Matrix:
    """The whole 2D motion of one frame: F · R · T.

    Args:
        values: `angle`, `zoom`, `translation_x|y`, `transform_center_x|y`, `perspective_flip_theta|phi|gamma|fv`.
        size: (height, width) in pixels.
    """
    motion = rotate_zoom_translate(
        values["angle"],
        values["zoom"],
        (values["translation_x"], values["translation_y"]),
        (values["transform_center_x"], values["transform_center_y"]),
        size,
    )
    theta, phi, gamma = (values[f"perspective_flip_{name}"] for name in ("theta", "phi", "gamma"))
    if theta == phi == gamma == 0:
        return motion
    return flip(theta, phi, gamma, values["perspective_flip_fv"], size) @ motion


def translate(x: float, y: float) -> Matrix:
    """Move right by `x` and down by `y` pixels."""
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def rotate_zoom(angle: float, zoom: float, center: tuple[float, float]) -> Matrix:
    """Turn counter-clockwise by `angle` degrees and enlarge by `zoom` about `center`, (x, y) in pixels."""
    turn = np.radians(angle)
    cos, sin = zoom * np.cos(turn), zoom * np.sin(turn)
    about_origin = np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]])  # y points down
    x, y = center
    return translate(x, y) @ about_origin @ translate(-x, -y)


def rotate_zoom_translate(
    angle: float, zoom: float, translation: tuple[float, float], center: tuple[float, float], size: tuple[int, int]
) -> Matrix:
    """R · T: first the translation, so that rotation and zoom act on it too.

    Args:
        angle: degrees, counter-clockwise.
        zoom: factor.
        translation: (x, y) in pixels, right and down.
        center: (x, y) of rotation and zoom in widths and heights; (0.5, 0.5) is the pixel (W/2, H/2) as in Deforum,
            half a pixel right and below the picture's true middle.
        size: (height, width).
    """
    height, width = size
    about = (center[0] * width, center[1] * height)
    if angle == 0 and zoom == 1:  # exact, so that whole-pixel moves resample nothing
        return translate(*translation)
    return rotate_zoom(angle, zoom, about) @ translate(*translation)


def flip(theta: float, phi: float, gamma: float, fv: float, size: tuple[int, int], *, shrink: bool = False) -> Matrix:
    """The perspective flip: the picture turned in space before a camera that just frames its circumscribed circle.

    With d the diagonal, the camera stands h = d / (2 sin(fv/2)) before the picture; the image plane is a square of side
    d / cos(fv/2), laid concentric over the picture.

    Args:
        theta: degrees about the line of sight, clockwise.
        phi: degrees about the horizontal axis.
        gamma: degrees about the vertical axis.
        fv: field of view in degrees, 0 < fv < 180.
        size: (height, width).
        shrink: keep the 1 that Deforum's projection matrix holds at [3, 3], so that even the zero flip shrinks the
            picture by h / (h + 1); then the result is Deforum's own matrix, up to a factor.
    """
    if not 0 < fv < 180:
        raise ValueError(f"the field of view of a flip must lie between 0 and 180 degrees, not {fv}")
    height, width = size
    half = np.radians(fv) / 2
    diagonal = np.hypot(width, height)
    side = diagonal / np.cos(half)
    distance = diagonal / (2 * np.sin(half))

    space = _about_x(phi) @ _about_y(gamma) @ _about_z(theta)  # of axes x right, y down, z towards the camera
    focal = 1 / np.tan(half)
    onto_plane = np.array(  # the picture lies in z = 0, so the third column is the camera's distance alone
        [
            [focal * space[0, 0], focal * space[0, 1], 0.0],
            [focal * space[1, 0], focal * space[1, 1], 0.0],
            [-space[2, 0], -space[2, 1], distance + shrink],
        ]
    )
    plane_to_square = np.diag([side / 2, side / 2, 1.0])
    plane_to_square[:2, 2] = side / 2
    to_middle = translate(-width / 2, -height / 2)
    # Deforum shifts the square over the picture before the turn, not after it, so theta swings the picture sideways
    # too (its centre, at 10° in 512×320, by 32 px). Kept, since its files count on it.
    over_picture = translate((width - side) / 2, (height - side) / 2)
    matrix = plane_to_square @ onto_plane @ to_middle @ over_picture
    return matrix / matrix[2, 2]


def _about_x(degrees: float) -> np.ndarray:
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[1.0, 0.0, 0.0], [0.0, cos, -sin], [0.0, sin, cos]])


def _about_y(degrees: float) -> np.ndarray:
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[cos, 0.0, sin], [0.0, 1.0, 0.0], [-sin, 0.0, cos]])


def _about_z(degrees: float) -> np.ndarray:
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
