"""Reads a table that fascicle stored as CSV with datamate, and extends it.

usage: judge_csv.py ROOT
"""

import json
import sys

import numpy as np
import pandas as pd
from datamate import Directory, set_root_dir, set_verbosity_level

set_root_dir(sys.argv[1])
log = Directory("log")
assert sorted(log.keys()) == ["steps", "x"], sorted(log.keys())
steps = log.steps
assert list(steps) == ["step", "loss", "note", "ok"]
assert steps.step.tolist() == [0, 1, 2, 0] and steps.step.dtype == np.int64
assert steps.loss[[0, 2, 3]].tolist() == [0.1, 1e-300, 0.1] and np.isnan(steps.loss[1])
assert steps.note[0] == "a,b" and steps.note[2] == 'say "hi"\nü' and pd.isna(steps.note[1])
assert steps.ok.dtype == bool and steps.ok.tolist() == [True, False, True, True]
log.extend("steps", pd.DataFrame({"step": [9], "loss": [2.0], "note": ["later"], "ok": [False]}))
assert len(log.steps) == 5
trees = []
for level in (0, 1, 2):
    set_verbosity_level(level)
    trees.append(repr(log))
print(json.dumps(trees))
