import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from animate.errors import VideoError
from animate.video import stills


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1), (48, 64), (33, 17)])
def test_a_written_picture_reads_back_equal(tmp_path: Path, size: tuple[int, int]) -> None:
    picture = noise(*size)
    stills.write_png(tmp_path / "a.png", picture)
    assert np.array_equal(stills.read_picture(tmp_path / "a.png"), picture)
    assert stills.is_whole(tmp_path / "a.png")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_view_with_strides_is_written_right(tmp_path: Path) -> None:
    picture = noise(20, 30)[::-1, ::2]
    stills.write_png(tmp_path / "a.png", picture)
    assert np.array_equal(stills.read_picture(tmp_path / "a.png"), picture)


def test_smooth_pictures_are_no_larger_than_from_opencv() -> None:
    rows = np.linspace(0, 200, 256)[:, None, None] + np.linspace(0, 55, 256)[None, :, None]
    picture = (rows + np.random.default_rng(0).normal(0, 1.5, (256, 256, 3))).clip(0, 255).astype(np.uint8)
    theirs = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1]
    assert len(stills.encode_png(picture)) <= len(theirs)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.sampled_from(["parameters", "animate", "Comment"]), st.text(max_size=300), max_size=3))
def test_any_text_reads_back(tmp_path_factory: pytest.TempPathFactory, text: dict[str, str]) -> None:
    text = {name: value.replace("\0", "") for name, value in text.items()}
    text = {name: value.encode("utf-8", "replace").decode() for name, value in text.items()}
    path = tmp_path_factory.mktemp("text") / "a.png"
    stills.write_png(path, noise(2, 2), text)
    assert stills.read_text(path) == text
    assert np.array_equal(stills.read_picture(path), noise(2, 2))


def test_compressed_texts_of_others_are_read_and_bombs_are_not(tmp_path: Path) -> None:
    whole = stills.encode_png(noise(2, 2))
    small = stills._chunk(b"zTXt", b"parameters\0\0" + zlib.compress(b"a cat"))
    bomb = stills._chunk(b"iTXt", b"parameters\0\1\0\0\0" + zlib.compress(b"0" * (40 << 20)))
    (tmp_path / "a.png").write_bytes(whole[:33] + small + whole[33:])
    (tmp_path / "b.png").write_bytes(whole[:33] + bomb + whole[33:])
    assert stills.read_text(tmp_path / "a.png") == {"parameters": "a cat"}
    with pytest.raises(VideoError, match=r"b\.png.*larger than"):
        stills.read_text(tmp_path / "b.png")


def test_what_is_no_picture_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    with pytest.raises(VideoError, match=r"a\.png.*cannot be read"):
        stills.read_picture(path)
    assert not stills.is_whole(path)
    for content in (b"", b"hello", stills.encode_png(noise(40, 40))[:-200]):
        path.write_bytes(content)
        assert not stills.is_whole(path)
        with pytest.raises(VideoError, match=r"a\.png"):
            stills.read_text(path)


@pytest.mark.parametrize("wrong", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((4, 4, 4), np.uint8)])
def test_only_frames_are_written(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"uint8 \(H, W, 3\)"):
        stills.encode_png(wrong)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    stills.write_png(path, noise(4, 4))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("animate.video.atomic.put_in_place", full)
    with pytest.raises(OSError, match="No space"):
        stills.write_png(path, noise(4, 4, seed=1))
    assert np.array_equal(stills.read_picture(path), noise(4, 4))
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]
