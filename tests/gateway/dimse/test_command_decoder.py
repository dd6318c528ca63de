"""Commands decoded by what is known of those before: never other than one by one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dimse.command import Command, decode_command, encode_echo_request, encode_store_request
from gateway.dimse.command_decoder import CommandDecoder
from gateway.dimse.connection import UnexpectedPdu
from tests.effort import bytes_kept

UIDS = st.from_regex(r"[1-9]{1,3}(\.[1-9]{1,3}){1,4}", fullmatch=True)
STORES = st.builds(encode_store_request, st.integers(0, 65_535), st.sampled_from(["1.2.3", "1.2.4", "1.2.34"]), UIDS)
ECHOES = st.builds(encode_echo_request, st.integers(0, 65_535), st.just("1.2.840.10008.1.1"))


@given(st.lists(STORES | ECHOES, max_size=20))
def test_it_decodes_each_as_if_it_were_the_first(commands: list[bytes]) -> None:
    decoder = CommandDecoder()
    assert [decoder.decode(each) for each in commands] == [decode_command(each) for each in commands]


@given(STORES, st.data())
def test_one_that_differs_in_any_byte_is_not_taken_for_the_other(command: bytes, data: st.DataObject) -> None:
    decoder = CommandDecoder()
    decoder.decode(command)
    other = bytearray(command)
    other[data.draw(st.integers(0, len(command) - 1))] ^= data.draw(st.integers(1, 255))
    assert _what_becomes_of(decoder.decode, bytes(other)) == _what_becomes_of(decode_command, bytes(other))


def _what_becomes_of(decode: object, encoded: bytes) -> Command | type[UnexpectedPdu]:
    assert callable(decode)
    try:
        command: Command = decode(encoded)
    except UnexpectedPdu as error:
        return type(error)
    return command


@pytest.mark.slow
def test_it_remembers_no_more_than_it_needs() -> None:
    """UIDs have up to 64 characters; what claims to be longer is decoded, and forgotten."""

    def kept_of(lengths: int) -> int:
        commands = [encode_store_request(1, "1." + "2" * length, "1.2.3") for length in range(1, lengths)]
        decoder = CommandDecoder()
        return bytes_kept(lambda: [decoder.decode(each) and None for each in commands])

    assert kept_of(400) < 2 * kept_of(130)
