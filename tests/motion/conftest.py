import pytest
import torch


@pytest.fixture(scope="session")
def photograph():
    """(3, 128, 128), a face with fine and coarse detail."""
    from skimage import data

    from animate.picture.convert import fit, from_uint8

    return fit(from_uint8(data.astronaut()[:256, 96:352]), 128, 128)


@pytest.fixture(scope="session")
def waves():
    """(3, 96, 128) smooth waves, which any good sampling must bring back."""
    y, x = torch.meshgrid(torch.arange(96.0), torch.arange(128.0), indexing="ij")
    return torch.stack([0.5 + 0.4 * torch.sin(x / 5 + y / (7 + plane)) for plane in range(3)])
