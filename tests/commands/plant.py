"""Imported by a test's own fork server alone: its workers have the faults of `planted`."""

import lab.run
from tests.commands import planted

lab.run.execute = planted.execute
