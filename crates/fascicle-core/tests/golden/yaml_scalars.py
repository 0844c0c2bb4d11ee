"""Writes yaml_scalars.json: what ruamel.yaml makes of each plain scalar.

Run it in an environment that has ruamel.yaml:

    pip install ruamel.yaml
    python yaml_scalars.py > yaml_scalars.json

Each scalar stands as `key: SCALAR` in a document of its own, read by `YAML()`, the round-trip
loader that datamate uses. An answer is `[kind, text]`:

    null, bool, int, float (repr), text, bytes (hex), date (a datetime.date or a time stamp),
    list, map (repr), error (the class of the exception).
"""

import datetime
import io
import itertools
import json
import sys
import warnings

import ruamel.yaml

NAMED = """
~ null Null NULL nUll none None NONE nil
true True TRUE tRUE false False FALSE yes Yes YES no No NO on On ON off Off OFF y Y n N t f T F
0 1 -1 +1 00 01 -01 007 012 0123 08 09 089 -08 +09 100 1000000 123456789012345678
9223372036854775807 9223372036854775808 -9223372036854775808 -9223372036854775809
18446744073709551615 18446744073709551616 -0 +0 1_000 1__0 10_ 1_ 0_ 0_1 -1_0 +_ -_ _ _1 __
0x1F 0x1f 0X1F 0xg 0x -0x1F +0x10 0x_ 0x1_F 0xDEAD_BEEF 0o17 0o7 0o8 0O17 0o -0o17 +0o17 0o_ 0o1_7
0b101 0b 0B1 0b2 -0b11 +0b11 0b1_0 0b_ 017 0_17
1.0 1. .5 -.5 +.5 . .. ... - + -. +. ._ ._5 .5_ .5e5 .5e+5 .5e-5 -.5e+1 .5E+5 0. 00.5 01.5 -0.0 0.0 +0.0
1e5 1E5 1e+5 1e-5 1e-05 -1e5 +1e5 1.0e5 1.0e-5 1.5E+10 1.e5 1e 1e+ e5 1e5.0 1_0e5 1_0.5 1.5_0 1._5 1_.5
1e400 -1e400 1e-400 1e308 5e-324 2.2250738585072014e-308 0.1 0.30000000000000004 3.141592653589793
123456789.123456789 1e22 1e23 0e0 0e5 09e1 1e05 1e0_5 1.2.3 1,000 1.000,5 12e03 -2E+05
.inf .Inf .INF .iNF -.inf +.inf -.INF +.Inf inf Inf -inf Infinity .nan .NaN .NAN .Nan -.nan +.nan nan NaN
1:30 01:30 1:30:00 190:20:30 190:20:30.15 1:2 1:60 12:30:45.5 -1:30
2001-01-01 2001-1-1 2001-12-14 2001-13-45 20010101 2001-01 2001-01-01T00:00:00 2001-01-01T00:00:00Z
2001-12-14t21:59:43.10-05:00 2001-12-15T02:59:43.1Z 2001-12-14T21:59:43+01:00 0001-01-01 9999-12-31 2001-02-30
<< = == != a=b x<y
a A abc a-b a_b a.b a/b a:b a#b ./a ../a /a/b a@b a+b a*b a&b a!b a%b a|b a>b a?b a;b a~b ~a a$b $a ^a (a) a,b a'b a"b
-a -1a 1a a1 1-2 1+2 1/2 1-1-1 --1 ++1 +-1 -+1 -- ::  :a ?a
0x1F.5 0o17.5 1f 1L 1j 1d 0xffffffffffffffff 0x10000000000000000
'' '1' 'true' 'null' '~' '.nan' "1" "1.5" "true" "" 'a''b' "a\\nb" "\\u00e9" "\\x41" "\\0" "\\t"
[] {} [1,2] {a:1} é ü µm 日本語 ½ ١ １ ٣.٥ naïve
""".split()

SPACED = [
    "",
    "# only a comment",
    "1 # one",
    "a b",
    "1 2",
    "1 .5",
    "a # b",
    "a #b",
    "a\tb",
    "yes no",
    "null null",
    "2001-12-14 21:59:43.10 -5",
    "2001-12-15 2:59:43.10",
    "2001-12-14 21:59:43",
    "2001-12-14 21:59",
    "- 1",
    "a\n  b",
    "1\n  2",
    "|\n  1",
    "|-\n  1",
    "|-\n  true",
    ">-\n  a\n  b",
    "'a\n\n  b'",
    '"a\\\n  b"',
    "!!str 1",
    "!!str true",
    "!!str",
    "!!str null",
    "!!int 5",
    "!!int '5'",
    "!!int 0x1F",
    "!!float 1",
    "!!float 1.5",
    "!!float '1e3'",
    "!!float .nan",
    "!!bool true",
    "!!null null",
    "!!null ''",
    "!!binary aGVsbG8=",
    "!!binary ''",
    "!!binary |\n  aGVs\n  bG8=",
    "!!seq [1, 2]",
    "!!map {a: 1}",
    "[1, 'a', 1.5, ~, true]",
    "{a: 1, b: [2, 3]}",
    "{a: {b: no}}",
    "[a, b: c]",
    "{a, b}",
]


def plain(value):
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return answer(value)


def answer(value):
    if value is None:
        return ["null", ""]
    if isinstance(value, bool):
        return ["bool", str(value).lower()]
    # A boolean of the round-trip loader is an int of a class of its own.
    if type(value).__name__ == "ScalarBoolean":
        return ["bool", str(bool(value)).lower()]
    if isinstance(value, int):
        return ["int", str(int(value))]
    if isinstance(value, float):
        return ["float", repr(float(value))]
    if isinstance(value, bytes):
        return ["bytes", value.hex()]
    if isinstance(value, str):
        return ["text", str(value)]
    if isinstance(value, datetime.date) or type(value).__name__ == "TimeStamp":
        return ["date", str(value)]
    if type(value).__name__ == "TaggedScalar":
        suffix = str(value.tag.value).rsplit(":", 1)[-1]
        # A merge or default-value mark outside its place is nothing but its text.
        return ["text", str(value.value)] if suffix in ("str", "merge", "value") else ["error", "UnknownTag"]
    if isinstance(value, list):
        return ["list", json.dumps(plain(value))]
    if isinstance(value, dict):
        return ["map", json.dumps(plain(value))]
    return ["other", type(value).__name__]


def read(scalar):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            document = ruamel.yaml.YAML().load(io.StringIO(f"key: {scalar}\n"))
        if list(document) != ["key"]:
            return ["error", "NotOneKey"]
        return answer(document["key"])
    except Exception as error:
        return ["error", type(error).__name__]


def generated():
    """Every short combination of the characters that numbers are made of."""
    for characters in itertools.product("+-.0", "1_e.", "0_e"):
        yield "".join(characters)
    for characters in itertools.product(["", "-"], ["1", "0", ""], [".", ""], ["2", ""], ["e3", "e+3", "E-3"]):
        yield "".join(characters)


def main():
    scalars = dict.fromkeys([*NAMED, *SPACED, *generated()])
    rows = [[scalar, *read(scalar)] for scalar in scalars]
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    sys.stdout.write(f'{{"ruamel_yaml": "{ruamel.yaml.__version__}", "scalars": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
