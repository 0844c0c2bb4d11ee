//! One binary, the example `one_line`, run with configurations that differ in one line.

use crate::Place;
use crate::built_example::built_example;
use fascicle::blocking::open;
#[cfg(feature = "zarr")]
use fascicle_test_servers::{ACCESS_KEY, ObjectServer, SECRET_KEY};
use std::process::Command;

fn file(default: &str) -> String {
    format!(
        "default: {default}\n\
         places:\n  \
           plain: {{ url: ./plain, options: {{ tables: csv }} }}\n  \
           packed: {{ url: ./packed, arrays: {{ chunk_bytes: 64KiB, codec: gzip }}, tables: {{ codec: zstd }} }}\n  \
           nowhere: {{ url: 'memory:nowhere' }}\n"
    )
}

#[cfg(feature = "zarr")]
#[test]
fn one_line_moves_a_program_from_local_hdf5_to_zarr_on_s3() {
    let binary = built_example("one_line");
    let server = ObjectServer::with_bucket("lab-bucket");
    let endpoint = server.endpoint();
    let place = Place::new("");
    let run = |default: &str| {
        place.write(format!(
            "default: {default}\n\
             places:\n  \
               local: {{ url: ./data }}\n  \
               cloud: {{ url: 's3://lab-bucket/data', backend: zarr, options: {{ region: us-east-1, endpoint: '{endpoint}', allow_http: true }} }}\n"
        ));
        let output = Command::new(&binary)
            .current_dir(place.path(""))
            .envs([("AWS_ACCESS_KEY_ID", ACCESS_KEY), ("AWS_SECRET_ACCESS_KEY", SECRET_KEY)])
            .env_remove("FASCICLE_CONFIG")
            .env_remove("FASCICLE_PROFILE")
            .env_remove("FASCICLE_PLACE")
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && !told.contains(SECRET_KEY), "{told}");
        String::from_utf8(output.stdout).unwrap()
    };
    let told = "100 rows, the last loss is 0.1\n";
    let printed = run("local");
    assert!(printed.starts_with("hdf5 at /") && printed.ends_with(told), "{printed}");
    assert!(place.path("data/Cells_0000/cell_id.h5").is_file() && server.keys("lab-bucket").is_empty());
    for _ in 0..2 {
        assert_eq!(run("cloud"), format!("zarr at s3://lab-bucket/data\n{told}"), "built, then found");
    }
    let keys = server.keys("lab-bucket");
    for key in ["data/_fascicle.yaml", "data/Cells_0000/_meta.yaml", "data/Cells_0000/cell_id.zarr/zarr.json"]
    {
        assert!(keys.iter().any(|stored| stored == key), "{keys:?}");
    }
    assert!(!keys.iter().any(|key| key.contains("Cells_0001")), "{keys:?}");
}

#[test]
fn one_line_decides_where_and_how_a_program_stores_its_data() {
    let binary = built_example("one_line");
    let place = Place::new("");
    let run = |default: &str, variable: Option<&str>| {
        place.write(file(default));
        let mut command = Command::new(&binary);
        command.current_dir(place.path("")).env_remove("FASCICLE_CONFIG").env_remove("FASCICLE_PROFILE");
        match variable {
            Some(name) => command.env("FASCICLE_PLACE", name),
            None => command.env_remove("FASCICLE_PLACE"),
        };
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let told = "100 rows, the last loss is 0.1\n";
    for (default, stored) in [("plain", "summary.csv"), ("packed", "summary.parquet")] {
        let printed = run(default, None);
        assert!(printed.starts_with("hdf5 at /") && printed.ends_with(told), "{printed}");
        assert!(place.path(default).join("Cells_0000").join(stored).exists(), "{default}");
    }
    let (plain, packed) = (open(place.path("plain")).unwrap(), open(place.path("packed")).unwrap());
    let (plain, packed) = (plain.dir("Cells_0000").unwrap(), packed.dir("Cells_0000").unwrap());
    // CSV does not keep whether a column can hold nulls; everything else is the same.
    let differing: Vec<String> = plain.diff(&packed).unwrap().into_iter().map(|entry| entry.path).collect();
    assert_eq!(differing, ["summary"]);
    let rows = |dir: &fascicle::blocking::Directory| dir.table("summary").unwrap().read().unwrap();
    assert_eq!(rows(&plain).columns(), rows(&packed).columns());
    let codecs =
        |dir: &fascicle::blocking::Directory| dir.array("cell_id").unwrap().description().codecs.clone();
    assert!(codecs(&plain).is_empty() && !codecs(&packed).is_empty(), "{:?}", codecs(&packed));

    let before = std::fs::read_dir(place.path("")).unwrap().count();
    let printed = run("nowhere", None);
    assert_eq!(printed, format!("memory at memory:nowhere\n{told}"));
    assert_eq!(std::fs::read_dir(place.path("")).unwrap().count(), before);
    assert!(run("nowhere", Some("packed")).starts_with("hdf5 at /"), "the environment goes first");
}
