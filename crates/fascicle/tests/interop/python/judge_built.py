"""Opens with datamate and h5py what fascicle built.

usage: judge_built.py ROOT
"""

import json
import sys
import warnings
from pathlib import Path

import h5py
import numpy as np
from datamate import Directory, Namespace, set_root_dir, set_verbosity_level
from types_of_both import CellMeasurements, as_dict, cell_measurements

warnings.simplefilter("error")
root = Path(sys.argv[1])
set_root_dir(root)
before = sorted(path.name for path in root.iterdir())

cells = CellMeasurements(cell_measurements(seed=0))
assert cells.path == root / "CellMeasurements_0000", cells.path
assert type(cells) is CellMeasurements
assert sorted(path.name for path in root.iterdir()) == before, "datamate made something"
again = Directory({"type": "CellMeasurements", **cell_measurements(seed=0)})
assert again.path == cells.path and type(again) is CellMeasurements
assert CellMeasurements("CellMeasurements_0000", cell_measurements(seed=0)).path == cells.path

assert cells.config == Namespace(type="CellMeasurements", **cell_measurements(seed=0)), cells.config
assert list(cells.config) == ["type", "n_cells", "seed", "label", "training"], list(cells.config)
assert isinstance(cells.config.training, Namespace) and cells.config.training.layers == [8, 4]
assert list(cells.meta)[:2] == ["config", "status"], cells.meta
assert cells.status == "done" and not cells.modified

assert sorted(cells.keys()) == sorted(
    ["cell_id", "connections", "dt", "dtypes", "empty", "empty_rows", "grid", "image", "loss", "raw.bin", "readme", "spikes", "transposed"]
), sorted(cells.keys())
image = np.add.outer(100 * np.arange(2), np.add.outer(10 * np.arange(3), np.arange(4))).astype("u2")
grid = np.zeros((4, 6))
grid[1:3, 2:4] = 7
grid[-1, ::2] = -1
expected = {
    "cell_id": np.arange(100),
    "dt": np.float64(2.5),
    "empty": np.zeros(0, "f4"),
    "empty_rows": np.zeros((0, 3), "i2"),
    "image": image,
    "transposed": image[0].T,
    "loss": 1 / np.arange(1, 101),
    "spikes": np.repeat(np.arange(3, dtype="i4"), 2)[:, None] * np.ones((1, 3), "i4"),
    "grid": grid,
}
for key, value in expected.items():
    stored = cells[key]
    assert stored.shape == value.shape and stored.dtype == value.dtype, (key, stored.shape, stored.dtype)
    assert np.array_equal(stored[()] if key == "dt" else stored[...], value), (key, stored[()])
assert np.array_equal(cells.image[1, :, 1:3], image[1, :, 1:3])
assert np.array_equal(cells.cell_id[[3, 50, 99]], [3, 50, 99])

dtypes = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64", "complex64", "complex128", "S5"]
assert sorted(cells.dtypes.keys()) == sorted(dtypes), sorted(cells.dtypes.keys())
for name in dtypes:
    dtype = np.dtype(name)
    count = np.arange(3 * dtype.itemsize, dtype="u1")
    value = (count % 2 == 1) if name == "bool" else np.frombuffer((count + 1).tobytes(), dtype)
    stored = cells.dtypes[name]
    assert stored.dtype == dtype and stored[:].tobytes() == value.tobytes(), (name, stored.dtype, stored[:])

assert cells.connections.pre_cell_id[:].tolist() == [12, 39, 48]
assert cells["connections/deep/notes.txt"].read_bytes() == b"first\nsecond\n"
assert cells["raw.bin"].read_bytes() == b"\0\xff\n\r\0"
assert cells.readme.read_text() == "no suffix"
assert cells.connections.config == Namespace(type="Directory") and cells.connections.modified

with h5py.File(cells.path / "grid.h5", swmr=True) as file:
    attributes = dict(file["data"].attrs)
assert attributes["units"] == "µV" and attributes["scale"] == 0.5, attributes
assert list(attributes["axes"]) == ["y", "x"], attributes

trees = {}
for level in (0, 1, 2):
    set_verbosity_level(level)
    for directory in (cells, cells.connections, cells.dtypes, Directory("absent")):
        trees.setdefault(directory.path.name, []).append(repr(directory))
print(json.dumps({"trees": trees, "meta": as_dict(cells.meta), "size": cells.size}))
