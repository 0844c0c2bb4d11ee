"""Judges arrays that fascicle wrote, and writes arrays for it to read.

judge.py read FOLDER EXPECTED.json    every array of EXPECTED must be read alike by zarr-python, and by tensorstore and xarray
judge.py write FOLDER                 writes arrays, prints what is in them as JSON
judge.py append FOLDER                appends to the arrays with zarr-python and with tensorstore
"""

import json
import os
import sys
import warnings

import numpy as np
import tensorstore
import xarray
import zarr

warnings.simplefilter("ignore")


def opened_by_tensorstore(path, driver="zarr3"):
    return tensorstore.open({"driver": driver, "kvstore": {"driver": "file", "path": os.path.abspath(path) + "/"}}).result()


def same(read, expected):
    read = np.asarray(read)
    if expected.dtype.kind in "fc":
        return read.dtype == expected.dtype and read.tobytes() == expected.tobytes()
    return read.shape == expected.shape and bool(np.all(read == expected) or read.tobytes() == expected.tobytes())


def expected_values(entry):
    if entry["dtype"] == "string":
        return np.array(entry["texts"], dtype=np.dtypes.StringDType()).reshape(entry["shape"])
    return np.frombuffer(bytes.fromhex(entry["bytes"]), dtype=entry["dtype"]).reshape(entry["shape"])


# What tensorstore has no type for.
FOREIGN_TO_TENSORSTORE = ("S", "M", "m", "T")


def read(folder, expected_file):
    with open(expected_file) as file:
        expected = json.load(file)
    for name, entry in expected.items():
        path = os.path.join(folder, name + ".zarr")
        values = expected_values(entry)
        array = zarr.open_array(path, mode="r")
        assert array.metadata.zarr_format == 3, name
        assert same(array[...], values), (name, array[...], values)
        assert dict(array.attrs) == entry["attributes"], (name, dict(array.attrs))
        if values.dtype.kind not in FOREIGN_TO_TENSORSTORE:
            assert same(opened_by_tensorstore(path).read().result(), values), (name, "tensorstore")
    group = zarr.open_group(folder, mode="a")
    assert group is not None
    data = xarray.open_zarr(folder, consolidated=False)
    assert data["dimensions.zarr"].dims == ("time", "place"), data
    assert same(data["dimensions.zarr"].values, expected_values(expected["dimensions"])), data
    assert float(data["dimensions.zarr"].sel(place=0).isel(time=1)) == expected_values(expected["dimensions"])[1, 0]
    os.remove(os.path.join(folder, "zarr.json"))
    print(f"{len(expected)} arrays are read alike")


def write(folder):
    facts = {}

    def put(name, values, fill=None, **options):
        path = os.path.join(folder, name + ".zarr")
        values = np.asarray(values)
        zarr.create_array(path, data=values, attributes={"unit": "mV"}, fill_value=fill, **options)
        note(name, values)

    def note(name, values, dtype=None):
        texts = values.dtype.kind in "TU"
        facts[name] = {
            "dtype": dtype or ("string" if texts else values.dtype.str),
            "shape": values.shape,
            "bytes": None if texts else np.ascontiguousarray(values).tobytes().hex(),
            "texts": [str(text) for text in values.ravel()] if texts else None,
        }

    grid = (np.arange(37 * 11) * 7919 % 1009).reshape(37, 11)
    for code in ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"]:
        put("dtype_" + {"?": "b1"}.get(code, code), (grid % 2 if code == "?" else grid).astype(code), chunks=(10, 4))
    put("bytes", grid.astype("S4"), chunks=(10, 4))
    put("raw", grid.astype("S4").view("V4"), chunks=(10, 4))
    put("fixed_text", np.array([["ä", "日本語"], ["", "x"]]), chunks=(1, 2))
    put("text", np.array(["ä", "", "日本語" * 40], dtype=np.dtypes.StringDType()), chunks=(2,))
    for unit in ["D", "h", "m", "s", "ms", "us", "ns"]:
        put("time_" + unit, (grid * 1000).astype(f"M8[{unit}]"), chunks=(10, 4))
    put("span", np.array([1, -1, "NaT"], dtype="m8[ns]"))
    put("scalar", np.array(2.5))
    put("empty", np.zeros((0, 3)), chunks=(4, 3))
    put("sharded", grid.astype("f4"), chunks=(3, 2), shards=(12, 6))
    put("sharded_start", grid.astype("f4"), shards={"shape": (12, 6), "index_location": "start"}, chunks=(3, 2))
    codecs = zarr.codecs
    compressors = {
        "gzip": codecs.GzipCodec(level=5),
        "zstd": codecs.ZstdCodec(level=7, checksum=True),
        "none": None,
        "crc": [codecs.ZstdCodec(level=0), codecs.Crc32cCodec()],
    }
    for inner in ["lz4", "lz4hc", "blosclz", "zstd", "zlib"]:
        for shuffle in ["noshuffle", "shuffle", "bitshuffle"]:
            compressors[f"blosc_{inner}_{shuffle}"] = codecs.BloscCodec(cname=inner, clevel=5, shuffle=shuffle)
    for name, compressor in compressors.items():
        put("codec_" + name, grid.astype("i4"), chunks=(10, 4), compressors=compressor)
    put("transposed", grid.astype("i4"), chunks=(10, 4), filters=[codecs.TransposeCodec(order=(1, 0))])
    put("big_endian", grid.astype("i4"), chunks=(10, 4), serializer=codecs.BytesCodec(endian="big"))
    for encoding, separator in [("default", "."), ("v2", "/"), ("v2", ".")]:
        options = {"name": encoding, "separator": separator}
        put(f"keys_{encoding}_{ord(separator)}", grid, chunks=(10, 4), chunk_key_encoding=options)

    # Holes: chunks that are nothing but fill are not stored.
    for name, fill, code in [("fill_nan", np.nan, "f8"), ("fill_minus", -3, "i2"), ("fill_inf", -np.inf, "f4")]:
        array = zarr.create_array(os.path.join(folder, name + ".zarr"), shape=(9, 5), chunks=(4, 5), dtype=code, fill_value=fill)
        array[4:6] = 1
        note(name, array[...])

    # tensorstore's own way of writing.
    spec = {
        "driver": "zarr3",
        "kvstore": {"driver": "file", "path": os.path.abspath(os.path.join(folder, "tensorstore.zarr")) + "/"},
        "metadata": {
            "shape": [37, 11],
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [12, 6]}},
            "data_type": "float64",
            "codecs": [
                {"name": "transpose", "configuration": {"order": [1, 0]}},
                {"name": "sharding_indexed", "configuration": {"chunk_shape": [2, 4], "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "blosc", "configuration": {"cname": "lz4", "clevel": 5, "shuffle": "bitshuffle"}}]}},
            ][1:],
        },
        "create": True,
    }
    spec["metadata"]["codecs"][0]["configuration"]["chunk_shape"] = [4, 2]
    array = tensorstore.open(spec).result()
    array.write(grid.astype("f8")).result()
    note("tensorstore", grid.astype("f8"))

    # Version 2.
    import numcodecs

    old = {
        "plain": dict(compressors=None),
        "zstd": dict(),
        "blosc": dict(compressors=numcodecs.Blosc(cname="lz4", shuffle=2)),
        "zlib": dict(compressors=numcodecs.Zlib()),
        "gzip": dict(compressors=numcodecs.GZip()),
        "f_order": dict(order="F"),
        "slashes": dict(chunk_key_encoding={"name": "v2", "separator": "/"}),
    }
    for name, options in old.items():
        put("old_" + name, grid.astype(">i4" if name == "zlib" else "<f8"), chunks=(10, 4), zarr_format=2, **options)
    put("old_text", np.array(["ä", "b"], dtype=np.dtypes.StringDType()), zarr_format=2)
    put("old_fixed_text", np.array(["ä", "bcd"]), zarr_format=2)
    put("old_time", np.array([1, 2], dtype="M8[us]"), zarr_format=2)
    put("old_bytes", np.array([b"a", b"bcd"]), zarr_format=2)
    print(json.dumps(facts))


def append(folder):
    path = os.path.join(folder, "grows.zarr")
    array = zarr.open_array(path, mode="a")
    array.append(np.arange(100, 103, dtype="i8"))
    array.attrs["by"] = "zarr-python"
    array = opened_by_tensorstore(path)
    length = array.shape[0]
    array = array.resize(exclusive_max=[length + 2]).result()
    array[length : length + 2].write(np.array([200, 201], dtype="i8")).result()


if __name__ == "__main__":
    {"read": read, "write": write, "append": append}[sys.argv[1]](*sys.argv[2:])
