"""The status codes, held to the tables of pynetdicom."""

import pytest
from pynetdicom.status import GENERAL_STATUS, STORAGE_SERVICE_CLASS_STATUS

from gateway.dicom import status_codes as codes


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (codes.SUCCESS, ""),
        (codes.ATTRIBUTE_LIST_ERROR, "Attribute List Error"),
        (codes.PROCESSING_FAILURE, "Processing Failure"),
        (codes.DUPLICATE_SOP_INSTANCE, "Duplication SOP Instance"),
        (codes.ATTRIBUTE_VALUE_OUT_OF_RANGE, "Attribute Value Out of Range"),
        (codes.INVALID_SOP_INSTANCE, "Invalid Object Instance"),
        (codes.SOP_CLASS_NOT_SUPPORTED, "Refused: SOP Class Not Supported"),
        (codes.NOT_AUTHORIZED, "Refused: Not Authorised"),
        (codes.DUPLICATE_INVOCATION, "Duplicate Invocation"),
        (codes.UNRECOGNIZED_OPERATION, "Unrecognised Operation"),
        (codes.MISTYPED_ARGUMENT, "Mistyped Argument"),
        (codes.RESOURCE_LIMITATION, "Resource Limitation"),
    ],
)
def test_a_code_of_every_service_is_what_its_name_says(code: int, meaning: str) -> None:
    assert GENERAL_STATUS[code][1] == meaning


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (codes.COERCION_OF_DATA_ELEMENTS, "Coercion of Data Elements"),
        (codes.ELEMENTS_DISCARDED, "Element Discarded"),
        (codes.DATA_SET_DOES_NOT_MATCH_WARNING, "Data Set Does Not Match SOP Class"),
    ],
)
def test_a_warning_of_storage_is_what_its_name_says(code: int, meaning: str) -> None:
    assert STORAGE_SERVICE_CLASS_STATUS[code] == ("Warning", meaning)
    assert code in codes.WARNINGS


@pytest.mark.parametrize(
    ("among", "meaning"),
    [
        (codes.OUT_OF_RESOURCES, "Refused: Out of Resources"),
        (codes.DATA_SET_DOES_NOT_MATCH, "Data Set Does Not Match SOP Class"),
        (codes.CANNOT_UNDERSTAND, "Cannot Understand"),
    ],
)
def test_a_range_holds_every_code_of_its_meaning(among: range, meaning: str) -> None:
    assert {code for code, told in STORAGE_SERVICE_CLASS_STATUS.items() if told == ("Failure", meaning)} == {*among}
