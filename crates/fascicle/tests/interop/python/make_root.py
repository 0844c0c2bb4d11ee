"""Fills a root with datamate and says what it holds and how datamate shows it.

usage: make_root.py ROOT
"""

import json
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from datamate import Directory, Namespace, set_root_dir, set_verbosity_level
from types_of_both import as_dict

warnings.simplefilter("ignore")
root = Path(sys.argv[1])
set_root_dir(root)
outside = Path(tempfile.mkdtemp()) / "note.md"
outside.write_text("# from a path\n")


class Experiment(Directory):
    class Config(dict):
        n: int = 5
        rate: float = 0.5
        name: str = "base"
        inner: dict = {"depth": 2, "flags": [True, None], "deeper": {"x": 1e-9}, "last": "z"}
        layers: list = [8, 4]

    def __init__(self, config):
        if config.name == "fails":
            self.half = [1]
            raise RuntimeError("the build failed")
        self.x = np.arange(config.n) * config.rate
        self.raw = {"a": np.eye(2), "b": {"c": np.array([1, 2], ">i2")}}


class Empty(Directory):
    pass


base = Experiment()
named = Experiment("named", {"name": "named"})
other = Experiment(n=7, rate=2, name="other", inner={"depth": 3, "more": 1})
extended = Experiment({"name": "extended"})
try:
    Experiment({"name": "fails"})
except RuntimeError:
    pass
running = Experiment({"name": "running"})
running._override_status("running")
unknown = Directory({"type": "FromElsewhere", "a": 1})
manual = Directory("manual")
(root / "manual").mkdir()
manual.config = {**as_dict(base.config), "name": "manual"}
extended.extend("x", [1.0, 2.0])
extended.extend("added", np.ones((2, 3), "f4"))
extended.extend("added", np.zeros((1, 3)))

many = Directory("many/kinds of things")
kinds = {
    "b1": np.array([True, False]),
    "f2": np.array([0.5, -1], "f2"),
    "big": np.array([1, -2, 3], ">i4"),
    "c8": np.array([1 + 2j], "c8"),
    "bytes": np.array([b"a", b"abc", b""]),
    "scalar": 2.5,
    "integer": 7,
    "empty": np.zeros((0, 3)),
    "cube": np.arange(24, dtype="u1").reshape(2, 3, 4),
}
for key, value in kinds.items():
    many[key] = value
many.words = np.array(["é", "", "long text"], dtype=object)
many.series = pd.Series(["x", "y"])
many.note = outside
many["note.md"] = outside
shutil.rmtree(outside.parent)
try:
    many.unsuitable = ["a", "text"]
except TypeError:
    pass
many.link = np.arange(3)
(many.path / "linked.h5").symlink_to("link.h5")
pd.DataFrame({"p": [1, 2]}).to_parquet(many.path / "single.parquet")
(many.path / "parts.parquet").mkdir()
for part in range(2):
    pd.DataFrame({"p": [10 * part, None]}).to_parquet(many.path / "parts.parquet" / f"part-{part}.parquet")

csv = Directory("csv")
csv.mixed = pd.DataFrame(
    {
        "int": [1, -2, 3],
        "float": [0.1, 1e-300, np.inf],
        "gaps": [1.5, np.nan, 2.0],
        "bool": [True, False, True],
        "text": ["a,b", 'say "hi"', "two\nlines"],
        "none": ["é", None, "z"],
        "na": ["NA", "null", "nan"],
        "zeros": ["001", "002", "1e3"],
        "date": pd.to_datetime(["2020-01-01", "2020-01-02", None]),
        "lists": [[1, 2], [], [3]],
        "big": [2**63, 1, 2],
        "nothing": [None, None, None],
        "a b": [0, 0, 0],
    }
)
csv.single = pd.DataFrame({"a": ["x", None, "y"]})
csv.headers = pd.DataFrame({"a": [], "b": []})
csv.grown = pd.DataFrame({"a": [1, 2]})
csv.extend("grown", pd.DataFrame({"a": [2.5], "b": ["new"]}))
csv.nameless = pd.DataFrame()

arrays = {}
for key in [*kinds, "linked"]:
    value = many[key][()]
    arrays[key] = [str(value.dtype.newbyteorder("=")), list(value.shape), value.astype(value.dtype.newbyteorder("=")).tobytes().hex()]

metas = {}
for directory in (base, named, other, extended, unknown, csv):
    frame = directory.meta.to_df()
    metas[directory.path.name] = [[key, as_dict(value)] for key, value in zip(frame.index, frame[0])]
joined = base.meta.to_df("base").join(named.meta.to_df("named"))
diffs = {}
for directory in (base, named, other, extended):
    for against in (base, other, extended):
        difference = directory.config.diff(against.config, name1="this", name2="other")
        lines = [difference["this"], difference["other"]]
        whole = directory.meta.diff(against.meta, name1="this", name2="other")
        lines += [whole["this"], whole["other"]]
        diffs[f"{directory.path.name} {against.path.name}"] = lines

# What no program writes, but disks and people do.
for name, text in [("broken_empty", ""), ("broken_yaml", "config: [\n"), ("broken_list", "- 1\n"), ("broken_config", "config:\nstatus: done\n")]:
    broken = Directory(name)
    broken.x = np.arange(3)
    (broken.path / "_meta.yaml").write_text(text)

trees = {}
for level in (0, 1, 2):
    set_verbosity_level(level)
    for path in ["", base.path.name, "many", "many/kinds of things", "csv", "absent", running.path.name]:
        trees.setdefault(path, []).append(repr(Directory(root / path) if path != "absent" else Directory(path)))

print(
    json.dumps(
        {
            "trees": trees,
            "arrays": arrays,
            "metas": metas,
            "joined": [list(joined.index), [as_dict(value) for value in joined["base"]], [as_dict(value) for value in joined["named"]]],
            "diffs": diffs,
            "sizes": {directory.path.name: directory.size for directory in (base, csv)},
        }
    )
)
