//! YAML documents: what was read and is written again is the same value.

use super::{Target, assert_printable, texts};
use fascicle::config::{read_yaml_bytes, write_yaml};

pub(super) const TARGET: Target = Target {
    name: "yaml",
    run,
    seeds: || {
        texts(&[
            "config:\n  type: Cells\n  n: 3\nstatus: done\n",
            "a: [1, 1.0, .nan, -.inf, 0o17, 0x1F, 1e-5, true, null, ~, no, 012, 1:30, 2020-01-01]\n",
            "t: \"quoted \\u00e9 \\n\"\nb: !!binary aGVsbG8=\nm: {x: {y: [[], {}]}}\n",
            "a: &a [x]\nb: *a\n",
            "!!python/object/apply:os.system ['id']\n",
            "? [a]\n: b\n",
            "a: |\n  block\n  text\nb: >-\n  folded\n  text\n",
            "--- 1\n--- 2\n",
            "340282366920938463463374607431768211455\n",
        ])
    },
    tokens: &[
        "- ",
        ": ",
        "? ",
        "{",
        "}",
        "[",
        "]",
        "&a ",
        "*a",
        "!!int ",
        "!!float ",
        "!!binary ",
        "!!str ",
        "|\n",
        ">\n",
        "\"",
        "'",
        "#",
        "---\n",
        "...\n",
        "\t",
        "\r\n",
        "\u{feff}",
        "\u{2028}",
        "0x",
        ".inf",
        "1_000",
        "<<: ",
    ],
    quick_runs: 20_000,
};

fn run(input: &[u8]) {
    match read_yaml_bytes(input) {
        Ok(value) => {
            let written = write_yaml(&value).unwrap();
            let again = read_yaml_bytes(written.as_bytes()).unwrap();
            assert!(value.same_as(&again), "{value:?} was written as {written:?} and read as {again:?}");
        }
        Err(error) => assert_printable(&error.to_string()),
    }
}
