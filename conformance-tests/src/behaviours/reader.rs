//! Readers while others write: what they see is a prefix, or one version.

use super::{concurrent::array_rows, prelude::*};
use arrow_array::RecordBatch;
use fascicle_backend::RecordKey;
use std::sync::atomic::{AtomicBool, Ordering};

behaviours! { "reader"
    /// Who reads an array while it is appended to sees a prefix of the rows, which only grows.
    readers_of_a_growing_array_see_a_prefix [Write, Arrays, ArrayAppend];
    /// Who reads a table while it is appended to sees whole appends in order, and ever more of them.
    readers_of_a_growing_table_see_a_prefix [Write, Tables, TableAppend];
    /// Who reads a file while it is appended to sees a prefix of the bytes, which only grows.
    readers_of_a_growing_file_see_a_prefix [Write, FileAppend];
    /// Who reads an array while it is overwritten sees one version, whole.
    readers_of_an_overwritten_array_see_one_version [Write, Arrays];
    /// Who reads a table while it is overwritten sees one version, whole.
    readers_of_an_overwritten_table_see_one_version [Write, Tables];
    /// Who reads a file while it is overwritten sees one version, whole.
    readers_of_an_overwritten_file_see_one_version [Write];
    /// Who reads a meta while it is overwritten sees one version, whole, and never none.
    readers_of_an_overwritten_meta_see_one_version [Write];
    /// Who reads a record while it is overwritten sees one body, whole, and never none.
    readers_of_an_overwritten_record_see_one_body [Write];
    /// What is listed while entries come and go can be looked at, or is not found.
    listings_name_what_is_or_was_there [Write];
}

/// Runs `write` while `read` is repeated in another task, which ends with a last read after the last write.
async fn read_while<W, R, F>(write: W, read: R) -> Checked
where
    W: Future<Output = Checked> + Send + 'static,
    R: Fn() -> F + Send + 'static,
    F: Future<Output = Checked> + Send,
{
    let done = Arc::new(AtomicBool::new(false));
    let is_done = done.clone();
    let reader = tokio::spawn(async move {
        loop {
            let last = is_done.load(Ordering::Acquire);
            read().await?;
            if last {
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
    });
    let written = tokio::spawn(write).await?;
    done.store(true, Ordering::Release);
    let read: Checked = reader.await?;
    written.and(read)
}

/// Remembers the greatest length seen and refuses a smaller one.
#[derive(Default)]
struct Growing(std::sync::Mutex<usize>);

impl Growing {
    fn see(&self, length: usize) -> Checked {
        let mut seen = self.0.lock().map_err(|_| Failure::new("an earlier read failed"))?;
        ensure!(length >= *seen, "{length} were seen after {seen}");
        *seen = length;
        Ok(())
    }
}

async fn readers_of_a_growing_array_see_a_prefix(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("x", &[0, 5], Values::Int64(vec![])).await?;
    let (writer, growing) = (place.clone(), Arc::new(Growing::default()));
    let write = async move {
        let mut rows = 0;
        for count in [1, 2, 3, 1, 7, 50, 1, 1, 2, 30] {
            writer.append_rows("x", count, samples::counting(5 * rows, 5 * count)).await?;
            rows += count;
        }
        Ok(())
    };
    read_while(write, move || {
        let (place, growing) = (place.clone(), growing.clone());
        async move {
            let (shape, values) = place.array("x").await?;
            let expected = samples::counting(0, shape.element_count());
            ensure_eq!(values, Bits(expected), "the elements of the first {shape}");
            growing.see(values.0.len())
        }
    })
    .await
}

async fn readers_of_a_growing_table_see_a_prefix(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &samples::people(0, 0)?).await?;
    let (writer, growing) = (place.clone(), Arc::new(Growing::default()));
    let sizes = [1, 2, 3, 1, 7, 50, 1, 30];
    let write = async move {
        let mut rows = 0;
        for count in sizes {
            writer.append_table("t", &samples::people(rows, count)?).await?;
            rows += count;
        }
        Ok(())
    };
    // How many rows there are after each append.
    let sums: Vec<usize> = (0..=sizes.len()).map(|n| sizes.iter().take(n).sum::<i64>() as usize).collect();
    read_while(write, move || {
        let (place, growing, sums) = (place.clone(), growing.clone(), sums.clone());
        async move {
            let rows: RecordBatch = place.table("t").await?;
            ensure!(sums.contains(&rows.num_rows()), "{} rows are no whole appends", rows.num_rows());
            ensure_eq!(rows, samples::people(0, rows.num_rows() as i64)?, "the rows");
            growing.see(rows.num_rows())
        }
    })
    .await
}

async fn readers_of_a_growing_file_see_a_prefix(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("log", "").await?;
    let whole = samples::bytes(1, 30_000);
    let (writer, growing, content) = (place.clone(), Arc::new(Growing::default()), whole.clone());
    let write = async move {
        for piece in content.chunks(1000) {
            writer.append_file("log", piece).await?;
        }
        Ok(())
    };
    read_while(write, move || {
        let (place, growing, whole) = (place.clone(), growing.clone(), whole.clone());
        async move {
            let found = place.file("log").await?;
            ensure!(whole.starts_with(&found), "{} bytes are no prefix of what was appended", found.len());
            growing.see(found.len())
        }
    })
    .await
}

async fn readers_of_an_overwritten_array_see_one_version(subject: Subject) -> Checked {
    let place = subject.open().await?;
    // Version n is an array of 1000 elements, each n.
    place.put_array("x", &[1000], Values::Int64(vec![0; 1000])).await?;
    let writer = place.clone();
    let write = async move {
        for version in 1..20 {
            writer.put_array("x", &[1000], Values::Int64(vec![version; 1000])).await?;
        }
        Ok(())
    };
    let growing = Arc::new(Growing::default());
    read_while(write, move || {
        let (place, growing) = (place.clone(), growing.clone());
        async move {
            let rows = array_rows(&place).await?;
            let version = rows.first().copied().unwrap_or(-1);
            ensure_eq!(rows, vec![version; 1000], "the elements of version {version}");
            growing.see(version as usize)
        }
    })
    .await
}

async fn readers_of_an_overwritten_table_see_one_version(subject: Subject) -> Checked {
    let place = subject.open().await?;
    // Version n has 100 + n rows, from n * 1000.
    let version = |number: i64| samples::people(number * 1000, 100 + number);
    place.put_table("t", &version(0)?).await?;
    let writer = place.clone();
    let write = async move {
        for number in 1..12 {
            writer.put_table("t", &version(number)?).await?;
        }
        Ok(())
    };
    let growing = Arc::new(Growing::default());
    read_while(write, move || {
        let (place, growing) = (place.clone(), growing.clone());
        async move {
            let rows = place.table("t").await?;
            let number = samples::ids(&rows).first().copied().unwrap_or(-1) / 1000;
            ensure_eq!(rows, version(number)?, "the rows of version {number}");
            growing.see(number as usize)
        }
    })
    .await
}

async fn readers_of_an_overwritten_file_see_one_version(subject: Subject) -> Checked {
    let place = subject.open().await?;
    // Version n is 100,000 - n bytes of n.
    let version = |number: u8| vec![number; 100_000 - usize::from(number)];
    place.put_file("x", version(0)).await?;
    let writer = place.clone();
    let write = async move {
        for number in 1..20 {
            writer.put_file("x", version(number)).await?;
        }
        Ok(())
    };
    let growing = Arc::new(Growing::default());
    read_while(write, move || {
        let (place, growing) = (place.clone(), growing.clone());
        async move {
            let found = place.file("x").await?;
            let number = found.first().copied().unwrap_or(u8::MAX);
            ensure!(found == version(number), "{} bytes are not those of version {number}", found.len());
            growing.see(usize::from(number))
        }
    })
    .await
}

async fn readers_of_an_overwritten_meta_see_one_version(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let version = |number: usize| format!("n: {number}\n{}", "# line\n".repeat(50 - number));
    place.make_dir_with("d", &version(0)).await?;
    let writer = place.clone();
    let write = async move {
        for number in 1..25 {
            let meta = Bytes::from(version(number));
            writer.write_meta(&at("d")?, meta, MetaWriteMode::Overwrite).await?;
        }
        Ok(())
    };
    let growing = Arc::new(Growing::default());
    read_while(write, move || {
        let (place, growing) = (place.clone(), growing.clone());
        async move {
            let found = place.meta("d").await?;
            let text = std::str::from_utf8(&found)?;
            let number: usize =
                text.lines().next().and_then(|line| line.strip_prefix("n: ")).unwrap_or_default().parse()?;
            ensure_eq!(text, version(number).as_str(), "the meta");
            growing.see(number)
        }
    })
    .await
}

async fn readers_of_an_overwritten_record_see_one_body(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let key = RecordKey::parse("v1/x.beat")?;
    let version = |number: u8| Bytes::from(vec![number; 5000 - usize::from(number)]);
    place.records().create(&key, version(0)).await?;
    let (writer, written) = (place.clone(), key.clone());
    let write = async move {
        for number in 1..30 {
            writer.records().overwrite(&written, version(number)).await?;
        }
        Ok(())
    };
    let growing = Arc::new(Growing::default());
    read_while(write, move || {
        let (place, growing, key) = (place.clone(), growing.clone(), key.clone());
        async move {
            let Some(found) = place.records().read(&key).await? else {
                return Err(Failure::new("the record was missing for a moment"));
            };
            let number = found.first().copied().unwrap_or(u8::MAX);
            ensure!(found == version(number), "{} bytes are not those of version {number}", found.len());
            growing.see(usize::from(number))
        }
    })
    .await
}

async fn listings_name_what_is_or_was_there(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("always", "content").await?;
    let writer = place.clone();
    let write = async move {
        for number in 0..20 {
            let name = format!("entry {}", number % 3);
            writer.put_file(&name, "content").await?;
            writer.remove(&at(&name)?).await?;
        }
        Ok(())
    };
    read_while(write, move || {
        let place = place.clone();
        async move {
            let names = place.names("").await?;
            ensure!(names.iter().any(|name| name == "always"), "an entry that was never touched is missing");
            for name in names {
                match place.stat(&at(&name)?).await {
                    Ok(stat) => ensure_eq!(stat.kind, EntryKind::File, "the kind of '{name}'"),
                    Err(error) => {
                        ensure!(name.starts_with("entry "), "'{name}' is listed, but {error}");
                        refused::<()>(Err(error), ErrorKind::NotFound)?;
                    }
                }
            }
            Ok(())
        }
    })
    .await
}
