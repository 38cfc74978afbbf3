import sys

from dip_lightning import compute
from dip_lightning.compute import allocator


def test_glibc_takes_the_allocator_settings():
    glibc = sys.platform.startswith("linux") and allocator._libc_name() is not None
    assert compute.keep_freed_memory() == glibc
