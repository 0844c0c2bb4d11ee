"""Reads or extends an array with datamate while fascicle works on it.

usage: live.py read FOLDER NAME ROWS      polls until there are ROWS rows, each `[n, n]` for row n
       live.py extend FOLDER NAME ROWS    extends row by row until there are ROWS rows
"""

import sys
import time

import h5py
import numpy as np
from datamate import Directory

part, folder, name, rows = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
if part == "read":
    found = reads = 0
    deadline = time.monotonic() + 120
    while found < rows:
        assert time.monotonic() < deadline, f"{found} rows after {reads} reads"
        try:
            with h5py.File(f"{folder}/{name}.h5", "r", libver="latest", swmr=True) as file:
                values = file["data"][...]
        except OSError as error:
            # A reader that h5py lets lock the file meets writers only for moments.
            assert "lock" in str(error) or "SWMR" in str(error), error
            continue
        assert len(values) >= found, (len(values), found)
        assert (values == np.arange(len(values))[:, None]).all(), values
        found, reads = len(values), reads + 1
        # h5py holds a lock while it reads, which a writer waits for.
        time.sleep(0.002)
    print(f"{found} rows in the end")
else:
    directory = Directory(folder)
    for row in range(rows):
        directory.extend(name, np.full((1, 2), row))
    print("extended")
