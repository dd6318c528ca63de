"""Which instances belong to a study, to a series of it, or are the one that is meant."""

import pytest

from gateway.dicom.identity import Identity, Unit

SLICE = Identity("1.2.840.10008.5.1.4.1.1.2", "1.1.1", "1", "1.1", "CT", b"1")


@pytest.mark.parametrize(
    ("unit", "holds"),
    [
        (Unit("1"), True),
        (Unit("1", "1.1"), True),
        (Unit("1", "1.1", "1.1.1"), True),
        (Unit("2"), False),
        (Unit("1", "1.2"), False),
        (Unit("2", "1.1", "1.1.1"), False),
        (Unit("1", "1.1", "1.1.2"), False),
    ],
)
def test_a_unit_holds_what_agrees_with_all_that_it_names(unit: Unit, holds: bool) -> None:
    assert unit.holds(SLICE) is holds
