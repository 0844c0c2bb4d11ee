//! The configs that both sides know: `python/types_of_both.py` has the same.

use fascicle::ndarray::{Array1, Array2, Array3, s};
use fascicle::{ArrayData, Attributes, Build, BuildResult, DType, Directory, PutOptions, Shape, Values};
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Training {
    pub(crate) rate: f64,
    pub(crate) epochs: Option<u32>,
    pub(crate) layers: Vec<i64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CellMeasurements {
    pub(crate) n_cells: i64,
    pub(crate) seed: u64,
    pub(crate) label: String,
    pub(crate) training: Training,
}

impl CellMeasurements {
    pub(crate) fn new(seed: u64) -> Self {
        CellMeasurements {
            n_cells: 100,
            seed,
            label: "visual: 'ü'".to_owned(),
            training: Training { rate: 1e-7, epochs: None, layers: vec![8, 4] },
        }
    }
}

impl Build for CellMeasurements {
    /// Every shape, every way of writing and every kind of entry but tables.
    async fn build(&self, dir: &Directory) -> BuildResult {
        dir.put("cell_id", &Array1::from_iter(0..self.n_cells)).await?;
        dir.put("dt", 2.5f64).await?;
        dir.put("empty", Vec::<f32>::new()).await?;
        dir.put("empty_rows", &Array2::<i16>::zeros((0, 3))).await?;
        let image = Array3::from_shape_fn((2, 3, 4), |(i, j, k)| (100 * i + 10 * j + k) as u16);
        dir.put("image", &image).await?;
        dir.put("transposed", &image.slice(s![0, .., ..]).t()).await?;

        let mut loss = dir.appender::<f64>("loss", &[])?.flush_rows(7);
        for step in 1..=100 {
            loss.push(1.0 / f64::from(step)).await?;
        }
        loss.finish().await?;
        for second in 0..3i32 {
            dir.append("spikes", &Array2::from_elem((2, 3), second)).await?;
        }
        dir.put("grid", &Array2::<f64>::zeros((4, 6))).await?;
        let grid = dir.array("grid").await?;
        grid.select(s![1..3, 2..4])?.write(&Array2::from_elem((2, 2), 7.0)).await?;
        grid.select(s![-1, ..;2])?.write(-1.0).await?;
        let units: Attributes = [
            ("units".to_owned(), json!("µV")),
            ("scale".to_owned(), json!(0.5)),
            ("axes".to_owned(), json!(["y", "x"])),
        ]
        .into_iter()
        .collect();
        dir.set_attributes("grid", &units).await?;

        let connections = dir.dir("connections")?;
        connections.put("pre_cell_id", [12i64, 39, 48]).await?;
        connections.put_file("deep/notes.txt", "first\n").await?;
        connections.append_file("deep/notes.txt", "second\n").await?;
        dir.put_file("readme", "no suffix").await?;
        dir.put_file("raw.bin", vec![0u8, 255, 10, 13, 0]).await?;
        for dtype in dtypes_of_datamate() {
            dir.put_with(&format!("dtypes/{dtype}"), sample(dtype)?, &PutOptions::default()).await?;
        }
        Ok(())
    }
}

/// The dtypes that datamate writes itself, and those that it reads from others.
pub(crate) fn dtypes_of_datamate() -> Vec<DType> {
    use DType::*;
    vec![
        Bool,
        Int8,
        Int16,
        Int32,
        Int64,
        UInt8,
        UInt16,
        UInt32,
        UInt64,
        Float16,
        Float32,
        Float64,
        Complex64,
        Complex128,
        FixedBytes(5),
    ]
}

/// Three elements: bytes that count up, so that Python can make the same without this program's help.
pub(crate) fn sample(dtype: DType) -> fascicle::Result<ArrayData> {
    let width = dtype.memory_bytes();
    let bytes: Vec<u8> =
        (0..3 * width as u8).map(|byte| if dtype == DType::Bool { byte % 2 } else { byte + 1 }).collect();
    ArrayData::new(Shape::new([3u64])?, Values::from_bytes(dtype, &bytes)?)
}
