"""Joins the reports of the conformance suite into one document: behaviours by backends.

usage: join-conformance.py REPORTS DOCUMENT [--check]
"""

import json
import pathlib
import sys

SIGNS = {"held": "✓", "not_applicable": "–", "deviates": "deviates", "broken": "**broken**"}


def document(reports):
    names = [report["backend"] for report in reports]
    lines = [
        "# Conformance of the backends",
        "",
        "Made by `tools/conformance`. ✓ held, – does not apply to what the backend declares (then its refusal is what is",
        "tested), *deviates* a known deviation, explained below. What each line means: [SPEC.md](../conformance-tests/SPEC.md).",
        "",
        "| | " + " | ".join(names) + " |",
        "|---|" + "---|" * len(names),
    ]
    for outcome in SIGNS:
        counts = [sum(row["outcome"] == outcome for row in report["behaviours"]) for report in reports]
        lines.append(f"| {outcome.replace('_', ' ')} | " + " | ".join(map(str, counts)) + " |")
    lines += ["", "| behaviour | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    deviations = []
    for rows in zip(*(report["behaviours"] for report in reports), strict=True):
        assert len({row["name"] for row in rows}) == 1, "the reports are of different lists"
        lines.append(f"| `{rows[0]['name']}` | " + " | ".join(SIGNS[row["outcome"]] for row in rows) + " |")
        for name, row in zip(names, rows):
            if row["outcome"] in ("deviates", "broken"):
                deviations.append(f"- `{row['name']}` on {name}: {row['reason']}")
    if deviations:
        lines += ["", "## Deviations", ""] + deviations
    return "\n".join(lines) + "\n"


def main():
    reports_folder, target = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    reports = [json.loads(path.read_text("utf-8")) for path in sorted(reports_folder.glob("*.json"))]
    if not reports:
        sys.exit(f"there are no reports in {reports_folder}")
    text = document(reports)
    if sys.argv[3:] == ["--check"]:
        if not target.exists() or target.read_text("utf-8") != text:
            sys.exit(f"{target} is out of date: run tools/conformance")
    else:
        target.write_text(text, "utf-8")
        print(f"{target} is up to date")


main()
