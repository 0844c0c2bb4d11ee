//! The manifest of a table whose parts were merged: which files hold the rows of the parts before a number.
//!
//! `table-<number>.parquet`, written once; of a generation the one with the highest number counts. Its number says which
//! generation, like that of a part. It is a Parquet file without rows, so that programs which read every `.parquet` file of the folder
//! find nothing in it; what it says is a JSON object among the key-values of its footer.

use crate::{
    PartFile, PartWriter,
    file_name::{FileName, generation_of},
    parts::corrupt,
};
use arrow_schema::SchemaRef;
use fascicle_backend::{Result, TableOptions};
use parquet::file::reader::ChunkReader;
use serde_json::{Value, json};
use std::io::Write;

const FORMAT: u64 = 1;
/// The key of what it says.
const KEY: &str = "fascicle.manifest";

/// What a manifest says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// Its number.
    pub(crate) number: u64,
    /// The number of the first part that it does not cover.
    pub(crate) next: u64,
    /// The files that hold the rows of the parts before that, in order.
    pub(crate) files: Vec<String>,
}

impl Manifest {
    /// Writes it as a file with the columns of the table.
    pub(crate) fn write<W: Write + Send>(
        &self,
        target: W,
        columns: &SchemaRef,
        table: Option<&str>,
    ) -> Result<W> {
        let mut writer = PartWriter::new(target, columns, &TableOptions::default())?;
        writer.note(KEY, self.to_json());
        writer.finish(None, table, None)
    }

    /// Reads the manifest of this number. Fails with `Corrupt`.
    pub(crate) fn read<R: ChunkReader + 'static>(file: &PartFile<R>, number: u64) -> Result<Manifest> {
        let said = file.noted(KEY);
        let said = said.ok_or_else(|| corrupt(format!("the manifest '{}' says nothing", file.name())))?;
        Manifest::parse(file.name(), number, said)
    }

    fn to_json(&self) -> String {
        json!({"format": FORMAT, "next": self.next.to_string(), "files": self.files}).to_string()
    }

    /// Reads what the manifest of this number, which messages call `name`, says. Fails with `Corrupt` for anything that this library does not
    /// write: files that do not cover exactly the parts before `next` could let rows vanish or come twice.
    fn parse(name: &str, number: u64, said: &str) -> Result<Manifest> {
        let bad = |why: &str| corrupt(format!("the manifest '{name}' {why}"));
        let value: Value = serde_json::from_str(said).map_err(|error| bad("is not JSON").caused_by(error))?;
        if value.get("format").and_then(Value::as_u64) != Some(FORMAT) {
            return Err(bad("has a format that is not known here").hint("a newer version may read it"));
        }
        let next = value.get("next").and_then(Value::as_str).and_then(|next| next.parse().ok());
        let next: u64 = next.ok_or_else(|| bad("does not say which part comes next"))?;
        let files = value.get("files").and_then(Value::as_array).ok_or_else(|| bad("lists no files"))?;
        let files: Option<Vec<String>> = files.iter().map(|file| file.as_str().map(str::to_owned)).collect();
        let files = files.ok_or_else(|| bad("lists files that are no names"))?;
        let mut covered = generation_of(number).saturating_mul(crate::PARTS_OF_A_GENERATION);
        for file in &files {
            match FileName::parse(file).and_then(FileName::parts) {
                Some((first, last)) if first == covered => covered = last.saturating_add(1),
                _ => {
                    return Err(bad(&format!(
                        "lists the file '{file}', which does not follow the one before"
                    )));
                }
            }
        }
        if covered != next || files.is_empty() {
            return Err(bad(&format!("covers the parts before {covered}, not those before {next}")));
        }
        Ok(Manifest { number, next, files })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file_name::{aside_name, merged_name, part_name};
    use fascicle_backend::ErrorKind;

    #[test]
    fn a_manifest_comes_back_or_is_refused() {
        let good = Manifest {
            number: 4,
            next: 9,
            files: vec![part_name(0), merged_name(1, 3), aside_name(4, (4, 8), 0, "0f")],
        };
        assert_eq!(Manifest::parse("m", 4, &good.to_json()).unwrap(), good);
        for (what, bad) in [
            ("a gap", Manifest { files: vec![part_name(0), part_name(2)], next: 3, ..good.clone() }),
            (
                "an overlap",
                Manifest { files: vec![merged_name(0, 2), part_name(2)], next: 3, ..good.clone() },
            ),
            ("too few", Manifest { files: vec![part_name(0)], next: 2, ..good.clone() }),
            ("none", Manifest { files: vec![], next: 0, ..good.clone() }),
            ("elsewhere", Manifest { files: vec!["../x".to_owned()], next: 1, ..good.clone() }),
        ] {
            let error = Manifest::parse("m", 4, &bad.to_json()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{what}");
            assert!(error.message().contains("'m'"), "{error}");
        }
        for text in ["", "{", "[]", "{\"format\":2}", "{\"format\":1,\"next\":3,\"files\":[]}"] {
            assert_eq!(Manifest::parse("m", 4, text).unwrap_err().kind(), ErrorKind::Corrupt);
        }
    }
}
