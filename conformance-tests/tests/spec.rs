//! `SPEC.md` is what the list of behaviours says. With `UPDATE=1` it is written again.

use std::path::Path;

#[test]
fn the_specification_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("SPEC.md");
    let current = fascicle_conformance::spec();
    if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        std::fs::write(&path, &current).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        stored == current,
        "{} is out of date: UPDATE=1 cargo test -p fascicle-conformance --test spec",
        path.display()
    );
}
