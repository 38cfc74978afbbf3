import pytest
from omegaconf import OmegaConf

from dip_lightning.cli import rerun

CHOICES = {"task": "denoising", "network": "skip", "preset": "paper"}
CHOICES |= {"budget": "paper", "logger": "none"}
PATHS = dict.fromkeys(("image", "observed", "mask", "kernel", "input_image"))
QUICK = ("preset=smoke", "iterations=2", "logger=none")


def written(**values):
    """The repeatable configuration, written and read again."""
    composed = OmegaConf.create({"logger": {}, "operator": {}, "lr": 0.1, **PATHS, **values})
    return OmegaConf.create(OmegaConf.to_yaml(rerun.repeatable(composed, CHOICES)))


def test_paths_become_absolute(tmp_path, photo, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert written(image=photo.name).image == str(photo)


def test_names_stay_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("hole", "disk"):
        (tmp_path / name).mkdir()
    found = written(image="chelsea", mask="hole", kernel="disk")
    assert (found.image, found.mask, found.kernel) == ("chelsea", "hole", "disk")


def test_a_name_that_looks_like_an_interpolation():
    assert written(observed="a\\${lr}.png").observed == "a${lr}.png"


@pytest.mark.parametrize("override", ["network=no_skip", "task=sr", "preset=fast"])
def test_a_repeated_run_is_the_same_run(dip, photo, override):
    dip("task=denoising", f"image={photo}", *QUICK, "hydra.run.dir=first")
    again = ("--config-dir", "first/.hydra", "--config-name", "rerun", override)
    status, _, err = dip(*again, tiny=False)
    assert status == 2
    assert f"error: {override}: rerun.yaml says" in err


def test_values_of_a_repeated_run_can_be_changed(dip, tmp_path, photo):
    dip("task=denoising", f"image={photo}", *QUICK, "hydra.run.dir=first")
    again = ("--config-dir", "first/.hydra", "--config-name", "rerun", "seed=7")
    assert dip(*again, "hydra.run.dir=second", tiny=False)[0] == 0
    one, two = (tmp_path / name / "restored.png" for name in ("first", "second"))
    assert one.read_bytes() != two.read_bytes()


def test_only_what_matters_makes_a_job_another(tmp_path):
    composed = OmegaConf.create({"logger": {"name": "none"}, "lr": 0.1, "resume": True})
    assert not rerun.is_same(tmp_path, composed)
    (tmp_path / ".hydra").mkdir()
    OmegaConf.save(composed, tmp_path / ".hydra" / "config.yaml")
    elsewhere = OmegaConf.create({"logger": {"name": "csv"}, "lr": 0.1, "resume": False})
    assert rerun.is_same(tmp_path, elsewhere)
    assert not rerun.is_same(tmp_path, OmegaConf.create({**composed, "lr": 0.2}))
    assert not rerun.is_same(tmp_path, OmegaConf.create({**composed, "new": 1}))
    (tmp_path / ".hydra" / "config.yaml").write_text("a: [")
    assert not rerun.is_same(tmp_path, composed)


def test_the_run_with_a_checkpoint_is_gone_on_with(tmp_path):
    composed = OmegaConf.create({"lr": 0.1})
    for name in ("1", "2", "3"):
        (tmp_path / name / ".hydra").mkdir(parents=True)
        OmegaConf.save(composed, tmp_path / name / ".hydra" / "config.yaml")
    assert rerun.latest_unfinished(tmp_path, composed) == tmp_path / "3"
    for name in ("1", "2"):
        (tmp_path / name / "last.ckpt").touch()
    assert rerun.latest_unfinished(tmp_path, composed) == tmp_path / "2"


@pytest.mark.parametrize("yes", ["true", "yes", "on", "1"])
def test_resume_in_any_of_its_words(dip, photo, yes):
    told = ("task=denoising", f"observed={photo}", *QUICK, f"resume={yes}")
    assert "no unfinished run of this configuration" in dip(*told)[1]


def test_a_run_with_options_of_the_users_own_is_repeated(dip, tmp_path, photo):
    for name, text in {
        "network/tiny": "name: tiny\ngenerator: unet\nfeature_scale: 16\n",
        "preset/gentle": "# @package _global_\npreset: gentle\nlr: 0.002\niterations: 3\n",
    }.items():
        path = tmp_path / "mine" / f"{name}.yaml"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    given = ("network=tiny", "preset=gentle", "logger=none", f"image={photo}", "threads=1")
    command = ("--config-dir", "mine", "task=denoising", *given, "hydra.run.dir=first")
    assert dip(*command, tiny=False)[0] == 0
    for before, folder in (("first", "second"), ("second", "third")):
        again = ("--config-dir", f"{before}/.hydra", "--config-name", "rerun")
        assert dip(*again, f"hydra.run.dir={folder}", tiny=False)[0] == 0
        found = OmegaConf.load(tmp_path / folder / ".hydra" / "config.yaml")
        assert (found.network.name, found.preset, found.lr) == ("tiny", "gentle", 0.002)
        assert set(found.network) <= {"name", "generator", "feature_scale"}
        for name in ("first", folder):
            assert (tmp_path / name / "restored.png").is_file()
        one, two = ((tmp_path / name / "restored.png").read_bytes() for name in ("first", folder))
        assert one == two
