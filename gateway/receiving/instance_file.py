"""One instance on its way to the disk: streamed, summed up, committed with one flush."""

import os
from contextlib import suppress

from crc32c import crc32c

from gateway.dicom.part10 import PREAMBLE_BYTES
from gateway.disk.durable import Flushing
from gateway.receiving.association_files import EmptyFile
from gateway.spool.preamble import CRC_OF_ZERO_PREAMBLE, Preamble

WRITE_BACK_BYTES = 8 * 1024 * 1024
"""How much of a large instance is written before its write-back to the disk begins, so that the flush is short."""

_LARGE_BYTES = 65_536  # a fragment of this size is worth a system call, smaller ones are gathered
_GATHERED_BYTES = 262_144
_NEVER = 0  # to let another thread run and to wait for it takes longer than the sum of a PDU

_ZEROS = bytes(PREAMBLE_BYTES)
_NOTHING = memoryview(b"")


class InstanceFile:
    """A Part 10 file being written. After an OSError it can only be discarded.

    `crc32c` runs along, over a zeroed preamble and everything behind it.
    """

    def __init__(self, empty: EmptyFile, head: bytes, flushing: Flushing) -> None:
        """Open an empty file for a data set behind `head` (`DICM` and the meta group)."""
        self.path = empty.path
        self._zeros_bytes = empty.zeros_bytes
        self.crc32c: int = crc32c(head, CRC_OF_ZERO_PREAMBLE)
        self.length_bytes = PREAMBLE_BYTES + len(head)
        self._flushing = flushing
        self._written_back_bytes = 0
        self._unwritten = bytearray(_ZEROS + head)
        self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC)

    def write(self, data: memoryview) -> None:
        """Append a fragment of the data set."""
        self.crc32c = crc32c(data, self.crc32c, gil_release_mode=_NEVER)
        self.length_bytes += len(data)
        if len(data) < _LARGE_BYTES and len(self._unwritten) < _GATHERED_BYTES:
            self._unwritten += data
        else:
            self._write_out(data)
        if self.length_bytes - self._written_back_bytes >= WRITE_BACK_BYTES:
            self._begin_write_back()

    def commit(self, preamble: Preamble) -> None:
        """Write the preamble and flush: on return the file survives what `flushing` can promise. Closes it."""
        self._write_out(_NOTHING)
        if os.pwrite(self._descriptor, preamble.encode(), 0) != PREAMBLE_BYTES:
            raise OSError("the preamble was written in part")
        self._flushing.flush_file(self._descriptor)
        # Not flushed: recovery cuts off what a power cut brings back, and a manifest comes later in the journal.
        if self._zeros_bytes > self.length_bytes:
            os.ftruncate(self._descriptor, self.length_bytes)
        descriptor, self._descriptor = self._descriptor, -1
        os.close(descriptor)

    def discard(self) -> None:
        """Wipe the preamble and remove the file: what it held was not committed, or no longer can be."""
        with suppress(OSError):  # on a failed disk the bytes are beyond reach anyway
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.pwrite(descriptor, _ZEROS, 0)
            finally:
                os.close(descriptor)
        with suppress(OSError):
            os.unlink(self.path)  # noqa: PTH108 - see AssociationFiles

    def _write_out(self, data: memoryview) -> None:
        """Write what was gathered, and `data` behind it."""
        gathered, self._unwritten = self._unwritten, bytearray()
        _write(self._descriptor, [memoryview(gathered), data])

    def _begin_write_back(self) -> None:
        self._write_out(_NOTHING)
        start, count = self._written_back_bytes, self.length_bytes - self._written_back_bytes
        self._flushing.begin_write_back(self._descriptor, start, count)
        self._written_back_bytes = self.length_bytes


def _write(descriptor: int, buffers: list[memoryview]) -> None:
    """Write all of `buffers`: a disk that fills up may take a part."""
    while buffers:
        written = os.writev(descriptor, buffers)
        while buffers and written >= len(buffers[0]):
            written -= len(buffers.pop(0))
        if written:
            buffers[0] = buffers[0][written:]
