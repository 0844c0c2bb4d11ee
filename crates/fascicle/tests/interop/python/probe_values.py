"""Finds `Probe` of each value in the root `ours_<number>`, if there is one, and builds it in `theirs_<number>`.

usage: probe_values.py FOLDER VALUES      VALUES is a JSON list of Python expressions
"""

import json
import sys
from pathlib import Path

import types_of_both
from datamate import Directory, set_root_dir

folder, values = Path(sys.argv[1]), [eval(text) for text in json.loads(sys.argv[2])]
found = 0
for number, value in enumerate(values):
    config = {"value": value, "second": 2}
    ours = folder / f"ours_{number}"
    if ours.exists():
        set_root_dir(ours)
        probe = types_of_both.Probe(config)
        assert probe.path == ours / "Probe_0000" and probe.x[:].tolist() == [1], (value, probe.path)
        assert type(probe.config.value) is type(types_of_both.Probe(probe.path).config.value)
        found += 1


class Probe(Directory):
    def __init__(self, config):
        self.x = [1]


for number, value in enumerate(values):
    set_root_dir(folder / f"theirs_{number}")
    assert Probe({"value": value, "second": 2}).status == "done"
print(json.dumps(found))
