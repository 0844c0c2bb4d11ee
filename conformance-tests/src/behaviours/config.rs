//! When two configs mean the same directory, as far as finding and building shows it.

use super::{prelude::*, rooted::*};
use fascicle_core::{
    config::{ConfigErrorKind, Value, read_yaml},
    metas_as_table,
};
use serde::Deserialize;

behaviours! { "config"
    /// A directory that was built is found by its config; another config builds another directory.
    a_directory_is_found_by_its_config [Write];
    /// The same fields under another type are another directory.
    the_type_counts [Write];
    /// The order of the fields, nested ones included, is irrelevant.
    the_order_of_fields_is_irrelevant [Write];
    /// The numbers 1 and 1.0 are the same, at any depth, and so are 0 and -0.0.
    whole_numbers_are_the_same_as_integers_and_floats [Write];
    /// NaN is found again by NaN.
    nan_is_the_same_as_nan [Write];
    /// Truth values are no numbers, and numbers no text.
    truth_values_numbers_and_text_differ [Write];
    /// A field that is null differs from a field that is missing.
    null_differs_from_missing [Write];
    /// Bytes are found again by the same bytes, and are no text.
    bytes_are_the_same_as_equal_bytes [Write];
    /// The order of the elements of a list counts.
    the_order_of_a_list_counts [Write];
    /// Large integers and nearby floats are told apart exactly.
    large_numbers_are_told_apart [Write];
    /// Declared defaults are filled in before a directory is searched for, and stored.
    defaults_are_filled_in [Write];
    /// A field that is added with a default keeps what was built before it.
    a_new_field_with_a_default_keeps_old_directories [Write];
    /// Fields that are declared not part of the identity do not count.
    excluded_fields_do_not_count [Write];
    /// A field that is declared not part of the identity later on keeps what was built before.
    fields_can_be_excluded_later [Write];
    /// Another version of the build code builds anew, and each version finds its own directory.
    the_version_counts [Write];
    /// A field that was renamed is found under its old name.
    renamed_fields_are_found [Write];
    /// A directory that was built says from what, and that it is done.
    a_built_directory_says_what_it_is [Write];
    /// Values of every kind in a config come back from the storage as they were.
    every_kind_of_value_comes_back [Write];
    /// A stored config is read as the type that wrote it; unknown and missing fields are refused and named.
    a_stored_config_is_read_as_its_type [Write];
    /// A directory of a type that nobody knows opens for viewing.
    an_unknown_type_opens_for_viewing [Write];
    /// The metas of many directories stand side by side in one table.
    metas_stand_side_by_side [Write];
    /// A directory that was written without a config is a plain one, and is never the answer to a config.
    a_plain_directory_is_never_found_by_config [Write];
}

/// Expects that the second config finds what the first one built.
async fn the_same(root: &Root, first: &Config, second: &Config) -> Checked {
    let builds = Builds::default();
    let built = builds.resolve(root, first).await?;
    ensure_eq!(built.outcome, Outcome::Built, "{first} in a place without it");
    let again = builds.resolve(root, second).await?;
    let expected = (Outcome::Found, built.directory.path().as_str());
    ensure_eq!(told(&again), expected, "{second} after {first} was built");
    Ok(())
}

/// Expects that each of the configs is built, and then found.
async fn all_differ(root: &Root, configs: &[Config]) -> Checked {
    let builds = Builds::default();
    let mut paths = Vec::new();
    for config in configs {
        let built = builds.resolve(root, config).await?;
        ensure_eq!(built.outcome, Outcome::Built, "{config}, though {paths:?} are others");
        paths.push(built.directory.path().clone());
    }
    for (config, path) in configs.iter().zip(&paths) {
        let again = builds.resolve(root, config).await?;
        ensure_eq!(told(&again), (Outcome::Found, path.as_str()), "{config} when asked again");
    }
    Ok(())
}

fn with_value(value: impl Into<Value>) -> Config {
    Config::new("T").with("value", value)
}

/// A config whose one field is written in YAML.
fn from_yaml(text: &str) -> Result<Config, Failure> {
    Ok(with_value(read_yaml(text)?))
}

async fn a_directory_is_found_by_its_config(subject: Subject) -> Checked {
    let (root, builds) = (subject.root().await?, Builds::default());
    ensure!(found(&root, &cells(0)).await?.is_none(), "something is found in an empty place");
    for (seed, outcome, name) in [
        (0, Outcome::Built, "Cells_0000"),
        (0, Outcome::Found, "Cells_0000"),
        (42, Outcome::Built, "Cells_0001"),
        (0, Outcome::Found, "Cells_0000"),
        (42, Outcome::Found, "Cells_0001"),
    ] {
        let resolution = builds.resolve(&root, &cells(seed)).await?;
        ensure_eq!(told(&resolution), (outcome, name), "the directory of seed {seed}");
        is_complete(&resolution.directory).await?;
    }
    ensure_eq!(builds.count(), 2, "how often the build function was run");
    let directory = found(&root, &cells(42)).await?;
    ensure_eq!(
        directory.map(|found| found.name().to_owned()).as_deref(),
        Some("Cells_0001"),
        "what is found"
    );
    Ok(())
}

async fn the_type_counts(subject: Subject) -> Checked {
    let fields = |type_name: &str| Config::new(type_name).with("seed", 0);
    all_differ(&subject.root().await?, &[fields("Cells"), fields("Cell"), fields("cells")]).await
}

async fn the_order_of_fields_is_irrelevant(subject: Subject) -> Checked {
    let first = Config::new("T").with("a", 1).with("b", read_yaml("{x: 1, y: {p: 2, q: 3}}")?);
    let second = Config::new("T").with("b", read_yaml("{y: {q: 3, p: 2}, x: 1}")?).with("a", 1);
    the_same(&subject.root().await?, &first, &second).await
}

async fn whole_numbers_are_the_same_as_integers_and_floats(subject: Subject) -> Checked {
    let root = subject.root().await?;
    the_same(&root, &with_value(1), &with_value(1.0)).await?;
    the_same(&root, &from_yaml("{a: [1.0, {b: 2}]}")?, &from_yaml("{a: [1, {b: 2.0}]}")?).await?;
    the_same(&root, &with_value(0), &with_value(-0.0)).await?;
    the_same(&root, &with_value(2f64.powi(60)), &with_value(1i64 << 60)).await
}

async fn nan_is_the_same_as_nan(subject: Subject) -> Checked {
    let root = subject.root().await?;
    the_same(&root, &with_value(f64::NAN), &with_value(-f64::NAN)).await?;
    the_same(&root, &from_yaml("[1, .nan]")?, &from_yaml("[1, .nan]")?).await?;
    all_differ(&root, &[with_value(f64::INFINITY), with_value(f64::NEG_INFINITY), with_value("nan")]).await
}

async fn truth_values_numbers_and_text_differ(subject: Subject) -> Checked {
    let values: [Value; 8] = [
        true.into(),
        1.into(),
        "1".into(),
        "true".into(),
        false.into(),
        0.into(),
        "".into(),
        vec![Value::from(1)].into(),
    ];
    all_differ(&subject.root().await?, &values.map(with_value)).await
}

async fn null_differs_from_missing(subject: Subject) -> Checked {
    let (missing, null) = (Config::new("T").with("a", 1), Config::new("T").with("a", 1).with("b", ()));
    let root = subject.root().await?;
    all_differ(&root, &[missing, null]).await?;
    all_differ(&root, &[from_yaml("{}")?, from_yaml("{a: null}")?, from_yaml("[]")?, with_value(())]).await
}

async fn bytes_are_the_same_as_equal_bytes(subject: Subject) -> Checked {
    let root = subject.root().await?;
    let bytes = |bytes: &'static [u8]| with_value(Bytes::from_static(bytes));
    the_same(&root, &bytes(b"\0\xffab"), &bytes(b"\0\xffab")).await?;
    all_differ(&root, &[bytes(b"ab"), with_value("ab"), bytes(b"ab\0"), bytes(b"")]).await
}

async fn the_order_of_a_list_counts(subject: Subject) -> Checked {
    let configs =
        [from_yaml("[1, 2]")?, from_yaml("[2, 1]")?, from_yaml("[1, 2, 2]")?, from_yaml("[[1, 2]]")?];
    all_differ(&subject.root().await?, &configs).await
}

async fn large_numbers_are_told_apart(subject: Subject) -> Checked {
    let large = 1i64 << 53;
    let configs =
        [with_value(large), with_value(large + 1), with_value(u64::MAX), with_value(0.1), with_value(0.1f32)];
    all_differ(&subject.root().await?, &configs).await
}

async fn defaults_are_filled_in(subject: Subject) -> Checked {
    let (root, builds) = (subject.root().await?, Builds::default());
    let rules =
        IdentityRules::default().with_default("n_cells", 100).with_default("noise", read_yaml("{sd: 0.5}")?);
    let options = ResolveOptions::default();
    let short = Config::new("Cells").with("seed", 0);
    let built = builds.resolve_with(&root, &short, &rules, &options).await?;
    let stored = built.directory.config().await?;
    let whole = short.clone().with("n_cells", 100).with("noise", read_yaml("{sd: 0.5}")?);
    ensure_eq!(stored, whole, "the stored config");
    let partly = short.clone().with("n_cells", 100.0);
    for config in [&short, &whole, &partly] {
        let again = builds.resolve_with(&root, config, &rules, &options).await?;
        ensure_eq!(told(&again), (Outcome::Found, "Cells_0000"), "{config}");
    }
    let other = builds.resolve_with(&root, &short.with("n_cells", 99), &rules, &options).await?;
    ensure_eq!(told(&other), (Outcome::Built, "Cells_0001"), "another value than the default");
    Ok(())
}

async fn a_new_field_with_a_default_keeps_old_directories(subject: Subject) -> Checked {
    let (root, builds) = (subject.root().await?, Builds::default());
    builds.resolve(&root, &cells(0)).await?;
    let rules = IdentityRules::default().with_default("noise", 0.0);
    let options = ResolveOptions::default();
    for config in [cells(0), cells(0).with("noise", 0.0)] {
        let again = builds.resolve_with(&root, &config, &rules, &options).await?;
        ensure_eq!(told(&again), (Outcome::Found, "Cells_0000"), "{config} with a new field");
    }
    let noisy = builds.resolve_with(&root, &cells(0).with("noise", 0.1), &rules, &options).await?;
    ensure_eq!(told(&noisy), (Outcome::Built, "Cells_0001"), "another value of the new field");
    Ok(())
}

async fn excluded_fields_do_not_count(subject: Subject) -> Checked {
    let (root, builds) = (subject.root().await?, Builds::default());
    let rules = IdentityRules::default().with_excluded("n_workers").with_excluded("log.level");
    let options = ResolveOptions::default();
    let config = |workers: i64, level: &str, file: &str| {
        let log = read_yaml(&format!("{{level: {level}, file: {file}}}"))?;
        Ok::<_, Failure>(cells(0).with("n_workers", workers).with("log", log))
    };
    for (config, outcome) in [
        (config(1, "info", "a")?, Outcome::Built),
        (config(8, "info", "a")?, Outcome::Found),
        (config(8, "debug", "a")?, Outcome::Found),
        (config(1, "info", "b")?, Outcome::Built),
    ] {
        let resolution = builds.resolve_with(&root, &config, &rules, &options).await?;
        ensure_eq!(resolution.outcome, outcome, "{config}");
    }
    Ok(())
}

async fn the_version_counts(subject: Subject) -> Checked {
    let (root, builds) = (subject.root().await?, Builds::default());
    let versions = [
        IdentityRules::default(),
        IdentityRules::default().with_version(1),
        IdentityRules::default().with_version("1"),
        IdentityRules::default().with_version(2),
    ];
    for outcome in [Outcome::Built, Outcome::Found] {
        for (number, rules) in versions.iter().enumerate() {
            let resolution = builds.resolve_with(&root, &cells(0), rules, &ResolveOptions::default()).await?;
            let name = format!("Cells_{number:04x}");
            ensure_eq!(told(&resolution), (outcome, name.as_str()), "version {:?}", rules.version);
        }
    }
    Ok(())
}

async fn renamed_fields_are_found(subject: Subject) -> Checked {
    let (root, builds) = (subject.root().await?, Builds::default());
    let old = Config::new("Cells").with("count", 100).with("seed", 0);
    builds.resolve(&root, &old).await?;
    let rules = IdentityRules::default().with_alias("count", "n_cells");
    for config in [cells(0), old, cells(0).with("count", 100)] {
        let again = builds.resolve_with(&root, &config, &rules, &ResolveOptions::default()).await?;
        ensure_eq!(again.directory.name(), "Cells_0000", "the directory of {config}");
    }
    let other = builds.resolve_with(&root, &cells(1), &rules, &ResolveOptions::default()).await?;
    ensure_eq!(told(&other), (Outcome::Built, "Cells_0001"), "another value of another field");
    let anew = rules.with_version(2);
    let other = builds.resolve_with(&root, &cells(0), &anew, &ResolveOptions::default()).await?;
    ensure_eq!(told(&other), (Outcome::Built, "Cells_0002"), "another version");
    Ok(())
}

async fn fields_can_be_excluded_later(subject: Subject) -> Checked {
    let (root, builds) = (subject.root().await?, Builds::default());
    builds.resolve(&root, &cells(0).with("n_workers", 4)).await?;
    let rules = IdentityRules::default().with_excluded("n_workers");
    for workers in [4, 8] {
        let config = cells(0).with("n_workers", workers);
        let again = builds.resolve_with(&root, &config, &rules, &ResolveOptions::default()).await?;
        ensure_eq!(again.directory.name(), "Cells_0000", "the directory of {config}");
    }
    Ok(())
}

async fn a_built_directory_says_what_it_is(subject: Subject) -> Checked {
    let (root, builds) = (subject.root().await?, Builds::default());
    let built = builds.resolve(&root, &cells(7)).await?.directory;
    let meta = built.meta().await?.ok_or_else(|| Failure::new("there is no meta"))?;
    ensure_eq!((meta.status, meta.modified), (Status::Done, false), "status and modified");
    ensure_eq!(meta.config, cells(7), "the stored config");
    ensure_eq!(built.config().await?.type_name(), "Cells", "the type");
    let text = root.backend().read_meta(built.path()).await?.map(|record| record.bytes).unwrap_or_default();
    let expected = "config:\n  type: Cells\n  n_cells: 100\n  seed: 7\nstatus: done\n";
    let text = String::from_utf8_lossy(&text);
    ensure!(text.starts_with(expected), "the stored meta does not begin as it should: {text}");
    Ok(())
}

async fn every_kind_of_value_comes_back(subject: Subject) -> Checked {
    let (root, builds) = (subject.root().await?, Builds::default());
    let yaml = "{nothing: null, bool: true, int: -3, large: 18446744073709551615, float: 0.1, whole: 2.0, inf: -.inf, \
                text: 'a: b # c', number: '1', multi: \"a\\nb\\t\\u00fc\", empty: '', list: [1, [2], {a: []}], map: {a: {}}}";
    let config =
        Config::new("T").with("values", read_yaml(yaml)?).with("bytes", Bytes::from(samples::bytes(1, 300)));
    let built = builds.resolve(&root, &config).await?.directory;
    let stored = built.config().await?;
    ensure_eq!(stored, config, "the stored config");
    ensure_eq!(stored.get("values.whole"), Some(&Value::Float(2.0)), "a whole float");
    ensure_eq!(
        stored.get("values.number"),
        Some(&Value::Text("1".to_owned())),
        "text that looks like a number"
    );
    let again = builds.resolve(&root, &stored).await?;
    ensure_eq!(again.outcome, Outcome::Found, "what the stored config finds");
    Ok(())
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cells {
    n_cells: u32,
    seed: i64,
}

async fn a_stored_config_is_read_as_its_type(subject: Subject) -> Checked {
    let (root, builds) = (subject.root().await?, Builds::default());
    let built = builds.resolve(&root, &cells(7)).await?.directory;
    let decoded: Cells = built.config().await?.decode()?;
    ensure_eq!(decoded, Cells { n_cells: 100, seed: 7 }, "the fields");
    let misspelt = Config::new("Cells").with("n_cell", 100).with("n_cells", 100).with("seed", 7);
    let short = Config::new("Cells").with("n_cells", 100);
    for (config, kind, names) in [
        (misspelt, ConfigErrorKind::UnknownField, ["n_cell", "n_cells"]),
        (short, ConfigErrorKind::MissingField, ["seed", "seed"]),
    ] {
        let stored = builds.resolve(&root, &config).await?.directory.config().await?;
        match stored.decode::<Cells>() {
            Ok(decoded) => return Err(Failure::new(format!("{stored} was read as {decoded:?}"))),
            Err(error) => {
                ensure_eq!(error.kind(), kind, "{error}");
                let text = error.to_string();
                ensure!(names.iter().all(|name| text.contains(name)), "{text} does not name {names:?}");
            }
        }
    }
    Ok(())
}

async fn an_unknown_type_opens_for_viewing(subject: Subject) -> Checked {
    let root = subject.root().await?;
    let meta = "config:\n  type: MadeElsewhere\n  nested: {a: [1, 2]}\nstatus: done\nsomething: else\n";
    let path = at("MadeElsewhere_0000")?;
    root.backend().create_directory(&path, Bytes::from_static(meta.as_bytes())).await?;
    let directory = root.dir("MadeElsewhere_0000")?;
    ensure_eq!(directory.config().await?.to_string(), "MadeElsewhere{nested: {a: [1, 2]}}", "the config");
    ensure_eq!(directory.status().await?, Some(Status::Done), "the status");
    ensure!(directory.tree().await?.starts_with("MadeElsewhere_0000/"), "the tree");
    ensure!(directory.is_empty().await?, "it is not empty");
    Ok(())
}

async fn metas_stand_side_by_side(subject: Subject) -> Checked {
    let (root, builds) = (subject.root().await?, Builds::default());
    let first = builds.resolve(&root, &cells(0)).await?.directory;
    let second = builds.resolve(&root, &cells(42).with("noise", read_yaml("{sd: 0.5}")?)).await?.directory;
    let table = metas_as_table(&[("first", &first), ("second", &second)]).await?;
    let cell = |column: &str, row: usize| text_cell(&table, column, row);
    let rows: Vec<[Option<String>; 3]> = (0..table.num_rows())
        .map(|row| [cell("field", row), cell("first", row), cell("second", row)])
        .collect();
    let row = |cells: [Option<&str>; 3]| cells.map(|cell| cell.map(str::to_owned));
    for expected in [
        [Some("status"), Some("done"), Some("done")],
        [Some("config.type"), Some("Cells"), Some("Cells")],
        [Some("config.seed"), Some("0"), Some("42")],
        [Some("config.noise.sd"), None, Some("0.5")],
    ] {
        ensure!(rows.contains(&row(expected)), "{expected:?} is not among {rows:?}");
    }
    Ok(())
}

async fn a_plain_directory_is_never_found_by_config(subject: Subject) -> Checked {
    let (root, builds) = (subject.root().await?, Builds::default());
    let plain = root.create_dir("Directory").await?;
    root.dir("by_hand")?.put_file("x", "content").await?;
    ensure_eq!(plain.config().await?, Config::new("Directory"), "the config of a plain directory");
    let built = builds.resolve(&root, &Config::new("Directory")).await?;
    ensure_eq!(told(&built), (Outcome::Built, "Directory_0001"), "the directory of an empty config");
    Ok(())
}
