//! Other programs read what the command writes, and the command reads what they write.

use crate::shell::Shell;
use fascicle_judges::run_python;
use serde_json::json;

const DTYPES: &str = "
import numpy as np
samples = {
    'b': np.array([True, False]),
    **{f'i{n}': np.array([1, -2], f'i{n}') for n in (1, 2, 4, 8)},
    **{f'u{n}': np.array([1, 255], f'u{n}') for n in (1, 2, 4, 8)},
    **{f'f{n}': np.array([1.5, np.nan, -np.inf], f'f{n}') for n in (2, 4, 8)},
    **{f'c{n}': np.array([1 + 2j, 3], f'c{n}') for n in (8, 16)},
    'S': np.array([b'ab', b'c']),
    'U': np.array(['ä', '日本x', '']),
    'M': np.array(['2024-05-01T12:00:00.5', 'NaT'], 'datetime64[ms]'),
    'm': np.array([3, -4], 'timedelta64[D]'),
    'scalar': np.float64(2.5),
    'empty': np.zeros((0, 3), 'f4'),
    'cube': np.arange(24).reshape(2, 3, 4),
}
";

#[test]
fn every_dtype_goes_through_numpy_files_unchanged() {
    let shell = Shell::new();
    let write = "
import sys
for name, array in samples.items():
    np.save(f'{sys.argv[1]}/{name}.npy', array)
    np.save(f'{sys.argv[1]}/{name}_big.npy', np.array(array, array.dtype.newbyteorder('>'), order='F'))
print(' '.join(samples))
";
    let folder = shell.path("").to_str().unwrap().to_owned();
    let names = run_python(&format!("{DTYPES}{write}"), [&folder]);
    for name in names.split_whitespace() {
        for variant in [name.to_owned(), format!("{name}_big")] {
            shell.fine(&["put", &format!("{variant}.npy"), &format!("data/{variant}")]);
            shell.fine(&["get", &format!("data/{variant}"), "-o", &format!("{variant}.out.npy")]);
        }
        shell.fine(&["diff", &format!("data/{name}"), &format!("data/{name}_big")]);
    }
    let check = "
import sys
for name, array in samples.items():
    for variant in (name, name + '_big'):
        back = np.load(f'{sys.argv[1]}/{variant}.out.npy')
        assert back.dtype == array.dtype and back.shape == array.shape, (variant, back.dtype, back.shape)
        np.testing.assert_array_equal(back, array)
print('equal')
";
    assert_eq!(run_python(&format!("{DTYPES}{check}"), [&folder]), "equal\n");
}

#[test]
fn tables_go_through_pyarrow_unchanged() {
    let shell = Shell::new();
    let table = "
import sys, datetime, pyarrow as pa, pyarrow.parquet as pq, pyarrow.feather as pf
table = pa.table({
    'n': pa.array([1, None, 3], pa.int32()),
    'text': ['a', None, 'ü'],
    'list': [[1.5], None, []],
    'struct': [{'x': 1, 'y': 'a'}, None, {'x': None, 'y': 'b'}],
    'time': pa.array([datetime.datetime(2024, 5, 1, 12), None, datetime.datetime(2024, 5, 2)], pa.timestamp('us')),
})
folder = sys.argv[1]
";
    let folder = shell.path("").to_str().unwrap().to_owned();
    let write = "
pq.write_table(table, folder + '/t.parquet')
pf.write_feather(table, folder + '/t.feather')
with pa.ipc.new_stream(folder + '/s.arrow', table.schema) as writer: writer.write_table(table)
";
    run_python(&format!("{table}{write}"), [&folder]);
    for (name, ending) in [("t", "parquet"), ("t", "feather"), ("s", "arrow")] {
        shell.fine(&["put", &format!("{name}.{ending}"), &format!("data/{ending}")]);
    }
    shell.fine(&["diff", "data/parquet", "data/feather"]);
    shell.fine(&["diff", "data/parquet", "data/arrow"]);
    for file in ["out.parquet", "out.feather"] {
        shell.fine(&["get", "data/parquet", "-o", file]);
    }
    let check = "
assert pq.read_table(folder + '/out.parquet').equals(table)
assert pf.read_table(folder + '/out.feather').equals(table)
print('equal')
";
    assert_eq!(run_python(&format!("{table}{check}"), [&folder]), "equal\n");
}

#[test]
fn a_build_may_be_a_python_program_that_writes_with_h5py() {
    let shell = Shell::new();
    let script = "
import json, os, h5py
config = json.load(open(os.environ['FASCICLE_CONFIG_FILE']))
with h5py.File(os.path.join(os.environ['FASCICLE_DIR'], 'x.h5'), 'w', libver='latest') as file:
    file.create_dataset('data', data=list(range(config['n'])), maxshape=(None,), chunks=(16,))
print('this is not the answer')
";
    let python = fascicle_judges::python().to_str().unwrap();
    let built = shell.ends(0, &["run", "data", "Counts", "n=5", "--", python, "-c", script]);
    assert_eq!(
        (built.stdout.as_str(), built.stderr.as_str()),
        ("data/Counts_0000\n", "this is not the answer\n")
    );
    assert_eq!(shell.json(&["get", "data/Counts_0000/x"])["data"], json!([0, 1, 2, 3, 4]));
    let read = "
import sys, datamate
directory = datamate.Directory(sys.argv[1] + '/data/Counts_0000')
print(directory.x[:].tolist(), directory.meta.status, directory.config.n)
";
    assert!(run_python(read, [shell.path("").to_str().unwrap()]).contains("[0, 1, 2, 3, 4] done 5"));
}
