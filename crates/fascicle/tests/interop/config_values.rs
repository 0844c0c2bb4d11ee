//! Values of configs between programs: what one writes into a meta, the other reads as the same and finds by.

use crate::place::{Place, open};
use fascicle::config::{Config, IdentityRules, Map, Value};
use fascicle::{Outcome, ResolveOptions};
use serde_json::json;

/// What Python calls each value, and the value.
fn values() -> Vec<(&'static str, Value)> {
    let map = |entries: Vec<(&str, Value)>| {
        Value::Map(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map>())
    };
    let mut values: Vec<(&'static str, Value)> = vec![
        ("-3", (-3).into()),
        ("2 ** 70", (1i128 << 70).into()),
        ("1.0", 1.0.into()),
        ("0.1", 0.1.into()),
        ("1e-7", 1e-7.into()),
        ("1e16", 1e16.into()),
        ("1.5e300", 1.5e300.into()),
        ("float('inf')", f64::INFINITY.into()),
        ("-float('inf')", f64::NEG_INFINITY.into()),
        ("True", true.into()),
        ("None", Value::Null),
        ("[]", Value::from(Vec::<i64>::new())),
        ("{}", map(vec![])),
        ("[1, 2.5, [3, []], {'a': 1, 'b': [True, None]}]", {
            let inner = map(vec![("a", 1.into()), ("b", Value::List(vec![true.into(), Value::Null]))]);
            Value::List(vec![1.into(), 2.5.into(), Value::List(vec![3.into(), Value::List(vec![])]), inner])
        }),
        (
            "{'a': {'b': {'c': 'd', 'null': 1, '1': 2}}, 'é x': ''}",
            map(vec![
                ("a", map(vec![("b", map(vec![("c", "d".into()), ("null", 1.into()), ("1", 2.into())]))])),
                ("é x", "".into()),
            ]),
        ),
    ];
    // Texts that look like something else, or need quotes, escapes or folding.
    let texts = [
        ("''", ""),
        ("'1'", "1"),
        ("'1e3'", "1e3"),
        ("'0x1f'", "0x1f"),
        ("'014'", "014"),
        ("'1_000'", "1_000"),
        ("'true'", "true"),
        ("'null'", "null"),
        ("'~'", "~"),
        ("'yes'", "yes"),
        ("'1:30'", "1:30"),
        ("'2020-01-01'", "2020-01-01"),
        ("'2020-01-01 10:00:00'", "2020-01-01 10:00:00"),
        ("'.inf'", ".inf"),
        ("'<<'", "<<"),
        ("'a: b'", "a: b"),
        ("'a #b'", "a #b"),
        ("'- a'", "- a"),
        ("' a '", " a "),
        ("'*a'", "*a"),
        ("'[a, b]'", "[a, b]"),
        ("'---'", "---"),
        ("\"it's\"", "it's"),
        ("'say \"hi\"'", "say \"hi\""),
        ("'é≠😀'", "é≠😀"),
        ("'a\\nb\\n'", "a\nb\n"),
        ("'a\\tb'", "a\tb"),
        ("'a\\x07b\\x85\\u2028'", "a\u{7}b\u{85}\u{2028}"),
        ("'back\\\\slash'", "back\\slash"),
    ];
    values.extend(texts.map(|(python, text)| (python, text.into())));
    let long: &'static str = "word ".repeat(60).leak();
    values.push(("'word ' * 60", long.into()));
    values
}

fn config(value: &Value) -> Config {
    Config::new("Probe").with("value", value.clone()).with("second", 2)
}

#[tokio::test]
async fn each_value_is_found_by_the_other_program() {
    let place = Place::new();
    let (rules, options) = (IdentityRules::default(), ResolveOptions::default());
    let values = values();
    for (number, (_, value)) in values.iter().enumerate() {
        let root = open(place.path(&format!("ours_{number}"))).await;
        let build = |dir: fascicle::Directory| async move { Ok(dir.put("x", [1i64]).await?) };
        let built = root.resolve_config(&config(value), &rules, &options, build).await.unwrap();
        assert_eq!(built.outcome, Outcome::Built);
    }
    let names: Vec<&str> = values.iter().map(|(python, _)| *python).collect();
    let found = place.python("probe_values.py", &[&json!(names).to_string()]).await;
    assert_eq!(found, json!(values.len()));
    for (number, (python, value)) in values.iter().enumerate() {
        let root = open(place.path(&format!("theirs_{number}"))).await;
        let build = |_| async { Err("it was built again".into()) };
        let adopted = root
            .resolve_config(&config(value), &rules, &options, build)
            .await
            .unwrap_or_else(|error| panic!("{python}: {}", error.chain()));
        assert_eq!((adopted.outcome, adopted.directory.name()), (Outcome::Adopted, "Probe_0000"), "{python}");
        let stored = adopted.directory.config().await.unwrap();
        assert!(stored.get("value").unwrap().same_as(value), "{python}: {stored}");
    }
}

#[tokio::test]
async fn values_that_python_takes_for_the_same_are_told_apart_here() {
    let place = Place::new();
    place.python("probe_values.py", &[r#"["1", "float('nan')"]"#]).await;
    let (rules, root) = (IdentityRules::default(), open(place.path("theirs_0")).await);
    for (value, found) in
        [(Value::from(1), true), (1.0.into(), true), (true.into(), false), ("1".into(), false)]
    {
        let directory = root.find_config(&config(&value), &rules).await.unwrap();
        assert_eq!(directory.is_some(), found, "{value}");
    }
    let missing = Config::new("Probe").with("value", 1);
    assert!(root.find_config(&missing, &rules).await.unwrap().is_none());
    // "Not a number" is found, which datamate never does itself.
    let root = open(place.path("theirs_1")).await;
    assert!(root.find_config(&config(&f64::NAN.into()), &rules).await.unwrap().is_some());
}
