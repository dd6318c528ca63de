"""Instances of a study, asked for in the largest units that make sense, and again at the size of what failed.

A study that breaks off goes on by its series, a series by its instances: what is here is not fetched again, today or
after a crash. Complete is what is on disk, as many as the archive listed, whatever its answers said.
"""

from collections.abc import Iterator

from gateway.dicomweb.archive import Archive
from gateway.dicomweb.retrieve import Unit, UnitFailed, retrieve
from gateway.errors import NotAtPeer, PeerRefused, PeerUnavailable
from gateway.retrieval.intake import Intake
from gateway.retrieval.study_state import StudyState

_MOST_FAILURES_IN_A_ROW = 3


def fetch_study(archive: Archive, state: StudyState, intake: Intake) -> None:
    """Fetch what is missing. Returns when all is here.

    Raises UnitFailed where some is still missing and another try may bring it, NotAtPeer where the archive does not
    have what the request itself names, and PeerUnavailable or PeerRefused where it is the service that can't be used.
    """
    try:
        trouble = _fetch(archive, state, intake)
    except PeerUnavailable as error:
        raise PeerUnavailable(f"{state}: {error}", retry_after_seconds=error.retry_after_seconds) from None
    except PeerRefused as error:
        raise PeerRefused(f"{state}: {error}") from None
    if not state.is_complete:
        kind = NotAtPeer if isinstance(trouble, NotAtPeer) and not state.wanted.listed else UnitFailed
        raise kind(f"{state}: {trouble or intake.taken.complaint or f'{archive.service} gives no more'}")


def _fetch(archive: Archive, state: StudyState, intake: Intake) -> NotAtPeer | UnitFailed | None:
    """Ask for unit after unit; return the last trouble, which later units may have made good."""
    trouble: NotAtPeer | UnitFailed | None = None
    failures = 0
    for unit in _units(state):
        instances_before = intake.taken.instances
        intake.expect(unit)
        try:
            retrieve(archive, unit, intake)
        except NotAtPeer as error:
            trouble = error
        except UnitFailed as error:
            trouble = error
            failures = failures + 1 if intake.taken.instances == instances_before else 0
            if failures == _MOST_FAILURES_IN_A_ROW:
                break
        else:
            failures = 0
    return trouble


def _units(state: StudyState) -> Iterator[Unit]:
    """What to ask for, looked up when its turn comes: nothing that would bring again what is here."""
    study, level = state.wanted.study_instance_uid, state.wanted.level
    if level == "study" and not state.is_begun(state.wanted.instances):
        yield Unit(study)
    if level != "instances":
        for series, instances in state.by_series().items():
            if len(instances) > 1 and not state.is_begun(instances):
                yield Unit(study, series)
    for instance in state.missing():
        yield Unit(study, instance.series_instance_uid, instance.sop_instance_uid)
