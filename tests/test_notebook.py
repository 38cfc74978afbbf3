"""The library in a notebook: a real kernel, which shows the result and survives the stop button."""

import base64

import nbformat
import pytest
from nbclient import NotebookClient

START = """
import numpy as np
import torch
import dip_lightning as dip
torch.set_num_threads(1)
photo = np.random.default_rng(0).integers(0, 255, (20, 24, 3), dtype=np.uint8)
options = dip.generators.SkipOptions([8], [8], [2])
settings = {"network": dip.generators.Skip(32, 3, options), "device": "cpu", "discrepancy": 0}
"""
AGAIN = """
again = dip.restore(photo, iterations=100, **settings)
print(again.metrics['seconds'] / result.metrics['seconds'])
"""
CELLS = (
    START,
    "result = dip.restore(photo, iterations=100, **settings)\nresult",
    AGAIN,
    "cut = dip.restore(photo, iterations=10**7, **settings)",
    "print(cut.metrics['status'], cut.metrics['iterations'] > 0, cut.image.shape)",
)
STOP_AFTER = 15  # seconds; the kernel is warm by then


@pytest.fixture(scope="module")
def executed():
    """The cells with their outputs; the fourth is interrupted."""
    cells = [nbformat.v4.new_code_cell(text) for text in CELLS]
    notebook = nbformat.v4.new_notebook(cells=cells)
    client = NotebookClient(notebook, timeout=200, interrupt_on_timeout=True)
    with client.setup_kernel():
        for number, cell in enumerate(cells):
            client.timeout = STOP_AFTER if number == 3 else 200
            client.execute_cell(cell, number)
    return cells


def said(cell):
    texts = [o["text"] for o in cell.outputs if o.output_type == "stream" and o.name == "stdout"]
    return "".join(texts)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning:jupyter_client.*")
def test_a_result_shows_itself(executed):
    (shown,) = [o for o in executed[1].outputs if o.output_type == "execute_result"]
    assert base64.b64decode(shown["data"]["image/png"]).startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_second_fit_is_as_fast(executed):
    assert float(said(executed[2])) < 1.5


@pytest.mark.slow
def test_an_interrupted_cell_leaves_a_result(executed):
    assert said(executed[4]).strip() == "interrupted True (20, 24, 3)"
