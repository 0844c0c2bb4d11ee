"""Extends, replaces, adds and deletes entries of a directory that fascicle built.

usage: change_built.py ROOT
"""

import json
import sys

import numpy as np
import pandas as pd
from datamate import set_root_dir
from types_of_both import CellMeasurements, cell_measurements

set_root_dir(sys.argv[1])
cells = CellMeasurements(cell_measurements(seed=0))
assert not cells.modified
cells.extend("loss", [-1.0, -2.0, -3.0])
assert cells.modified
cells.extend("spikes", np.full((1, 3), 9))
cells.extend("grid", np.ones((1, 6)))
cells.dt = 4
cells.added = np.arange(3)
cells.table = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
with open(cells.path / "raw.bin", "ab") as file:
    file.write(b"more")
del cells["image"]
assert cells.loss.shape == (103,) and cells.spikes[-1].tolist() == [9, 9, 9] and cells.grid.shape == (5, 6)
print(json.dumps("changed"))
