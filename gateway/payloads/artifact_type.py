"""The numbers that `md.workflow.request` gives to modalities (0008,0060)."""

_NAMES = (
    "Unset Folder HL7 AR ASMT AU BDUS BI BMD CR CT DG DOC DX ECG EPS ES FID GM HC HD IO IOL IVOCT IVUS KER KO LEN "
    "LS MG MR NM OAM OCT OP OPM OPT OPV OSS OT PLAN PR PT PX REG RESP RF RG RTDOSE RTIMAGE RTPLAN RTRECORD RTSTRUCT "
    "RWV SEG SM SMR SR SRF STAIN TG US VA XA XC"
).split()

_NUMBERS = {name: number for number, name in enumerate(_NAMES)}
_NOT_A_MODALITY = {"Unset", "Folder", "HL7"}


UNSET = 0
"""What is no image, as MIG numbers FHIR resources."""


def artifact_type(modality: str) -> int:
    """Return the number of a modality, e.g. 10 for CT; 0, "unset", for one that the workflow manager does not know."""
    return 0 if modality in _NOT_A_MODALITY else _NUMBERS.get(modality, 0)
