"""Writes digest_vectors.json: entries, their canonical bytes and their digests.

This is an implementation of its own of the digests of entries, made from docs/format/digest.md alone:

    pip install blake3
    python digest_vectors.py > digest_vectors.json
"""

import json
import struct

from blake3 import blake3
from identity_vectors import encode

FORMAT = "fascicle digest 1"


def header(kind, attributes, *what):
    return encode([FORMAT, kind, attributes, *what])


def digest(data):
    return blake3(data).digest()


NAN_BYTES = {"<e": "007e", "<f": "0000c07f", "<d": "000000000000f87f"}


def canonical_float(number, code="<d"):
    if number != number:
        return bytes.fromhex(NAN_BYTES[code])
    return struct.pack(code, 0.0 if number == 0 else number)


def array(dtype, shape, data, attributes=None):
    return header("array", attributes or {}, dtype, list(shape)) + data


def table(schema, rows, columns):
    return header("table", {}, schema) + struct.pack("<Q", rows) + b"".join(map(digest, columns))


def directory(config, children):
    """children: names and canonical bytes of the entries, in the order of the bytes of their names."""
    parts = [encode(name) + digest(data) for name, data in sorted(children.items(), key=lambda item: item[0].encode())]
    return header("directory", {}, config) + b"".join(parts)


def nullable(value, form):
    return b"\0" if value is None else b"\1" + form(value)


def sized(data):
    return struct.pack("<Q", len(data)) + data


def int64(number):
    return struct.pack("<q", number)


NAN = float("nan")

scalar = array("float64", [], struct.pack("<d", 1.5))
integers = array("int64", [3], b"".join(map(int64, [1, -2, 3])))
listed = header("file", {}) + b"hello\n"

# Columns: n int64; x float64 or null; s utf8; l list of int8 or null, of items that may be null.
columns = {
    "n": b"".join(map(int64, [1, 2, 3])),
    "x": b"".join(nullable(value, canonical_float) for value in [0.5, None, NAN]),
    "s": b"".join(sized(text.encode()) for text in ["", "ü", "abc"]),
    "l": b"".join(
        nullable(
            items,
            lambda items: struct.pack("<Q", len(items))
            + b"".join(nullable(item, lambda item: struct.pack("<b", item)) for item in items),
        )
        for items in [[1, None], None, []]
    ),
}
schema = [
    ["n", False, "int64"],
    ["x", True, "float64"],
    ["s", False, "utf8"],
    ["l", True, ["list", True, "int8"]],
]
rows = table(schema, 3, columns.values())

VECTORS = {
    "scalar": scalar,
    "integers": integers,
    "empty": array("uint8", [0, 4], b""),
    "floats": array("float64", [2, 2], b"".join(map(canonical_float, [NAN, -0.0, -1.0, 2.0]))),
    "halves": array("float16", [3], b"".join(canonical_float(n, "<e") for n in [NAN, 0.0, 1.0])),
    "complex": array("complex64", [1], canonical_float(1.0, "<f") + canonical_float(NAN, "<f")),
    "flags": array("bool", [2], b"\1\0"),
    "names": array("string", [2], encode("ü") + encode("")),
    "codes": array("S2", [2], b"ab\0c"),
    "times": array("datetime64[ns]", [2], int64(1) + int64(-(2**63))),
    "described": array("int8", [1], b"\7", {"unit": "mV", "scale": 1, "window": [0.5, None, True]}),
    "file": listed,
    "table": rows,
    "plain": directory({"type": "Directory"}, {}),
    "cells": directory({"type": "Cells", "seed": 0}, {"x": integers, "f.bin": listed, "sub": directory({"type": "Directory"}, {"y": scalar})}),
}

print(
    json.dumps(
        {
            "format": FORMAT,
            "vectors": [
                {"name": name, "canonical": data.hex(), "digest": digest(data).hex()} for name, data in VECTORS.items()
            ],
            "columns": [
                {"name": name, "canonical": data.hex(), "digest": digest(data).hex()} for name, data in columns.items()
            ],
        },
        indent=1,
    )
)
