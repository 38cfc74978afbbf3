"""A new network is one file and one YAML."""

import pytest

from dip_lightning import generators
from dip_lightning.errors import UserError

MODULE = '''
"""One convolution."""
from dataclasses import dataclass
import torch
from dip_lightning.generators.layers import AnySize, Conv, initialise

@dataclass
class Options:
    kernel: int = 3

class Single(AnySize):
    def __init__(self, options, inputs, outputs, generator):
        super().__init__(multiple=1, least=2)
        self.conv = Conv(inputs, outputs, options.kernel)
        initialise(self, generator)

    def generate(self, z):
        return torch.sigmoid(self.conv(z).float())

def build(options, inputs, outputs, generator):
    return Single(options, inputs, outputs, generator)
'''


def test_a_new_network_is_one_file_and_one_yaml(dip, tmp_path, photo, monkeypatch):
    code, conf = tmp_path / "code", tmp_path / "conf" / "network"
    code.mkdir()
    conf.mkdir(parents=True)
    (code / "single.py").write_text(MODULE)
    (conf / "mine.yaml").write_text("name: mine\ngenerator: single\nkernel: 5\n")
    monkeypatch.setattr(generators, "__path__", [*generators.__path__, str(code)])
    arguments = ("task=denoising", f"image={photo}", "preset=smoke", "iterations=2", "logger=none")
    status, out, _ = dip(
        *arguments, "network=mine", "--config-dir", str(conf.parent), "threads=1", tiny=False
    )
    assert status == 0
    assert f"network mine, {32 * 3 * 25 + 3:,} parameters" in out


def test_every_configured_network_can_be_built():
    import torch
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    from dip_lightning.cli.resolvers import register
    from dip_lightning.config import config_folder

    register()
    for path in sorted((config_folder() / "network").glob("*.yaml")):
        with initialize_config_dir(str(config_folder()), version_base="1.3"):
            composed = compose("dip", [f"network={path.stem}"])
        settings = OmegaConf.to_container(composed.network, resolve=True)
        assert settings["name"] == path.stem
        network = generators.build(settings, 2, 1, torch.Generator())
        assert sum(p.numel() for p in network.parameters()) > 0


def test_unknown_generator():
    with pytest.raises(UserError, match=r"network\.generator=os: choose one of deep_decoder"):
        generators.load("os")


@pytest.mark.parametrize("settings", [{"name": "mine"}, {"generator": "skip"}, {"generator": None}])
def test_a_network_without_its_generator_is_a_sentence(settings):
    with pytest.raises(UserError, match=r"expected a name; see conf/network/"):
        generators.parse_options(settings)
