"""What a retrieval tells of its sources, for the person at the dashboard: places in the request and counts."""

from gateway.inference.row import RequestRow


def sources_report(row: RequestRow) -> str:
    """Return Markdown: what each source had, and what of it is here."""
    outcome = row.outcome
    if outcome is None:
        return "No source was asked yet."
    lines = ["| source | found | fetched | bytes | error |", "| --- | ---: | ---: | ---: | --- |"]
    lines += [
        f"| inputResources[{each.source}] | {each.found:,} | {each.fetched:,} | {each.bytes:,} | {each.error} |"
        for each in outcome.sources
    ]
    return "\n".join([*lines, "", *(f"- {remark}" for remark in outcome.remarks)])
