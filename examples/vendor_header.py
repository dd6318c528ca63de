"""What a vendor's scanner writes beyond the Standard's needs: protocol, dose, requests, codes and private groups."""

from pydicom import Dataset
from pydicom.dataset import PrivateBlock
from pydicom.uid import CTImageStorage

from examples.made_study import made_uid, noise

_PROTOCOL = {
    "InstanceCreationDate": "20260105",
    "InstanceCreationTime": "101532.125000",
    "AcquisitionDate": "20260105",
    "AcquisitionTime": "101531.500000",
    "ContentDate": "20260105",
    "ContentTime": "101532.000000",
    "AcquisitionDateTime": "20260105101531.500000",
    "TimezoneOffsetFromUTC": "+0000",
    "InstitutionName": "Invented Hospital",
    "InstitutionAddress": "1 Nowhere Road",
    "InstitutionalDepartmentName": "Radiology",
    "StationName": "SCANNER1",
    "PerformingPhysicianName": "Invented^Performer",
    "OperatorsName": "Invented^Operator",
    "NameOfPhysiciansReadingStudy": "Invented^Reader",
    "AdmittingDiagnosesDescription": "None, this is made",
    "PatientAge": "126Y",
    "PatientSize": "1.75",
    "PatientWeight": "75.5",
    "PregnancyStatus": 4,
    "BodyPartExamined": "CHEST",
    "ScanOptions": "HELICAL",
    "DataCollectionDiameter": "500",
    "ProtocolName": "Made protocol 1.0",
    "ContrastBolusAgent": "Invented agent",
    "ContrastBolusVolume": "80",
    "ReconstructionDiameter": "384",
    "DistanceSourceToDetector": "1085.6",
    "DistanceSourceToPatient": "595",
    "GantryDetectorTilt": "0",
    "TableHeight": "152.5",
    "RotationDirection": "CW",
    "ExposureTime": 500,
    "XRayTubeCurrent": 210,
    "Exposure": 105,
    "FilterType": "WEDGE_2",
    "GeneratorPower": 25,
    "FocalSpots": ["1.2", "0.9"],
    "DateOfLastCalibration": ["20260101", "20260104"],
    "TimeOfLastCalibration": ["063000", "061500"],
    "ConvolutionKernel": ["Br40d", "3"],
    "SingleCollimationWidth": 0.6,
    "TotalCollimationWidth": 38.4,
    "TableSpeed": 46.0,
    "TableFeedPerRotation": 23.0,
    "SpiralPitchFactor": 0.6,
    "ExposureModulationType": "XYZ_EC",
    "EstimatedDoseSaving": 22.5,
    "CTDIvol": 7.125,
    "DataCollectionCenterPatient": [0.0, -152.5, -120.0],
    "ReconstructionTargetCenterPatient": [0.0, -152.5, -120.0],
    "PatientComments": "Nobody: a phantom",
    "ImageComments": "Made by arithmetic",
    "SmallestImagePixelValue": 0,
    "LargestImagePixelValue": 2047,
    "BurnedInAnnotation": "NO",
    "LossyImageCompression": "00",
    "WindowCenterWidthExplanation": "WINDOW1",
    "PerformedProcedureStepStartDate": "20260105",
    "PerformedProcedureStepStartTime": "101400",
    "PerformedProcedureStepID": "MADE-STEP-1",
    "PerformedProcedureStepDescription": "Made step",
    "RequestedProcedureDescription": "Made procedure",
    "RequestingPhysician": "Invented^Requester",
    "PatientIdentityRemoved": "YES",
    "DeidentificationMethod": "There never was a patient",
}

_CREATOR = "MADE SCANNER HEADER"
_PRIVATE_GROUPS = (0x0019, 0x0021, 0x0029, 0x0051, 0x7FE1)

# One element of each kind, as often as the group has room for: what a reader of foreign headers has to get past.
_PRIVATE_VALUES: tuple[tuple[str, object], ...] = (
    ("LO", "made"),
    ("SH", "A1"),
    ("CS", ["ONE", "TWO"]),
    ("DS", ["0.5", "-1.25", "1e-3"]),
    ("IS", ["1", "2"]),
    ("FD", [0.1, 0.2, 0.3]),
    ("FL", 1.5),
    ("SL", -7),
    ("SS", -1),
    ("UL", 70_000),
    ("US", [512, 512]),
    ("DA", "20260105"),
    ("TM", "101530.5"),
    ("DT", "20260105101530"),
    ("ST", "first line\r\nsecond line"),
    ("LT", "a longer text " * 20),
    ("UT", "<protocol><step number='1'/></protocol>" * 25),
    ("UI", "2.25.1"),
    ("PN", "Invented^Person"),
    ("OW", b"\x00\x01" * 64),
    ("UN", b"\xff\xfe" * 16),
)


def add_vendor_header(dataset: Dataset) -> None:
    """Add some 270 elements, nested ones counted, of 70 KB, most of that in private binary values.

    Call it first: what an image needs for its own sake stands over what is written here.
    """
    for keyword, value in _PROTOCOL.items():
        setattr(dataset, keyword, value)
    _add_references(dataset)
    _add_codes(dataset)
    _add_requests(dataset)
    for group in _PRIVATE_GROUPS:
        _add_private_group(dataset.private_block(group, _CREATOR, create=True), dataset)


def _add_references(dataset: Dataset) -> None:
    study = dataset.StudyInstanceUID
    dataset.ReferencedStudySequence = [_reference("1.2.840.10008.3.1.2.3.1", "referenced study", study)]
    dataset.ReferencedPerformedProcedureStepSequence = [_reference("1.2.840.10008.3.1.2.3.3", "step", study)]
    dataset.ReferencedImageSequence = [_reference(CTImageStorage, "localizer", study, number) for number in range(3)]
    dataset.SourceImageSequence = [_reference(CTImageStorage, "localizer", study, 0)]
    dataset.IrradiationEventUID = made_uid("irradiation", study)
    dataset.SynchronizationFrameOfReferenceUID = made_uid("synchronization", study)


def _add_codes(dataset: Dataset) -> None:
    dataset.ProcedureCodeSequence = [_code("MADE1", "Made procedure")]
    dataset.CTDIPhantomTypeCodeSequence = [_code("113691", "IEC Body Dosimetry Phantom", scheme="DCM")]
    region = _code("MADE2", "Made region")
    region.AnatomicRegionModifierSequence = [_code("MADE3", "Made side")]
    dataset.AnatomicRegionSequence = [region]
    dataset.DeidentificationMethodCodeSequence = [_code("113100", "Basic Profile", scheme="DCM")]
    dataset.ContrastBolusAgentSequence = [_code("MADE4", "Made agent")]


def _add_requests(dataset: Dataset) -> None:
    """Request Attributes with their protocol codes, three deep (PS3.3 10.6)."""
    protocol = _code("MADE5", "Made protocol")
    protocol.ProtocolContextSequence = [_parameter("MADE6", "slow"), _parameter("MADE7", "quiet")]
    request = Dataset()
    request.RequestedProcedureID = "MADE-REQUEST-1"
    request.RequestedProcedureDescription = "Made procedure"
    request.ScheduledProcedureStepID = "MADE-STEP-1"
    request.ScheduledProcedureStepDescription = "Made step"
    request.ScheduledProtocolCodeSequence = [protocol]
    dataset.RequestAttributesSequence = [request]


def _add_private_group(block: PrivateBlock, dataset: Dataset) -> None:
    for offset, (representation, value) in enumerate(_PRIVATE_VALUES, start=0x10):
        block.add_new(offset, representation, value)
    block.add_new(0x40, "SQ", [_private_item(block.group, number) for number in range(2)])
    block.add_new(0x50, "OB", noise(dataset, 12_000))


def _private_item(group: int, number: int) -> Dataset:
    item = Dataset()
    item.private_block(group, _CREATOR, create=True).add_new(0x01, "IS", number)
    return item


def _reference(sop_class_uid: str, *names: str | int) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class_uid
    item.ReferencedSOPInstanceUID = made_uid(*names)
    return item


def _parameter(name: str, value: str) -> Dataset:
    item = Dataset()
    item.ValueType = "TEXT"
    item.ConceptNameCodeSequence = [_code(name, "Made parameter")]
    item.TextValue = value
    return item


def _code(value: str, meaning: str, scheme: str = "99MADE") -> Dataset:
    item = Dataset()
    item.CodeValue = value
    item.CodingSchemeDesignator = scheme
    item.CodeMeaning = meaning
    return item
