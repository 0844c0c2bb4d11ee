"""Checks that files which fascicle rewrote so that they can grow still hold what was beside the array.

usage: judge_rewritten.py FOLDER    after write_foreign.py and two appended rows
"""

import pathlib
import sys

import h5py

folder = pathlib.Path(sys.argv[1])
for libver in ("earliest", "v110", "latest"):
    with h5py.File(folder / f"contiguous_{libver}.h5", "r") as file:
        assert file["data"].shape == (8,) and file["data"].maxshape == (None,), file["data"]
        assert file["data"].attrs["units"] == "mV"
        assert file["other"][...].tolist() == [0, 1, 2]
        assert file.attrs["title"] == "kept"
    with h5py.File(folder / f"gzip_{libver}.h5", "r") as file:
        data = file["data"]
        assert data.shape == (12, 2) and data.compression == "gzip" and data.chunks == (4, 2), data
print("what was beside the array is still there")
