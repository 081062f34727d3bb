"""The camera: a pinhole without roll. x right, y up, z ahead; one frame of the world for all rooms of this folder."""

from typing import NamedTuple

import numpy as np
from numba import njit


class Camera(NamedTuple):
    """Where the eye is and where it looks. Lengths are world units, angles radians."""

    x: float
    y: float
    z: float
    pitch: float
    """Upwards positive."""
    yaw: float
    """To the right positive."""
    focal: float
    """In half picture heights: 1.6 sees 64 degrees."""


@njit(fastmath=True, cache=True)
def ray(camera, u, v):
    """Unit direction through the film point (u, v), both in half picture heights, and its cosine to the axis."""
    n = 1.0 / np.sqrt(u * u + v * v + camera.focal * camera.focal)
    cp = np.cos(camera.pitch)
    sp = np.sin(camera.pitch)
    rx = u * n
    ry = (v * cp + camera.focal * sp) * n
    rz = (camera.focal * cp - v * sp) * n
    cy = np.cos(camera.yaw)
    sy = np.sin(camera.yaw)
    return rx * cy + rz * sy, ry, -rx * sy + rz * cy, camera.focal * n


@njit(fastmath=True, cache=True)
def to_view(camera, x, y, z):
    """World point to view coordinates: right, up, depth along the axis."""
    dx = x - camera.x
    dy = y - camera.y
    dz = z - camera.z
    cy = np.cos(camera.yaw)
    sy = np.sin(camera.yaw)
    rx = dx * cy - dz * sy
    rz = dx * sy + dz * cy
    cp = np.cos(camera.pitch)
    sp = np.sin(camera.pitch)
    return rx, dy * cp - rz * sp, dy * sp + rz * cp


def film(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Film coordinates (u, v) of the pixel centres, each (height, width)."""
    u = (np.arange(width) + 0.5 - width / 2) * 2 / height
    v = (height / 2 - np.arange(height) - 0.5) * 2 / height
    return np.broadcast_to(u, (height, width)), np.broadcast_to(v[:, None], (height, width))


def world_points(camera: Camera, depth: np.ndarray) -> np.ndarray:
    """World position (H, W, 3) of each pixel, from its depth along the axis (H, W)."""
    u, v = film(*depth.shape)
    right, up = u * depth / camera.focal, v * depth / camera.focal
    cp, sp, cy, sy = np.cos(camera.pitch), np.sin(camera.pitch), np.cos(camera.yaw), np.sin(camera.yaw)
    y, ahead = up * cp + depth * sp, depth * cp - up * sp
    return np.stack([camera.x + right * cy + ahead * sy, camera.y + y, camera.z - right * sy + ahead * cy], -1)


def project(camera: Camera, points: np.ndarray, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixel positions (..., 2) as (column, row) and depth (...) of world points (..., 3)."""
    right, up, ahead = to_view(camera, points[..., 0], points[..., 1], points[..., 2])
    safe = np.where(np.abs(ahead) < 1e-9, 1e-9, ahead)
    column = camera.focal * right / safe * height / 2 + width / 2 - 0.5
    row = height / 2 - camera.focal * up / safe * height / 2 - 0.5
    return np.stack([column, row], -1), ahead


def flow(source: Camera, depth: np.ndarray, target: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Motion of each source pixel to the target view, (H, W, 2) in pixels (column, row), and its depth there (H, W)."""
    h, w = depth.shape
    place, ahead = project(target, world_points(source, depth), h, w)
    rows, columns = np.mgrid[:h, :w]
    return (place - np.stack([columns, rows], -1)).astype(np.float32), ahead.astype(np.float32)
