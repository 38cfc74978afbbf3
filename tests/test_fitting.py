"""What a fit leaves behind."""

from contextlib import nullcontext

import pytest
import torch
from pytorch_lightning import Callback

from dip_lightning.fitting import fit
from tests.tasks.test_base import make


@pytest.mark.parametrize("breaks", [False, True])
def test_what_is_recorded_is_dropped_however_a_fit_ends(breaks, tmp_path):
    task, kept = make(iterations=2), []

    class Looking(Callback):
        def on_train_batch_end(self, *_):
            kept.append("compute" in vars(task))
            if breaks:
                raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken") if breaks else nullcontext():
        fit(task, torch.device("cpu"), tmp_path, [Looking()], None)
    assert kept[0]
    assert "compute" not in vars(task)
