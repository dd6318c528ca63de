"""The report, as a table, as JSON and as a chart."""

import json
from pathlib import Path
from xml.etree import ElementTree

from bench.report import markdown, write
from bench.row import Row

FAST = Row(what="intake <CT>", unit="instances/s", ours=1400, peer=350, peer_name="Orthanc", at_least=3.5, cpu_ms=0.3)
LEAN = Row(what="CPU for each CT", unit="ms", ours=0.6, at_most=0.45)
PLAIN = Row(what="fdatasync, p50", unit="ms", ours=0.2)
SVG = "{http://www.w3.org/2000/svg}"


def bars(chart: ElementTree.Element) -> list[tuple[str, float]]:
    return [(bar.attrib["fill"], float(bar.attrib["width"])) for bar in chart.iter(f"{SVG}rect")][1:]


def test_the_table_says_which_bounds_were_missed() -> None:
    lines = markdown([FAST, LEAN, PLAIN]).splitlines()
    assert lines[2].startswith("| intake <CT> | instances/s | 1,400 | 350 (Orthanc) | 4 × | ≥ 3.5 × | yes | 0.3 |")
    assert lines[3].startswith("| CPU for each CT | ms | 0.6 |  |  | ≤ 0.45 ms | **no** |")
    assert lines[4].startswith("| fdatasync, p50 | ms | 0.2 |  |  |  |  |")


def test_the_json_is_a_list_of_rows(tmp_path: Path) -> None:
    table, _ = write([FAST, LEAN, PLAIN], "a machine", tmp_path / "docs")
    rows = json.loads(table.read_text(encoding="utf-8"))
    assert [row["what"] for row in rows] == ["intake <CT>", "CPU for each CT", "fdatasync, p50"]
    assert [row.get("met") for row in rows] == [True, False, None]


def test_the_chart_has_a_pair_of_bars_and_a_mark_for_each_row_with_a_bound(tmp_path: Path) -> None:
    _, file = write([FAST, LEAN, PLAIN], "a machine & its disk", tmp_path)
    chart = ElementTree.parse(file).getroot()
    texts = [text.text for text in chart.iter(f"{SVG}text")]
    assert {"intake <CT>", "1,400 instances/s", "350, Orthanc", "a machine & its disk"} <= set(texts)
    assert "fdatasync, p50" not in texts
    assert len(bars(chart)) == 3 + 2


def test_bars_of_a_row_share_a_scale(tmp_path: Path) -> None:
    _, file = write([FAST], "a machine", tmp_path)
    (_, ours), (_, peer), _ = bars(ElementTree.parse(file).getroot())
    assert ours / peer == 4
