"""The edge of the picture world: 8 bits, files, sizes."""

import cv2
import numpy as np
import pytest
import torch

from animate.errors import BadInput, VideoError
from animate.picture.convert import FITS, fit, from_uint8, read_mask, read_picture, size_of, to_uint8


def test_8_bits_there_and_back_are_the_same():
    array = np.random.default_rng(0).integers(0, 256, (7, 5, 3), dtype=np.uint8)
    picture = from_uint8(array)
    assert picture.shape == (3, 7, 5)
    assert picture.dtype == torch.float32
    np.testing.assert_array_equal(to_uint8(picture), array)


def test_8_bits_are_rounded_and_clamped():
    picture = torch.tensor([-1.0, 0.4999 / 255, 0.5001 / 255, 2.0]).view(1, 1, 4)
    np.testing.assert_array_equal(to_uint8(picture)[0, :, 0], (0, 0, 1, 255))


@pytest.mark.parametrize("bad", [np.zeros((2, 2, 3), np.float32), np.zeros((2, 2, 4), np.uint8), np.zeros(3, np.uint8)])
def test_other_arrays_are_refused(bad):
    with pytest.raises(ValueError, match="expected uint8"):
        from_uint8(bad)


def test_grey_arrays_become_colour():
    assert from_uint8(np.full((2, 3), 51, np.uint8)).unique().tolist() == pytest.approx([0.2])


def written(path, array):
    ok, data = cv2.imencode(path.suffix, array)
    assert ok
    path.write_bytes(data.tobytes())  # OpenCV's own writing fails on Windows for such names
    return path


def test_a_file_is_read_as_rgb(tmp_path):
    path = written(tmp_path / "röd.png", np.full((2, 3, 3), (0, 51, 255), np.uint8))  # BGR
    picture = read_picture(path)
    np.testing.assert_allclose(picture[:, 0, 0], (1, 0.2, 0), atol=1e-6)
    assert picture.shape == (3, 2, 3)


def test_16_bit_files_keep_their_depth(tmp_path):
    path = written(tmp_path / "deep.png", np.full((2, 2, 3), 12345, np.uint16))
    np.testing.assert_allclose(read_picture(path), 12345 / 65535)


def test_a_mask_is_alpha_or_brightness(tmp_path):
    rgba = np.full((2, 2, 4), 255, np.uint8)
    rgba[0, :, 3] = 0
    np.testing.assert_array_equal(read_mask(written(tmp_path / "a.png", rgba))[0], ((0, 0), (1, 1)))
    grey = np.array(((0, 255), (255, 0)), np.uint8)
    np.testing.assert_array_equal(read_mask(written(tmp_path / "b.png", grey))[0], ((0, 1), (1, 0)))
    colour = np.zeros((2, 2, 3), np.uint8)
    assert read_mask(written(tmp_path / "c.png", colour)).shape == (1, 2, 2)


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(BadInput, match=r"nowhere\.png: cannot be read \(No such file"):
        read_picture(tmp_path / "nowhere.png")


@pytest.mark.parametrize("content", [b"", b"not a picture"])
def test_a_file_that_is_no_picture_is_said(tmp_path, content):
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    with pytest.raises(VideoError, match="not a picture"):
        read_picture(path)


def test_a_float_picture_that_holds_no_numbers_is_said(tmp_path):
    floats = np.full((2, 3, 3), 0.5, np.float32)
    floats[0, 0, 1] = np.inf  # brighter than white
    assert read_picture(written(tmp_path / "bright.tiff", floats))[1, 0, 0] == 1
    floats[1, 2, 0] = np.nan
    with pytest.raises(VideoError, match=r"dark\.tiff: holds values that are not numbers"):
        read_picture(written(tmp_path / "dark.tiff", floats))


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_the_size_is_told_without_the_picture(tmp_path, name):
    path = written(tmp_path / name, np.zeros((5, 8, 3), np.uint8))
    assert size_of(path) == (5, 8) == read_picture(path).shape[1:]
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(VideoError, match="not a picture"):
        size_of(path)
    with pytest.raises(BadInput, match="cannot be read"):
        size_of(tmp_path / "none.png")


@pytest.mark.parametrize("how", FITS)
@pytest.mark.parametrize("size", [(64, 64), (100, 30), (8, 200)])
def test_every_fit_has_the_size_asked_for(photographs, how, size):
    fitted = fit(photographs[0][:, :90], *size, how)
    assert fitted.shape == (3, *size)
    assert 0 <= fitted.min() <= fitted.max() <= 1


def test_fits_differ_in_what_they_keep():
    wide = torch.ones(3, 10, 20)
    wide[:, :, :5] = wide[:, :, 15:] = 0.5
    assert fit(wide, 10, 10, "crop").min() > 0.99  # the sides are cut
    padded = fit(wide, 10, 10, "pad")
    assert padded[:, 0].max() == 0  # bars
    assert padded[:, 5, 0].min() == pytest.approx(0.5, abs=0.01)
    assert fit(wide, 10, 20) is wide
    with pytest.raises(ValueError, match="unknown way to fit"):
        fit(wide, 5, 5, "zoom")
