"""Writes arrays with datamate and h5py, as other programs do, each with a JSON file that says what fascicle should read.

usage: write_foreign.py FOLDER
"""

import json
import pathlib
import sys

import h5py
import numpy as np
from datamate import Directory

folder = pathlib.Path(sys.argv[1])


def describe(name, dtype, array, row=None):
    """Says what is read: `dtype` in fascicle's words; `row` are the bytes of one row to append."""
    spec = {"dtype": dtype, "shape": list(array.shape)}
    if dtype == "string":
        spec["texts"] = [text if isinstance(text, str) else text.decode() for text in array.ravel()]
    else:
        spec["bytes"] = np.ascontiguousarray(array).tobytes().hex()
    (folder / f"{name}.json").write_text(json.dumps(spec))


rng = np.random.default_rng(5)
directory = Directory(folder)
dtypes = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16", "S5", ">i4", ">f8", ">f2"]
for code in dtypes:
    dtype = np.dtype(code)
    native = dtype.newbyteorder("=")
    if code == "?":
        values = np.array([[True, False, True], [False, False, True]])
    elif code == "S5":
        values = np.array([[b"a", b"bcd", b""], [b"12345", b"x", b"yz"]], dtype)
    else:
        values = rng.integers(0, 100, (2, 3)).astype(dtype)
    name = "S5" if code == "S5" else f"{native.name}{'_big' if code.startswith('>') else ''}"
    words = "S5" if code == "S5" else native.name
    # In one piece, chunked, and a scalar.
    directory[f"assigned_{name}"] = values
    describe(f"assigned_{name}", words, values.astype(native))
    directory.extend(f"extended_{name}", values)
    directory.extend(f"extended_{name}", values[:1])
    describe(f"extended_{name}", words, np.concatenate([values, values[:1]]).astype(native))
    scalar = np.array(values[0, 0], dtype)
    directory[f"scalar_{name}"] = scalar
    describe(f"scalar_{name}", words, scalar.astype(native))


def h5(name, libver="earliest"):
    return h5py.File(folder / f"{name}.h5", "w", libver=libver)


texts = np.array(["a", "", "ü日本", "long " * 20], dtype=object)
for libver in ("earliest", "v110", "latest"):
    with h5(f"text_{libver}", libver) as file:
        file.create_dataset("data", data=texts, dtype=h5py.string_dtype(), maxshape=(None,))
    describe(f"text_{libver}", "string", texts)
    with h5(f"chunked_{libver}", libver) as file:
        file.create_dataset("data", data=np.arange(20.0), chunks=(7,), maxshape=(None,))
    describe(f"chunked_{libver}", "float64", np.arange(20.0))
    with h5(f"gzip_{libver}", libver) as file:
        data = np.arange(20, dtype="i2").reshape(10, 2)
        file.create_dataset("data", data=data, chunks=(4, 2), compression="gzip", shuffle=True, fletcher32=True)
    describe(f"gzip_{libver}", "int16", data)
    with h5(f"contiguous_{libver}", libver) as file:
        file["data"] = np.arange(6, dtype="u4")
        file["data"].attrs["units"] = "mV"
        file["other"] = np.arange(3)
        file.attrs["title"] = "kept"
    describe(f"contiguous_{libver}", "uint32", np.arange(6, dtype="u4"))
with h5("ascii") as file:
    file.create_dataset("data", data=np.array([b"a", b"bc"], dtype=object), dtype=h5py.string_dtype("ascii"))
describe("ascii", "string", np.array(["a", "bc"], dtype=object))
with h5("fixed_utf8") as file:
    file.create_dataset("data", data=np.array(["ü".encode(), b"abc"], h5py.string_dtype("utf-8", 4)))
describe("fixed_utf8", "string", np.array(["ü", "abc"], dtype=object))
with h5("lzf") as file:
    file.create_dataset("data", data=np.zeros(1000, "i4"), compression="lzf", chunks=(100,))
describe("lzf", "int32", np.zeros(1000, "i4"))
for unit in ("D", "h", "m", "s", "ms", "us", "ns"):
    for code, word in (("M8", "datetime64"), ("m8", "timedelta64")):
        times = np.array([0, 1, -5, np.iinfo("i8").min], "i8").view(f"{code}[{unit}]")
        for order in "<>":
            name = f"{word}_{unit}_{'big' if order == '>' else 'little'}"
            stored = times.astype(times.dtype.newbyteorder(order))
            with h5(name) as file:
                file["data"] = stored.astype(h5py.opaque_dtype(stored.dtype))
            describe(name, f"{word}[{unit}]", times)
with h5("attributes") as file:
    data = file.create_dataset("data", data=np.arange(3))
    data.attrs["text"] = "ü"
    data.attrs["bytes"] = np.bytes_(b"abc")
    data.attrs["flag"] = True
    data.attrs["small"] = np.int8(-3)
    data.attrs["single"] = np.float32(0.5)
    data.attrs["nan"] = np.nan
    data.attrs["list"] = [1, 2, 3]
    data.attrs["texts"] = ["a", "b"]
    data.attrs["matrix"] = np.array([[1, 2], [3, 4]])
    data.attrs["complex"] = 1j
    data.attrs["empty"] = h5py.Empty("f")
    data.attrs["reference"] = data.ref
describe("attributes", "int64", np.arange(3))
