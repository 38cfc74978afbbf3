import pytest

from dip_lightning.cli.overrides import parse_overrides, quote, values_of
from dip_lightning.errors import UserError

NAMES = (
    "plain.png",
    "my photo (1).png",
    "a,b.png",
    "Größe.png",
    "中.png",
    "it's.png",
    'say "x".png',
    "a#b&c;d~e^f!g.png",
    "a=b{c}[d]:e.png",
    "back\\slash.png",
    "a\\'b.png",
    "end\\",
    "${oc.env:HOME}.png",
    "100%.png",
)


def read_back(text):
    """What a job gets: the value parsed by Hydra and resolved by OmegaConf."""
    from omegaconf import OmegaConf

    (override,) = parse_overrides([text])
    config = OmegaConf.create({"key": None})
    OmegaConf.update(config, "key", override.value())
    return config.key


@pytest.mark.parametrize("name", NAMES)
def test_quote_is_read_back(name):
    assert read_back(f"observed={quote(name)}") == name


@pytest.mark.parametrize("sweep", ["lr=interval(0.01,0.1)", "observed=glob(*)"])
def test_only_listed_values_are_swept(sweep):
    with pytest.raises(UserError, match="expected values separated by commas"):
        values_of(parse_overrides([sweep])[0])


def test_values_of_a_range():
    assert values_of(parse_overrides(["seed=range(1,4)"])[0]) == ["seed=1", "seed=2", "seed=3"]
