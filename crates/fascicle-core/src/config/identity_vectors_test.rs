//! The published vectors hold: they are written by `tests/golden/identity_vectors.py`, an implementation of its own.

use serde_json::Value as Json;

use super::golden::{bytes_of_hex, untagged};
use super::{CANONICAL_FORMAT_VERSION, Config, IdentityRules, canonical_bytes, identity};

const GOLDEN: &str = include_str!("../../tests/golden/identity_vectors.json");

fn rules(json: &Json) -> IdentityRules {
    let texts = |json: &Json| -> Vec<String> {
        json.as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let aliases = json["aliases"].as_array().into_iter().flatten().map(texts);
    IdentityRules {
        defaults: json
            .get("defaults")
            .map(|defaults| untagged(defaults).as_map().unwrap().clone())
            .unwrap_or_default(),
        excluded: texts(&json["excluded"]),
        version: json.get("version").map(untagged),
        aliases: aliases.map(|pair| (pair[0].clone(), pair[1].clone())).collect(),
    }
}

#[test]
fn every_published_vector_holds() {
    let golden: Json = serde_json::from_str(GOLDEN).unwrap();
    assert_eq!(golden["format_version"], CANONICAL_FORMAT_VERSION);
    let vectors = golden["vectors"].as_array().unwrap();
    assert!(vectors.len() >= 40, "only {} vectors", vectors.len());
    for vector in vectors {
        let name = &vector["name"];
        let fields = untagged(&vector["config"]).as_map().unwrap().clone();
        let config = Config::from_fields(vector["type"].as_str().unwrap(), fields);
        let rules = vector.get("rules").map(rules).unwrap_or_default();
        let bytes = canonical_bytes(&config, &rules).unwrap();
        assert_eq!(bytes, bytes_of_hex(vector["canonical"].as_str().unwrap()), "canonical bytes of {name}");
        assert_eq!(identity(&config, &rules).unwrap().to_string(), vector["identity"], "identity of {name}");
    }
}
