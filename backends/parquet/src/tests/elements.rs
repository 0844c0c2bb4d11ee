//! Every element comes back bit for bit, in whatever order it was written.

use super::bench::{Bench, counting, path, same};
use crate::ParquetOptions;
use fascicle_backend::{ArrayOptions, ArraySpec, DType, Selection, Shape, TimeUnit, Values, WriteMode};

fn dtypes() -> Vec<DType> {
    let units = TimeUnit::ALL.into_iter();
    let times = units.flat_map(|unit| [DType::DateTime64(unit), DType::TimeDelta64(unit)]);
    DType::PLAIN
        .into_iter()
        .chain([DType::FixedBytes(1), DType::FixedBytes(7), DType::Text])
        .chain(times)
        .collect()
}

/// Random bits: NaNs of all kinds, and every eighth time is none.
fn random(dtype: DType, count: usize, random: &mut fastrand::Rng) -> Values {
    let Some(width) = dtype.fixed_bytes() else {
        let text =
            |random: &mut fastrand::Rng| (0..random.usize(..9)).map(|_| random.char('a'..'ÿ')).collect();
        return Values::Text((0..count).map(|_| text(random)).collect());
    };
    let limit = if dtype == DType::Bool { 2 } else { 0 };
    let mut bytes: Vec<u8> =
        (0..width * count).map(|_| if limit == 0 { random.u8(..) } else { random.u8(..limit) }).collect();
    if matches!(dtype, DType::DateTime64(_) | DType::TimeDelta64(_)) {
        for time in bytes.chunks_exact_mut(8).step_by(8) {
            time.copy_from_slice(&i64::MIN.to_le_bytes());
        }
    }
    Values::from_bytes(dtype, &bytes).unwrap()
}

#[tokio::test]
async fn every_dtype_and_shape_comes_back() {
    let mut seeded = fastrand::Rng::with_seed(11);
    let options = ParquetOptions::default().with_chunk_bytes(200).with_array_part_bytes(1000);
    let bench = Bench::with(options).await;
    for dtype in dtypes() {
        for shape in [vec![], vec![0], vec![37], vec![0, 3], vec![3, 0], vec![11, 2, 3], vec![1, 1]] {
            let count = shape.iter().product::<u64>();
            let values = random(dtype, count as usize, &mut seeded);
            bench
                .put("x", &shape, values.clone())
                .await
                .unwrap_or_else(|error| panic!("{dtype} {shape:?}: {error:?}"));
            let (found, read) =
                bench.all("x").await.unwrap_or_else(|error| panic!("{dtype} {shape:?}: {error:?}"));
            assert_eq!(found, Shape::new(shape.clone()).unwrap());
            same(&read, &values);
            if let [rows, trailing @ ..] = shape.as_slice() {
                let more = random(dtype, 2 * trailing.iter().product::<u64>() as usize, &mut seeded);
                assert_eq!(bench.append("x", 2, more.clone()).await.unwrap(), rows + 2);
                let (_, read) = bench.all("x").await.unwrap();
                same(&read.slice(0..values.len()).unwrap(), &values);
                same(&read.slice(values.len()..read.len()).unwrap(), &more);
            }
        }
    }
}

#[tokio::test]
async fn elements_come_in_any_order() {
    let options = ParquetOptions::default().with_chunk_bytes(160).with_array_part_bytes(480);
    let bench = Bench::with(options).await;
    let shape = Shape::new([40, 5]).unwrap();
    // In order, then back, then in columns; not all of them.
    let orders: [&[&str]; 5] = [
        &["0:10", "10:40"],
        &["0:35", "3:7", "39"],
        &["20:40", "0:20"],
        &[":,2:4", ":,0"],
        &["0:40", "::7,1::2"],
    ];
    for (number, order) in orders.iter().enumerate() {
        for fill in [None, Some(Values::Int64(vec![-9]))] {
            let mut expected = vec![if fill.is_some() { -9 } else { 0 }; 200];
            let spec = ArraySpec { shape: shape.clone(), dtype: DType::Int64 };
            let options = ArrayOptions { fill, ..ArrayOptions::default() };
            let mode = WriteMode::Overwrite;
            let mut writer = bench.arrays().create(&path("x"), &spec, &options, mode).await.unwrap();
            for (step, text) in order.iter().enumerate() {
                let region = text.parse::<Selection>().unwrap().resolve(&shape).unwrap();
                let count = region.element_count().unwrap() as i64;
                let values = counting(1000 * step as i64, count);
                let axes = region.axes();
                let mut next = 1000 * step as i64;
                for row in 0..axes[0].count {
                    for column in 0..axes[1].count {
                        let row = axes[0].start + row * axes[0].step;
                        let column = axes[1].start + column * axes[1].step;
                        expected[(row * 5 + column) as usize] = next;
                        next += 1;
                    }
                }
                writer.write(&region, values).await.unwrap();
            }
            writer.finish().await.unwrap();
            same(&bench.all("x").await.unwrap().1, &Values::Int64(expected));
            assert!(bench.keys().await.iter().all(|key| key.starts_with("x.")), "order {number}");
        }
    }
}

#[tokio::test]
async fn regions_are_written_whatever_they_are() {
    let mut seeded = fastrand::Rng::with_seed(12);
    let options = ParquetOptions::default().with_chunk_bytes(100).with_array_part_bytes(400);
    let bench = Bench::with(options).await;
    let shape = Shape::new([23, 3, 4]).unwrap();
    for dtype in [DType::Int16, DType::Text, DType::Bool, DType::Complex64] {
        let mut expected = random(dtype, 23 * 12, &mut seeded);
        bench.put("x", &shape, expected.clone()).await.unwrap();
        for text in ["3:9", "::5,1", "...,2", "22,2,3", "0:0", "4:20:3,::2,1:3"] {
            let region = text.parse::<Selection>().unwrap().resolve(&shape).unwrap();
            let values = random(dtype, region.element_count().unwrap() as usize, &mut seeded);
            crate::rows::RowPattern::new(shape.trailing(), &region)
                .scatter(0, &values, &mut expected)
                .unwrap();
            bench.write("x", text, values).await.unwrap();
            same(&bench.all("x").await.unwrap().1, &expected);
        }
    }
}

#[tokio::test]
async fn writers_of_regions_and_of_rows_lose_nothing() {
    let bench = Bench::new().await;
    bench.put("x", &[8], Values::Int64(vec![0; 8])).await.unwrap();
    let mut tasks = Vec::new();
    for writer in 0..8i64 {
        let bench = bench.another().await;
        tasks.push(tokio::spawn(async move {
            for round in 1..6 {
                // Each its own element, all of them in one part.
                let text = format!("{writer}:{}", writer + 1);
                bench.write("x", &text, Values::Int64(vec![writer * 100 + round])).await.unwrap();
                bench.append("x", 1, Values::Int64(vec![writer * 1000 + round])).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let (shape, values) = bench.all("x").await.unwrap();
    let Values::Int64(values) = values else { unreachable!() };
    assert_eq!(shape.to_string(), "(48,)");
    assert_eq!(values[..8], (0..8).map(|writer| writer * 100 + 5).collect::<Vec<i64>>());
    for writer in 0..8 {
        let rows = values[8..].iter().filter(|value| **value / 1000 == writer);
        let rows: Vec<i64> = rows.map(|value| value % 1000).collect();
        assert_eq!(rows, [1, 2, 3, 4, 5], "writer {writer}");
    }
}
