"""Writes HDF5 files that fascicle must refuse, each with the kind of error in its name: KIND.WHAT.h5.

usage: write_strange.py FOLDER
"""

import pathlib
import sys

import h5py
import numpy as np

folder = pathlib.Path(sys.argv[1])


def h5(name):
    return h5py.File(folder / f"{name}.h5", "w")


(folder / "secret.bin").write_bytes(bytes(range(64)))
with h5py.File(folder / "secret.hdf5", "w") as file:
    file["data"] = np.arange(8)

for name, value in {
    "compound": np.zeros(3, [("a", "i4"), ("b", "f8")]),
    "long_double": np.zeros(3, np.longdouble),
    "opaque": np.zeros(3, "V5"),
}.items():
    with h5(f"unsupported-{name}") as file:
        file["data"] = value
with h5("unsupported-enumeration") as file:
    file.create_dataset("data", (3,), dtype=h5py.enum_dtype({"red": 0, "green": 1, "blue": 2}))
with h5("unsupported-sequences") as file:
    file.create_dataset("data", (3,), dtype=h5py.vlen_dtype(np.dtype("i4")))
with h5("unsupported-references") as file:
    file.create_dataset("data", (3,), dtype=h5py.ref_dtype)
with h5("unsupported-empty") as file:
    file["data"] = h5py.Empty("f8")
with h5("unsupported-array_type") as file:
    file.create_dataset("data", (2,), dtype=np.dtype("(3,)i4"))
with h5("unsupported-years") as file:
    times = np.zeros(3, "M8[Y]")
    file["data"] = times.astype(h5py.opaque_dtype(times.dtype))
with h5("unsupported-soft_link") as file:
    file["other"] = np.arange(3)
    file["data"] = h5py.SoftLink("/other")
with h5("unsupported-external_link") as file:
    file["data"] = h5py.ExternalLink("secret.hdf5", "/data")
with h5("unsupported-external_storage") as file:
    file.create_dataset("data", (64,), dtype="u1", external=[(str(folder / "secret.bin"), 0, 64)])
with h5("unsupported-virtual") as file:
    layout = h5py.VirtualLayout((8,), "i8")
    layout[:] = h5py.VirtualSource(str(folder / "secret.hdf5"), "data", (8,))
    file.create_virtual_dataset("data", layout)
with h5("unsupported-filter") as file:
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((8,))
    # Blosc, which no program needs to have when it is optional.
    properties.set_filter(32001, h5py.h5z.FLAG_OPTIONAL, (1,))
    space = h5py.h5s.create_simple((8,), (h5py.h5s.UNLIMITED,))
    h5py.h5d.create(file.id, b"data", h5py.h5t.NATIVE_INT8, space, properties)
with h5("corrupt-nothing") as file:
    pass
with h5("corrupt-other_name") as file:
    file["values"] = np.arange(3)
    file["more"] = np.arange(3)
with h5("corrupt-group") as file:
    file.create_group("data")
