"""What an archive has of the studies that a request names."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from gateway.config.model import InferenceSettings
from gateway.dicomweb.archive import Archive
from gateway.dicomweb.search import FoundStudy, StudyKey, find_studies, list_instances
from gateway.errors import PeerRefused
from gateway.inference.request import AccessionInput, PatientInput, SeriesSelection, StudiesInput, StudySelection
from gateway.retrieval.wanted import ListedInstance, WantedStudy


class StudyQuery:
    """Asks one archive. What a person should know of an answer goes to `remarks`."""

    def __init__(self, archive: Archive, source: int, bounds: InferenceSettings, remarks: list[str]) -> None:
        self._archive = archive
        self._source = source
        self._bounds = bounds
        self._remarks = remarks

    def lookups(
        self, each: StudiesInput | PatientInput | AccessionInput
    ) -> Iterator[Callable[[], Sequence[WantedStudy]]]:
        """Yield a question for each thing that an input names, so that one without an answer keeps none from its own.

        Each raises PeerRefused where the archive has nothing of that name, PeerUnavailable where it does not answer.
        """
        if isinstance(each, PatientInput):
            yield partial(self._all_studies, "PatientID", each.patient_id, f"study of the patient in {each.place}")
        elif isinstance(each, AccessionInput):
            for index, number in enumerate(each.accession_numbers):
                what = f"study with the accession number in {each.place}.accessionNumber[{index}]"
                yield partial(self._all_studies, "AccessionNumber", number, what)
        else:
            for study in each.studies:
                yield from self._selection(study)

    def _selection(self, study: StudySelection) -> Iterator[Callable[[], Sequence[WantedStudy]]]:
        uid = study.study_instance_uid
        if not study.series:
            yield partial(self._all_studies, "StudyInstanceUID", uid, f"study {uid}")
        for series in study.series:
            yield partial(self._series, uid, series)

    def _all_studies(self, key: StudyKey, value: str, what: str) -> list[WantedStudy]:
        found = find_studies(self._archive, key, value, self._bounds.max_studies)
        if found.dropped:
            self._remarks.append(
                f"inputResources[{self._source}]: {found.dropped} studies were left out that are no {what}"
            )
        if not found.studies:
            raise PeerRefused(f"{self._archive.service} has no {what}")
        return [self._whole_study(study) for study in found.studies]

    def _whole_study(self, study: FoundStudy) -> WantedStudy:
        uid = study.study_instance_uid
        instances = self._listed(uid, None, f"study {uid}")
        promised = study.instances if self._bounds.check_instance_count else None
        return WantedStudy(self._source, uid, "study", instances, listed=True, promised=promised)

    def _series(self, study: str, series: SeriesSelection) -> list[WantedStudy]:
        uid = series.series_instance_uid
        if series.sop_instance_uids:
            named = tuple(ListedInstance(uid, sop_uid) for sop_uid in series.sop_instance_uids)
            return [WantedStudy(self._source, study, "instances", named, listed=False)]
        return [WantedStudy(self._source, study, "series", self._listed(study, uid, f"series {uid}"), listed=True)]

    def _listed(self, study: str, series: str | None, what: str) -> tuple[ListedInstance, ...]:
        listed = list_instances(self._archive, study, series, self._bounds.max_instances)
        if not listed:
            raise PeerRefused(f"{self._archive.service} lists no instance of {what}")
        return tuple(ListedInstance(*uids) for uids in listed)
