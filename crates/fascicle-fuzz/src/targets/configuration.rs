//! The file that names places.

use super::workbench::scratch;
use super::{Target, assert_printable, texts};
use fascicle::StorageConfiguration;

pub(super) const TARGET: Target = Target {
    name: "configuration",
    run,
    seeds: || {
        texts(&[
            "default: local\nplaces:\n  local: { url: ./data, backend: hdf5 }\n",
            "default: a\nplaces:\n  a:\n    url: s3://bucket/x\n    backend: zarr\n    options: { region: eu-west-1, timeout: 10s }\n    arrays: { chunk_bytes: 8MiB, codec: zstd }\n",
            "places: {a: {url: 'memory:x'}}\nprofiles: {p: {default: a}}\n",
            "places: {a: {url: 's3://b', options: {aws_secret_access_key: x}}}\n",
        ])
    },
    tokens: &[
        "default:",
        "places:",
        "url:",
        "backend:",
        "options:",
        "arrays:",
        "codec:",
        "zstd",
        "&a",
        "*a",
        "<<:",
        "!!python/object",
        "{",
        "}",
        "[",
        "]",
        "8MiB",
        "10s",
        "profiles:",
    ],
    quick_runs: 3_000,
};

fn run(input: &[u8]) {
    let file = scratch("configuration.yaml");
    std::fs::write(&file, input).unwrap();
    match StorageConfiguration::read(&file, None) {
        Ok(configuration) => {
            let names: Vec<String> = configuration.names().map(str::to_owned).collect();
            for name in names {
                configuration.place(Some(&name)).unwrap();
            }
        }
        Err(error) => assert_printable(&error.chain()),
    }
}
