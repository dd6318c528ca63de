"""A part of `mig up`, kept running."""

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from deployments.up.ending import end_all
from deployments.up.part import Part, PartRefused, Plan
from tests.waiting import wait_until

READY = """print('{"ready": true}', flush=True); import time; time.sleep(600)"""

Records = list[Mapping[str, Any]]


def part_of(script: str, records: Records, name: str = "scp") -> Part:
    return Part(Plan(name, [sys.executable, "-c", script], {"PATH": os.environ["PATH"]}), records.append)


async def until(part: Part, condition: Any) -> None:
    """Keep a part running until the condition holds, then kill it."""
    keeping = asyncio.create_task(part.keep_running())
    await asyncio.to_thread(wait_until, condition, 20, "the part to get there")
    part.kill()
    await keeping


def test_what_it_prints_is_shown_and_tells_when_it_is_ready() -> None:
    records: Records = []
    part = part_of("""print('{"event": "at work", "ready": true}', flush=True); import time; time.sleep(60)""", records)
    asyncio.run(until(part, part.ready.is_set))
    assert records[0]["event"] == "at work"


def test_the_delay_before_it_is_started_again_grows() -> None:
    with capture_logs() as logs:
        part = part_of("raise SystemExit(1)", [])
        assert part.first_delay_seconds == 1
        part.first_delay_seconds = 0.01
        asyncio.run(until(part, lambda: len(logs) == 3))
    assert [log["event"] for log in logs] == [
        f"scp ended with exit code 1; starting it again in {seconds} s" for seconds in (0.01, 0.02, 0.04)
    ]


def test_exit_code_2_means_that_it_is_of_no_use() -> None:
    part = part_of("raise SystemExit(2)", [])
    with pytest.raises(PartRefused, match="scp can't be run as the settings have it"):
        asyncio.run(part.keep_running())


def test_a_line_without_end_does_not_stop_the_log() -> None:
    records: Records = []
    part = part_of("print('x' * 3_000_000); print('after', flush=True); import time; time.sleep(60)", records)
    asyncio.run(until(part, lambda: any(record["event"] == "after" for record in records)))


def test_it_dies_with_its_parent(tmp_path: Path) -> None:
    script = f"""
import asyncio, os, sys
from deployments.up.part import Part, Plan
child = "import os, time; print(os.getpid(), file=open('{tmp_path}/pid', 'w'), flush=True); time.sleep(600)"
part = Part(Plan("scp", [sys.executable, "-c", child], dict(os.environ)), print)
asyncio.run(part.keep_running())
"""

    def written() -> str:
        return (tmp_path / "pid").read_text().strip() if (tmp_path / "pid").exists() else ""

    async def kill_parent() -> int:
        parent = await asyncio.create_subprocess_exec(sys.executable, "-c", script)
        child = await asyncio.to_thread(wait_until, written, 20, "the part to run, and to have said so")
        parent.kill()
        await parent.wait()
        return int(child)

    child = asyncio.run(kill_parent())
    wait_until(lambda: not Path(f"/proc/{child}").exists(), 5, "the part to be gone")


def test_prefect_is_the_last_to_end() -> None:
    ended: list[str] = []
    asyncio.run(_start_and_end(["prefect", "scp", "worker"], READY, asyncio.Event(), ended))
    assert ended[-1] == "prefect"


def test_who_does_not_end_is_killed() -> None:
    async def scene() -> None:
        at_once = asyncio.Event()
        at_once.set()
        await _start_and_end(
            ["prefect", "scp"], f"import signal; signal.signal(15, signal.SIG_IGN); {READY}", at_once, []
        )

    asyncio.run(scene())


def test_a_part_that_is_told_to_end_is_not_started_again() -> None:
    async def scene() -> None:
        part = part_of(READY, [])
        keeping = asyncio.create_task(part.keep_running())
        await part.ready.wait()
        part.terminate()
        await asyncio.wait_for(keeping, 5)

    with capture_logs() as logs:
        asyncio.run(scene())
    assert logs == []


def test_what_it_leaves_behind_ends_with_it() -> None:
    """As the fork server of a worker did, for as long as Python took to end it."""
    records: Records = []
    child = "import time; time.sleep(600)"
    script = f"""
import json, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "{child}"])
print(json.dumps({{"event": str(child.pid)}}), flush=True)
"""
    part = part_of(script, records)

    async def scene() -> None:
        keeping = asyncio.create_task(part.keep_running())
        await asyncio.to_thread(wait_until, lambda: records, 20, "the part to say what it has started")
        part.terminate()
        await asyncio.wait_for(keeping, 5)

    asyncio.run(scene())
    wait_until(lambda: not _runs(int(records[0]["event"])), 5, "what the part had started to be gone")


def _runs(process: int) -> bool:
    """Whether it lives: who has ended and was not asked for by its parent yet is no more than a name."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False


async def _start_and_end(names: list[str], script: str, at_once: asyncio.Event, ended: list[str]) -> None:
    parts = [part_of(script, [], name) for name in names]
    keeping = [asyncio.create_task(_keep(part, ended)) for part in parts]
    for part in parts:
        await part.ready.wait()
    await end_all(parts, at_once)
    await asyncio.wait_for(asyncio.gather(*keeping), 5)


async def _keep(part: Part, ended: list[str]) -> None:
    await part.keep_running()
    ended.append(part.plan.name)
