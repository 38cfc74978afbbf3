"""What each configuration in conf/study/ asks, and how its results are laid out."""

from dataclasses import dataclass

MASKED = ("psnr", "psnr_holes")
ENLARGED = ("psnr", "psnr_crop", "psnr_y", "psnr_y_factor")


@dataclass(frozen=True)
class Experiment:
    """One experiment.

    Attributes:
        name: of its file in conf/study/.
        title: what a reader calls it; the study's number in front, where it has one.
        claim: what the study or the paper says comes out.
        axes: the swept keys, those that a table has a column for.
        metrics: keys of metrics.json to tabulate.
        curve: column of history.csv to draw.
    """

    name: str
    title: str
    claim: str
    axes: tuple[str, ...]
    metrics: tuple[str, ...] = ("psnr", "ssim")
    curve: str = "psnr"


EXPERIMENTS = (
    Experiment(
        "inpainting_iterations",
        "1. Iterations (inpainting)",
        "No gain after about 3000 iterations; the fit resets a few times.",
        (),
        MASKED,
    ),
    Experiment(
        "inpainting_learning_rate",
        "2. Learning rate (inpainting)",
        "0.1 turns black; small rates stay blurry but blend the hole better.",
        ("lr",),
        MASKED,
    ),
    Experiment(
        "inpainting_input_depth",
        "3. Input depth (inpainting)",
        "A deeper input is less noisy and blends better.",
        ("input_depth",),
        MASKED,
    ),
    Experiment(
        "inpainting_input_type",
        "4. Input type (inpainting)",
        "Noise is much better; with the meshgrid the mask shows.",
        ("input_type",),
        MASKED,
    ),
    Experiment(
        "inpainting_noise_std",
        "5. Noise on the input (inpainting)",
        "0.1 is best; at 0 the mask stays visible, at 0.3 even known pixels do not fit.",
        ("noise_std",),
        MASKED,
    ),
    Experiment(
        "inpainting_images",
        "6. Other images (inpainting)",
        "Every image wants its own settings.",
        ("preset",),
        MASKED,
    ),
    Experiment(
        "sr_set5",
        "7. Super-resolution, Set5",
        "The paper's tables, x4 and x8.",
        ("factor",),
        ENLARGED,
    ),
    Experiment(
        "sr_learning_rate",
        "8. Learning rate (super-resolution)",
        "0.001 beats the paper's 0.01.",
        ("factor", "lr"),
        ENLARGED,
    ),
    Experiment(
        "sr_factor",
        "9. Factors (super-resolution)",
        "It breaks down above 4 to 8.",
        ("factor",),
        ENLARGED,
    ),
    Experiment(
        "sr_network",
        "10. Networks (super-resolution)",
        "The skip network is much better than the U-Net.",
        ("factor", "network"),
        ENLARGED,
    ),
    Experiment(
        "restoration_table1",
        "11. Half of the pixels missing, eleven images",
        "The paper's table 1: better than convolutional sparse coding.",
        (),
        ("psnr", "psnr_holes"),
    ),
    Experiment(
        "restoration_network",
        "12. Networks (restoration)",
        "U-Net, no and identity skip connections are worse and less stable.",
        ("network",),
        ("psnr", "psnr_holes"),
    ),
    Experiment(
        "impedance",
        "13. Why it works",
        "A natural image is fitted faster than itself with noise, shuffled pixels, and noise.",
        ("observation",),
        ("loss",),
        curve="loss",
    ),
    Experiment(
        "denoising_color9",
        "Denoising, sigma 25",
        "The paper, nine images: 29.22 dB; averaged 30.43; two fits averaged 31.00. (Its published "
        "images, whose numbers are beside ours, score 31.29.)",
        (),
        ("psnr", "ssim"),
    ),
    Experiment(
        "sr_learning_rate_images",
        "Learning rate (super-resolution), several images and seeds",
        "Does 0.001 beat 0.01 on other images, and at equal time?",
        ("lr",),
        ENLARGED,
    ),
    Experiment(
        "drops",
        "Sudden drops",
        "What causes them, and what removes them?",
        ("beta2", "epsilon", "noise_std", "guard"),
        ("psnr",),
    ),
)


def find_experiment(name: str) -> Experiment:
    """Return an experiment; one of the user's own has its name for a title."""
    known = {experiment.name: experiment for experiment in EXPERIMENTS}
    return known.get(name) or Experiment(name, name, "", ())
