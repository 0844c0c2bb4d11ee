//! Opaque files, on every store.

use crate::sites::{BUCKET, Site, on_every_store, path, run, tree_of};
use bytes::Bytes;
use fascicle_backend::{Attributes, EntryKind, ErrorKind, FileOptions, FileStore, WriteMode};
use fascicle_objects::{StoreFiles, Tree, key};
use fascicle_test_servers::{Fault, FaultKind, RequestKind};
use futures::TryStreamExt;
use std::sync::LazyLock;

fn files(tree: &Tree) -> StoreFiles {
    StoreFiles::new(tree.clone())
}

async fn write(
    files: &StoreFiles,
    name: &str,
    pieces: &[Bytes],
    mode: WriteMode,
) -> fascicle_backend::Result<()> {
    let mut writer = files.create(&path(name), &FileOptions::default(), mode).await?;
    for piece in pieces {
        writer.write(piece.clone()).await?;
    }
    writer.finish().await
}

async fn read(files: &StoreFiles, name: &str, range: Option<std::ops::Range<u64>>) -> Bytes {
    let pieces: Vec<Bytes> = files.read(&path(name), range).await.unwrap().try_collect().await.unwrap();
    pieces.concat().into()
}

/// 18 MiB in which every place looks different.
fn large() -> Bytes {
    static LARGE: LazyLock<Bytes> = LazyLock::new(|| {
        let mut bytes = vec![0; 18 << 20];
        fastrand::Rng::with_seed(7).fill(&mut bytes);
        bytes.into()
    });
    LARGE.clone()
}

#[test]
fn small_and_large_files_come_back() {
    on_every_store(async |site| {
        let files = files(&tree_of(site.open()));
        let large = large();
        let pieces: Vec<Bytes> = large.chunks(3_000_001).map(Bytes::copy_from_slice).collect();
        for mode in [WriteMode::Create, WriteMode::Overwrite, WriteMode::Replace] {
            let (small_name, large_name) = (format!("small {mode:?}"), format!("large {mode:?}"));
            write(&files, &small_name, &["12".into(), "34".into()], mode).await.unwrap();
            write(&files, &format!("empty {mode:?}"), &[], mode).await.unwrap();
            write(&files, &large_name, &pieces, mode).await.unwrap();
            assert_eq!(read(&files, &small_name, None).await, "1234", "on {}", site.name);
            assert_eq!(read(&files, &format!("empty {mode:?}"), None).await, "");
            assert!(read(&files, &large_name, None).await == large, "{mode:?} on {}", site.name);
            let range = 9_000_000..9_000_100;
            let part = read(&files, &large_name, Some(range.clone())).await;
            assert_eq!(part[..], large[range.start as usize..range.end as usize]);
        }
        let listed = tree_of(site.open()).store().list_children(&key("").unwrap()).await.unwrap();
        assert_eq!(listed.objects.len(), 9, "on {}", site.name);
        assert!(listed.common_prefixes.iter().all(|prefix| prefix.as_ref() == "_index"), "{listed:?}");
    });
}

#[test]
fn ranges_are_clipped() {
    on_every_store(async |site| {
        let files = files(&tree_of(site.open()));
        write(&files, "f", &["0123456789".into()], WriteMode::Create).await.unwrap();
        for (range, expected) in
            [(2..4, "23"), (8..100, "89"), (10..11, ""), (100..200, ""), (3..3, ""), (0..10, "0123456789")]
        {
            assert_eq!(read(&files, "f", Some(range.clone())).await, expected, "{range:?} on {}", site.name);
        }
        write(&files, "empty", &[], WriteMode::Create).await.unwrap();
        assert_eq!(read(&files, "empty", Some(0..5)).await, "");
        let missing = files.read(&path("g"), Some(0..5)).await.err().unwrap();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
    });
}

#[test]
fn each_mode_refuses_what_it_says_and_changes_nothing() {
    on_every_store(async |site| {
        let tree = tree_of(site.open());
        let files = files(&tree);
        write(&files, "f", &["1".into()], WriteMode::Create).await.unwrap();
        tree.create_directory(&path("d"), "1".into()).await.unwrap();
        for (name, mode, kind) in [
            ("f", WriteMode::Create, ErrorKind::AlreadyExists),
            ("d", WriteMode::Create, ErrorKind::AlreadyExists),
            ("d", WriteMode::Overwrite, ErrorKind::WrongKind),
            ("y/f", WriteMode::Create, ErrorKind::NotFound),
            ("f/g", WriteMode::Overwrite, ErrorKind::WrongKind),
        ] {
            let refused = files.create(&path(name), &FileOptions::default(), mode).await.err().unwrap();
            assert_eq!(refused.kind(), kind, "{name} {mode:?} on {}", site.name);
        }
        write(&files, "f", &["2".into()], WriteMode::Overwrite).await.unwrap();
        write(&files, "d", &["3".into()], WriteMode::Replace).await.unwrap();
        assert_eq!(tree.stat(&path("d")).await.unwrap().kind, EntryKind::File);
        assert_eq!((read(&files, "f", None).await, read(&files, "d", None).await), ("2".into(), "3".into()));
        let wrong = files.read(&path("x"), None).await.err().unwrap();
        assert_eq!(wrong.kind(), ErrorKind::NotFound);
        tree.create_directory(&path("e"), "1".into()).await.unwrap();
        assert_eq!(files.read(&path("e"), None).await.err().unwrap().kind(), ErrorKind::WrongKind);
        assert_eq!(files.append(&path("e"), "1".into()).await.unwrap_err().kind(), ErrorKind::WrongKind);
    });
}

#[test]
fn what_appeared_meanwhile_is_not_replaced() {
    on_every_store(async |site| {
        let files = files(&tree_of(site.open()));
        for (name, content) in [("small", Bytes::from("mine")), ("large", large())] {
            let mut writer =
                files.create(&path(name), &FileOptions::default(), WriteMode::Create).await.unwrap();
            writer.write(content).await.unwrap();
            write(&files, name, &["theirs".into()], WriteMode::Create).await.unwrap();
            let error = writer.finish().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{name} on {}", site.name);
            assert_eq!(read(&files, name, None).await, "theirs");
        }
    });
}

#[test]
fn a_writer_that_is_dropped_leaves_nothing() {
    on_every_store(async |site| {
        let tree = tree_of(site.open());
        let files = files(&tree);
        write(&files, "f", &["old".into()], WriteMode::Create).await.unwrap();
        for (name, mode) in [("f", WriteMode::Overwrite), ("g", WriteMode::Create)] {
            let mut writer = files.create(&path(name), &FileOptions::default(), mode).await.unwrap();
            writer.write(large()).await.unwrap();
        }
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        if let Some(server) = &site.server {
            assert_eq!(server.uploads(), 0, "uploads are given up");
        }
        assert_eq!(read(&files, "f", None).await, "old");
        assert_eq!(tree.list(&path("")).await.unwrap().entries.len(), 1);
    });
}

#[test]
fn files_have_the_attributes_they_are_given() {
    on_every_store(async |site| {
        let tree = tree_of(site.open());
        let files = files(&tree);
        let mut attributes = Attributes::new();
        attributes.insert("unit".to_owned(), "mV".into());
        let options = FileOptions { attributes: attributes.clone() };
        files.create(&path("f"), &options, WriteMode::Create).await.unwrap().finish().await.unwrap();
        assert_eq!(tree.read_attributes(&path("f")).await.unwrap(), attributes);
        write(&files, "f", &[], WriteMode::Overwrite).await.unwrap();
        assert!(tree.read_attributes(&path("f")).await.unwrap().is_empty(), "on {}", site.name);
    });
}

#[test]
fn appends_of_many_all_arrive() {
    on_every_store(async |site| {
        let files = files(&tree_of(site.open()));
        assert_eq!(files.append(&path("f"), "1".into()).await.unwrap_err().kind(), ErrorKind::NotFound);
        write(&files, "f", &[], WriteMode::Create).await.unwrap();
        let writers = (0..4u8).map(|writer| {
            let files = files.clone();
            tokio::spawn(async move {
                for line in 0..4 {
                    files.append(&path("f"), format!("{writer} {line}\n").into()).await.unwrap();
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        let content = read(&files, "f", None).await;
        let lines: Vec<&str> = std::str::from_utf8(&content).unwrap().lines().collect();
        assert_eq!(lines.len(), 16, "on {}", site.name);
        for writer in 0..4 {
            let of_one: Vec<_> = lines.iter().filter(|line| line.starts_with(&writer.to_string())).collect();
            assert_eq!(of_one.len(), 4);
            assert!(of_one.is_sorted(), "{of_one:?}");
        }
        assert_eq!(files.append(&path("f"), Bytes::new()).await.unwrap(), 64);
    });
}

#[test]
fn an_append_whose_answer_was_lost_happens_once() {
    for site in [Site::s3(), Site::gcs()] {
        run(async {
            let files = files(&tree_of(site.open()));
            write(&files, "f", &["1".into()], WriteMode::Create).await.unwrap();
            let server = site.server.as_ref().unwrap();
            for kind in [FaultKind::LostAnswer, FaultKind::FailedAnswer] {
                let is_put = |request: &fascicle_test_servers::SeenRequest| request.kind == RequestKind::Put;
                server.inject(Fault::once(kind, is_put).times(2));
                files.append(&path("f"), "2".into()).await.unwrap();
            }
            assert_eq!(read(&files, "f", None).await, "122");
        });
    }
}

#[test]
fn an_upload_that_fails_leaves_the_old_file() {
    for site in [Site::s3(), Site::gcs()] {
        run(async {
            let files = files(&tree_of(site.open()));
            write(&files, "f", &["old".into()], WriteMode::Create).await.unwrap();
            let server = site.server.as_ref().unwrap();
            let is_part =
                |request: &fascicle_test_servers::SeenRequest| request.kind == RequestKind::UploadPart;
            server.inject(Fault::once(FaultKind::Unavailable, is_part).times(1000));
            let error = write(&files, "f", &[large()], WriteMode::Overwrite).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
            assert_eq!(read(&files, "f", None).await, "old");
            assert!(server.object(BUCKET, "_stage").is_none());
        });
    }
}
