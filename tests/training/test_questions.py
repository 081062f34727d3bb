"""Which questions a picture of the world answers, and what counts as right."""

from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("numba")

from training import questions
from training.questions import QUESTIONS
from training.world.dataset import read_shard, write_shard

PLAIN = {
    "kind": "hills",
    "time_group": "dusk",
    "sky_colour": "crimson",
    "style": "photo",
    "tinted": False,
    "objects": [],
    "words": {},
}


def asked(**changed: Any) -> dict[str, str | None]:
    """The answers as words."""
    numbers = questions.answers(PLAIN | changed)
    return {name: known[k] if k >= 0 else None for (name, known), k in zip(QUESTIONS.items(), numbers)}


def test_a_picture_answers_what_it_shows() -> None:
    assert asked() == {"kind": "hills", "time_group": "dusk", "sky_colour": "red", "style": "photo"}
    assert asked(tinted=True)["time_group"] is None
    lines = asked(style="woodcut")
    assert (lines["time_group"], lines["sky_colour"], lines["style"]) == (None, None, "woodcut")
    assert asked(kind="village")["kind"] is None
    assert asked(kind="village", objects=[{"name": "houses", "share": 0.05}, {"name": "sun"}])["kind"] == "village"


@pytest.mark.parametrize(
    ("changed", "kinds"),
    [
        ({"kind": "forest", "words": {"road": "path"}}, {"forest", "road"}),
        ({"kind": "road", "words": {"road": "road", "land": "winter"}}, {"road", "winter"}),
        ({"kind": "valley", "words": {"river": True}}, {"valley"}),
        ({"kind": "mountains", "objects": [{"name": "pine trees", "share": 0.2}]}, {"mountains", "forest"}),
        ({"kind": "village", "snowy": True}, {"village", "winter"}),
        ({"kind": "mountains", "snowy": True}, {"mountains"}),
        ({"kind": "coast"}, {"coast"}),
    ],
)  # fmt: skip
def test_more_than_one_kind_may_be_right(changed: dict[str, Any], kinds: set[str]) -> None:
    assert questions.kinds(PLAIN | changed) == kinds


def test_a_shard_tells_the_truth_of_its_rows(tmp_path: Path) -> None:
    rows = write_shard(tmp_path / "shard_00000.npz", first=77, count=4)
    truth = questions.truth(read_shard(tmp_path / "shard_00000.npz"))
    assert truth.named.shape == (rows, len(QUESTIONS))
    for place, name in enumerate(QUESTIONS):
        named, right = truth.named[:, place], truth.right[name]
        assert torch.equal(right.any(1), named >= 0)
        assert right[torch.arange(rows), named][named >= 0].all()
        assert name == "kind" or right.sum(1).max() <= 1
    assert truth[1:3].named.shape == (2, len(QUESTIONS))
    both = questions.joined([truth[:1], truth[1:]])
    assert torch.equal(both.named, truth.named)
