#!/bin/sh
# A walk through everything a directory does, with the command `fascicle` alone.
#
#   examples/walkthrough.sh FOLDER     writes into FOLDER, which should be new or empty, and prints what it sees
#
# `fascicle` is looked for on PATH. The numbers are made by awk, the same ones each time.
set -eu

# What `fascicle run` calls, once for each config: this very script.
case "${1:-}" in
measure)
    seed=$(sed -n 's/.*"seed": *\([0-9]*\).*/\1/p' "$FASCICLE_CONFIG_FILE")
    n_cells=$(sed -n 's/.*"n_cells": *\([0-9]*\).*/\1/p' "$FASCICLE_CONFIG_FILE")
    echo "Loading connectome ..." >&2
    awk -v n="$n_cells" -v state="$((seed + 1))" '
        function random() { state = (state * 16807) % 2147483647; return state / 2147483647 }
        BEGIN { print "cell_id,x,y"; for (i = 0; i < n; i++) printf "%d,%.6f,%.6f\n", i, 2 * random() - 1, 2 * random() - 1 }
    ' | fascicle put - --as columns --format csv "$FASCICLE_DIR/cells"
    awk -v n="$n_cells" -v state="$((seed + 2))" '
        function random() { state = (state * 16807) % 2147483647; return state / 2147483647 }
        BEGIN {
            print "pre_cell_id,post_cell_id"
            for (i = 0; i < n; i++) for (j = 0; j < n; j++) if (random() > 0.98) print i "," j
        }
    ' | fascicle put - --as columns --format csv "$FASCICLE_DIR/connections"
    echo "Stored connectome!" >&2
    exit
    ;;
train)
    for step in 1 2 3 4 5 6 7 8 9 10; do
        fascicle append --value "[$(awk -v step="$step" 'BEGIN { printf "%.4f", exp(-step / 5) }')]" "$FASCICLE_DIR/loss"
        sleep 0.05
    done
    exit
    ;;
"" | -*)
    echo "usage: walkthrough.sh FOLDER" >&2
    exit 2
    ;;
esac

data=$1
self=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)/$(basename -- "$0")
section() {
    printf '\n# %s\n\n' "$1"
}

section "The file system as memory"
fascicle init "$data" --backend hdf5
fascicle put --value "[$(seq -s, 0 99)]" "$data/Directory_0000/cell_id"
fascicle put --value "[$(awk 'BEGIN { for (i = 0; i < 100; i++) printf "%s[%.3f, %.3f, 0.5]", i ? ", " : "", i / 100, 1 - i / 100 }')]" \
    "$data/Directory_0000/colors"
fascicle tree "$data/Directory_0000"
fascicle get "$data/Directory_0000/cell_id" --slice "0:50:7"
fascicle get "$data/Directory_0000/colors" --slice "-2:"

section "Hierarchical data"
fascicle put --value "[12, 39, 48]" "$data/Directory_0000/connections/pre_cell_id"
fascicle put --value "[0, 0, 1]" "$data/Directory_0000/connections/post_cell_id"
fascicle tree "$data/Directory_0000"
fascicle ls "$data/Directory_0000"

section "Find or build by config"
fascicle run "$data" CellMeasurements n_cells=100 seed=0 -- "$self" measure
fascicle run "$data" CellMeasurements n_cells=100 seed=42 -- "$self" measure
echo "and once more, which builds nothing:"
fascicle run "$data" CellMeasurements n_cells=100 seed=42 -- "$self" measure
fascicle meta "$data/CellMeasurements_0001"

section "Arrays as a table"
fascicle table "$data/CellMeasurements_0000/cells"

section "Configs as a table, and back"
fascicle table --configs --names "measurements 1,measurements 2" "$data/CellMeasurements_0000" "$data/CellMeasurements_0001"
fascicle table --configs --names "measurements 1,measurements 2" -o - --format csv \
    "$data/CellMeasurements_0000" "$data/CellMeasurements_0001" |
    fascicle put - --as columns --format csv "$data/experiments_config"
fascicle tree "$data/experiments_config"

section "Tables that grow"
for name in cells connections; do
    fascicle table "$data/CellMeasurements_0000/$name" -o - --format arrow |
        fascicle put - --as table --format arrow "$data/experiments_config/$name"
    fascicle table "$data/CellMeasurements_0001/$name" -o - --format arrow |
        fascicle append - --as table --format arrow "$data/experiments_config/$name"
    fascicle get "$data/experiments_config/$name"
done

section "What differs between two directories"
fascicle diff --no-data "$data/CellMeasurements_0000" "$data/CellMeasurements_0001" || echo "they differ: exit code $?"

section "Trees"
for verbosity in 1 2 0; do
    fascicle tree -v "$verbosity" "$data"
    echo
done

section "One process writes, another one reads"
fascicle run "$data" NetworkDir tau=5.0 -- "$self" train >"$data/../training.log" 2>&1 &
writer=$!
seen=0
looks=0
while kill -0 "$writer" 2>/dev/null; do
    rows=$(fascicle get --json "$data/NetworkDir_0000/loss" 2>/dev/null | sed -n 's/.*"shape": *\[ *\([0-9]*\).*/\1/p')
    if [ "${rows:-0}" -lt "$seen" ]; then
        echo "the loss became shorter" >&2
        exit 1
    fi
    [ "${rows:-$seen}" -eq "$seen" ] || looks=$((looks + 1))
    seen=${rows:-$seen}
    sleep 0.02
done
wait "$writer"
tail -n 1 "$data/../training.log"
rm "$data/../training.log"
[ "$looks" -gt 1 ] && echo "the reader saw the loss grow"
fascicle get "$data/NetworkDir_0000/loss"
fascicle rm -r "$data/Directory_0000/connections"
fascicle mv "$data/Directory_0000" "$data/first_try"
fascicle ls "$data"
