"""Status codes of DIMSE and of storage, as this end answers and judges them; each stands here and nowhere else.

Plain numbers: they are keys on the way of every instance. pynetdicom's tables give codes their meaning but no names to
program with; a test holds these to them.
"""

from typing import Final

# Of every DIMSE service: PS3.7 annex C.1 (success), C.4 (warning) and C.5 (failure).
SUCCESS: Final = 0x0000
WARNING: Final = 0x0001
ATTRIBUTE_LIST_ERROR: Final = 0x0107
PROCESSING_FAILURE: Final = 0x0110
DUPLICATE_SOP_INSTANCE: Final = 0x0111
ATTRIBUTE_VALUE_OUT_OF_RANGE: Final = 0x0116
INVALID_SOP_INSTANCE: Final = 0x0117
SOP_CLASS_NOT_SUPPORTED: Final = 0x0122
NOT_AUTHORIZED: Final = 0x0124
DUPLICATE_INVOCATION: Final = 0x0210
UNRECOGNIZED_OPERATION: Final = 0x0211
MISTYPED_ARGUMENT: Final = 0x0212
RESOURCE_LIMITATION: Final = 0x0213

# Of the Storage Service Class: PS3.4 section B.2.3, table B.2-1. Where it gives a range, we answer with its first.
COERCION_OF_DATA_ELEMENTS: Final = 0xB000
ELEMENTS_DISCARDED: Final = 0xB006
DATA_SET_DOES_NOT_MATCH_WARNING: Final = 0xB007
OUT_OF_RESOURCES: Final = range(0xA700, 0xA800)
DATA_SET_DOES_NOT_MATCH: Final = range(0xA900, 0xAA00)
WARNINGS: Final = range(0xB000, 0xC000)  # PS3.7 annex C.4: all of them; three have a meaning
CANNOT_UNDERSTAND: Final = range(0xC000, 0xD000)

# Of STOW-RS alone, as a Failure Reason beside those above: PS3.18 section 10.5.3 and annex I.2.
TRANSFER_SYNTAX_NOT_SUPPORTED: Final = 0xC122
