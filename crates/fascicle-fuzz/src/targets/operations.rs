//! Any sequence of operations on a directory does what it does on the simplest model of one.

use super::Target;
use super::workbench::run as block_on;
use fascicle::{Array1, Directory, EntryKind, MemoryBackend, Root};
use std::collections::BTreeMap;

pub(super) const TARGET: Target = Target {
    name: "operations",
    run,
    seeds: || {
        vec![
            vec![0, 0, 3, 1, 0, 2, 4, 0, 1, 5, 1, 2],
            (0..60).map(|index: u8| index.wrapping_mul(37)).collect(),
            (0..120).map(|index: u8| index.wrapping_mul(91) ^ 0x5a).collect(),
        ]
    },
    tokens: &["\0", "\x01", "\x02", "\x03", "\x04", "\x05", "\x06"],
    quick_runs: 1_500,
};

/// More operations than this say nothing new.
const MOST: usize = 60;

const NAMES: [&str; 6] = ["a", "b", "d", "d/a", "d/b", "d/e"];

#[derive(Clone, Debug, PartialEq)]
enum Stored {
    Array(Vec<i64>),
    File(Vec<u8>),
    Directory,
}

type Model = BTreeMap<String, Stored>;

fn run(input: &[u8]) {
    block_on(async {
        let root = Root::new(MemoryBackend::new());
        let directory = root.dir("top").unwrap();
        let mut model = Model::new();
        let mut bytes = input.iter().copied();
        for _ in 0..MOST {
            let Some(verb) = bytes.next() else { break };
            let mut byte = || bytes.next().unwrap_or(0);
            let (name, other, value) = (pick(byte()), pick(byte()), byte());
            apply(&directory, &mut model, verb % 6, name, other, value).await;
        }
        compare(&directory, &model).await;
    });
}

fn pick(byte: u8) -> &'static str {
    NAMES.get(usize::from(byte) % NAMES.len()).copied().unwrap_or("a")
}

async fn apply(directory: &Directory, model: &mut Model, verb: u8, name: &str, other: &str, value: u8) {
    let number = i64::from(value);
    let context = format!("operation {verb} on '{name}' and '{other}' with {value} on {model:?}");
    match verb {
        0 => {
            let allowed = has_room(model, name)
                && !matches!(model.get(name), Some(Stored::File(_) | Stored::Directory));
            let done = directory.put(name, vec![number; 3]).await;
            assert_eq!(done.is_ok(), allowed, "{context}: {done:?}");
            if allowed {
                insert(model, name, Stored::Array(vec![number; 3]));
            }
        }
        1 => {
            let allowed = has_room(model, name)
                && !matches!(model.get(name), Some(Stored::Array(_) | Stored::Directory));
            let done = directory.put_file(name, vec![value; 3]).await;
            assert_eq!(done.is_ok(), allowed, "{context}: {done:?}");
            if allowed {
                insert(model, name, Stored::File(vec![value; 3]));
            }
        }
        2 => {
            let allowed = has_room(model, name)
                && !matches!(model.get(name), Some(Stored::File(_) | Stored::Directory));
            let done = directory.append(name, Array1::from(vec![number])).await;
            assert_eq!(done.is_ok(), allowed, "{context}: {done:?}");
            if allowed {
                let mut rows = match model.get(name) {
                    Some(Stored::Array(rows)) => rows.clone(),
                    _ => Vec::new(),
                };
                rows.push(number);
                assert_eq!(done.unwrap(), rows.len() as u64, "{context}");
                insert(model, name, Stored::Array(rows));
            }
        }
        3 => {
            let allowed = has_room(model, name)
                && !matches!(model.get(name), Some(Stored::Array(_) | Stored::Directory));
            let done = directory.append_file(name, vec![value]).await;
            assert_eq!(done.is_ok(), allowed, "{context}: {done:?}");
            if allowed {
                let mut content = match model.get(name) {
                    Some(Stored::File(content)) => content.clone(),
                    _ => Vec::new(),
                };
                content.push(value);
                insert(model, name, Stored::File(content));
            }
        }
        4 => {
            let done = directory.remove(name).await;
            assert_eq!(done.is_ok(), model.contains_key(name), "{context}: {done:?}");
            model.retain(|path, _| !is_within(path, name));
        }
        _ => {
            let allowed = model.contains_key(name)
                && !model.contains_key(other)
                && !is_within(other, name)
                && has_room(model, other);
            let done = directory.rename(name, other).await;
            assert_eq!(done.is_ok(), allowed, "{context}: {done:?}");
            if allowed {
                let moved: Vec<(String, Stored)> = model
                    .iter()
                    .filter(|(path, _)| is_within(path, name))
                    .map(|(path, stored)| (format!("{other}{}", &path[name.len()..]), stored.clone()))
                    .collect();
                model.retain(|path, _| !is_within(path, name));
                for (path, stored) in moved {
                    insert(model, &path, stored);
                }
            }
        }
    }
}

fn is_within(path: &str, of: &str) -> bool {
    path.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether the name can stand where it is to: its parent is a directory, or nothing yet.
fn has_room(model: &Model, name: &str) -> bool {
    name.rsplit_once('/')
        .is_none_or(|(parent, _)| matches!(model.get(parent), None | Some(Stored::Directory)))
}

/// Stores something; its parent is made with it.
fn insert(model: &mut Model, name: &str, stored: Stored) {
    if let Some((parent, _)) = name.rsplit_once('/') {
        model.insert(parent.to_owned(), Stored::Directory);
    }
    model.insert(name.to_owned(), stored);
}

async fn compare(directory: &Directory, model: &Model) {
    for (name, stored) in model {
        match stored {
            Stored::Array(rows) => {
                let read: Vec<i64> = directory.array(name).await.unwrap().read().await.unwrap();
                assert_eq!(read, *rows, "'{name}'");
            }
            Stored::File(content) => {
                assert_eq!(
                    directory.file(name).await.unwrap().read().await.unwrap(),
                    content[..],
                    "'{name}'"
                );
            }
            Stored::Directory => {
                assert_eq!(directory.kind(name).await.unwrap(), Some(EntryKind::Directory), "'{name}'");
            }
        }
    }
    let names = |prefix: &str| -> Vec<String> {
        let inside = model.keys().filter_map(|path| path.strip_prefix(prefix));
        inside.filter(|rest| !rest.contains('/')).map(str::to_owned).collect()
    };
    assert_eq!(directory.names().await.unwrap(), names(""));
    assert_eq!(
        directory.dir("d").unwrap().names().await.unwrap_or_default(),
        if model.get("d") == Some(&Stored::Directory) { names("d/") } else { Vec::new() }
    );
}
