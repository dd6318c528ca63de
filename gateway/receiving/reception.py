"""One instance from its first fragment to its commit."""

from typing import Self
from uuid import UUID

from gateway.config import ApplicationEntitySettings
from gateway.dicom.identity import Identity, check_unambiguous
from gateway.dicom.part10 import FileMeta, encode_head
from gateway.dicom.scanner import HeaderScanner
from gateway.lookup.digests import NONE
from gateway.payloads.payload import Instance
from gateway.receiving.association_intake import AssociationIntake
from gateway.receiving.groups import Group
from gateway.receiving.instance_file import InstanceFile
from gateway.receiving.placing import place
from gateway.spool.preamble import Preamble
from gateway.spool.record import instance_record


class Reception:
    """The instance that an association is sending. Closed before `commit`, nothing stays of it.

    Opening and writing raise NoRoom or SpoolFailed, writing also InvalidDataSet as soon as the data set's
    identifiers are known to be unfit.
    """

    def __init__(self, association: AssociationIntake, entity: ApplicationEntitySettings, meta: FileMeta) -> None:
        self._association = association
        self._intake = association.intake
        self._entity = entity
        self._meta = meta
        self._scanner = HeaderScanner(meta.transfer_syntax_uid, association.layouts)
        self._identity: Identity | None = None
        self._group: Group | None = None
        self._key = b""
        self._lookups = NONE
        self._promised = self._committed = False

    def open(self) -> Self:
        """Take a file for it. To be closed where this has returned."""
        self._association.check()
        try:
            self._file = self._open_file()
        except OSError as error:
            raise self._intake.disk_failed(error) from error
        self._intake.receiving(+1)
        return self

    def close(self) -> None:
        """It is over, committed or not."""
        self._intake.receiving(-1)
        if not self._committed:
            self._file.discard()
            if self._group is not None:
                self._intake.drop(self._group, promised=self._promised)

    def write(self, fragment: memoryview) -> None:
        """Take the next fragment of the data set."""
        try:
            self._file.write(fragment)
        except OSError as error:
            raise self._intake.disk_failed(error) from error
        if self._identity is None:
            self._scanner.feed(fragment)
            if self._scanner.complete:
                self._join()
        self._association.wrote(len(fragment))

    def commit(self) -> Instance:
        """The data set is whole: make it durable. On return it may be answered with success."""
        if self._identity is None:
            self._join()
        assert self._group is not None
        self._group = self._intake.promise(self._group, self._association.sender)
        self._promised = True
        received_ns = self._intake.clock.time_ns()
        file = self._file
        preamble = Preamble(file.length_bytes, file.crc32c, self._group.payload_id, self._key, received_ns)
        try:
            file.commit(preamble)
        except OSError as error:
            raise self._intake.disk_failed(error) from error
        self._committed = True
        self._association.files.came(file.length_bytes)
        assert self._identity is not None
        instance = instance_record(file.path, preamble, self._meta, self._identity)
        self._intake.filed(self._group, instance, self._lookups)
        return instance

    @property
    def payload_id(self) -> UUID:
        """The payload that a committed instance belongs to."""
        assert self._group is not None
        return self._group.payload_id

    def _open_file(self) -> InstanceFile:
        empty = self._association.files.take()
        try:
            return InstanceFile(empty, encode_head(self._meta), self._intake.area.flushing)
        except OSError:
            self._association.files.give_back(empty)
            raise

    def _join(self) -> None:
        check_unambiguous(self._scanner)
        identity, key = place(self._scanner.values, self._meta, self._entity)
        self._key = key
        self._group = self._intake.join(key, self._entity, self._association.sender)
        self._lookups = self._intake.lookups(self._scanner.values)
        self._identity = identity
