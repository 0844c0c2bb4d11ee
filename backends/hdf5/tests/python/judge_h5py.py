"""Reads with h5py what fascicle wrote and compares it with what it was to write, given as JSON.

usage: judge_h5py.py FOLDER    FOLDER holds NAME.h5 and NAME.json for every array
"""

import json
import pathlib
import sys

import h5py
import numpy as np


def expected_array(spec):
    """The NumPy array that a description of dtype, shape and bytes stands for."""
    if spec["dtype"] == "string":
        return np.array(spec["texts"], dtype=object).reshape(spec["shape"])
    return np.frombuffer(bytes.fromhex(spec["bytes"]), dtype=np.dtype(spec["dtype"])).reshape(spec["shape"])


def check(path):
    spec = json.loads(path.with_suffix(".json").read_text())
    expected = expected_array(spec)
    with open(path, "rb") as file:
        head = file.read(12)
    assert head[8] == 3 and head[11] == 0, f"superblock version {head[8]}, flags {head[11]}"
    for swmr in (False, True):
        with h5py.File(path, "r", libver="latest", swmr=swmr) as file:
            assert list(file) == ["data"], list(file)
            data = file["data"]
            assert data.shape == tuple(spec["shape"]), data.shape
            if data.shape:
                assert data.maxshape == (None, *data.shape[1:]), data.maxshape
            if spec["dtype"] == "string":
                info = h5py.check_string_dtype(data.dtype)
                assert info is not None and info.encoding == "utf-8" and info.length is None, data.dtype
                found = np.array(data.asstr()[...], dtype=object)
                assert found.tolist() == expected.tolist(), (found, expected)
            else:
                assert data.dtype == np.dtype(spec["dtype"]), (data.dtype, spec["dtype"])
                found = np.asarray(data[...])
                assert found.tobytes() == expected.tobytes(), (found, expected)
            for name, value in spec["attributes"].items():
                stored = data.attrs[name]
                stored = stored.tolist() if hasattr(stored, "tolist") else stored
                assert stored == value and type(stored) is type(value), (name, stored, value)
            if spec["gzip"]:
                assert data.compression == "gzip" and data.shuffle and data.fletcher32, data.compression
    return spec["dtype"]


folder = pathlib.Path(sys.argv[1])
seen = [check(path) for path in sorted(folder.glob("*.h5"))]
print(f"{len(seen)} arrays of {len(set(seen))} dtypes are what they should be")
