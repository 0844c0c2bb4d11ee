"""Reads the table `trials` of a directory as one data set with four libraries, and the empty table `none`.

usage: judge_tables.py ROOT DIRECTORY ROWS
"""

import datetime
import json
import sys
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from datamate import Directory, set_root_dir

root, name, rows = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
folder = root / name / "trials.parquet"
UTC = datetime.timezone.utc


def expected_row(number):
    if number % 3 == 2:
        nothing = dict.fromkeys(["text", "list", "pair", "time", "day", "kind"])
        return {"id": number, **nothing, "inner": {"x": None, "ok": None}}
    time = datetime.datetime.fromtimestamp(1_700_000_000, UTC) + datetime.timedelta(microseconds=number)
    return {
        "id": number,
        "text": f'ü{number}, "q"\n',
        "list": [None if at == 1 else number * 10.0 + at for at in range(number % 4)],
        "pair": [number, -number],
        "time": time,
        "day": datetime.date(1970, 1, 1) + datetime.timedelta(days=19_000 + number),
        "kind": "odd" if number % 2 else "even",
        "inner": {"x": number / 2, "ok": number % 2 == 0},
    }


expected = [expected_row(number) for number in range(rows)]

data = ds.dataset(folder, format="parquet")
assert data.count_rows() == rows and len(data.files) > 1, data.files
table = data.to_table()
assert table.to_pylist() == expected
assert table.schema.field("time").type == pa.timestamp("us", "UTC"), table.schema
assert table.schema.field("pair").type == pa.list_(pa.int32(), 2), table.schema
picked = data.to_table(columns=["text"], filter=(pc.field("id") >= 6) & pc.field("list").is_valid())
assert picked["text"].to_pylist() == [row["text"] for row in expected[6:] if row["list"] is not None]

frame = pd.read_parquet(folder)
assert frame.shape == (rows, 8) and frame["id"].tolist() == list(range(rows))
assert frame["text"].isna().sum() == rows // 3 and frame["time"].dt.tz is not None
assert [time for time in frame["time"] if time is not pd.NaT] == [row["time"] for row in expected if row["time"]]

lazy = pl.scan_parquet(folder / "*.parquet")
assert lazy.select(pl.len()).collect().item() == rows
assert pl.read_parquet(folder / "*.parquet").rows(named=True) == expected
total = lazy.select(pl.col("list").list.sum().sum()).collect().item()
assert total == sum(value or 0 for row in expected for value in row["list"] or []), total

query = duckdb.sql(f"SELECT * REPLACE (epoch_us(time) AS time) FROM read_parquet('{folder}/*.parquet') ORDER BY id")
assert query.columns == list(expected[0]), query.columns
found = duckdb.sql(
    f"SELECT count(*), count(text), count(list), sum(\"inner\".x), max(day) FROM read_parquet('{folder}/*.parquet')"
).fetchall()
valid = [row for row in expected if row["text"] is not None]
assert found == [(rows, len(valid), len(valid), sum(row["inner"]["x"] for row in valid), valid[-1]["day"])], found
for row, wanted in zip(query.fetchall(), expected, strict=True):
    time = wanted["time"] and 1_700_000_000_000_000 + wanted["id"]
    assert dict(zip(query.columns, row)) == {**wanted, "time": time}, (row, wanted)

none = ds.dataset(root / name / "none.parquet", format="parquet").to_table()
assert none.num_rows == 0 and none.schema.names == table.schema.names

# To datamate the table is a folder of files.
set_root_dir(root)
parts = Directory(name)["trials.parquet"]
assert sum(len(pd.read_parquet(parts[part])) for part in parts) == rows
print(json.dumps("pyarrow, pandas, polars and duckdb agree"))
