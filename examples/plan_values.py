"""Every value of every frame, before any model loads."""

from pathlib import Path

import animate

KEYFRAMES = Path(__file__).parent.parent / "keyframes"

plan = animate.plan(KEYFRAMES / "beat.yaml")
zoom = plan["zoom"]  # float64, one value a frame
print(f"{len(plan)} frames at {plan.fps} a second")
kicks = [int(frame) for frame in (zoom > 1.02).nonzero()[0]]
print(f"zoom runs from {zoom.min():.3f} to {zoom.max():.3f}; it kicks at frames {kicks}")
