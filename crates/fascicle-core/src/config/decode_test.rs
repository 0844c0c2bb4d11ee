//! Typed structs from configurations, and what is refused on the way.

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::configuration::Config;
use super::error::ConfigErrorKind;
use super::value::{Map, Value};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Model {
    Linear,
    Ridge(f32),
    Grid(u8, u8),
    Net { layers: Vec<Layer> },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Layer {
    units: usize,
    #[serde(default, alias = "act")]
    activation: Option<String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Training {
    n_cells: usize,
    rate: f64,
    model: Model,
    seed: Option<u64>,
    raw: Vec<u8>,
}

fn layer(units: i64) -> Value {
    Value::Map(Map::from_iter([("units".to_owned(), units.into())]))
}

fn training(model: Value) -> Config {
    Config::new("Training")
        .with("n_cells", 3.0)
        .with("rate", 1)
        .with("raw", Value::Bytes(vec![7]))
        .with("model", model)
}

fn net(layers: Vec<Value>) -> Value {
    let fields = Map::from_iter([("layers".to_owned(), Value::List(layers))]);
    Value::Map(Map::from_iter([("Net".to_owned(), Value::Map(fields))]))
}

#[test]
fn decodes_into_a_struct() {
    let decoded: Training = training(net(vec![layer(8), layer(4)])).decode().unwrap();
    let layers = vec![Layer { units: 8, activation: None }, Layer { units: 4, activation: None }];
    let expected = Training { n_cells: 3, rate: 1.0, model: Model::Net { layers }, seed: None, raw: vec![7] };
    assert_eq!(decoded, expected);
    assert_eq!(training("Linear".into()).decode::<Training>().unwrap().model, Model::Linear);
}

#[test]
fn unknown_fields_are_named_with_the_closest_known_one() {
    let error = training("Linear".into()).with("sed", 1).decode::<Training>().unwrap_err();
    assert_eq!(error.kind(), ConfigErrorKind::UnknownField);
    assert_eq!((error.field(), error.closest_field()), (Some("sed"), Some("seed")));
    assert_eq!(error.path(), "sed");
    assert_eq!(error.known_fields(), ["n_cells", "rate", "model", "seed", "raw"]);
}

#[test]
fn unknown_fields_are_found_at_any_depth() {
    let mut wrong = layer(4);
    if let Value::Map(map) = &mut wrong {
        map.insert("unit".to_owned(), 1.into());
    }
    let error = training(net(vec![layer(8), wrong])).decode::<Training>().unwrap_err();
    assert_eq!(error.kind(), ConfigErrorKind::UnknownField);
    assert_eq!(error.path(), "model.Net.layers[1].unit");
    assert_eq!(error.closest_field(), Some("units"));
    assert!(error.to_string().contains("known fields: units, act"), "{error}");
}

#[test]
fn an_alias_of_serde_is_a_known_field() {
    let mut aliased = layer(4);
    if let Value::Map(map) = &mut aliased {
        map.insert("act".to_owned(), "relu".into());
    }
    let layer: Layer = aliased.decode().unwrap();
    assert_eq!(layer.activation.as_deref(), Some("relu"));
}

#[test]
fn missing_fields_are_named_with_their_path() {
    let error = Config::new("Training").with("n_cells", 1).decode::<Training>().unwrap_err();
    assert_eq!((error.kind(), error.path().as_str()), (ConfigErrorKind::MissingField, "rate"));
    let error = training(net(vec![Value::Map(Map::new())])).decode::<Training>().unwrap_err();
    assert_eq!(
        (error.kind(), error.path().as_str()),
        (ConfigErrorKind::MissingField, "model.Net.layers[0].units")
    );
    assert!(error.known_fields().iter().any(|field| field == "units"), "{error}");
}

#[test]
fn values_of_another_type_are_refused_with_their_path() {
    for (model, kind, path) in [
        (Value::from("Lineer"), ConfigErrorKind::Invalid, "model"),
        (Value::from(3), ConfigErrorKind::WrongType, "model"),
        (net(vec![layer(-1)]), ConfigErrorKind::Invalid, "model.Net.layers[0].units"),
        (
            Value::Map(Map::from_iter([("Ridge".into(), "x".into())])),
            ConfigErrorKind::WrongType,
            "model.Ridge",
        ),
        (
            Value::Map(Map::from_iter([("Grid".into(), [1, 2, 3].into())])),
            ConfigErrorKind::WrongType,
            "model.Grid",
        ),
        (Value::Map(Map::from_iter([("Grid".into(), [1].into())])), ConfigErrorKind::Invalid, "model.Grid"),
        (Value::from("Ridge"), ConfigErrorKind::WrongType, "model"),
    ] {
        let error = training(model).decode::<Training>().unwrap_err();
        assert_eq!((error.kind(), error.path().as_str()), (kind, path), "{error}");
    }
    let error = training("Linear".into()).with("n_cells", 1.5).decode::<Training>().unwrap_err();
    assert_eq!((error.kind(), error.path().as_str()), (ConfigErrorKind::WrongType, "n_cells"));
    let error = training("Linear".into()).with("n_cells", true).decode::<Training>().unwrap_err();
    assert_eq!(error.kind(), ConfigErrorKind::WrongType);
}

#[test]
fn a_variant_close_to_the_unknown_one_is_offered() {
    let error = training("Lineer".into()).decode::<Training>().unwrap_err();
    assert!(error.to_string().contains("did you mean `Linear`?"), "{error}");
}

#[test]
fn denied_fields_are_reported_the_same_way() {
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Strict {
        #[expect(dead_code, reason = "only its name counts here")]
        width: u8,
    }
    let error = Config::new("S").with("widht", 1).decode::<Strict>().unwrap_err();
    assert_eq!(error.kind(), ConfigErrorKind::UnknownField);
    assert_eq!((error.path().as_str(), error.closest_field()), ("widht", Some("width")));
}

proptest! {
    #[test]
    fn what_is_serialised_decodes_to_the_same(n_cells in any::<usize>(), rate in -1e300..1e300, seed in any::<Option<u64>>(),
            raw in any::<Vec<u8>>(), ridge in any::<Option<f32>>().prop_filter("NaN differs", |r| r.is_none_or(|r| !r.is_nan()))) {
        let model = ridge.map_or(Model::Grid(1, 2), Model::Ridge);
        let training = Training { n_cells, rate, model, seed, raw };
        let config = Config::from_serialize("Training", &training).unwrap();
        prop_assert_eq!(config.decode::<Training>().unwrap(), training);
    }
}
