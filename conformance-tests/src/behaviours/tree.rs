//! The tree view of a directory, to the character, times left out.

use super::{prelude::*, rooted::*};
use fascicle_core::{
    tree::{TimeZone, TreeOptions, Verbosity, format_time},
    wrap::{CallCounts, Operation, observed},
};

behaviours! { "tree"
    /// A directory is drawn with its meta, its entries by their stored names, and a line that counts them.
    a_directory_is_drawn_with_its_entries [Write];
    /// Arrays and tables are drawn by the names they are stored under.
    arrays_and_tables_are_drawn_by_stored_name [Write, Arrays, Tables];
    /// Two levels are drawn unless something else is asked for; what lies deeper is drawn as dots.
    deeper_levels_are_drawn_as_dots [Write];
    /// 25 lines are drawn unless something else is asked for, and a line says when there are more.
    long_trees_end_with_a_notice [Write];
    /// A directory that is missing or empty is drawn as such.
    missing_and_empty_directories_are_drawn [Write];
    /// The header alone, and everything, are drawn when they are asked for.
    verbosity_says_how_much_is_drawn [Write];
    /// Directories alone are drawn when they are asked for.
    directories_alone_can_be_drawn [Write];
    /// The header tells when the directory was last modified, where the storage knows.
    the_header_tells_the_last_change [Write];
    /// A root is drawn as a directory of its directories.
    a_root_is_drawn [Write];
    /// Drawing reads no data, and lists only what it draws.
    drawing_reads_no_data [Write];
}

async fn drawn(directory: &Directory, options: TreeOptions) -> Result<String> {
    directory.tree_with(&options.with_last_modified(false)).await
}

/// The name under which an entry is stored.
async fn stored(directory: &Directory, name: &str) -> Result<String> {
    Ok(directory.stat(name).await?.stored_name)
}

async fn a_directory_is_drawn_with_its_entries(subject: Subject) -> Checked {
    let directory = subject.root().await?.dir("Directory_0000")?;
    for name in ["x", "y", "cell_id", "connections/pre", "connections/post"] {
        directory.put_file(name, "content").await?;
    }
    let expected = "\
Directory_0000/
├── _meta.yaml
├── cell_id
├── connections/
│   ├── _meta.yaml
│   ├── post
│   └── pre
├── x
└── y

displaying: 2 directories, 7 files, 2 levels.";
    ensure_eq!(drawn(&directory, TreeOptions::default()).await?, expected, "the tree");
    let expected = "\
connections/
├── _meta.yaml
├── post
└── pre

displaying: 1 directory, 3 files, 2 levels.";
    ensure_eq!(
        drawn(&directory.dir("connections")?, TreeOptions::default()).await?,
        expected,
        "a part of it"
    );
    Ok(())
}

async fn arrays_and_tables_are_drawn_by_stored_name(subject: Subject) -> Checked {
    let directory = subject.root().await?.dir("d")?;
    directory.put("array", [1i64]).await?;
    directory.put_table("table", &samples::people(0, 2)?).await?;
    let (array, table) = (stored(&directory, "array").await?, stored(&directory, "table").await?);
    let tree = drawn(&directory, TreeOptions::default()).await?;
    for name in [&array, &table] {
        ensure!(
            tree.lines().any(|line| line.ends_with(&format!("── {name}"))),
            "'{name}' is not drawn: {tree}"
        );
    }
    ensure!(tree.ends_with("displaying: 1 directory, 3 files, 2 levels."), "what is counted: {tree}");
    Ok(())
}

async fn deeper_levels_are_drawn_as_dots(subject: Subject) -> Checked {
    let directory = subject.root().await?.dir("d")?;
    directory.put_file("a/b/c/x", "content").await?;
    directory.put_file("z", "content").await?;
    let expected = "\
d/
├── _meta.yaml
├── a/
│   ├── _meta.yaml
│   └── b/
│       ...
└── z

displaying: 3 directories, 3 files, 2 levels.";
    ensure_eq!(drawn(&directory, TreeOptions::default()).await?, expected, "two levels");
    let expected = "\
d/
├── _meta.yaml
├── a/
│   ...
└── z

displaying: 2 directories, 2 files, 1 levels.";
    ensure_eq!(drawn(&directory, TreeOptions::default().with_max_depth(1)).await?, expected, "one level");
    Ok(())
}

async fn long_trees_end_with_a_notice(subject: Subject) -> Checked {
    let directory = subject.root().await?.dir("d")?;
    for number in 0..30 {
        directory.put_file(&format!("f{number:02}"), "").await?;
    }
    let tree = drawn(&directory, TreeOptions::default()).await?;
    let end = "├── f23\n... length_limit, 25, reached,\ndisplaying: 1 directory, 25 files, 2 levels.";
    ensure!(tree.ends_with(end), "the end of a long tree: {tree}");
    let three = drawn(&directory, TreeOptions::default().with_max_lines(3)).await?;
    let expected = "\
d/
├── _meta.yaml
├── f00
├── f01
... length_limit, 3, reached,
displaying: 1 directory, 3 files, 2 levels.";
    ensure_eq!(three, expected, "three lines");
    // As many lines as are allowed are no reason for a notice.
    let whole = drawn(&directory, TreeOptions::default().with_max_lines(31)).await?;
    ensure!(whole.ends_with("└── f29\n\ndisplaying: 1 directory, 31 files, 2 levels."), "31 lines: {whole}");
    Ok(())
}

async fn missing_and_empty_directories_are_drawn(subject: Subject) -> Checked {
    let root = subject.root().await?;
    let missing = root.dir("missing")?;
    ensure_eq!(drawn(&missing, TreeOptions::default()).await?, "missing/\n    (empty)", "a missing one");
    let full = TreeOptions::new(Verbosity::Full);
    ensure_eq!(drawn(&missing, full).await?, "missing/\n    (path does not exist)", "a missing one in full");
    let empty = root.create_dir("Directory").await?;
    let expected = "Directory_0000/\n└── _meta.yaml\n\ndisplaying: 1 directory, 1 files, 2 levels.";
    ensure_eq!(drawn(&empty, TreeOptions::default()).await?, expected, "an empty one");
    root.as_dir().put_file("file", "content").await?;
    refused(root.dir("file")?.tree().await, ErrorKind::WrongKind)?;
    Ok(())
}

async fn verbosity_says_how_much_is_drawn(subject: Subject) -> Checked {
    let directory = subject.root().await?.dir("d")?;
    directory.put_file("a/b/c/x", "content").await?;
    ensure_eq!(drawn(&directory, Verbosity::Header.into()).await?, "d/", "the header alone");
    let expected = "\
d/
├── _meta.yaml
└── a/
    ├── _meta.yaml
    └── b/
        ├── _meta.yaml
        └── c/
            ├── _meta.yaml
            └── x

displaying: 4 directories, 5 files";
    ensure_eq!(drawn(&directory, Verbosity::Full.into()).await?, expected, "everything");
    let outline = drawn(&directory, Verbosity::from_level(1)?.into()).await?;
    ensure_eq!(outline, drawn(&directory, TreeOptions::default()).await?, "level 1");
    refused(Verbosity::from_level(3), ErrorKind::InvalidInput)?;
    Ok(())
}

async fn directories_alone_can_be_drawn(subject: Subject) -> Checked {
    let directory = subject.root().await?.dir("d")?;
    directory.put_file("a/b/x", "content").await?;
    directory.put_file("z", "content").await?;
    let options = TreeOptions::new(Verbosity::Full).with_directories_only(true);
    ensure_eq!(
        drawn(&directory, options).await?,
        "d/\n└── a/\n    └── b/\n\ndisplaying: 3 directories",
        "the tree"
    );
    Ok(())
}

async fn the_header_tells_the_last_change(subject: Subject) -> Checked {
    let directory = subject.root().await?.dir("d")?;
    directory.put_file("x", "content").await?;
    let options = TreeOptions::new(Verbosity::Header).with_time_zone(TimeZone::Utc);
    let header = directory.tree_with(&options).await?;
    let time = directory.root().backend().stat(directory.path()).await?.modified;
    let expected = match time.and_then(|time| format_time(time, TimeZone::Utc)) {
        Some(time) => format!("d/ - Last modified: {time}"),
        None => "d/".to_owned(),
    };
    ensure_eq!(header, expected, "the header");
    Ok(())
}

async fn a_root_is_drawn(subject: Subject) -> Checked {
    let (root, builds) = (subject.root().await?, Builds::default());
    builds.resolve(&root, &cells(0)).await?;
    root.dir("plain")?.put_file("x", "content").await?;
    let expected = "\
data/
├── Cells_0000/
│   ├── _meta.yaml
│   ├── content
│   └── inner/
│       ...
└── plain/
    ├── _meta.yaml
    └── x

displaying: 4 directories, 4 files, 2 levels.";
    ensure_eq!(drawn(&root.as_dir(), TreeOptions::default().with_name("data")).await?, expected, "the tree");
    Ok(())
}

async fn drawing_reads_no_data(subject: Subject) -> Checked {
    let (backend, counts) = (subject.open_bare().await?, Arc::new(CallCounts::default()));
    let counted: Arc<dyn fascicle_backend::Backend> = Arc::new(observed(backend, counts.clone()));
    let directory = root_over(&counted).dir("d")?;
    for name in ["a/x", "b/c/x", "z"] {
        directory.put_file(name, "content").await?;
    }
    counts.reset();
    directory.tree_with(&TreeOptions::default().with_max_depth(1)).await?;
    let calls = (counts.of(Operation::List), counts.of(Operation::Stat), counts.total());
    ensure_eq!(calls, (1, 1, 2), "the listings, looks and calls of one level");
    Ok(())
}
