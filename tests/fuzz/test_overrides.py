"""Any key=value is either a job or a sentence."""

from dataclasses import fields

from hypothesis import given
from hypothesis import strategies as st

from dip_lightning.cli.checking import GROUPS, check, parse
from dip_lightning.config import Config, config_folder
from dip_lightning.errors import UserError
from tests.fuzz.conftest import cases, limits

KEYS = [
    *(entry.name for entry in fields(Config)),
    *GROUPS,
    *("network.down", "network.foo", "network.generator", "logger.mode", "launcher.n_jobs"),
    *(
        "hydra.run.dir",
        "hydra.sweep.dir",
        "hydra.sweep.subdir",
        "hydra.job.chdir",
        "hydra",
        "search.x",
    ),
    *(
        "hydra.callbacks.a",
        "hydra/launcher",
        "hydra/job_logging",
        "hydra.launcher._target_",
        "",
        "_",
    ),
]
OPTIONS = [path.stem for group in GROUPS for path in (config_folder() / group).glob("*.yaml")]
NUMBERS = ["0", "-1", "1e400", "nan", "inf", "-inf", "10" * 30, "1e-320", "0x10", "1_000", "007"]
SPECIAL = [
    *("null", "None", "true", "", "[]", "{}", "[1,2]", "{a:1}", "[[[[1]]]]", "a" * 300, "../../x"),
    *("/", ".", "..", "~", "${lr}", "${nothing}", "${oc.env:HOME}", "${", "???", "'", '"', "\\"),
    *("{_target_:os.system,command:id}", "é", "\udcff", "\t", "$(id)", "a b", "[" * 40, "1,2"),
    *("range(0,1000000000)", "range(1,5,0)", "range(5)", "shuffle(range(0,10000000000))"),
    *("interval(0.01,0.1)", "tag(log,interval(1,2))", "glob(*)", "choice(1,2)", "sort(3,1,2)"),
    *("int(1.5)", "float(x)", "str(1)", "json_str(1)", "range(nan,1)", "range(0,inf)", "choice()"),
]
KEY = st.one_of(st.sampled_from(KEYS), st.text("abc._/@:+~", max_size=8))
VALUE = st.one_of(
    st.sampled_from(OPTIONS),
    st.sampled_from(NUMBERS),
    st.sampled_from(SPECIAL),
    st.integers().map(str),
    st.floats().map(str),
    st.text(st.characters(exclude_characters="\0"), max_size=12),
    st.text("'\"\\$,[]{}()=1a ", max_size=12),
)
OVERRIDE = st.builds(
    "{}{}{}{}".format, st.sampled_from(["", "", "", "+", "++", "~"]), KEY, st.just("="), VALUE
)
FLAG = st.sampled_from(
    ["-m", "--multirun", "--cfg", "job", "--config-dir", ".", "--info", "--", "-"]
)


@given(
    argv=st.lists(st.one_of(OVERRIDE, OVERRIDE, OVERRIDE, FLAG), max_size=4), sweep=st.booleans()
)
@cases(90)
def test_any_command(tmp_path, monkeypatch, argv, sweep):
    monkeypatch.chdir(tmp_path)
    sentence = "a job"
    with limits():
        try:
            check(parse([*argv, "-m"] if sweep else argv))
        except UserError as error:
            sentence = str(error)
    assert sentence
    assert sentence.isprintable()
    assert not list(tmp_path.iterdir())
