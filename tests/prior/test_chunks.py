from types import SimpleNamespace

import pytest

from dip_lightning.prior.chunks import Chunks


def fit_at(done=0, pace=0.01, *, is_over=False):
    return SimpleNamespace(iteration=done, seconds_per_iteration=pace, is_over=is_over)


def test_chunks_are_half_a_second_long():
    fit, sizes = fit_at(pace=None), []
    paces = iter([0.3, 0.01, 0.0001])
    for size in Chunks(fit, 110, None, every=110):
        sizes.append(size)
        fit.seconds_per_iteration = next(paces, None)
    assert sizes == [1, 2, 50, 57]


@pytest.mark.parametrize(
    ("size", "done", "sizes"),
    [(None, 0, [10, 10, 5]), (7, 0, [7, 3, 7, 3, 5]), (50, 12, [8, 5]), (3, 25, [])],
)
def test_chunks_end_where_somebody_looks(size, done, sizes):
    assert list(Chunks(fit_at(done), 25, size, every=10)) == sizes


def test_single_iterations_are_counted():
    assert len(Chunks(fit_at(4), 25)) == 21 == len(list(Chunks(fit_at(4), 25)))
    for chunks in (Chunks(fit_at(), 25, None), Chunks(fit_at(4, is_over=True), 25)):
        with pytest.raises(TypeError):
            len(chunks)


def test_an_epoch_is_a_part_of_them():
    fit, epochs = fit_at(3), []
    chunks = Chunks(fit, 25, 4, epoch=10)
    while len(chunks.__class__(fit, 25, epoch=10)):
        epochs.append(list(chunks))
        fit.iteration += sum(epochs[-1])
    assert [sum(epoch) for epoch in epochs] == [7, 10, 5 + 0]
