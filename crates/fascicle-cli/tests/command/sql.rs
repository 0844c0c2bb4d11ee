//! `sql`: queries from a shell.

use crate::shell::{Shell, ended, npy_integers};
use serde_json::json;
use std::io::Write;
use std::process::Stdio;

fn filled() -> Shell {
    let shell = Shell::new();
    shell.write("x.npy", npy_integers(0..100));
    shell.write("t.csv", "id,name\n1,one\n2,two\n3,\n");
    shell.fine(&["put", "x.npy", "data/Cells/x"]);
    shell.fine(&["put", "t.csv", "data/Cells/names"]);
    shell.fine(&["put", "t.csv", "data/Cells/inner/names"]);
    shell.fine(&["run", "data", "Sim", "seed=0", "rate=0.5", "--", "true"]);
    shell.fine(&["run", "data", "Sim", "seed=1", "rate=2", "--", "true"]);
    shell
}

#[test]
fn a_query_is_answered_as_a_table() {
    let shell = filled();
    let query = "select n.name, a.x from names n join arrays a on a.x = n.id order by a.x";
    let expected = "   name  x\n0   one  1\n1   two  2\n2  null  3\n[3 rows x 2 columns]\n";
    assert_eq!(shell.fine(&["sql", "data/Cells", query]), expected);
    let few = shell.fine(&["sql", "data/Cells", "select x from arrays", "--rows", "2"]);
    assert_eq!(
        few,
        "   x\n0  0\n1  1\n[the first 2 rows x 1 columns; --rows shows more, -o FILE writes all]\n"
    );
    let runs = shell.fine(&["sql", "data", "select path from configs where config.rate > 1"]);
    assert_eq!(runs, "   path\n0  Sim_0001\n[1 rows x 1 columns]\n".replace("   path", "       path"));
    let arguments = ["sql", "data/Cells", "-"];
    let mut child = shell.command(&arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"select count(*) as n from inner.names").unwrap();
    let piped = ended(child.wait_with_output().unwrap());
    assert_eq!((piped.code, piped.stdout.as_str()), (0, "   n\n0  3\n[1 rows x 1 columns]\n"));
    let plan = shell.fine(&["sql", "data/Cells", "explain select id from names where id > 1"]);
    assert!(plan.contains("predicate=id > Int(1)"), "{plan}");
}

#[test]
fn a_query_is_answered_as_json_and_files() {
    let shell = filled();
    let rows = shell.json(&["sql", "data/Cells", "select id, name from names where id > 1"]);
    assert_eq!(rows["data"], json!([{ "id": 2, "name": "two" }, { "id": 3, "name": null }]));
    assert_eq!(rows["columns"][0]["name"], "id");
    shell.fine(&["sql", "data/Cells", "select x + 1 as y from arrays", "-o", "y.parquet"]);
    shell.fine(&["put", "y.parquet", "data/Cells/y"]);
    assert_eq!(
        shell.fine(&["sql", "data/Cells", "select sum(y) from y", "--format", "csv"]),
        "sum(y.y)\n5050\n"
    );
}

#[test]
fn what_is_no_query_is_refused_with_advice() {
    let shell = filled();
    for (code, kind, query, said) in [
        (3, "not_found", "select * from nmes", "did you mean 'names'?"),
        (2, "invalid_input", "select nam from names", "did you mean 'name'?"),
        (2, "invalid_input", "selec", "no query in SQL"),
        (2, "unsupported", "drop table names", "only queries are answered, and this is DROP"),
        (2, "unsupported", "copy names to '/tmp/x.csv'", "COPY"),
        (4, "mismatch", "select * from _arrays", "different lengths"),
    ] {
        shell.write("z.npy", npy_integers(0..7));
        shell.fine(&["put", "z.npy", "data/Cells/z"]);
        let error = shell.refused(code, kind, &["sql", "data/Cells", query]);
        assert!(error.to_string().contains(said), "{query}: {error}");
    }
    let error = shell.refused(
        5,
        "limit_exceeded",
        &["sql", "data/Cells", "select x from x order by -x", "--memory", "1KiB", "--spill", "0"],
    );
    assert!(error.to_string().contains("allow more"), "{error}");
    assert_eq!(shell.fine(&["get", "data/Cells/names", "--format", "csv"]), "id,name\n1,one\n2,two\n3,\n");
}
