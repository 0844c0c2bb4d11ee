"""Opens with datamate what fascicle wrote, and extends it.

usage: judge_datamate.py FOLDER    FOLDER holds NAME.h5 and NAME.json for every array, the meta of a directory beside
"""

import json
import pathlib
import sys

import numpy as np
from datamate import Directory

folder = pathlib.Path(sys.argv[1])
directory = Directory(folder)
extended = 0
for path in sorted(folder.glob("*.h5")):
    spec = json.loads(path.with_suffix(".json").read_text())
    if spec["dtype"] == "string" or spec["dtype"].startswith(("datetime64", "timedelta64")):
        continue  # datamate cannot write these, and reads text as bytes
    dtype = np.dtype(spec["dtype"])
    expected = np.frombuffer(bytes.fromhex(spec["bytes"]), dtype=dtype).reshape(spec["shape"])
    reader = directory[path.stem]
    found = np.asarray(reader[...])
    assert found.dtype == dtype and found.tobytes() == expected.tobytes(), (path.stem, found, expected)
    if not spec["shape"] or not expected.size:
        continue
    directory.extend(path.stem, expected[:1])
    longer = np.asarray(directory[path.stem][...])
    assert longer.tobytes() == np.concatenate([expected, expected[:1]]).tobytes(), path.stem
    extended += 1
print(f"{extended} arrays were read and extended")
