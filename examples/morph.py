"""A video that travels through a list of prompts: the schedule is an ordinary mapping.

python examples/morph.py out/morph
"""

import sys
from pathlib import Path

import animate

SCENES = ["a lake at dawn", "a lake at sunset, red sky", "a lake at night with stars"]
FRAMES_A_SCENE = 12


def main(output: Path) -> Path:
    schedule = {
        "max_frames": FRAMES_A_SCENE * len(SCENES),
        "fps": 12,
        "seed": 4,
        "zoom": 1.01,
        "strength": 0.6,
        "color_coherence": "None",
        "prompts": {FRAMES_A_SCENE * i: scene for i, scene in enumerate(SCENES)},
    }
    return animate.render(schedule, output)


if __name__ == "__main__":
    print(main(Path(sys.argv[1] if len(sys.argv) > 1 else "out/morph")))
