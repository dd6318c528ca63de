"""What processes cost, as the kernel counts it."""

import mmap
import os
import sys

from bench.cost import cpu_seconds, family, forget_peak, peak_bytes, resident_bytes, shared_out_bytes

_MEGABYTES = 1_000_000


def test_the_peak_is_counted_from_where_it_was_forgotten() -> None:
    use(64 * _MEGABYTES)
    forget_peak(os.getpid())
    idle_bytes = resident_bytes(os.getpid())
    use(32 * _MEGABYTES)
    assert 24 * _MEGABYTES < peak_bytes(os.getpid()) - idle_bytes < 48 * _MEGABYTES  # the kernel counts in batches


def test_a_child_that_has_ended_still_counts() -> None:
    before = cpu_seconds(os.getpid())
    os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-c", "sum(range(3_000_000))"])
    assert cpu_seconds(os.getpid()) > before


def test_a_process_belongs_to_its_family() -> None:
    assert os.getpid() in family(os.getppid())
    assert 0 < shared_out_bytes(os.getpid()) <= resident_bytes(os.getpid())


def use(size_bytes: int) -> None:
    """Use so much memory for a moment: in new pages, where an allocator may have some left that count already."""
    anonymous = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    mmap.mmap(-1, size_bytes, flags=anonymous | mmap.MAP_POPULATE).close()
