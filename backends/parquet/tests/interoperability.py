"""Judges arrays that fascicle wrote, and writes arrays for it to read.

interoperability.py read FOLDER EXPECTED.json   every array of EXPECTED must be read alike by pyarrow, pandas, polars and duckdb
interoperability.py write FOLDER                writes arrays, prints what is in them as JSON
"""

import glob
import json
import os
import sys

import duckdb
import numpy as np
import pandas
import polars
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet

# What NumPy calls the values of pyarrow's tensors.
NUMBERS = "iuf"


def expected_values(entry):
    if entry["dtype"] == "string":
        return np.array(entry["texts"], dtype=object).reshape(entry["shape"])
    return np.frombuffer(bytes.fromhex(entry["bytes"]), dtype=entry["dtype"]).reshape(entry["shape"])


def with_pyarrow(path, values):
    """The array as pyarrow reads it, in the dtype that was written."""
    table = pyarrow.dataset.dataset(path, format="parquet").to_table()
    assert table.column_names == ["data"], table.schema
    column = table.column("data").combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    if values.size == 0:
        assert len(column) == (values.shape[0] if values.ndim else 1)
        return values
    if values.dtype.kind == "c":
        parts = np.dtype("f4" if values.dtype == np.complex64 else "f8")
        assert isinstance(column, pa.FixedShapeTensorArray), column.type
        read = np.ascontiguousarray(column.to_numpy_ndarray())
        assert read.dtype == parts, read.dtype
        return read.view(values.dtype).reshape(values.shape)
    if isinstance(column, pa.FixedShapeTensorArray) and values.dtype.kind == "S":
        return np.ascontiguousarray(column.to_numpy_ndarray()).view(values.dtype).reshape(values.shape)
    if isinstance(column, pa.FixedShapeTensorArray) and values.dtype.kind in NUMBERS:
        return column.to_numpy_ndarray()
    if isinstance(column, pa.FixedShapeTensorArray):
        assert list(column.type.shape) == list(values.shape[1:]), column.type
        column = column.storage.flatten()
    elif pa.types.is_fixed_size_list(column.type):
        column = column.flatten()
    if values.dtype.kind in "mM":
        # Spans and units that Parquet lacks are numbers.
        read = column.to_numpy(zero_copy_only=False)
        if read.dtype.kind == "f":
            read = np.array([np.iinfo("i8").min if v is None else v for v in column.to_pylist()], dtype="i8")
        return read.astype(values.dtype).reshape(values.shape)
    if values.dtype.kind == "S":
        return np.array(column.to_pylist(), dtype=values.dtype).reshape(values.shape)
    return column.to_numpy(zero_copy_only=False).reshape(values.shape)


def same(name, read, values):
    assert read.shape == values.shape, (name, read.shape, values.shape)
    if values.dtype.kind == "O":
        assert read.tolist() == values.tolist(), (name, read, values)
    else:
        assert read.dtype == values.dtype, (name, read.dtype, values.dtype)
        assert np.ascontiguousarray(read).tobytes() == values.tobytes(), (name, read, values)


def read(folder, expected_file):
    with open(expected_file) as file:
        expected = json.load(file)
    for name, entry in expected.items():
        path = os.path.join(folder, name + ".array.parquet")
        values = expected_values(entry)
        rows = values.shape[0] if values.ndim else 1
        same(name, with_pyarrow(path, values), values)
        assert len(pandas.read_parquet(path)) == rows, name
        scanned = polars.scan_parquet(path).collect()
        assert scanned.height == rows, (name, scanned)
        query = f"select count(*) from read_parquet('{path}/*.parquet')"
        assert duckdb.sql(query).fetchall() == [(rows,)], name
        # One kind of each is compared by value with programs that do not use pyarrow.
        if name == "plain_int64":
            assert scanned["data"].to_numpy().tobytes() == values.tobytes()
            read = duckdb.sql(f"select data from read_parquet('{path}/*.parquet')").fetchnumpy()["data"]
            assert np.asarray(read).tobytes() == values.tobytes()
            frame = pandas.read_parquet(path)
            assert frame["data"].to_numpy().tobytes() == values.tobytes()
        if name == "tensor_float32":
            flat = values.reshape(rows, -1)
            read = duckdb.sql(f"select data from read_parquet('{path}/*.parquet')").fetchall()
            assert np.array([row for (row,) in read], "f4").tobytes() == flat.tobytes()
            frame = pandas.read_parquet(path)
            assert np.stack(frame["data"].to_list()).reshape(flat.shape).tobytes() == flat.tobytes()
            column = pyarrow.dataset.dataset(path, format="parquet").schema.field("data")
            assert column.type.extension_name == "arrow.fixed_shape_tensor", column
            assert column.type.dim_names == entry["axes"][1:], column
            file = sorted(glob.glob(path + "/part-*.parquet"))[0]
            assert list(polars.read_parquet_metadata(file)) and polars.read_parquet_schema(file)


def write(folder):
    def place(name, file, table):
        path = os.path.join(folder, name + ".array.parquet")
        os.makedirs(path, exist_ok=True)
        pyarrow.parquet.write_table(table, os.path.join(path, file))

    def note(name, values):
        texts = values.tolist() if values.dtype.kind == "O" else None
        notes[name] = {"shape": values.shape, "dtype": "string" if texts else values.dtype.name, "texts": texts}
        if not texts:
            notes[name]["bytes"] = values.tobytes().hex()

    notes = {}
    random = np.random.default_rng(5)
    for code in ["i1", "u2", "i4", "i8", "f2", "f4", "f8"]:
        values = np.frombuffer(random.bytes(5 * 2 * 3 * np.dtype(code).itemsize), code).reshape(5, 2, 3)
        tensors = pa.FixedShapeTensorArray.from_numpy_ndarray(values)
        place("tensor_" + code, "b.parquet", pa.table({"img": tensors[2:]}))
        place("tensor_" + code, "a.parquet", pa.table({"img": tensors[:2]}))
        note("tensor_" + code, values)
        place("plain_" + code, "x.parquet", pa.table({"x": values.ravel()}))
        note("plain_" + code, values.ravel())
    texts = np.array(["", "ü", "long" * 100], dtype=object)
    place("text", "x.parquet", pa.table({"x": pa.array(texts.tolist())}))
    note("text", texts)
    pandas.DataFrame({"x": [1.5, 2.5]}).to_parquet(os.path.join(folder, "pandas.parquet"), index=False)
    place("pandas", "x.parquet", pyarrow.parquet.read_table(os.path.join(folder, "pandas.parquet")))
    note("pandas", np.array([1.5, 2.5]))
    os.remove(os.path.join(folder, "pandas.parquet"))
    path = os.path.join(folder, "polars.array.parquet")
    os.makedirs(path)
    polars.DataFrame({"x": [3, 4, 5]}).write_parquet(os.path.join(path, "x.parquet"))
    note("polars", np.array([3, 4, 5]))
    path = os.path.join(folder, "duckdb.array.parquet")
    os.makedirs(path)
    duckdb.sql(f"copy (select range::bigint as i from range(7)) to '{path}/x.parquet'")
    note("duckdb", np.arange(7))
    times = np.array(["2026-01-01", "1969-12-31T23:59:59.999999"], dtype="M8[us]")
    place("times", "x.parquet", pa.table({"x": times}))
    note("times", times)
    print(json.dumps(notes))


if __name__ == "__main__":
    {"read": read, "write": write}[sys.argv[1]](*sys.argv[2:])
