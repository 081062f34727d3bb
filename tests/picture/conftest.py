import pytest

from animate.picture.convert import fit, from_uint8


@pytest.fixture(scope="session")
def photographs():
    """Two (3, 128, 128), in colours unlike each other."""
    from skimage import data

    return fit(from_uint8(data.astronaut()), 128, 128), fit(from_uint8(data.coffee()), 128, 128)
