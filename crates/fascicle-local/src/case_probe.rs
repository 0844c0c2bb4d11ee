//! File systems that take `A` and `a` for one name.

use crate::staging::Staging;
use fascicle_backend::Result;

/// Whether the root's file system takes names that differ in case alone for one; creates the root when it is missing.
pub fn ignores_case(staging: &Staging) -> Result<bool> {
    let probe = staging.create_folder()?;
    let failed = |error| crate::storage_error("probing", &probe.path(), error);
    std::fs::write(probe.path().join("probe"), "").map_err(failed)?;
    probe.path().join("PROBE").try_exists().map_err(failed)
}

/// The name among `names` that a file system which ignores case would take for `name`, unless it is `name` itself.
pub fn case_collision<'a>(names: impl IntoIterator<Item = &'a str>, name: &str) -> Option<&'a str> {
    let folded = name.to_lowercase();
    names.into_iter().find(|other| *other != name && other.to_lowercase() == folded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Root;

    #[test]
    fn the_probe_agrees_with_the_file_system_and_leaves_nothing() {
        let keep = tempfile::tempdir().unwrap();
        let staging = Staging::new(Root::new(keep.path(), false).unwrap(), false);
        let ignores = ignores_case(&staging).unwrap();
        assert_eq!(std::fs::read_dir(keep.path()).unwrap().count(), 0);
        std::fs::write(keep.path().join("a"), "").unwrap();
        assert_eq!(ignores, std::fs::metadata(keep.path().join("A")).is_ok());
    }

    #[test]
    fn names_collide_by_case_in_any_script() {
        let names = ["Straße", "ÄPFEL", "x"];
        assert_eq!(case_collision(names, "äpfel"), Some("ÄPFEL"));
        assert_eq!(case_collision(names, "x"), None);
        assert_eq!(case_collision(names, "y"), None);
    }
}
