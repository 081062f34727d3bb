"""A film restyled where a mask lets it be: a sun that sets over a hill, made here; what is bright is painted anew.

python examples/restyle.py out/restyled
"""

import sys
from pathlib import Path

import cv2
import numpy as np

import animate
from animate.video.codecs import Encoding
from animate.video.writer import VideoWriter

FRAMES, HEIGHT, WIDTH = 8, 96, 128


def filmed(path: Path) -> Path:
    """A small film, drawn by hand."""
    with VideoWriter(path, width=WIDTH, height=HEIGHT, fps=8, encoding=Encoding(codec="h264")) as video:
        for index in range(FRAMES):
            frame = np.full((HEIGHT, WIDTH, 3), (150, 190, 235), np.uint8)
            cv2.circle(frame, (84, 20 + 5 * index), 12, (255, 240, 170), -1, cv2.LINE_AA)
            cv2.ellipse(frame, (50, HEIGHT), (90, 44), 0, 180, 360, (38, 70, 34), -1, cv2.LINE_AA)
            video.write(frame)
    return path


def main(output: Path) -> Path:
    output.mkdir(parents=True, exist_ok=True)
    schedule = {
        "video": {"file": str(filmed(output / "film.mp4"))},
        "video_mode": "carried",
        "width": WIDTH,
        "height": HEIGHT,
        "seed": 5,
        "strength": 0.4,
        "mask": "luma 0.4..1",  # the hill stays the film's own
        "prompts": "a red sunset, oil painting",
    }
    return animate.render(schedule, output / "restyled")


if __name__ == "__main__":
    print(main(Path(sys.argv[1] if len(sys.argv) > 1 else "out/restyled")))
