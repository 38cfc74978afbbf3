"""What all threads share is as it was once the last of them is done."""

import logging
import warnings
from contextlib import ExitStack
from threading import Thread

import pytest
import torch

from dip_lightning.process_wide import (
    LOGGERS,
    as_pytorch_begins,
    in_float32,
    without_lightnings_messages,
)


def in_a_thread(enter):
    """Enter in a thread that ends."""
    stack, raised = ExitStack(), []

    def run():
        try:
            stack.enter_context(enter())
        except BaseException as error:  # noqa: BLE001 - shown by the test
            raised.append(error)

    thread = Thread(target=run)
    thread.start()
    thread.join()
    assert not raised
    return stack


@pytest.fixture
def float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("float64")
def test_the_number_format_is_set_back_by_the_last():
    first, second = in_a_thread(in_float32), in_a_thread(in_float32)
    for stack, expected in ((first, torch.float32), (second, torch.float64)):
        stack.close()
        assert torch.get_default_dtype() == expected


def test_messages_and_filters_are_set_back_by_the_last():
    def now():
        levels = [logging.getLogger(name).level for name in LOGGERS]
        return levels, list(warnings.filters)

    before = now()
    first = in_a_thread(without_lightnings_messages)
    during = now()
    second = in_a_thread(without_lightnings_messages)
    first.close()
    assert now() == during != before
    second.close()
    assert now() == before


def test_a_mistake_inside_sets_back():
    before = torch.get_default_dtype()
    with pytest.raises(KeyError), as_pytorch_begins():
        raise KeyError
    with as_pytorch_begins():
        assert torch.get_default_dtype() == before


def test_gradients_and_devices_are_this_threads():
    with torch.inference_mode(), torch.device("meta"):
        with as_pytorch_begins():
            x = torch.ones(3, requires_grad=True)
            assert x.square().requires_grad
            assert x.device.type == "cpu"
        assert torch.is_inference_mode_enabled()
        assert torch.ones(3).device.type == "meta"
