"""Looks by config for a directory that was modified after it was built, and for one that was not.

usage: judge_modified.py ROOT
"""

import json
import sys
import warnings

from datamate import Directory, set_root_dir
from datamate.directory import ModifiedWarning
from types_of_both import cell_measurements


class CellMeasurements(Directory):
    def __init__(self, config):
        self.cell_id = range(config.n_cells)


set_root_dir(sys.argv[1])
assert Directory("CellMeasurements_0000").modified
with warnings.catch_warnings(record=True) as caught:
    kept = CellMeasurements(cell_measurements(seed=1))
    built_instead = CellMeasurements(cell_measurements(seed=0))
passed_over = [str(warning.message) for warning in caught if warning.category is ModifiedWarning]
assert len(passed_over) == 1 and "CellMeasurements_0000" in passed_over[0], passed_over
assert not hasattr(kept.meta, "modified")
assert list(built_instead) == ["cell_id"]
print(json.dumps({"kept": kept.path.name, "built_instead": built_instead.path.name}))
