"""Writes identity_vectors.json: configurations, their canonical bytes and their identities.

This is an implementation of its own of the identity of configurations, made from its description alone:

    pip install blake3
    python identity_vectors.py > identity_vectors.json
    python identity_vectors.py --check identity_vectors.json    # without blake3 the hashes go unchecked

Values are JSON with tags, so that nothing is lost: null, true, false, {"int": "1"}, {"float": "0.5"},
{"text": "a"}, {"bytes": "00ff"}, {"list": [...]}, {"map": [["key", value], ...]}.
"""

import copy
import json
import math
import struct
import sys

try:
    import blake3
except ImportError:
    blake3 = None

FORMAT_VERSION = 1


def head(major, argument):
    for size, (limit, form) in enumerate([(1 << 8, ">B"), (1 << 16, ">H"), (1 << 32, ">I"), (1 << 64, ">Q")]):
        if argument < 24:
            return bytes([major << 5 | argument])
        if argument < limit:
            return bytes([major << 5 | 24 + size]) + struct.pack(form, argument)
    raise ValueError("too large for a head")


def encode_int(number):
    major, magnitude = (1, -1 - number) if number < 0 else (0, number)
    if magnitude < 1 << 64:
        return head(major, magnitude)
    digits = magnitude.to_bytes((magnitude.bit_length() + 7) // 8, "big")
    return head(6, 2 + major) + head(2, len(digits)) + digits


def encode(value):
    if value is None:
        return b"\xf6"
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return encode_int(value)
    if isinstance(value, float):
        if math.isnan(value):
            return bytes.fromhex("fb7ff8000000000000")
        if value.is_integer() and -(2**127) <= value < 2**127:
            return encode_int(int(value))
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, str):
        data = value.encode()
        return head(3, len(data)) + data
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(encode, value))
    entries = sorted(value.items(), key=lambda entry: entry[0].encode())
    return head(5, len(entries)) + b"".join(encode(key) + encode(item) for key, item in entries)


def remove(fields, path):
    """Takes a field out; maps that this leaves empty go too. Gives (found, value)."""
    if path in fields:
        return True, fields.pop(path)
    for dot in (index for index, character in enumerate(path) if character == "."):
        inner = fields.get(path[:dot])
        if isinstance(inner, dict):
            found, value = remove(inner, path[dot + 1 :])
            if found:
                if not inner:
                    del fields[path[:dot]]
                return True, value
    return False, None


def insert(fields, path, value):
    *outer, name = path.split(".")
    for key in outer:
        fields = fields.setdefault(key, {})
    fields.setdefault(name, value)


def elide(fields, defaults):
    for key in list(fields):
        if key not in defaults:
            continue
        value, default = fields[key], defaults[key]
        if isinstance(value, dict) and isinstance(default, dict):
            elide(value, default)
            if not value:
                del fields[key]
        elif encode(value) == encode(default):
            del fields[key]


def canonical_bytes(type_name, config, rules):
    fields, defaults = copy.deepcopy(config), copy.deepcopy(rules.get("defaults", {}))
    for old, new in rules.get("aliases", []):
        found, value = remove(fields, old)
        if found:
            insert(fields, new, value)
    for path in rules.get("excluded", []):
        remove(fields, path)
        remove(defaults, path)
    elide(fields, defaults)
    document = {"type": type_name, "config": fields}
    if "version" in rules:
        document["version"] = rules["version"]
    return bytes([FORMAT_VERSION]) + encode(document)


def tagged(value):
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return {"int": str(value)}
    if isinstance(value, float):
        return {"float": repr(value)}
    if isinstance(value, str):
        return {"text": value}
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, list):
        return {"list": [tagged(item) for item in value]}
    return {"map": [[key, tagged(item)] for key, item in value.items()]}


def untagged(value):
    if value is None or isinstance(value, bool):
        return value
    ((tag, data),) = value.items()
    readers = {
        "int": int,
        "float": float,
        "text": str,
        "bytes": bytes.fromhex,
        "list": lambda items: [untagged(item) for item in items],
        "map": lambda items: {key: untagged(item) for key, item in items},
    }
    return readers[tag](data)


def cases():
    values = {
        "null": None,
        "true": True,
        "false": False,
        "zero": 0,
        "negative zero": -0.0,
        "float zero": 0.0,
        "one": 1,
        "one as a float": 1.0,
        "minus one": -1,
        "23": 23,
        "24": 24,
        "255": 255,
        "256": 256,
        "65535": 65535,
        "65536": 65536,
        "2^32 - 1": 2**32 - 1,
        "2^32": 2**32,
        "smallest i64": -(2**63),
        "largest i64": 2**63 - 1,
        "largest u64": 2**64 - 1,
        "beyond u64": 2**64,
        "most negative in one head": -(2**64),
        "beyond it": -(2**64) - 1,
        "largest i128": 2**127 - 1,
        "smallest i128": -(2**127),
        "float of 2^53": 2.0**53,
        "float of 2^63": 2.0**63,
        "float of 2^64": 2.0**64,
        "float of 1e20": 1e20,
        "float of 2^126": 2.0**126,
        "float of 2^127": 2.0**127,
        "float of -2^127": -(2.0**127),
        "float of 1e300": 1e300,
        "half": 0.5,
        "a tenth": 0.1,
        "a tenth in 32 bits": 0.10000000149011612,
        "1e-5": 1e-5,
        "smallest float": 5e-324,
        "nan": math.nan,
        "infinity": math.inf,
        "minus infinity": -math.inf,
        "empty text": "",
        "text of a number": "1",
        "text composed": "\u00e9",
        "text decomposed": "e\u0301",
        "text beyond the basic plane": "\U0001f9ea",
        "text with a NUL": "a\0b",
        "long text": "x" * 300,
        "no bytes": b"",
        "bytes": bytes(range(256)),
        "empty list": [],
        "list": [1, 2.0, "3", None, [True]],
        "empty map": {},
        "nested map": {"b": {"d": 1, "c": 2}, "a": []},
    }
    for name, value in values.items():
        yield name, "T", {"x": value}, {}
    yield "no fields", "CellMeasurements", {}, {}
    yield "two fields", "CellMeasurements", {"n_cells": 100, "seed": 0}, {}
    yield "two fields in the other order", "CellMeasurements", {"seed": 0, "n_cells": 100}, {}
    yield "many keys", "T", {f"k{index}": index for index in range(30)}, {}
    order = {"b": 1, "a": 2, "aa": 3, "B": 4, "": 5, "\u00e9": 6, "\uffff": 7, "\U00010000": 8}
    yield "keys in the order of their bytes", "T", order, {}
    yield "a type in unicode", "M\u00fcller", {"x": 1}, {}
    yield "version number", "T", {"x": 1}, {"version": 2}
    yield "version name", "T", {"x": 1}, {"version": "2"}
    defaults = {"seed": 0, "net": {"units": 8, "rate": 0.1}}
    yield "equal to the defaults", "T", {"n": 1, "seed": 0.0, "net": {"rate": 0.1}}, {"defaults": defaults}
    yield "other than a nested default", "T", {"n": 1, "net": {"units": 9, "rate": 0.1}}, {"defaults": defaults}
    yield "null instead of a default", "T", {"seed": None}, {"defaults": defaults}
    yield "false is not a default of zero", "T", {"seed": False}, {"defaults": defaults}
    yield "excluded", "T", {"n": 1, "n_workers": 4, "log": {"level": 3}}, {"excluded": ["n_workers", "log.level"]}
    yield "excluded beside others", "T", {"log": {"level": 3, "file": "a"}}, {"excluded": ["log.level"]}
    yield "excluded key with a dot", "T", {"log.level": 3, "n": 1}, {"excluded": ["log.level"]}
    yield "renamed", "T", {"lr": 0.5}, {"aliases": [["lr", "training.rate"]]}
    yield "under the new name", "T", {"training": {"rate": 0.5}}, {"aliases": [["lr", "training.rate"]]}
    every = {"aliases": [["lr", "rate"]], "excluded": ["n_workers"], "defaults": {"rate": 0.1, "n_workers": 1}, "version": 3}
    yield "all rules at once", "T", {"lr": 0.1, "n_workers": 7, "n": 2}, every


def vector(name, type_name, config, rules):
    data = canonical_bytes(type_name, config, rules)
    row = {"name": name, "type": type_name, "config": tagged(config)}
    if rules:
        row["rules"] = {**rules}
        if "defaults" in rules:
            row["rules"]["defaults"] = tagged(rules["defaults"])
        if "version" in rules:
            row["rules"]["version"] = tagged(rules["version"])
    row["canonical"] = data.hex()
    if blake3 is not None:
        row["identity"] = blake3.blake3(data).hexdigest()
    return row


def check(path):
    with open(path, encoding="utf-8") as file:
        vectors = json.load(file)["vectors"]
    wrong = 0
    for row in vectors:
        rules = {**row.get("rules", {})}
        for key in ("defaults", "version"):
            if key in rules:
                rules[key] = untagged(rules[key])
        data = canonical_bytes(row["type"], untagged(row["config"]), rules)
        good = data.hex() == row["canonical"]
        if blake3 is not None:
            good = good and blake3.blake3(data).hexdigest() == row["identity"]
        if not good:
            wrong += 1
            print("wrong:", row["name"])
    print(f"{len(vectors)} vectors, {wrong} wrong" + ("" if blake3 else ", hashes not checked: there is no blake3"))
    return 1 if wrong else 0


def main():
    if sys.argv[1:2] == ["--check"]:
        return check(sys.argv[2])
    if blake3 is None:
        sys.exit("writing the vectors takes blake3: pip install blake3")
    rows = ",\n".join(json.dumps(vector(*case)) for case in cases())
    sys.stdout.write(f'{{"format_version": {FORMAT_VERSION}, "vectors": [\n{rows}\n]}}\n')
    return 0


if __name__ == "__main__":
    sys.exit(main())
