"""A work order as a node of a cluster carries it out: by its own tokens, and on its own machine.

Design choices:
- what a run trains on may be no machine that the supervisor knows: facts and hardware of the node
  take the place of the supervisor's;
- another version of the lab, of torch or of the tokenizers there would change numbers and be told
  of as what it is not: nothing is trained then.
"""

import os
import platform
from pathlib import Path
from typing import Any

from lab.config.order import WorkOrder
from lab.errors import SweepError
from lab.files import read_json, write_json
from lab.provenance.facts import CODE, facts
from lab.provenance.hardware import hardware
from lab.provenance.record import PROVENANCE
from lab.sweep.launchers.tokens import at_hand

NODE = "LAB_NODE"  # in the environment of a process that works on one: the number of who began it
SHELF = "LAB_TOKENS"  # and where it finds tokens
MACHINE = ("platform", "processor", "cores")


def on_this_node(order: WorkOrder, folder: Path) -> WorkOrder:
    """The order as it is carried out here; the same one where this is the supervisor's machine.

    Raises `SweepError` where the lab here is another one, `DataError` where tokens are missing.
    """
    if not os.environ.get(NODE):
        return order
    here = facts()
    for name in CODE:
        there = order.provenance.get(name)
        if there != here[name]:
            raise SweepError(
                f"{platform.node()} has {name} {here[name]}, and the sweep was begun with {there}; "
                "install the same there"
            )
    changed: dict[str, Any] = {
        "provenance": order.provenance | {name: here[name] for name in MACHINE}
    }
    if order.data and (shelf := os.environ.get(SHELF)):
        changed["data"] = str(at_hand(Path(order.data), Path(shelf)))
    _record(folder)
    return WorkOrder.parse(order.dump() | changed)


def _record(folder: Path) -> None:
    """What the run trains on, in the record beside it."""
    file = folder / PROVENANCE
    if file.is_file():
        write_json(file, read_json(file) | {"hardware": hardware()})
