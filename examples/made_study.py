"""What every made instance has: an invented patient, a study, a series, and identifiers that are always the same."""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from uuid import NAMESPACE_OID, uuid5

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

_MADE_BY = uuid5(NAMESPACE_OID, "informatics-gateway/examples")


@dataclass(frozen=True, slots=True)
class Examination:
    """Whom and what instances belong to. Equal numbers give equal identifiers, so studies can share a patient."""

    patient: int = 1
    study: int = 1
    series: int = 1

    @property
    def patient_id(self) -> str:
        return f"MADE-{self.patient:04}"

    @property
    def study_instance_uid(self) -> UID:
        return made_uid("study", self.patient, self.study)

    @property
    def series_instance_uid(self) -> UID:
        return made_uid("series", self.patient, self.study, self.series)

    def sop_instance_uid(self, number: int) -> UID:
        return made_uid("instance", self.patient, self.study, self.series, number)


FIRST = Examination()


def made_uid(*names: str | int) -> UID:
    """A UID derived from a UUID (PS3.5 B.2): the same whenever the names are."""
    return UID(f"2.25.{uuid5(_MADE_BY, '/'.join(map(str, names))).int}")


def made_instance(examination: Examination, number: int, modality: str, sop_class_uid: UID) -> Dataset:
    """The modules that every image has (PS3.3 C.7.1 to C.7.5, C.12.1), without the image."""
    dataset = Dataset()
    dataset.file_meta = _file_meta(sop_class_uid, examination.sop_instance_uid(number))
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.SOPClassUID = sop_class_uid
    dataset.SOPInstanceUID = examination.sop_instance_uid(number)
    _add_patient_and_study(dataset, examination)
    _add_series(dataset, examination, modality)
    dataset.InstanceNumber = number
    return dataset


def write_study(instances: Iterable[Dataset], directory: Path) -> list[Path]:
    """Write each instance as a Part 10 file named for its SOP Instance UID, one in memory at a time."""
    directory.mkdir(parents=True, exist_ok=True)
    files = []
    for dataset in instances:
        file = directory / f"{dataset.SOPInstanceUID}.dcm"
        dataset.save_as(file, enforce_file_format=True)
        files.append(file)
    return files


def noise(dataset: Dataset, length: int) -> bytes:
    """Bytes that no compressor makes smaller: always the same for the same instance."""
    return random.Random(str(dataset.SOPInstanceUID)).randbytes(length)


def _file_meta(sop_class_uid: UID, sop_instance_uid: UID) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class_uid
    meta.MediaStorageSOPInstanceUID = sop_instance_uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return meta


def _add_patient_and_study(dataset: Dataset, examination: Examination) -> None:
    dataset.PatientName = f"Invented^Patient {examination.patient}"
    dataset.PatientID = examination.patient_id
    dataset.PatientBirthDate = "19000101"
    dataset.PatientSex = "O"
    dataset.StudyInstanceUID = examination.study_instance_uid
    dataset.StudyID = str(examination.study)
    dataset.StudyDate = "20260105"
    dataset.StudyTime = "101500"
    dataset.StudyDescription = "Made study"
    dataset.AccessionNumber = f"MADE{examination.patient:04}{examination.study:04}"
    dataset.ReferringPhysicianName = "Invented^Physician"


def _add_series(dataset: Dataset, examination: Examination, modality: str) -> None:
    dataset.Modality = modality
    dataset.SeriesInstanceUID = examination.series_instance_uid
    dataset.SeriesNumber = examination.series
    dataset.SeriesDate = "20260105"
    dataset.SeriesTime = "101530"
    dataset.SeriesDescription = f"Made series {examination.series}"
    dataset.Manufacturer = "None"
    dataset.ManufacturerModelName = "Made Scanner"
    dataset.DeviceSerialNumber = "0"
    dataset.SoftwareVersions = "1"
