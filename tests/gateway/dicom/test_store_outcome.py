"""What the status of a peer means for an instance."""

import pytest

from gateway.dicom.store_outcome import Outcome, outcome_of_status


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (0x0000, Outcome.STORED),
        (0xB000, Outcome.STORED_WITH_REMARK),
        (0xB006, Outcome.STORED_WITH_REMARK),
        (0xB007, Outcome.STORED_WITH_REMARK),
        (0xBFFF, Outcome.STORED_WITH_REMARK),
        (0x0001, Outcome.STORED_WITH_REMARK),
        (0x0111, Outcome.STORED_WITH_REMARK),
        (0xA700, Outcome.TRANSIENT),
        (0xA7FF, Outcome.TRANSIENT),
        (0x0213, Outcome.TRANSIENT),
        (0xA800, Outcome.FINAL),
        (0xA900, Outcome.FINAL),
        (0xC000, Outcome.FINAL),
        (0xC122, Outcome.FINAL),
        (0x0110, Outcome.FINAL),
        (0x0122, Outcome.FINAL),
        (0x0124, Outcome.FINAL),
        (0xFE00, Outcome.FINAL),
        (0xFF00, Outcome.FINAL),
    ],
    ids=lambda value: f"{value:04X}" if isinstance(value, int) else "",
)
def test_each_status_is_judged_by_whether_waiting_helps(status: int, outcome: Outcome) -> None:
    judged = outcome_of_status(status)
    assert judged.outcome is outcome
    assert judged.status == status
    assert f"({status:04X})" in judged.reason or status == 0
