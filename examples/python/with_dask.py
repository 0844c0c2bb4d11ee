"""What a Rust program stored with fascicle, in Dask: tables and arrays of any size, on as many workers as there are.

usage: with_dask.py ROOT        such as data

Reads the table `cells` and the array `loss` of every directory of the root as one frame and one array; nothing is copied. Needs
dask[dataframe], pyarrow and h5py. Nothing of fascicle.
"""

import sys
from pathlib import Path

import dask
import dask.array as da
import dask.dataframe as dd
import h5py


@dask.delayed
def read_array(path):
    # An array is an HDF5 file with one dataset, `data`. A worker opens the file itself, and closes it.
    with h5py.File(path, "r") as file:
        return file["data"][:]


def shape_and_dtype(path):
    with h5py.File(path, "r") as file:
        return file["data"].shape, file["data"].dtype


def main(root):
    # The part files of the tables of all directories; each is a partition.
    parts = sorted(str(path) for path in root.glob("*/cells.parquet/*.parquet"))
    cells = dd.read_parquet(parts, columns=["id", "kind", "x"])
    print(f"{cells.npartitions} parts, {len(cells)} cells")
    print(cells.groupby("kind")["x"].mean().compute().sort_index().to_dict())
    # Row groups that cannot match are skipped by their statistics.
    print(f"ids from 90 on: {len(dd.read_parquet(parts, columns=['id'], filters=[('id', '>=', 90)]))}")

    paths = sorted(root.glob("*/loss.h5"))
    pieces = [da.from_delayed(read_array(path), *shape_and_dtype(path)) for path in paths]
    loss = da.stack(pieces)
    print(f"losses {loss.shape}, least {float(loss.min().compute())}")


if __name__ == "__main__":
    # Threads of this process; with dask.distributed the same code runs on a cluster whose workers see the folder.
    with dask.config.set(scheduler="threads", num_workers=2):
        main(Path(sys.argv[1]))
