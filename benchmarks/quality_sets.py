"""The images that the default is measured on, what damages them, and what is asked of it."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field

from dip_lightning.images.collections import look_up
from dip_lightning.published import numbers

BM3D = ("barbara", "boat", "house", "lena", "peppers", "cameraman", "couple", "fingerprint")
SET5 = ("baby", "bird", "butterfly", "head", "woman")
CAMERA = (
    *("5dmark3_iso3200_2", "d600_iso3200_2", "d800_iso1600_2", "d800_iso3200_2"),
    "d800_iso6400_2",
)
JPEG = (
    *("Canon5D2_5_160_6400_bicycle_6", "Canon600D_4-5_125_1600_toy_16"),
    *("Canon80D_8_8_12800_printer_15", "NikonD800_5_100_4000_flower_2"),
    *("NikonD800_8_100_6400_bulletin_5", "Sony_4-5_125_3200_plant_14"),
)
LEVIN = tuple(f"im{image}_kernel{kernel}" for image in (1, 2) for kernel in range(1, 9))
SIDES = {f"kernel{k}": side for k, side in enumerate((19, 17, 15, 27, 13, 21, 23, 23), 1)}


@dataclass(frozen=True)
class ImageSet:
    """Some images with one kind of damage.

    Attributes:
        title: for people.
        keys: of the command, but for the image.
        images: names of them.
        clean: name of a ground truth to be degraded, `{}` for the image's; empty: it is observed.
        observed: name of a damaged image, likewise.
        truth: name of the ground truth of an observed image, likewise; of an image `a_b`, `{1}` is
            a and `{2}` is b.
        kernel: name of a blur's kernel, likewise; empty: the keys tell it.
        turned: kernels that are to be turned by 180 degrees.
        sides: of kernels that are to be found, pixels, by name.
        metric: a key of metrics.json, dB.
        table: of published numbers in `published.csv`.
        rivals: methods to show from there.
        published: means that are not in it, dB, by method.
        target: mean that is asked for, dB; None: no number is.
        aim: what is asked for, in words.
        note: what else to know.
    """

    title: str
    keys: tuple[str, ...]
    images: tuple[str, ...]
    clean: str = ""
    observed: str = ""
    truth: str = ""
    kernel: str = ""
    turned: tuple[str, ...] = ()
    sides: Mapping[str, int] = field(default_factory=dict)
    metric: str = "psnr"
    table: str | None = None
    rivals: tuple[str, ...] = ()
    published: Mapping[str, float] = field(default_factory=dict)
    target: float | None = None
    aim: str = ""
    note: str = ""

    def means(self) -> dict[str, float]:
        """Return the published means over all images, dB, by method."""
        by_image = [numbers(self.table, self.metric, image) for image in self.images]
        found = {
            method: statistics.mean(row[method] for row in by_image)
            for method in self.rivals
            if all(method in row for row in by_image)
        }
        return {**found, **self.published}

    def check(self, image: str) -> None:
        """Look for the files of an image.

        Raises:
            UserError: one is neither here nor can be fetched.
        """
        for name in (self.clean, self.observed, self.truth, self.kernel):
            if name:
                look_up(filled(name, image), "image")


def filled(name: str, image: str) -> str:
    """Put an image's name, and the parts of it, into the name of a file."""
    return name.format(image, *image.split("_"))


SETS = {
    "half": ImageSet(
        "half of the pixels missing",
        ("task=restoration", "mask=bm3d11_masks"),
        (*BM3D, "hill", "man", "montage"),
        clean="bm3d11/{}",
        table="restoration_50",
        rivals=("DIP, published", "DIP, the study (oracle)"),
        published={"Self2Self": 35.14},
        target=35.2,
        aim="above biharmonic on each",
        note="The published masks.",
    ),
    "x4": ImageSet(
        "super-resolution x4",
        ("task=sr", "factor=4", "observation=pillow"),
        SET5,
        clean="set5/{}",
        metric="psnr_y",
        table="set5_x4",
        rivals=("DIP, published", "LapSRN (trained), published"),
        target=31.4,
        note="PSNR-Y; observed through Pillow, as published.",
    ),
    "x8": ImageSet(
        "super-resolution x8",
        ("task=sr", "factor=8", "observation=pillow"),
        SET5,
        clean="set5/{}",
        metric="psnr_y",
        table="set5_x8",
        rivals=("DIP, published", "LapSRN (trained), published"),
        target=26.6,
        note="PSNR-Y; observed through Pillow, as published.",
    ),
    "sigma25": ImageSet(
        "white noise, sigma 25, colour",
        ("task=denoising", "sigma=25"),
        ("f16", "house", "peppers", "lena", "baboon"),
        clean="color9/{}",
        table="denoising_sigma25",
        rivals=("DIP, published", "CBM3D, published"),
        aim="above both published means",
        note="The noise is drawn here (seed 0), not the published files'; all methods know sigma.",
    ),
    "poisson": ImageSet(
        "photons, 30 at white, colour",
        ("task=denoising", "noise=poisson", "peak=30"),
        SET5,
        clean="set5/{}",
        aim="above the classical methods on each",
        note="The photons are drawn here (seed 0); all methods know the peak.",
    ),
    "camera": ImageSet(
        "camera noise, not compressed",
        ("task=denoising",),
        CAMERA,
        observed="real_noise/{}_real.png",
        truth="real_noise/{}_mean.png",
        published={"MCWNNM": 36.33},
        target=36.8,
        note="The truth is the mean of many shots; nothing is known of the noise.",
    ),
    "jpeg": ImageSet(
        "camera noise, JPEG",
        ("task=denoising",),
        JPEG,
        observed="real_noise/{}_real.JPG",
        truth="real_noise/{}_mean.JPG",
        aim="never below the noisy image, and above non-local means",
        note="The truth is the mean of many shots; nothing is known of the noise.",
    ),
}
SETS |= {
    "blur": ImageSet(
        "a Gaussian blur of 1.6 pixels, noise of sigma 2, colour",
        ("task=deblurring", "kernel=gaussian", "blur_sigma=1.6", "sigma=2"),
        SET5,
        clean="set5/{}",
        aim="above the classical methods on each, by 1 dB in the mean",
        note="The noise is drawn here (seed 0); all methods know kernel and sigma.",
    ),
    "levin": ImageSet(
        "shaken photos, the kernel known",
        ("task=deblurring",),
        LEVIN,
        observed="levin/{0}_img",
        truth="levin/{1}",
        kernel="levin/{2}",
        turned=tuple(f"kernel{number}" for number in (1, 2, 3, 5, 6, 7)),
        metric="psnr_shifted",
        target=36,
        note="PSNR at the best shift (`metrics.psnr_shifted`), 16 of the set's 32 photos. Six of "
        "the eight kernels are stored as a correlation has them.",
    ),
    "levin_blind": ImageSet(
        "shaken photos, the kernel to be found",
        ("task=blind_deblurring",),
        LEVIN,
        observed="levin/{0}_img",
        truth="levin/{1}",
        sides=SIDES,
        metric="psnr_shifted",
        target=33.5,
        note="PSNR at the best shift (`metrics.psnr_shifted`), 16 of the set's 32 photos. "
        "`kernel_size` is the side of the true kernel's file.",
    ),
    "mosaic": ImageSet(
        "a raw mosaic, without noise",
        ("task=demosaicing",),
        SET5,
        clean="set5/{}",
        aim="above Malvar's interpolation on each, by 1 dB in the mean",
    ),
}
SETS |= {
    f"jpeg{quality}": ImageSet(
        f"JPEG, quality {quality}",
        ("task=jpeg", f"quality={quality}"),
        SET5,
        clean="set5/{}",
        metric="psnr_y",
        aim=f"above the decoded file by {gain} dB in the mean",
        note="PSNR-Y; encoded by Pillow, 4:2:0.",
    )
    for quality, gain in ((10, 1), (30, 0.7))
}
PEERS = {"house": ("half", "house"), "f16": ("sigma25", "f16")}


def chosen(names: list[str]) -> list[str]:
    """List the cases, `set/image`, that names of cases and sets stand for; all for no name.

    Raises:
        ValueError: nothing has such a name.
    """
    known = {name: found.images for name, found in SETS.items()} | {"peer": tuple(PEERS)}
    cases: list[str] = []
    for name in names or known:
        group, _, image = name.partition("/")
        if group not in known:
            raise ValueError(f"{name}: choose set or set/image of {', '.join(known)}")
        if image and image not in known[group]:
            raise ValueError(f"{name}: in {group}, choose one of {', '.join(known[group])}")
        cases += [f"{group}/{found}" for found in ([image] if image else known[group])]
    return list(dict.fromkeys(cases))
