"""One line of the report: a figure of ours, what it stands beside, and the bound that it is to keep."""

from dataclasses import dataclass

_DIGITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A figure in `unit`, the median of all rounds. A bound is one of the ratio to the peer's, where there is a peer.

    Costs are for each instance (CPU) or at the height (memory); None where they were not measured.
    """

    what: str
    unit: str
    ours: float
    peer: float | None = None
    peer_name: str = ""
    at_least: float | None = None
    at_most: float | None = None
    cpu_ms: float | None = None
    peer_cpu_ms: float | None = None
    peak_mb: float | None = None
    peer_peak_mb: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours to the peer's."""
        return self.ours / self.peer if self.peer else None

    @property
    def met(self) -> bool | None:
        """Whether the bound is kept; None where there is none."""
        measured = self.ours if self.ratio is None else self.ratio
        if self.at_least is not None:
            return measured >= self.at_least
        return measured <= self.at_most if self.at_most is not None else None

    @property
    def bound(self) -> float | None:
        """The bound in the row's unit."""
        bound = self.at_least if self.at_least is not None else self.at_most
        return bound * self.peer if bound is not None and self.peer else bound

    def as_json(self) -> dict[str, object]:
        """What stands in the report; bounds, costs and notes only where there are some."""
        always: dict[str, object] = {
            "what": self.what,
            "unit": self.unit,
            "ours": rounded(self.ours),
            "peer": rounded(self.peer),
            "peer_name": self.peer_name,
            "ratio": rounded(self.ratio),
        }
        optional = {
            "at_least": self.at_least,
            "at_most": self.at_most,
            "met": self.met,
            "cpu_ms": rounded(self.cpu_ms),
            "peer_cpu_ms": rounded(self.peer_cpu_ms),
            "peak_mb": rounded(self.peak_mb),
            "peer_peak_mb": rounded(self.peer_peak_mb),
            "note": self.note or None,
        }
        return always | {name: value for name, value in optional.items() if value is not None}


def rounded(figure: float | None) -> float | None:
    """The figure with the digits that a measurement like this can tell."""
    return None if figure is None else float(f"{figure:.{_DIGITS}g}")


def figure(number: float) -> str:
    """A figure as a person reads it: three digits, more only where they stand before the point."""
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"
