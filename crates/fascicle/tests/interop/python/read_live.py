"""Reads `loss` and `weights` of a directory while fascicle appends to them, until `loss` is complete.

usage: read_live.py ROOT datamate|h5py DIRECTORY ROWS      makes the file `_datamate` or `_h5py` once it is reading
"""

import json
import sys
import time
from pathlib import Path

import h5py
import numpy as np

root, reader, name, rows = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
lengths, errors, deadline = [0], 0, time.monotonic() + 60


def check(loss, weights):
    assert len(loss) >= lengths[-1], (len(loss), lengths)
    assert np.array_equal(loss, np.arange(len(loss))), loss
    assert np.array_equal(weights, np.arange(len(weights))[:, None] * [1, 1]), weights
    if len(loss) > lengths[-1]:
        lengths.append(len(loss))
    (root / f"_{reader}").touch()
    assert time.monotonic() < deadline, lengths
    time.sleep(0.005)


if reader == "datamate":
    from datamate import Directory, set_root_dir

    set_root_dir(root)
    directory = Directory(name)
    while lengths[-1] < rows:
        check(directory.loss[:], directory.weights[:])
else:
    # Opened once, and looked at again as it grows. A reader that keeps a file open must not keep it locked.
    def open_to_watch(entry):
        return h5py.File(root / name / f"{entry}.h5", "r", libver="latest", swmr=True, locking=False)

    with open_to_watch("loss") as loss, open_to_watch("weights") as weights:
        while lengths[-1] < rows:
            try:
                loss["data"].refresh()
                weights["data"].refresh()
                check(loss["data"][:], weights["data"][:])
            except OSError:
                errors += 1
print(json.dumps({"rows": lengths[-1], "lengths": len(lengths), "errors": errors}))
