"""Why somebody may not come in, in words that help who has to put it right.

For the log and the list of associations: the peer is told a code. The titles that are registered are short, and few
enough to be compared with one that is not.
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

_SIMILAR = 0.7  # of the letters that two titles have in common, as difflib counts
_MOST_NAMED = 3


def unknown_entity(called_ae: str, registered: Iterable[str]) -> str:
    """Say what is wrong with a called AE title that is not registered here.

    >>> unknown_entity("MIGG", ["MIG"])
    'no AE title MIGG; did you mean MIG'
    """
    titles = list(registered)
    if not called_ae:
        return "it called no AE title"
    if same := _same_in_capitals(called_ae, titles):
        return f"{called_ae} differs from {same} in letter case only"
    similar = _similar(called_ae, titles)
    return f"no AE title {called_ae}; did you mean {similar}" if similar else f"no AE title {called_ae}"


def unknown_source(calling_ae: str, address: str, titles: Iterable[str], at_address: Sequence[str]) -> str:
    """Say what is wrong with a calling AE title that is not registered; `at_address` has the titles of its address.

    >>> unknown_source("ct02", "10.1.0.17", ["CT01", "CT02"], ["CT02"])
    'ct02 differs from CT02 in letter case only'
    """
    registered = sorted(set(titles))
    came_from = f"it came from {address}"
    if not calling_ae:
        return f"it gave no calling AE title, {came_from}"
    if same := _same_in_capitals(calling_ae, registered):
        where = "" if same in at_address else f", and {came_from}"
        return f"{calling_ae} differs from {same} in letter case only{where}"
    unknown = f"no source {calling_ae} is registered"
    if similar := _similar(calling_ae, registered):
        return f"{unknown}; did you mean {similar}; {came_from}"
    if at_address:
        return f"{unknown}; {came_from}, which is registered for {_listed(at_address)}"
    return f"{unknown}; {came_from}"


def elsewhere(calling_ae: str, address: str, hosts: Sequence[str], never_resolved: Sequence[str] = ()) -> str:
    """Say that a source is registered, for other hosts than it came from, of which some may have no address yet.

    >>> elsewhere("CT02", "10.1.0.99", ["10.1.0.17"])
    'CT02 is registered for 10.1.0.17, it came from 10.1.0.99'
    """
    said = f"{calling_ae} is registered for {_listed(hosts)}, it came from {address}"
    if never_resolved:
        said += f"; no name server has given an address of {_listed(never_resolved)}"
    return said


def _same_in_capitals(title: str, registered: Iterable[str]) -> str | None:
    return next((each for each in registered if each.upper() == title.upper()), None)


def _similar(title: str, registered: Iterable[str]) -> str | None:
    in_capitals = {each.upper(): each for each in registered}
    found = get_close_matches(title.upper(), in_capitals, n=1, cutoff=_SIMILAR)
    return in_capitals[found[0]] if found else None


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
