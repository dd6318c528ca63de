"""WADO-RS: the instances of a study, of a series, or one alone, as they arrive (PS3.18 section 10.4)."""

from contextlib import closing, suppress
from http import HTTPStatus
from typing import Protocol

from requests import Response
from urllib3.exceptions import HTTPError

from gateway.dicom.identity import Unit
from gateway.dicomweb.archive import Archive
from gateway.dicomweb.multipart_reader import MultipartReader, NotMultipart, PartEvent, multipart_boundary
from gateway.errors import NotAtPeer, PeerRefused, PeerUnavailable
from gateway.web.body import pieces
from gateway.web.errors import refused_answer

# 206: some of the instances, since not all can be given in this form. They are welcome, and counted.
_WITH_PARTS = frozenset({HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT})
_NOT_THERE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
_LONGEST_EPILOGUE_BYTES = 65_536


class UnitFailed(PeerUnavailable):
    """The archive answers, and failed at this unit: less at a time may go well."""


class PartTaker(Protocol):
    """What becomes of the parts of an answer."""

    def take(self, event: PartEvent) -> None:
        """Take what the answer tells next."""

    def give_up(self) -> None:
        """Drop a part that has begun and not ended. Harmless where there is none."""


def retrieve(archive: Archive, unit: Unit, taker: PartTaker) -> None:
    """Ask for `unit`, and hand over its parts as they come. Returns when the answer was read to its final boundary.

    Raises NotAtPeer or UnitFailed, or the PeerUnavailable or PeerRefused that speaks for the service as a whole. The
    parts that were taken before are whole all the same.
    """
    response = archive.ask_for_parts(unit.study_instance_uid, unit.series_instance_uid, unit.sop_instance_uid)
    with closing(response):
        try:
            _read_parts(archive, response, MultipartReader(_boundary(archive, response)), taker)
        except NotMultipart:
            raise PeerRefused(f"{archive.service} does not answer in the parts that it announces") from None
        finally:
            taker.give_up()


def _boundary(archive: Archive, response: Response) -> bytes:
    """Return the boundary of an answer that has parts; raise what any other means."""
    status = response.status_code
    if status in _NOT_THERE:
        raise NotAtPeer(f"{archive.service} has no such thing (HTTP {status})")
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        raise UnitFailed(f"{archive.service} failed (HTTP {status})")
    boundary = multipart_boundary(response.headers.get("Content-Type", ""))
    if status in _WITH_PARTS and boundary:
        return boundary
    if 200 <= status < 300:
        raise PeerRefused(f"{archive.service} does not answer in parts, as WADO-RS does (HTTP {status})")
    raise refused_answer(archive.service, response)


def _read_parts(archive: Archive, response: Response, reader: MultipartReader, taker: PartTaker) -> None:
    try:
        for piece in pieces(response, archive.service, archive.timeouts):
            for event in reader.feed(piece):
                taker.take(event)
            if reader.finished:
                _read_epilogue(response)
                return
    except PeerUnavailable as error:
        raise UnitFailed(str(error)) from None
    raise UnitFailed(f"{archive.service} broke off its answer")


def _read_epilogue(response: Response) -> None:
    """Read what is left, if it is little and on its way, so that the connection can be used again."""
    left = response.raw.length_remaining
    if left and left <= _LONGEST_EPILOGUE_BYTES:
        with suppress(HTTPError, OSError):
            response.raw.read(left)
