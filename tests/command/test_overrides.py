import pytest

from dip_lightning.command.overrides import (
    expand_folders,
    parse_overrides,
    quote,
    quoted,
    values_of,
)
from dip_lightning.errors import UserError
from tests.conftest import save_png, smooth_image

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


@pytest.mark.parametrize("name", NAMES)
def test_an_existing_file_needs_no_quotes(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).touch()
    assert read_back(quoted(f"observed={name}")) == name


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(".png")])
def test_any_file_of_a_folder_is_read_back(tmp_path, name):
    folder = tmp_path / "scans"
    folder.mkdir()
    paths = {str(save_png(folder / n, smooth_image(1, 8, 8))) for n in ("a.png", f"x{name}")}
    text, several = expand_folders(f"observed={folder}")
    assert several
    (override,) = parse_overrides([text])
    assert {read_back(value) for value in values_of(override)} == paths


def test_quotes_of_the_user_stay(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert quoted("observed='a b.png'") == "observed='a b.png'"
    assert quoted("lr=0.1,0.2") == "lr=0.1,0.2"
    assert quoted("hydra.run.dir=out/ünï") == "hydra.run.dir='out/ünï'"


@pytest.mark.parametrize("key", ["observed", "image", "mask", "hydra.run.dir"])
def test_an_empty_name_is_refused(key):
    with pytest.raises(UserError, match=f"{key}=: is empty"):
        quoted(f"{key}=")


@pytest.mark.parametrize("sweep", ["lr=interval(0.01,0.1)", "observed=glob(*)"])
def test_only_listed_values_are_swept(sweep):
    with pytest.raises(UserError, match="expected values separated by commas"):
        values_of(parse_overrides([sweep])[0])


def test_values_of_a_range():
    assert values_of(parse_overrides(["seed=range(1,4)"])[0]) == ["seed=1", "seed=2", "seed=3"]
