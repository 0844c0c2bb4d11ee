//! The tree view of a directory: what is stored in it, drawn as lines or given as a structure.
//!
//! A view costs one `stat` and one listing for each directory that it shows; it never reads the data of an entry.
//! Sub-directories beyond the depth limit are not listed, and nothing is listed after the line limit is reached.
//!
//! The drawn form is datamate's, to the character:
//!
//! ```text
//! Directory_0000/ - Last modified: January 17, 2025 19:36:16
//! ├── _meta.yaml
//! ├── connections/
//! │   ├── _meta.yaml
//! │   └── pre_cell_id.h5
//! └── x.h5
//!
//! displaying: 2 directories, 4 files, 2 levels.
//! ```

mod lines;
mod node;
mod options;
mod time;
mod walk;

pub use lines::{TreeLines, tree_lines, tree_text};
pub use node::{TreeNode, tree_node};
pub use options::{TreeOptions, Verbosity};
pub use time::{TimeZone, format_time};

#[cfg(test)]
mod tests;
