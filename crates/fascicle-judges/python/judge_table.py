"""Reads a table's folder as one data set with pyarrow, pandas, polars and duckdb, which must find the same rows.

Arguments: the folder, then the columns. Prints the rows of the first column, which holds whole numbers, as text joined by
commas. Files may have different columns; each program is told so in its own way, as docs/format/tables.md says.
"""

import pathlib
import sys

import duckdb
import pandas
import polars
import pyarrow
import pyarrow.dataset

folder, columns = sys.argv[1], sys.argv[2:]


def plain(value):
    """What pandas holds as Python's own."""
    if pandas.api.types.is_scalar(value):
        return None if pandas.isna(value) else value
    return [plain(item) for item in value]


fragments = pyarrow.dataset.dataset(folder, format="parquet").get_fragments()
schema = pyarrow.unify_schemas([fragment.physical_schema for fragment in fragments])
last = max(pathlib.Path(folder).glob("part-*.parquet"))
names = ", ".join(f'"{column}"' for column in columns)

frames = {
    "pyarrow": pyarrow.dataset.dataset(folder, schema=schema, format="parquet").to_table(columns=columns).to_pydict(),
    "pandas": {
        column: [plain(value) for value in values]
        for column, values in pandas.read_parquet(folder, schema=schema, columns=columns).astype(object).items()
    },
    "polars": polars.scan_parquet(
        f"{folder}/*.parquet", schema=polars.read_parquet_schema(last), missing_columns="insert"
    )
    .select(columns)
    .collect()
    .to_dict(as_series=False),
    "duckdb": dict(
        zip(
            columns,
            map(
                list,
                zip(
                    *duckdb.sql(
                        f"select {names} from read_parquet('{folder}/*.parquet', union_by_name=true)"
                    ).fetchall()
                ),
            ),
        )
    ),
}
expected = frames["pyarrow"]
for program, frame in frames.items():
    frame = {column: list(frame.get(column, [])) for column in columns}
    assert frame == expected, f"{program} reads {frame}, pyarrow {expected}"
# The folder itself is a data set, too.
assert polars.scan_parquet(folder, extra_columns="ignore").select(polars.len()).collect().item() == len(
    expected[columns[0]]
)
print(",".join(str(value) for value in expected[columns[0]]))
