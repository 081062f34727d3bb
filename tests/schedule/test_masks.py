"""The language of masks: precedence, spellings, what it refuses, and what a run is known by."""

from pathlib import Path

import cv2
import numpy as np
import pytest

import animate
from animate.errors import ScheduleError
from animate.schedule import masks
from animate.schedule.masks import parse


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("luma", "luma"),
        ("luma 0.2..0.7", "luma 0.2..0.7"),
        ("word:the sky", "<the sky>"),
        ("<the sky>", "<the sky>"),
        ("film.word:the sky", "film.<the sky>"),
        ("sky (old).png", None),
        ("[sky (old).png]", "[sky (old).png]"),
        ("[[a]] sky].png]&luma", None),
        ("[[a]] sky.png]&luma", "[[a]] sky.png]&luma"),
        ("sky.png & !depth 0.5..1", "[sky.png]&!depth 0.5..1"),
        ("luma | depth & alpha ^ 0.5", "luma|((depth&alpha)^0.5)"),
        ("(luma | depth) & alpha", "(luma|depth)&alpha"),
        ("!!luma", "!!luma"),
        ("!(luma & depth)", "!(luma&depth)"),
        ("picture.depth", "picture.depth"),
    ],
)
def test_texts_are_read_and_written_alike(text: str, means: str | None) -> None:
    if means is None:
        with pytest.raises(masks.MaskError):
            parse(text)
        return
    assert str(parse(text)) == means
    assert parse(means) == parse(text)


@pytest.mark.parametrize("text", ["", "none", "None"])
def test_no_mask(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("luma &", "ends where a mask should stand"),
        ("& luma", "stands where a mask"),
        ("(luma", "bracket that is not closed"),
        ("luma)", "cannot stand"),
        ("[sky.png", "is not closed"),
        ("luma 0.7..0.2", "is no range"),
        ("luma 0..2", "is no range"),
        ("1.5", "out of range"),
        ("word:", "names no words"),
        ("!" * 60 + "luma", "nested too deeply"),
        ("difference", "needs a film"),
        ("nowhere.png", "does not exist"),
    ],
)
def test_what_is_wrong_is_told_at_its_place(text: str, said: str) -> None:
    with pytest.raises(ScheduleError, match=said):
        animate.plan({"prompts": "x", "mask": {0: "luma", 4: text}})


def test_masks_change_over_time_and_files_count_by_content(tmp_path: Path) -> None:
    digests = []
    for place, level in (("a", 200), ("[b] c", 200), ("c", 90)):
        (tmp_path / place).mkdir()
        cv2.imwrite(str(tmp_path / place / "m.png"), np.full((8, 8), level, np.uint8))
        file = tmp_path / place / "clip.yaml"
        file.write_text("prompts: x\nseed: 1\nmax_frames: 8\nmask: {0: m.png, 4: none, 6: '!m.png'}\n")
        plan = animate.plan(file)
        written = str(tmp_path / place / "m.png").replace("]", "]]")
        assert plan.text["mask"][3] == f"[{written}]"
        assert plan.text["mask"][4:7] == ("none", "none", f"![{written}]")
        digests.append(plan.digest)
    assert digests[0] == digests[1] != digests[2]
