//! Removing in one step, however much there is to delete.

use crate::{confined::Folder, error::storage_error, private_folder::PrivateFolder};
use fascicle_backend::Result;

/// The working folder that holds what is being deleted.
pub const TRASH_FOLDER: &str = "_trash";

/// Removes what stands under `name` in `folder`: it vanishes at once and is then deleted, with everything in it. Links are
/// removed, not followed.
///
/// With `durable`, it cannot come back after a power failure. Errors: `NotFound`.
pub fn discard(folder: &Folder, name: &str, durable: bool) -> Result<()> {
    let trash = PrivateFolder::create(folder.root(), TRASH_FOLDER)?;
    rustix::fs::renameat(folder, name, trash.folder(), "discarded")
        .map_err(|error| storage_error("removing", &folder.path_of(name), error))?;
    if durable {
        folder.sync()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Root;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn everything_is_removed_and_nothing_behind_links() {
        let keep = tempfile::tempdir().unwrap();
        let (outside, path) = (keep.path().join("outside"), keep.path().join("root"));
        std::fs::create_dir_all(&outside).unwrap();
        std::fs::write(outside.join("kept"), "kept").unwrap();
        std::fs::create_dir_all(path.join("a/b")).unwrap();
        std::fs::write(path.join("a/b/x"), "x").unwrap();
        symlink(&outside, path.join("a/link")).unwrap();
        symlink(&outside, path.join("link")).unwrap();
        std::fs::set_permissions(path.join("a/b"), std::fs::Permissions::from_mode(0o555)).unwrap();

        let root = Root::new(&path, false).unwrap();
        let top = root.folder("").unwrap();
        for name in ["a", "link"] {
            discard(&top, name, true).unwrap();
        }
        assert!(discard(&top, "a", true).unwrap_err().is_not_found());
        assert_eq!(std::fs::read_dir(&path).unwrap().count(), 0, "the trash is gone, too");
        assert_eq!(std::fs::read_to_string(outside.join("kept")).unwrap(), "kept");
    }
}
