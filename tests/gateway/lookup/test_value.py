"""What a person types is what a sender encoded, in whatever character set."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.lookup.value import as_asked, as_digested


@pytest.mark.parametrize(
    ("value", "character_set", "text"),
    [
        (b" P 1\0", b"", "P 1"),
        ("Müller1 ".encode("latin-1"), b"ISO_IR 100", "Müller1"),
        ("Müller1".encode(), b"ISO_IR 192 ", "Müller1"),
        ("Mu\u0308ller1".encode(), b"ISO_IR 192", "Müller1"),
        ("Иван7".encode("iso8859-5"), b"ISO_IR 144", "Иван7"),
        ("山7".encode("gb18030"), b"GB18030", "山7"),
        (b"\x1b$B;3\x1b(B7", b"\\ISO 2022 IR 87", "山7"),
        ("Müller1".encode(), b"", "Müller1"),  # undeclared
        ("Müller1".encode("latin-1"), b"", "Müller1"),
        ("Müller1".encode("latin-1"), b"ISO_IR 192", "Müller1"),  # declared wrongly
        ("Müller1".encode(), b"no such set", "Müller1"),
    ],
)
def test_a_value_is_the_text_that_was_meant(value: bytes, character_set: bytes, text: str) -> None:
    assert as_digested(value, character_set) == as_asked(text)


@given(st.binary(max_size=64), st.sampled_from([b"", b"ISO_IR 100", b"ISO_IR 192", b"GBK", b"\xff"]))
@pytest.mark.filterwarnings("ignore:.*:UserWarning")  # pydicom's, of escapes that are none
def test_whatever_was_sent_is_some_text(value: bytes, character_set: bytes) -> None:
    assert as_digested(value, character_set) == as_asked(as_digested(value, character_set))
