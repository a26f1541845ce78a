"""What the report of a sweep takes, in a process of its own: `python -m lab.bench.report_cost`."""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path


def reported_here(folder: Path) -> dict[str, float]:
    """The report of a folder: seconds, seconds of the processor, the most memory in bytes."""
    since = time.perf_counter()
    from lab.report.page import write_report  # its imports are part of what a report takes

    page = write_report(folder)
    seconds = time.perf_counter() - since
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "seconds": seconds,
        "processor": spent.ru_utime + spent.ru_stime,
        "memory": _most_memory(),
        "page": page.stat().st_size,
    }


def _most_memory() -> int:
    """Bytes that this process ever held; of its own: `ru_maxrss` may be what its parent held."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    (line,) = (row for row in status.read_text().splitlines() if row.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def measured(folder: Path) -> dict[str, float]:
    """`reported_here` in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", __spec__.name, str(folder)], stdout=subprocess.PIPE, check=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    json.dump(reported_here(Path(sys.argv[1])), sys.stdout)
