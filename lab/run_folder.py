"""The folder of a run: what its files are called, and how an order and an ending are found there.

Design choices:
- whoever writes or reads there, a sweep, a worker or a command, does it by these names;
- what is damaged, or of another run, is a `SweepError` that names the file and says what to move
  away: nothing is mended, and nothing believed in part.
"""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lab.config.order import WorkOrder
from lab.config.yaml12 import dump_parts
from lab.errors import SweepError
from lab.files import read_json, write_json, write_text
from lab.provenance.record import write_record
from lab.result import result_fault

CONFIG, ORDER, CHECKPOINT = "config.yaml", "order.json", "checkpoint"
SIMULATED = "simulated.json"  # in the folder of a sweep that is made up
RESULT, REACHED = "result.json", "reached.json"  # how it ended, and how far it came before a pause


def lay_order(folder: Path, order: WorkOrder) -> None:
    """Leave an order for whoever carries it out, and what it was given on."""
    content = order.dump()
    device, how = order.provenance["device"], order.execution
    write_text(folder / CONFIG, dump_parts(content["config"]), listed=False)
    write_record(folder, device=device, threads=order.threads, execution=how)
    write_json(folder / ORDER, content)  # and with it, the names of all three come to the disk


def order_in(folder: Path) -> WorkOrder | None:
    """The order that a run was begun with; None where it was not."""
    file = folder / ORDER
    if not file.is_file():
        return None
    try:
        return WorkOrder.parse(read_state(file))
    except ValidationError:
        raise SweepError(f"{file} is not an order of this lab; move its folder away") from None


def ending_in(folder: Path, *, digest: str, name: str = RESULT) -> dict[str, Any] | None:
    """How the run of this digest ended, or, in `REACHED`, paused; None where it did not."""
    file = folder / name
    if not file.is_file():
        return None
    found = read_state(file)
    if found.get("digest") != digest:
        raise SweepError(f"{file} belongs to another run; move its folder away")
    if fault := result_fault(found):
        raise SweepError(f"{file} is damaged ({fault}); move its folder away")
    return found


def read_state(file: Path, *, remedy: str = "move it away") -> dict[str, Any]:
    """The JSON object that a run or a sweep has left in a file."""
    try:
        found = read_json(file)
    except (OSError, ValueError) as error:
        raise SweepError(f"{file} cannot be read ({error}); {remedy}") from None
    if not isinstance(found, dict):
        raise SweepError(f"{file} is damaged (no JSON object); {remedy}")
    return found
