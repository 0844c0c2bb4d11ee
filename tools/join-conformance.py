"""Joins the reports of the conformance suite: behaviours by backends into a document of their own, capabilities by backends
into the README, between the lines that say so. With --check nothing is written, and suites without a report are left out of
account.

usage: join-conformance.py REPORTS [--check]
"""

import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "CONFORMANCE.md"
README = ROOT / "README.md"
BEGIN = "<!-- What the backends declare, made by tools/conformance. -->"
END = "<!-- Until here. -->"
SIGNS = {"held": "✓", "not_applicable": "–", "deviates": "deviates", "broken": "**broken**"}


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def document(reports):
    names = [report["backend"] for report in reports]
    version = reports[0]["spec_version"]
    lines = [
        "# Conformance of the backends",
        "",
        f"Made by `tools/conformance`, for version {version} of the list. ✓ held, – does not apply to what the backend declares (then its",
        "refusal is what is tested), *deviates* a known deviation, explained below. What each line means is in",
        "[SPEC.md](../conformance-tests/SPEC.md). `hdf5` and `…+local` are folders of this machine, `…+memory` is the process, `…+s3` and",
        "`…+gcs` are servers that run in the tests' process, `…+moto` is moto, an S3 server in Python, `…+azure` is Azurite.",
        "",
    ]
    counts = []
    for outcome in SIGNS:
        number = [sum(row["outcome"] == outcome for row in report["behaviours"]) for report in reports]
        counts.append([outcome.replace("_", " "), *map(str, number)])
    lines += table(["", *names], counts)
    behaviours, deviations = [], []
    for rows in zip(*(report["behaviours"] for report in reports), strict=True):
        if len({row["name"] for row in rows}) != 1:
            sys.exit("the reports are of different lists")
        behaviours.append([f"`{rows[0]['name']}`", *(SIGNS[row["outcome"]] for row in rows)])
        for name, row in zip(names, rows, strict=True):
            if row["outcome"] in ("deviates", "broken"):
                deviations.append(f"- `{row['name']}` on {name}: {row['reason']}")
    lines += ["", *table(["behaviour", *names], behaviours)]
    if deviations:
        lines += ["", "## Deviations", "", *deviations]
    return "\n".join(lines) + "\n"


def capabilities(reports):
    # In the order of the backend that declares most, which is the order of the contract.
    known = max((report["declares"] for report in reports), key=len)
    known = known + sorted({name for report in reports for name in report["declares"]} - set(known))
    rows = [
        [f"`{report['backend']}`", *("✓" if name in report["declares"] else "–" for name in known)]
        for report in reports
    ]
    return "\n".join(table(["", *(name.replace("_", " ") for name in known)], rows))


def readme(text, reports):
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        sys.exit(f"{README} does not say where the table of capabilities goes: '{BEGIN}' … '{END}'")
    return f"{before}{BEGIN}\n\n{capabilities(reports)}\n\n{END}{after}"


def of_these(text, names):
    """The tables and lists of a document without the backends that are not named."""
    kept, lines, is_within = None, [], False
    for line in text.splitlines(keepends=True):
        cells = line.rstrip("\n").split(" | ")
        is_head, is_within = line.startswith("|") and not is_within, line.startswith("|")
        if is_head:
            heads = [cell.removesuffix(" |").removeprefix("| ") for cell in cells]
            is_kept = [at == 0 or not is_backend(head) or head in names for at, head in enumerate(heads)]
            kept = None if all(is_kept) else is_kept
        elif not is_within:
            kept = None
        elif is_backend(cells[0].strip("|` ")) and cells[0].strip("|` ") not in names:
            continue
        if kept and line.startswith("|---"):
            line = "|" + "---|" * sum(kept) + "\n"
        elif kept:
            cells[-1] = cells[-1].removesuffix(" |")
            line = " | ".join(cell for cell, keep in zip(cells, kept, strict=True) if keep) + " |\n"
        lines.append(line)
    return "".join(lines)


def is_backend(text):
    return text.split("+")[0] in ("hdf5", "memory", "parquet", "zarr")


def main():
    reports = [json.loads(path.read_text("utf-8")) for path in sorted(pathlib.Path(sys.argv[1]).glob("*.json"))]
    if not reports:
        sys.exit(f"there are no reports in {sys.argv[1]}")
    wanted = {DOCUMENT: document(reports), README: readme(README.read_text("utf-8"), reports)}
    present = {report["backend"] for report in reports}
    is_check = sys.argv[2:] == ["--check"]
    compared = (lambda text: of_these(text, present)) if is_check else (lambda text: text)
    stale = [
        path
        for path, text in wanted.items()
        if not path.exists() or compared(path.read_text("utf-8")) != compared(text)
    ]
    names = ", ".join(str(path.relative_to(ROOT)) for path in stale)
    if is_check:
        if stale:
            sys.exit(f"out of date: {names}; run tools/conformance")
    else:
        for path in stale:
            path.write_text(wanted[path], "utf-8")
    if not stale:
        print("docs/CONFORMANCE.md and README.md are up to date")
    else:
        print(f"wrote {names}")


main()
