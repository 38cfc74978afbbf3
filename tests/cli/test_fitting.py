"""What a fit leaves behind."""

from contextlib import nullcontext

import pytest
import torch
from pytorch_lightning import Callback

from dip_lightning.cli.fitting import fit
from dip_lightning.compute.acceleration import Acceleration
from dip_lightning.runs.checkpoint import Identity
from tests.prior.test_deep_image_prior import config_of, make
from tests.tape import TapeRecorder

IDENTITY = Identity({}, {}, "float32 on cpu")


@pytest.mark.parametrize("breaks", [False, True])
def test_what_is_recorded_is_dropped_however_a_fit_ends(breaks, tmp_path):
    config, task, kept = config_of(iterations=2), make(iterations=2), []
    task.accelerate(Acceleration(recorder=TapeRecorder))

    class Looking(Callback):
        def on_train_batch_end(self, *_):
            kept.append(task.run_iteration == task.iterate)
            if breaks:
                raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken") if breaks else nullcontext():
        fit(task, config, IDENTITY, tmp_path, [Looking()], device=torch.device("cpu"))
    assert not kept[0]
    assert task.run_iteration == task.iterate
