//! Random operations on a place.

use crate::{
    place::{Place, at},
    samples,
};
use bytes::Bytes;
use fascicle_backend::{
    ArrayOptions, AxisRegion, Capabilities, Capability, DType, MetaWriteMode, Region, Result, WriteMode,
};

/// The kinds of operations to draw from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    MakeDirectory,
    WriteMeta,
    PutFile,
    AppendFile,
    PutArray,
    AppendArray,
    WriteRegion,
    PutTable,
    AppendTable,
    Remove,
    Rename,
    Copy,
}

/// Which operations a sequence is made of.
#[derive(Clone, Debug)]
pub(crate) struct Vocabulary(Vec<Verb>);

impl Vocabulary {
    pub(crate) fn entries() -> Self {
        use Verb::*;
        Vocabulary(vec![
            MakeDirectory,
            MakeDirectory,
            WriteMeta,
            PutFile,
            PutFile,
            AppendFile,
            Remove,
            Rename,
            Copy,
        ])
    }

    pub(crate) fn arrays() -> Self {
        use Verb::*;
        Vocabulary(vec![
            PutArray,
            PutArray,
            AppendArray,
            AppendArray,
            WriteRegion,
            WriteRegion,
            Rename,
            Copy,
            Remove,
        ])
    }

    pub(crate) fn tables() -> Self {
        use Verb::*;
        Vocabulary(vec![PutTable, PutTable, AppendTable, AppendTable, Rename, Copy, Remove])
    }

    pub(crate) fn everything() -> Self {
        use Verb::*;
        let writes =
            [MakeDirectory, PutFile, PutArray, PutTable, AppendFile, AppendArray, AppendTable, WriteRegion];
        Vocabulary([&writes[..], &[Remove, Rename, Copy, WriteMeta]].concat())
    }

    /// The same without what the place does not declare.
    pub(crate) fn offered_by(mut self, declared: Capabilities) -> Self {
        self.0.retain(|verb| match verb {
            Verb::MakeDirectory | Verb::WriteMeta | Verb::PutFile | Verb::Remove => true,
            Verb::AppendFile => declared.has(Capability::FileAppend),
            Verb::PutArray => declared.has(Capability::Arrays),
            Verb::AppendArray => declared.has(Capability::ArrayAppend),
            Verb::WriteRegion => declared.has(Capability::ArrayRegionWrite),
            Verb::PutTable => declared.has(Capability::Tables),
            Verb::AppendTable => declared.has(Capability::TableAppend),
            Verb::Rename => declared.has(Capability::Rename),
            Verb::Copy => declared.has(Capability::Copy),
        });
        self
    }
}

/// One operation. Paths are relative to the directory of the case.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    MakeDirectory {
        path: String,
        meta: String,
    },
    WriteMeta {
        path: String,
        meta: String,
        mode: MetaWriteMode,
    },
    PutFile {
        path: String,
        salt: u64,
        length: usize,
        mode: WriteMode,
    },
    AppendFile {
        path: String,
        salt: u64,
        length: usize,
    },
    PutArray {
        path: String,
        lengths: Vec<u64>,
        chunks: Option<Vec<u64>>,
        dtype: DType,
        first: u64,
        mode: WriteMode,
    },
    AppendArray {
        path: String,
        rows: u64,
        width: u64,
        dtype: DType,
        first: u64,
    },
    WriteRegion {
        path: String,
        start: u64,
        step: u64,
        count: u64,
        width: u64,
        dtype: DType,
        first: u64,
    },
    PutTable {
        path: String,
        first: i64,
        rows: i64,
        mode: WriteMode,
    },
    AppendTable {
        path: String,
        first: i64,
        rows: i64,
    },
    Remove {
        path: String,
    },
    Rename {
        from: String,
        to: String,
    },
    Copy {
        from: String,
        to: String,
    },
}

impl Operation {
    /// An operation that has a good chance to meet what earlier ones left: few names, few shapes.
    pub(crate) fn random(numbers: &mut fastrand::Rng, vocabulary: &Vocabulary) -> Self {
        const NAMES: [&str; 4] = ["a", "ab", "b", "b b"];
        fn path(numbers: &mut fastrand::Rng) -> String {
            let name = |numbers: &mut fastrand::Rng| numbers.choice(NAMES).unwrap_or("a");
            let first = name(numbers);
            if numbers.u8(0..3) == 0 { format!("{first}/{}", name(numbers)) } else { first.to_owned() }
        }
        fn mode(numbers: &mut fastrand::Rng) -> WriteMode {
            match numbers.u8(0..4) {
                0 => WriteMode::Create,
                1 => WriteMode::Replace,
                _ => WriteMode::Overwrite,
            }
        }
        fn dtype(numbers: &mut fastrand::Rng) -> DType {
            numbers.choice([DType::Int64, DType::Int64, DType::Text, DType::Float32]).unwrap_or(DType::Int64)
        }
        let salt = numbers.u64(0..1000);
        match numbers.choice(vocabulary.0.iter().copied()).unwrap_or(Verb::PutFile) {
            Verb::MakeDirectory => {
                Operation::MakeDirectory { path: path(numbers), meta: format!("n: {salt}\n") }
            }
            Verb::WriteMeta => {
                let mode = if numbers.bool() { MetaWriteMode::Create } else { MetaWriteMode::Overwrite };
                Operation::WriteMeta { path: path(numbers), meta: format!("n: {salt}\n"), mode }
            }
            Verb::PutFile => Operation::PutFile {
                path: path(numbers),
                salt,
                length: numbers.usize(0..50),
                mode: mode(numbers),
            },
            Verb::AppendFile => {
                Operation::AppendFile { path: path(numbers), salt, length: numbers.usize(0..50) }
            }
            Verb::PutArray => {
                let rows = numbers.u64(0..6);
                let lengths = if numbers.bool() { vec![rows] } else { vec![rows, 2] };
                let chunks = numbers.bool().then(|| vec![numbers.u64(1..4); lengths.len()]);
                Operation::PutArray {
                    path: path(numbers),
                    lengths,
                    chunks,
                    dtype: dtype(numbers),
                    first: salt,
                    mode: mode(numbers),
                }
            }
            Verb::AppendArray => Operation::AppendArray {
                path: path(numbers),
                rows: numbers.u64(0..5),
                width: numbers.u64(1..=2),
                dtype: dtype(numbers),
                first: salt,
            },
            Verb::WriteRegion => Operation::WriteRegion {
                path: path(numbers),
                start: numbers.u64(0..4),
                step: numbers.u64(1..3),
                count: numbers.u64(0..4),
                width: numbers.u64(1..=2),
                dtype: dtype(numbers),
                first: salt,
            },
            Verb::PutTable => Operation::PutTable {
                path: path(numbers),
                first: salt as i64,
                rows: numbers.i64(0..6),
                mode: mode(numbers),
            },
            Verb::AppendTable => {
                Operation::AppendTable { path: path(numbers), first: salt as i64, rows: numbers.i64(0..6) }
            }
            Verb::Remove => Operation::Remove { path: path(numbers) },
            Verb::Rename => Operation::Rename { from: path(numbers), to: path(numbers) },
            Verb::Copy => Operation::Copy { from: path(numbers), to: path(numbers) },
        }
    }

    /// Does it at a place, below the directory of the case. Where a length is answered, it is the answer.
    pub(crate) async fn run(&self, place: &Place, dir: &str) -> Result<Option<u64>> {
        let below = |path: &str| format!("{dir}/{path}");
        match self {
            Operation::MakeDirectory { path, meta } => {
                place.make_dir_with(&below(path), meta).await?;
                Ok(None)
            }
            Operation::WriteMeta { path, meta, mode } => {
                place.write_meta(&at(&below(path))?, Bytes::from(meta.clone()), mode.clone()).await?;
                Ok(None)
            }
            Operation::PutFile { path, salt, length, mode } => {
                place.put_file_as(&below(path), samples::bytes(*salt, *length), *mode).await?;
                Ok(None)
            }
            Operation::AppendFile { path, salt, length } => {
                place.append_file(&below(path), samples::bytes(*salt, *length)).await.map(Some)
            }
            Operation::PutArray { path, lengths, chunks, dtype, first, mode } => {
                let values = samples::numbered(*dtype, *first, lengths.iter().product());
                let options = ArrayOptions { chunks: chunks.clone(), ..ArrayOptions::default() };
                place.put_array_with(&below(path), lengths, values, &options, *mode).await?;
                Ok(None)
            }
            Operation::AppendArray { path, rows, width, dtype, first } => {
                let values = samples::numbered(*dtype, *first, rows * width);
                place.append_rows(&below(path), *rows, values).await.map(Some)
            }
            Operation::WriteRegion { path, width, dtype, first, count, .. } => {
                let values = samples::numbered(*dtype, *first, count * width);
                place.write_region(&below(path), &self.region(), values).await?;
                Ok(None)
            }
            Operation::PutTable { path, first, rows, mode } => {
                place.put_table_as(&below(path), &samples::people(*first, *rows)?, *mode).await.map(Some)
            }
            Operation::AppendTable { path, first, rows } => {
                place.append_table(&below(path), &samples::people(*first, *rows)?).await.map(Some)
            }
            Operation::Remove { path } => place.remove(&at(&below(path))?).await.map(|()| None),
            Operation::Rename { from, to } => {
                place.rename(&at(&below(from))?, &at(&below(to))?).await.map(|()| None)
            }
            Operation::Copy { from, to } => {
                place.copy(&at(&below(from))?, &at(&below(to))?).await.map(|()| None)
            }
        }
    }

    /// The region that is written: of two axes when the rows have a width of two.
    pub(crate) fn region(&self) -> Region {
        match self {
            Operation::WriteRegion { start, step, count, width, .. } => {
                let rows = AxisRegion { start: *start, step: *step, count: *count };
                let columns = AxisRegion { start: 0, step: 1, count: *width };
                if *width == 1 { Region::new([rows]) } else { Region::new([rows, columns]) }
            }
            _ => Region::default(),
        }
    }
}
