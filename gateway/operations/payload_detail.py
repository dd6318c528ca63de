"""All that is known of one payload: what fed it, its run, and where it was sent."""

from dataclasses import dataclass

from sqlalchemy import Engine

from gateway.exports.listing import ExportFilter, ExportListing, ExportView
from gateway.operations.associations import AssociationListing, AssociationView, Wanted
from gateway.operations.payload_view import PayloadView

MOST = 50
"""Of a payload that has more exports, or associations, the newest are shown, and all are counted."""


@dataclass(frozen=True, slots=True)
class PayloadDetail(PayloadView):
    """What a list shows of a payload, and more. `run_url` is the page of its last run in Prefect's dashboard.

    Its objects lie in `bucket`. `associations` are those that have ended, for as long as they are kept.
    """

    bucket: str
    run_url: str | None
    exports: list[ExportView]
    export_count: int
    associations: list[AssociationView]
    association_count: int


def payload_detail(engine: Engine, view: PayloadView, bucket: str, run_url: str | None) -> PayloadDetail:
    """Return the rest of a payload that was found. Raises DatabaseUnavailable."""
    exports, associations = ExportListing(engine), AssociationListing(engine)
    fed_it, sent = Wanted(payload_id=view.id), ExportFilter(payload=str(view.id))
    return PayloadDetail(
        **{field: getattr(view, field) for field in PayloadView.__slots__},
        bucket=bucket,
        run_url=run_url,
        exports=exports.page(MOST, wanted=sent),
        export_count=exports.total(sent),
        associations=associations.page(MOST, wanted=fed_it),
        association_count=associations.count(fed_it),
    )
