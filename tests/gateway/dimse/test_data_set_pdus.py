"""A data set in PDUs: every length, every maximum."""

import os
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.dimse.command import encode_store_request
from gateway.dimse.data_set_pdus import DataSetPdus

CONTENT = bytes(range(256)) * 12_000
COMMAND = encode_store_request(7, "1.2.840.10008.5.1.4.1.1.2", "1.2.3")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pdus") / "content"
    path.write_bytes(CONTENT)
    return path


def pdus(pieces: list[bytes]) -> list[tuple[int, int, bytes]]:
    """Length, control header and fragment of each PDU; every piece is whole PDUs."""
    found = []
    for piece in pieces:
        at = 0
        while at < len(piece):
            kind, length, pdv_length, context_id, control = struct.unpack_from(">BxIIBB", piece, at)
            assert (kind, pdv_length, context_id) == (4, length - 4, 5)
            found.append((length, control, piece[at + 12 : at + 6 + length]))
            at += 6 + length
        assert at == len(piece)
    return found


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    max_pdu_bytes=st.one_of(st.integers(8, 300), st.integers(300, 300_000), st.just(0)),
    offset=st.integers(0, 400),
    data=st.data(),
)
def test_what_comes_out_is_what_lies_in_the_file(
    file: Path, max_pdu_bytes: int, offset: int, data: st.DataObject
) -> None:
    longest = min(len(CONTENT) - offset, (max_pdu_bytes or 300_000) * 3000)
    length = data.draw(st.integers(1, longest), label="length")
    found = sent(file, max_pdu_bytes, offset, length)
    commands = b"".join(fragment for _, control, fragment in found if control & 1)
    contents = b"".join(fragment for _, control, fragment in found if not control & 1)
    assert commands == COMMAND
    assert contents == CONTENT[offset : offset + length] + bytes(length % 2)
    assert all(size <= (max_pdu_bytes or 262_144) and size % 2 == 0 for size, _, _ in found)
    assert [control for _, control, _ in found if control & 2] == [3, 2], "each kind has one last fragment"


def sent(file: Path, max_pdu_bytes: int, offset: int, length: int) -> list[tuple[int, int, bytes]]:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        pieces = DataSetPdus(max_pdu_bytes).message(5, COMMAND, descriptor, offset, length)
        return pdus([bytes(piece) for piece in pieces])
    finally:
        os.close(descriptor)


def test_a_small_file_leaves_in_one_piece_with_its_command(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        assert len(list(DataSetPdus(16_384).message(5, COMMAND, descriptor, 0, 33_000))) == 1
    finally:
        os.close(descriptor)


def test_a_file_that_ends_too_early_is_an_error(file: Path) -> None:
    with pytest.raises(EOFError, match="shorter than it was"):
        sent(file, 16_384, 100, len(CONTENT))
