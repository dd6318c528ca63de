"""Sources of kind "dicomweb": found by QIDO-RS, fetched by WADO-RS (PS3.18 sections 10.6 and 10.4).

Instances are asked for in the largest units that make sense, and again at the size of what failed: a study that breaks
off goes on by its series, a series by its instances. Complete is what is on disk, as many as the archive listed,
whatever its answers said.
"""

from collections.abc import Iterator, Sequence

from gateway.config import Settings
from gateway.config.sections import InferenceSettings
from gateway.dicom.identity import Unit
from gateway.dicomweb.archive import Archive
from gateway.dicomweb.multipart_reader import PartBegins, PartData, PartEvent
from gateway.dicomweb.retrieve import UnitFailed, retrieve
from gateway.dicomweb.search import FoundStudy, find_studies, list_instances, probe
from gateway.errors import GatewayError, NotAtPeer, PeerRefused, PeerUnavailable, SettingsError
from gateway.sources.address import SourceAddress, service_of, timeouts_of
from gateway.sources.items import Found, ListedInstance, WantedItem, WantedStudy
from gateway.sources.port import Arrivals, ArrivingFile, not_served
from gateway.sources.questions import Question, SeriesQuestion, StudyQuestion
from gateway.sources.study_state import StudyState
from gateway.web.service import HttpTimeouts, Service

_MOST_FAILURES_IN_A_ROW = 3


def open_dicomweb(address: SourceAddress, settings: Settings) -> "DicomWebSource":
    """The archive at an address, or one of `[[dicomweb_sources]]`."""
    service = registered_service(address.registered, settings) if address.registered else service_of(address, settings)
    return DicomWebSource(service, timeouts_of(settings), settings.inference)


class DicomWebSource:
    """An archive that speaks DICOMweb. A study that it fails at is no reason to leave out the next one."""

    def __init__(self, service: Service, timeouts: HttpTimeouts, bounds: InferenceSettings) -> None:
        """Raises SettingsError where the service's `ca_file` can't be used."""
        self._archive = Archive(service, timeouts, bounds.page_size)
        self._bounds = bounds

    def __str__(self) -> str:
        return str(self._archive.service)

    def find(self, question: Question) -> Found:
        if isinstance(question, StudyQuestion):
            return self._studies(question)
        if isinstance(question, SeriesQuestion):
            return Found((self._series(question),))
        raise not_served(self, question)

    def fetch(self, wanted: Sequence[WantedItem], arrivals: Arrivals) -> Iterator[GatewayError]:
        for study in wanted:
            try:
                self._fetch(study, arrivals)
            except (UnitFailed, NotAtPeer) as error:  # this study's own trouble
                yield error
            except (PeerUnavailable, PeerRefused) as error:
                yield error
                return

    def probe(self) -> None:
        probe(self._archive)

    def close(self) -> None:
        self._archive.close()

    def _studies(self, question: StudyQuestion) -> Found:
        found = find_studies(self._archive, question.key, question.value, self._bounds.max_studies)
        left_out = f"{found.dropped} studies were left out that are no {question.what}" if found.dropped else ""
        if not found.studies:
            raise NotAtPeer(f"{self} has no {question.what}" + (f": {left_out}" if left_out else ""))
        return Found(tuple(map(self._whole_study, found.studies)), (left_out,) if left_out else ())

    def _whole_study(self, study: FoundStudy) -> WantedStudy:
        uid = study.study_instance_uid
        instances = self._listed(uid, None, f"study {uid}")
        related_instances = study.instances if self._bounds.check_instance_count else None
        return WantedStudy(uid, "study", instances, listed=True, related_instances=related_instances)

    def _series(self, question: SeriesQuestion) -> WantedStudy:
        study, series = question.study_instance_uid, question.series_instance_uid
        if question.sop_instance_uids:
            named = tuple(ListedInstance(series, sop_uid) for sop_uid in question.sop_instance_uids)
            return WantedStudy(study, "instances", named, listed=False)
        return WantedStudy(study, "series", self._listed(study, series, f"series {series}"), listed=True)

    def _listed(self, study: str, series: str | None, what: str) -> tuple[ListedInstance, ...]:
        listed = list_instances(self._archive, study, series, self._bounds.max_instances)
        if not listed:
            raise NotAtPeer(f"{self} lists no instance of {what}")
        return tuple(ListedInstance(*uids) for uids in listed)

    def _fetch(self, study: WantedItem, arrivals: Arrivals) -> None:
        """Fetch what is missing of a study.

        Raises UnitFailed where some is still missing and another try may bring it, NotAtPeer where the archive does not
        have what the request itself names, and PeerUnavailable or PeerRefused where it is the service that can't be
        used.
        """
        if not isinstance(study, WantedStudy):
            raise not_served(self, study)
        state = StudyState(study, arrivals)
        try:
            trouble = self._fetch_units(state, arrivals)
        except PeerUnavailable as error:
            raise PeerUnavailable(f"{state}: {error}", retry_after_seconds=error.retry_after_seconds) from None
        except PeerRefused as error:
            raise PeerRefused(f"{state}: {error}") from None
        if not state.is_complete:
            kind = NotAtPeer if isinstance(trouble, NotAtPeer) and not study.listed else UnitFailed
            raise kind(f"{state}: {trouble or arrivals.complaint or f'{self} gives no more'}")

    def _fetch_units(self, state: StudyState, arrivals: Arrivals) -> NotAtPeer | UnitFailed | None:
        """Ask for unit after unit; return the last trouble, which later units may have made good."""
        trouble: NotAtPeer | UnitFailed | None = None
        failures = 0
        for unit in state.units():
            kept_before = arrivals.kept
            try:
                retrieve(self._archive, unit, _Parts(self._archive, unit, arrivals))
            except NotAtPeer as error:
                trouble = error
            except UnitFailed as error:
                trouble = error
                failures = failures + 1 if arrivals.kept == kept_before else 0
                if failures == _MOST_FAILURES_IN_A_ROW:
                    break
            else:
                failures = 0
        return trouble


class _Parts:
    """Turns the parts of an answer into files."""

    def __init__(self, archive: Archive, unit: Unit, arrivals: Arrivals) -> None:
        self._archive = archive
        self._unit = unit
        self._arrivals = arrivals
        self._file: ArrivingFile | None = None
        self._announced_bytes: int | None = None

    def take(self, event: PartEvent) -> None:
        if isinstance(event, PartBegins):
            announced = event.headers.get("content-length", "")
            self._announced_bytes = int(announced) if announced.isdecimal() else None
            self._file = self._arrivals.new_instance()
            return
        assert self._file
        if isinstance(event, PartData):
            self._file.write(event.data)
        else:
            self._end(self._file)

    def give_up(self) -> None:
        if self._file:
            self._file.discard()
            self._file = None

    def _end(self, file: ArrivingFile) -> None:
        self._arrivals.keep_instance(
            file, self._unit, announced_bytes=self._announced_bytes, as_stored=self._archive.as_stored
        )
        self._file = None


def registered_service(name: str, settings: Settings) -> Service:
    """The archive that the settings know by this name. Raises SettingsError where they know none."""
    for peer in settings.dicomweb_sources:
        if peer.name == name:
            return Service(
                peer.url,
                username=peer.username,
                password=peer.password.get_secret_value(),
                token=peer.token.get_secret_value(),
                ca_file=peer.ca_file,
                name=name,
                proxy=settings.proxy_towards(peer.url, peer.proxy),
            )
    known = ", ".join(peer.name for peer in settings.dicomweb_sources) or "none is"
    raise SettingsError(f"the archive that is to be asked is not registered in [[dicomweb_sources]]; known: {known}")
