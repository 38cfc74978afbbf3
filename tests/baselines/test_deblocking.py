from dip_lightning.baselines import reapply
from dip_lightning.images.jpeg import compress
from tests.conftest import smooth_image


def test_nearer_to_the_truth_than_the_decoded_image():
    x = smooth_image(3, 41, 53)
    found = compress(x, 10, "4:2:0")
    smooth = reapply(found.pixels, found.coefficients.quantised)
    before, after = ((image - x).square().mean() for image in (found.pixels, smooth))
    assert after < 0.9 * before
