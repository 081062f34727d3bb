"""What a run says of itself inside its files: data only, nothing of it is ever run."""

from __future__ import annotations

import json
from collections.abc import Callable

from animate.render.record import Record
from animate.schedule.plan import Plan


def summary(plan: Plan, record: Record) -> str:
    """What made the run, as JSON: data only."""
    height, width = plan.size
    prompts = {str(frame): plan[frame].prompts[0][0] for frame in plan.prompts.key_frames if frame < len(plan)}
    about = {
        "animate": record.version,
        "model": record.painter,
        "model_digest": record.painter_digest,
        "plan_digest": record.digest,
        "size": [width, height],
        "frames": len(plan),
        "fps": str(plan.fps),
        "seed": plan.settings["seed"],
        "prompts": prompts,
    }
    return json.dumps(about, ensure_ascii=False)


def texts(plan: Plan, record: Record) -> Callable[[int], dict[str, str]]:
    """Texts inside each frame's file: A1111's form, which other tools read too, and our own."""
    height, width = plan.size

    def of(index: int) -> dict[str, str]:
        frame = plan[index]
        positive, negative, _ = max(frame.prompts, key=lambda part: part[2])
        values = {
            "Steps": int(frame["steps"]),
            "Sampler": plan.text["sampler"][index],
            "CFG scale": f"{frame['cfg_scale']:g}",
            "Seed": int(frame["seed"]),
            "Size": f"{width}x{height}",
            "Model": record.painter,
            "Model hash": record.painter_digest[:10],
            **({"Denoising strength": f"{1 - frame['strength']:g}"} if _redrawn(plan, index) else {}),
            "Version": f"animate {record.version}",
        }
        lines = [positive, *([f"Negative prompt: {negative}"] if negative else [])]
        lines.append(", ".join(f"{name}: {value}" for name, value in values.items()))
        about = {"frame": index, "plan": record.digest, "model": record.painter_digest, "prompts": frame.prompts}
        return {"parameters": "\n".join(lines), "animate": json.dumps(about, ensure_ascii=False)}

    return of


def _redrawn(plan: Plan, index: int) -> bool:
    """Whether a frame was painted over a picture, rather than from noise alone."""
    if plan.settings["animation_mode"] in ("None", "Interpolation") or plan["strength"][index] <= 0:
        return False
    return bool(plan.settings["init_image"]) or (index > 0 and not plan.cut[index]) or bool(plan.film.file)
