"""One iteration of a fit, computed faster: as a CUDA graph, its generator in few kernels."""

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from threading import Timer
from typing import Protocol, final

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from dip_lightning.errors import UserError, first_line
from dip_lightning.generators.fused import NotFusedError, fused

# As PyTorch advises for a capture; they also allocate what an iteration keeps for the next one.
WARM_UP = 3
PATIENCE = 2.0  # seconds without a word


class Recorder(Protocol):
    """What can record an iteration and compute it again.

    An iteration is recorded as it reads and writes memory: all that it keeps for the next one has
    to stay in place, and the host must neither read from the device nor write to it.
    """

    def warm_up(self, iterate: Callable[[], Tensor]) -> Tensor:
        """Compute an iteration as written, in preparation for `capture`."""

    def capture(self, iterate: Callable[[], Tensor]) -> Tensor:
        """Record an iteration; nothing is computed.

        Returns:
            Where each replay leaves what the iteration returns.

        Raises:
            RuntimeError: it cannot be recorded; all that it would have changed is as it was.
        """

    def replay(self) -> None:
        """Compute the recorded iteration; the host does not wait for it."""


@final
class CudaRecorder:
    """Record an iteration as a CUDA graph: one launch instead of hundreds.

    Args:
        generator: source of randomness of the iteration, on a CUDA device. A replay draws on from
            its present state and advances it as the iteration as written does.

    Source: PyTorch's notes on CUDA semantics, "CUDA Graphs", whole-network capture.
    """

    def __init__(self, generator: torch.Generator) -> None:
        self._generator = generator
        self._stream = torch.cuda.Stream(generator.device)  # type: ignore[no-untyped-call]
        self._graph = torch.cuda.CUDAGraph()

    def warm_up(self, iterate: Callable[[], Tensor]) -> Tensor:
        """Compute an iteration as written, on the stream of the capture."""
        current = torch.cuda.current_stream()
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream), warnings.catch_warnings():
            # Adam's advice against `capturable` outside of a capture, which is about to come.
            warnings.filterwarnings("ignore", message=".*capturable=True", category=UserWarning)
            measured = iterate()
        current.wait_stream(self._stream)
        return measured

    def capture(self, iterate: Callable[[], Tensor]) -> Tensor:
        """Record an iteration; see `Recorder`."""
        current = torch.cuda.current_stream()
        before = self._generator.clone_state()
        self._graph.register_generator_state(self._generator)
        try:
            with torch.cuda.graph(self._graph, stream=self._stream):
                return iterate()
        except BaseException:
            # A capture that is broken off leaves its stream current and the generator's state
            # one that can only draw inside of it.
            torch.cuda.set_stream(current)
            self._generator.graphsafe_set_state(before)
            self._graph.reset()  # gives back what it allocated, as far as PyTorch lets it
            raise

    def replay(self) -> None:
        """Compute the recorded iteration; see `Recorder`."""
        self._graph.replay()


class Fit(Protocol):
    """What is accelerated."""

    network: nn.Module
    perturbations: torch.Generator

    def iterate(self) -> Tensor:
        """Compute an iteration; see `Recorder`."""


Make = Callable[[torch.Generator], Recorder]


@dataclass(frozen=True)
class Acceleration:
    """Compute the iterations of a fit faster; what `DeepImagePrior.accelerate` takes.

    Attributes:
        mode: see `find_recorder`.
        diagnose: see `find_recorder`.
        recorder: what makes a recorder; None: as the device asks for.

    Example:
        >>> import torch
        >>> import dip_lightning as dip
        >>> from dip_lightning.compute.acceleration import Acceleration
        >>> prior = dip.Denoising(torch.rand(1, 3, 24, 20)).accelerate(Acceleration())
    """

    mode: str = "auto"
    diagnose: bool = False
    recorder: Make | None = None

    def is_recording(self, device: torch.device) -> bool:
        """Say whether iterations are recorded on this device, so that all must stay in place."""
        return self._find(device) is not None

    def prepare(
        self, fit: Fit, like: Tensor, optimizer: Optimizer
    ) -> tuple[str, Callable[[Tensor], Tensor], Callable[[], Tensor]]:
        """Find the fastest way.

        Args:
            fit: on its device, its weights laid out as they are to stay.
            like: a z in the format that the fit gives the network.
            optimizer: of the fit.

        Returns:
            How the network is computed: see `fastest`; the network; the iteration.
        """
        make = self._find(like.device)
        name, generate = fastest(self.mode, fit.network, like, recorded=make is not None)
        if make is None:
            return name, generate, fit.iterate
        for group in optimizer.param_groups:
            group["lr"] = torch.tensor(float(group["lr"]), device=like.device)  # read by replays
            group["capturable"] = True  # a checkpoint has what its own fit was
        return name, generate, accelerate(fit.iterate, make(fit.perturbations))

    def _find(self, device: torch.device) -> Make | None:
        found = find_recorder(self.mode, device, diagnose=self.diagnose)
        return self.recorder or found


def check(accelerate: str, device: torch.device, *, diagnose: bool) -> None:
    """Refuse what cannot be; for the arguments see `find_recorder`.

    Raises:
        UserError: a graph is asked for and the device has none, or each iteration is looked into.
    """
    if diagnose and accelerate == "graph":
        raise UserError(
            "accelerate=graph: diagnose=true looks into every iteration as it is written; "
            "choose accelerate=auto or none"
        )
    if accelerate == "graph" and device.type != "cuda":
        raise UserError(
            f"accelerate=graph: needs a CUDA device, but the fit runs on {device.type}; "
            "choose auto or none"
        )


def find_recorder(accelerate: str, device: torch.device, *, diagnose: bool) -> Make | None:
    """Choose how an iteration is computed: recorded on a CUDA device, unless told otherwise.

    Args:
        accelerate: "auto" (fused kernels in a graph), "none" or "graph" (of the iteration as
            written).
        device: where the fit runs.
        diagnose: hooks look at each iteration, which a graph knows nothing of.

    Returns:
        What makes a recorder for a source of randomness; None: compute as written.
    """
    recorded = device.type == "cuda" and accelerate != "none" and not diagnose
    return CudaRecorder if recorded else None


def accelerate(iterate: Callable[[], Tensor], recorder: Recorder) -> Callable[[], Tensor]:
    """Return a callable that does what `iterate` does, faster.

    The first calls compute an iteration as written, the next one records it, and that and all
    others replay the record. Where recording fails, it is said once, and iterations are computed
    as written.

    Args:
        iterate: computes an iteration and returns its measurements.
        recorder: what records.
    """
    iterations = _iterations(iterate, recorder)
    return lambda: next(iterations)


def fastest(
    accelerate: str, generator: nn.Module, like: Tensor, *, recorded: bool
) -> tuple[str, Callable[[Tensor], Tensor]]:
    """Return what does what a generator does, as fast as its device lets it.

    Where there are no fused kernels although there is a CUDA device, it is said why, once.

    Args:
        accelerate: see `find_recorder`.
        generator: on its device, its weights laid out as they are to stay.
        like: a z in the format that the fit gives it.
        recorded: whether iterations are recorded; else they are to be as written.

    Returns:
        "fused" or "as written", and a callable.
    """
    if accelerate == "auto" and recorded and like.device.type == "cuda":
        try:
            with _explained("compiling this network's kernels, once on this machine"):
                return "fused", fused(generator, like)
        except NotFusedError as error:
            _say_once(f"accelerate: the network is computed as written, no fused kernels ({error})")
    return "as written", generator.__call__


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """Say what takes long, if it does."""
    timer = Timer(PATIENCE, lambda: print(f"accelerate: {what} ...", file=sys.stderr))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@cache
def _say_once(sentence: str) -> None:
    print(sentence, file=sys.stderr)


def _iterations(iterate: Callable[[], Tensor], recorder: Recorder) -> Iterator[Tensor]:
    for _ in range(WARM_UP):
        yield recorder.warm_up(iterate)
    measured = None
    try:
        measured = recorder.capture(iterate)
    except RuntimeError as error:
        print(
            f"accelerate: no graph of an iteration ({_cause(error)}); the fit goes on without",
            file=sys.stderr,
        )
    while measured is None:
        yield iterate()
    while True:
        recorder.replay()
        yield measured.clone()  # the next replay writes over it


def _cause(error: BaseException) -> str:
    # Ending a broken capture raises an error of its own, behind the one that broke it.
    while isinstance(error.__context__, RuntimeError):
        error = error.__context__
    return first_line(error)
