import json
import math

from dip_lightning.runs.ownership import LISTING
from dip_lightning.runs.report import write_metrics


def test_metrics_are_valid_json_without_nan(tmp_path):
    write_metrics(tmp_path, {"a": math.nan, "b": {"c": [math.inf]}, "d": 1.5, "e": None})

    def refuse(constant):
        raise AssertionError(constant)

    text = (tmp_path / "metrics.json").read_text()
    values = json.loads(text, parse_constant=refuse)
    assert values == {"a": None, "b": {"c": [None]}, "d": 1.5, "e": None}
    assert {path.name for path in tmp_path.iterdir()} == {"metrics.json", LISTING}
