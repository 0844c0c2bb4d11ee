//! One program writes, the other one reads meanwhile.

use crate::place::Place;
use fascicle::Array2;
use std::time::Duration;

const ROWS: u64 = 300;

#[tokio::test]
async fn datamate_and_h5py_read_what_is_being_appended_here() {
    let place = Place::new();
    let root = place.root().await;
    let run = root.dir("run").unwrap();
    let mut loss = run.appender::<f64>("loss", &[]).unwrap().flush_rows(5);
    loss.push(0.0).await.unwrap();
    loss.flush().await.unwrap();
    run.append("weights", &Array2::from_elem((1, 2), 0.0)).await.unwrap();
    let readers = [
        place.beside("read_live.py", &["datamate", "run", &ROWS.to_string()]),
        place.beside("read_live.py", &["h5py", "run", &ROWS.to_string()]),
    ];
    while !["datamate", "h5py"].iter().all(|reader| place.path(&format!("_{reader}")).exists()) {
        assert!(!readers.iter().any(|reader| reader.is_finished()));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for row in 1..ROWS {
        loss.push(row as f64).await.unwrap();
        if row % 10 == 0 {
            run.append("weights", &Array2::from_elem((1, 2), (row / 10) as f64)).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(4)).await;
    }
    loss.finish().await.unwrap();
    for reader in readers {
        let seen = reader.await.unwrap();
        assert_eq!(seen["rows"], ROWS);
        assert!(seen["lengths"].as_u64().unwrap() > 5, "it grew before the reader's eyes: {seen}");
        assert_eq!(seen["errors"], 0, "{seen}");
    }
}

#[tokio::test]
async fn what_datamate_extends_is_read_here() {
    let place = Place::new();
    let root = place.root().await;
    let writer = place.beside("extend_live.py", &["run", "60"]);
    let run = root.dir("run").unwrap();
    let (mut lengths, mut seen, mut rows_of_table) = (vec![0], 0, 0);
    while seen < 60 {
        if writer.is_finished() && seen == 0 {
            panic!("the writer ended: {:?}", writer.await);
        }
        if !run.contains("loss").await.unwrap() {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        }
        // An array that datamate just creates is no array yet for a moment.
        let array = match run.array("loss").await {
            Ok(array) => array,
            Err(error) => {
                assert!(seen == 0, "{}", error.chain());
                continue;
            }
        };
        let values: Vec<f64> = array.read().await.unwrap();
        assert!(values.len() as u64 >= seen, "{} after {seen}", values.len());
        assert!(values.iter().enumerate().all(|(row, value)| *value == row as f64), "{values:?}");
        if values.len() as u64 > seen {
            lengths.push(values.len());
        }
        seen = values.len() as u64;
        if let Ok(table) = run.table("log").await {
            rows_of_table = rows_of_table.max(table.rows());
        }
    }
    assert_eq!(writer.await.unwrap(), "extended");
    assert!(lengths.len() > 5, "{lengths:?}");
    assert_eq!((run.table("log").await.unwrap().rows(), rows_of_table <= 12), (12, true));
    // Ours go on behind it, and datamate behind ours.
    assert_eq!(run.append("loss", [60.0, 61.0]).await.unwrap(), 62);
    place.python("extend_live.py", &["run", "64"]).await;
    let values: Vec<f64> = run.array("loss").await.unwrap().read().await.unwrap();
    assert!(values.iter().enumerate().all(|(row, value)| *value == row as f64), "{values:?}");
    assert_eq!(values.len(), 64);
}
