"""Checks yaml_written.json: values, and the YAML that they are written as.

    pip install ruamel.yaml pyyaml
    python yaml_written.py                  # ruamel.yaml (YAML 1.2) and PyYAML (YAML 1.1) read every text as its value

After a change of the values here, or of the writer, the table is written anew, and then checked as above:

    python yaml_written.py --values > yaml_written.json     # the values without texts, tagged as in identity_vectors.json
    cargo test -p fascicle-core --lib rewrite_the_table -- --ignored
"""

import json
import math
import pathlib
import sys

from identity_vectors import cases, tagged, untagged

HERE = pathlib.Path(__file__).parent

TEXTS = """
. .. ... a.b a:b a: :a - -- --- -a ? ! & * % @ ` | > = << # a#b , a,b [ ] { } [a] {a} ' " it's \\ a\\b / /a/b a@b (a) a(b)
""".split() + [
    "a: b", "a b", " a", "a ", "a  b", "a #b", "# a", "- a", "? a", ": a", "a\nb", "a\n", "\na", "\n", "a\tb", "\t", "a\rb", "\r\n",
    "a\x00b", "\x07", "\x1b[31m", "\x7f", "\x85", "\xa0", "\u2028", "\u2029", "\ufeff", "a\ufeffb", "\u200b", "\u202e", "\u00ad",
    "\u00e9", "e\u0301", "\u65e5\u672c\u8a9e", "\U0001f9ea", "\U00010000", "\U0010ffff", "\ufffd", "\ud7ff", "\ue000", "\uffff", "\ufffe",
    "\u0661", "\uff11", "\u0663.\u0665", "\u00bd", "2001-01-01 10:00:00", "x" * 200, "word " * 40, "two\n\nparagraphs\n", "  - list\n  - like",
    "key: value\nother: value", "'quoted'", '"quoted"', "''", '""', "%TAG", "--- a", "... b", "a ---", "null ", " null", "NULL", "1 2", "s3://lab/x",
    "C:\\data", "a;b", "$HOME", "~user", "~", "a~", "x=1", "50%", "\u00b5m", "a\u3000b", "!!str 1", "&anchor a", "*alias",
]  # fmt: skip


def values():
    with open(HERE / "yaml_scalars.json", encoding="utf-8") as file:
        spellings = [row[0] for row in json.load(file)["scalars"]]
    texts = dict.fromkeys([*TEXTS, *spellings])
    yield from texts
    for text in texts:
        yield {text: 1}
    for text in TEXTS:
        yield {"list": [text, [text], {text: text}]}
    floats = [1.0, 100.0, 1e15, 1e16, 1.5e16, 1e22, 1e-4, 1e-5, 1.5e-7, 0.1, 123456789.125, 5e-324, 1.7976931348623157e308, -2.5]
    yield from floats
    for _, _, fields, _ in cases():
        yield fields
    yield {"config": {"type": "X", "n_cells": 100, "layers": [[1, [2]], {"a": {"b": []}}, {}]}, "status": "done", "modified": True}
    yield [[], [[]], [[[1]]], {}, [{}], {"a": {}}, {"a": [[]]}, {"a": [{"b": [1]}]}]
    yield []
    yield {}


def same(a, b):
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return repr(float(a)) == repr(float(b)) or math.isnan(a) and math.isnan(b)
    if isinstance(a, bool) != isinstance(b, bool):
        return False
    for kind in (int, float, str, bytes):
        if isinstance(a, kind) != isinstance(b, kind):
            return False
    return a == b


def main():
    if sys.argv[1:] == ["--values"]:
        print(json.dumps([[tagged(value), ""] for value in values()]))
        return 0
    import ruamel.yaml
    import yaml

    with open(HERE / "yaml_written.json", encoding="utf-8") as file:
        rows = json.load(file)
    wrong = 0
    readers = {"ruamel.yaml": ruamel.yaml.YAML().load, "PyYAML": yaml.safe_load}
    for value, text in rows:
        for name, read in readers.items():
            try:
                found = read(text)
            except Exception as error:
                found = error
            if not same(found, untagged(value)):
                wrong += 1
                print(f"{name} reads {text!r} as {found!r}")
    expected = [tagged(value) for value in values()]
    if [row[0] for row in rows] != expected:
        wrong += 1
        print("yaml_written.json holds other values than this program makes")
    print(f"{len(rows)} values, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
