"""What a Rust program stored with fascicle, in polars: a lazy query on a table, and arrays as columns.

usage: with_polars.py DIRECTORY        such as data/Recording_0000

Needs polars, and h5py for arrays in HDF5. Nothing of fascicle.
"""

import sys
from pathlib import Path

import h5py
import polars as pl


def main(directory):
    # A table is a folder of Parquet files, in the order in which they were appended.
    cells = pl.scan_parquet(directory / "cells.parquet" / "*.parquet")
    means = cells.group_by("kind").agg(pl.col("x").mean()).sort("kind").collect()
    for kind, mean in means.iter_rows():
        print(f"{kind}: {mean}")

    # What the query does not use is not read.
    print(f"ids from 90 on: {cells.filter(pl.col('id') >= 90).select(pl.len()).collect().item()}")

    # An array is an HDF5 file with one dataset, `data`. Axes after the first are arrays of fixed size.
    columns = {}
    for name in ["step", "loss"]:
        with h5py.File(directory / f"{name}.h5", "r") as file:
            columns[name] = file["data"][:]
    arrays = pl.DataFrame(columns)
    print(f"last loss {arrays['loss'][-1]}, of {len(arrays)} steps")
    with h5py.File(directory / "color.h5", "r") as file:
        print(f"colors {pl.Series('color', file['data'][:]).dtype}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
