"""What a Rust program stored with fascicle, in pandas: a table, and arrays as columns of a data frame.

usage: with_pandas.py DIRECTORY        such as data/Recording_0000

Needs pandas and pyarrow, and h5py for arrays in HDF5 or zarr for arrays in Zarr. Nothing of fascicle.
"""

import sys
from pathlib import Path

import pandas as pd


def read_array(directory, name):
    """An array of the directory as a NumPy array, whichever way it is stored."""
    if (directory / f"{name}.h5").exists():
        import h5py

        with h5py.File(directory / f"{name}.h5", "r") as file:
            return file["data"][:]
    import zarr

    return zarr.open_array(directory / f"{name}.zarr", mode="r")[:]


def main(directory):
    # A table is a folder of Parquet files, in the order in which they were appended.
    cells = pd.read_parquet(directory / "cells.parquet")
    print(f"{len(cells)} cells, columns {', '.join(cells.columns)}")
    print(cells.groupby("kind")["x"].mean())

    # Only some columns and rows: the rest of the files is not read.
    few = pd.read_parquet(directory / "cells.parquet", columns=["id"], filters=[("id", ">=", 90)])
    print(f"ids from 90 on: {len(few)}")

    # Arrays of one length are columns of one frame.
    arrays = pd.DataFrame({name: read_array(directory, name) for name in ["step", "loss"]})
    print(f"last loss {arrays['loss'].iloc[-1]}, of {len(arrays)} steps")
    print(f"colors {read_array(directory, 'color').shape}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
