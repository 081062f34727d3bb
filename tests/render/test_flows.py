"""Flows of a film: kept where a network found them, the same found or made; the oldest go as a run begins."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import animate
from animate.motion import flow
from animate.render import flows
from animate.render.requests import Follow
from tests.render.test_restyle import made


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Calls of a network that tells where bright places lie."""
    calls: list[int] = []

    def load(method: str, device: str) -> Callable[[Tensor, Tensor], Tensor]:
        def between(a: Tensor, b: Tensor) -> Tensor:
            calls.append(1)
            return torch.stack([a[0] * 30 - 15.01, b[0] * 30 - 15.01])

        return between

    monkeypatch.setattr(flow, "load", load)
    return calls


def test_a_networks_flow_is_found_again(tmp_path: Path, counted: list[int]) -> None:
    film = made(tmp_path / "film.mkv", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=0.4", "-c:v", "ffv1")
    about = {"width": 64, "height": 48, "prompts": "x", "video": str(film)}
    plan = animate.plan({**about, "flow_method": "RAFT"})
    now, before = torch.rand(3, 48, 64), torch.rand(3, 48, 64)
    request = Follow(index=3, now=now, before=before, since=2)
    first = flows.Flows(plan, folder=tmp_path / "kept")(request)
    assert len(counted) == 2
    assert torch.equal(flows.Flows(plan, folder=tmp_path / "kept")(request), first)
    assert len(counted) == 2
    assert np.abs(first[0, 0] - (now[0] * 30 - 15.01)).max() <= 1 / 64 + 1e-5
    flows.Flows(plan, folder=tmp_path / "kept")(Follow(index=3, now=now, before=before))  # not two of the film's
    other = animate.plan({**about, "flow_method": "RAFT", "video": {"file": str(film), "from": 1}})
    flows.Flows(other, folder=tmp_path / "kept")(request)
    assert len(counted) == 6
    (damaged,) = (tmp_path / "kept").glob(f"{flows.Flows(plan, folder=tmp_path / 'kept')._folder.name}/3-2.flow")  # type: ignore[union-attr]
    damaged.write_bytes(damaged.read_bytes()[:50])
    assert torch.equal(flows.Flows(plan, folder=tmp_path / "kept")(request), first)
    assert len(counted) == 8
    classical = animate.plan({**about, "flow_method": "Farneback"})
    flows.Flows(classical, folder=tmp_path / "none")(request)
    assert not (tmp_path / "none").exists()


def test_a_run_begins_with_room(tmp_path: Path, counted: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    film = made(tmp_path / "film.mkv", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=0.4", "-c:v", "ffv1")
    old = tmp_path / "kept" / "another" / "1-0.flow"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"x")
    monkeypatch.setattr(flows._pruned, "__defaults__", (0,))
    plan = animate.plan({"width": 64, "height": 48, "prompts": "x", "video": str(film), "flow_method": "RAFT"})
    find = flows.Flows(plan, folder=tmp_path / "kept")
    assert not old.exists()
    picture = torch.rand(3, 48, 64)
    for index in (2, 3):
        find(Follow(index=index, now=picture, before=picture, since=index - 1))
    assert len(list((tmp_path / "kept").glob("*/*.flow"))) == 2  # looked through once a run, not at each frame


def test_the_oldest_go(tmp_path: Path) -> None:
    import os

    for number in range(5):
        file = tmp_path / "film" / f"{number}-0.flow"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"x" * 100)
        os.utime(file, (number, number))
    flows._pruned(tmp_path, 250)
    assert sorted(path.name for path in tmp_path.glob("*/*")) == ["3-0.flow", "4-0.flow"]
