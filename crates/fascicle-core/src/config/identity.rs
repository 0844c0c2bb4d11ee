//! What identifies a configuration: the hash of its canonical bytes, under the rules that its type declares.
//!
//! The canonical bytes are one byte for the version of the format, then a CBOR map of `config` (the fields), `type`
//! (the name) and, where one is declared, `version`, in the encoding of the module on canonical values. The identity
//! is the BLAKE3-256 hash of these bytes.

use std::fmt;
use std::str::FromStr;

use super::canonical::{encode_map, encode_map_head, encode_text, encode_value};
use super::configuration::{Config, TYPE_KEY};
use super::error::{ConfigError, ConfigErrorKind};
use super::paths::{insert_at, remove_at};
use super::value::{Map, Value, lookup};

/// The version of the canonical bytes. It changes when a configuration would get other bytes than before.
pub const CANONICAL_FORMAT_VERSION: u8 = 1;

/// The hash that identifies a configuration.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity([u8; 32]);

impl Identity {
    /// An identity of these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes of the hash.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first 16 of the 64 hexadecimal digits, for names that people read.
    pub fn short(&self) -> String {
        self.0.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Display for Identity {
    /// 64 lower-case hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({self})")
    }
}

impl FromStr for Identity {
    type Err = ConfigError;

    /// Reads 64 hexadecimal digits in lower case, and nothing else: one identity has one spelling.
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let well_formed =
            text.len() == 64 && text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        let hash = well_formed.then(|| blake3::Hash::from_hex(text).ok()).flatten();
        hash.map(|hash| Self(*hash.as_bytes())).ok_or_else(|| {
            ConfigError::new(
                ConfigErrorKind::Syntax,
                format!("`{text}` isn't an identity: 64 lower-case hexadecimal digits"),
            )
        })
    }
}

/// What of a configuration enters its identity. The default is: everything, and nothing else.
///
/// The rules are applied in this order: renamed fields take their new names, excluded fields are left out, fields
/// equal to their defaults are left out. So a type can gain a field with a default, rename a field, or declare one
/// irrelevant, and still find what was built before.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct IdentityRules {
    /// The declared defaults. A field equal to its default doesn't enter; in nested maps this holds field by field.
    pub defaults: Map,
    /// Dotted paths of fields that don't enter, such as `n_workers` or `logging.level`.
    pub excluded: Vec<String>,
    /// The version of the code that builds: a name or an integer. Another version is another identity.
    pub version: Option<Value>,
    /// Dotted paths of renamed fields: old and new. All other rules speak of the new names.
    pub aliases: Vec<(String, String)>,
}

impl IdentityRules {
    /// Declares the default of a field.
    #[must_use]
    pub fn with_default(mut self, field: impl Into<String>, value: impl Into<Value>) -> Self {
        self.defaults.insert(field.into(), value.into());
        self
    }

    /// Declares a field at a dotted path not part of the identity.
    #[must_use]
    pub fn with_excluded(mut self, path: impl Into<String>) -> Self {
        self.excluded.push(path.into());
        self
    }

    /// Declares the version of the code that builds: a name or an integer.
    #[must_use]
    pub fn with_version(mut self, version: impl Into<Value>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// Declares that the field at the dotted path `old` is now at `new`.
    #[must_use]
    pub fn with_alias(mut self, old: impl Into<String>, new: impl Into<String>) -> Self {
        self.aliases.push((old.into(), new.into()));
        self
    }

    /// The configuration with renamed fields under their new names, and with every missing field that has a default.
    /// Fields keep their order; the defaults come after them.
    ///
    /// # Errors
    /// `Conflict` if a field is given under its old and its new name, with different values.
    pub fn complete(&self, config: &Config) -> Result<Config, ConfigError> {
        let mut complete = self.renamed(config)?;
        fill(complete.fields_mut(), &self.defaults);
        Ok(complete)
    }

    /// What of the configuration enters its identity.
    ///
    /// # Errors
    /// As [`Config::check`]; `Conflict` if a field is given under its old and its new name, with different values.
    pub fn reduce(&self, config: &Config) -> Result<Config, ConfigError> {
        config.check()?;
        let mut reduced = self.renamed(config)?;
        let mut defaults = self.defaults.clone();
        for path in &self.excluded {
            remove_at(reduced.fields_mut(), path);
            remove_at(&mut defaults, path);
        }
        elide(reduced.fields_mut(), &defaults);
        Ok(reduced)
    }

    fn renamed(&self, config: &Config) -> Result<Config, ConfigError> {
        let mut renamed = config.clone();
        for (old, new) in &self.aliases {
            let Some(value) = remove_at(renamed.fields_mut(), old) else { continue };
            match lookup(renamed.fields(), new) {
                None => insert_at(renamed.fields_mut(), new, value)?,
                Some(present) if present.same_as(&value) => {}
                Some(present) => {
                    let message = format!(
                        "`{old}` is the old name of `{new}`, and both are given: {value} and {present}"
                    );
                    return Err(ConfigError::new(ConfigErrorKind::Conflict, message).within(new));
                }
            }
        }
        Ok(renamed)
    }
}

fn fill(fields: &mut Map, defaults: &Map) {
    for (key, default) in defaults {
        match (fields.get_mut(key), default) {
            (None, _) => {
                fields.insert(key.clone(), default.clone());
            }
            (Some(Value::Map(inner)), Value::Map(inner_defaults)) => fill(inner, inner_defaults),
            (Some(_), _) => {}
        }
    }
}

/// Leaves out what [`fill`] would put back.
fn elide(fields: &mut Map, defaults: &Map) {
    fields.retain(|key, value| match (value, defaults.get(key)) {
        (_, None) => true,
        (Value::Map(inner), Some(Value::Map(inner_defaults))) => {
            elide(inner, inner_defaults);
            !inner.is_empty()
        }
        (value, Some(default)) => !value.same_as(default),
    });
}

/// The canonical bytes of a configuration under the rules of its type.
///
/// # Errors
/// As [`IdentityRules::reduce`]; `Invalid` if the version is neither a name nor an integer.
pub fn canonical_bytes(config: &Config, rules: &IdentityRules) -> Result<Vec<u8>, ConfigError> {
    let reduced = rules.reduce(config)?;
    if !matches!(rules.version, None | Some(Value::Text(_) | Value::Int(_))) {
        return Err(ConfigError::new(
            ConfigErrorKind::Invalid,
            "the version of a build is a name or an integer",
        ));
    }
    let mut out = vec![CANONICAL_FORMAT_VERSION];
    encode_map_head(&mut out, if rules.version.is_some() { 3 } else { 2 });
    encode_text(&mut out, "config");
    encode_map(&mut out, reduced.fields());
    encode_text(&mut out, TYPE_KEY);
    encode_text(&mut out, reduced.type_name());
    if let Some(version) = &rules.version {
        encode_text(&mut out, "version");
        encode_value(&mut out, version);
    }
    Ok(out)
}

/// The identity of a configuration under the rules of its type.
///
/// # Errors
/// As [`canonical_bytes`].
pub fn identity(config: &Config, rules: &IdentityRules) -> Result<Identity, ConfigError> {
    let bytes = canonical_bytes(config, rules)?;
    Ok(Identity(*blake3::hash(&bytes).as_bytes()))
}

/// Whether a stored configuration is the wanted one under the rules: the full comparison that follows a hit by hash.
/// The version of the build isn't in a configuration, so whoever finds one by other means than its identity compares
/// that too.
///
/// # Errors
/// As [`canonical_bytes`], of either.
pub fn matches(stored: &Config, wanted: &Config, rules: &IdentityRules) -> Result<bool, ConfigError> {
    Ok(canonical_bytes(stored, rules)? == canonical_bytes(wanted, rules)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::testing::any_fields;

    fn config(text: &str) -> Config {
        let fields = crate::config::yaml::read_yaml(text).unwrap().as_map().unwrap().clone();
        Config::from_fields("T", fields)
    }

    fn same(rules: &IdentityRules, a: &str, b: &str) -> bool {
        let (a, b) = (config(a), config(b));
        let same = matches(&a, &b, rules).unwrap();
        assert_eq!(same, identity(&a, rules).unwrap() == identity(&b, rules).unwrap());
        same
    }

    #[test]
    fn python_and_yaml_say_which_configs_are_the_same() {
        let plain = IdentityRules::default();
        assert!(same(&plain, "{a: 1, b: 2}", "{b: 2.0, a: 1}"));
        assert!(same(&plain, "{a: .nan}", "{a: .NaN}"));
        assert!(same(&plain, "{a: -0.0}", "{a: 0}"));
        assert!(!same(&plain, "{a: true}", "{a: 1}"));
        assert!(!same(&plain, "{a: null}", "{}"));
        assert!(!same(&plain, "{a: '1'}", "{a: 1}"));
        assert!(!same(&plain, "{a: {}}", "{a: []}"));
        assert!(!same(&plain, "{a: é}", "{a: \"e\\u0301\"}"));
        assert!(!same(&plain, "{a: 9007199254740993}", "{a: 9007199254740992.0}"));
    }

    #[test]
    fn a_field_equal_to_its_default_does_not_enter() {
        let rules = IdentityRules::default()
            .with_default("seed", 0)
            .with_default("net", config("{units: 8, rate: 0.1}").into_fields());
        assert!(same(&rules, "{n: 1}", "{n: 1, seed: 0.0}"));
        assert!(same(&rules, "{n: 1}", "{n: 1, net: {units: 8}}"));
        assert!(same(&rules, "{n: 1}", "{n: 1, net: {}}"));
        assert!(same(&rules, "{net: {rate: 1}}", "{net: {units: 8, rate: 1}, seed: 0}"));
        assert!(!same(&rules, "{n: 1}", "{n: 1, seed: null}"));
        assert!(!same(&rules, "{n: 1}", "{n: 1, seed: false}"));
        assert!(!same(&rules, "{n: 1}", "{n: 1, net: {units: 9}}"));
        assert!(!same(&rules, "{n: 1}", "{n: 1, net: []}"));
        assert_eq!(
            rules.complete(&config("{net: {rate: 1}, n: 1}")).unwrap().to_string(),
            "T{net: {rate: 1, units: 8}, n: 1, seed: 0}"
        );
    }

    #[test]
    fn excluded_and_renamed_fields() {
        let rules = IdentityRules::default()
            .with_excluded("n_workers")
            .with_excluded("log.level")
            .with_alias("lr", "training.rate")
            .with_default("training", config("{rate: 0.1}").into_fields());
        assert!(same(&rules, "{n: 1}", "{n: 1, n_workers: 8, log: {level: 3}}"));
        assert!(!same(&rules, "{n: 1}", "{n: 1, log: {file: a}}"));
        assert!(same(&rules, "{lr: 0.5}", "{training: {rate: 0.5}}"));
        assert!(same(&rules, "{lr: 0.1}", "{}"));
        assert!(same(&rules, "{lr: 1, training: {rate: 1.0}}", "{training: {rate: 1}}"));
        let error = identity(&config("{lr: 1, training: {rate: 2}}"), &rules).unwrap_err();
        assert_eq!((error.kind(), error.path().as_str()), (ConfigErrorKind::Conflict, "training.rate"));
    }

    #[test]
    fn type_and_version_enter() {
        let plain = IdentityRules::default();
        let one = IdentityRules::default().with_version(1);
        let ids = [
            identity(&Config::new("A"), &plain).unwrap(),
            identity(&Config::new("B"), &plain).unwrap(),
            identity(&Config::new("A"), &one).unwrap(),
            identity(&Config::new("A"), &IdentityRules::default().with_version("1")).unwrap(),
        ];
        for (index, id) in ids.iter().enumerate() {
            assert!(ids.iter().skip(index + 1).all(|other| other != id));
        }
        let bad = IdentityRules::default().with_version(1.5);
        assert_eq!(identity(&Config::new("A"), &bad).unwrap_err().kind(), ConfigErrorKind::Invalid);
        assert_eq!(identity(&Config::new(""), &plain).unwrap_err().kind(), ConfigErrorKind::Invalid);
        assert_eq!(
            identity(&Config::new("A").with("type", "B"), &plain).unwrap_err().kind(),
            ConfigErrorKind::Invalid
        );
    }

    #[test]
    fn the_text_of_an_identity_reads_back() {
        let id = identity(&Config::new("A"), &IdentityRules::default()).unwrap();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(id.to_string().starts_with(&id.short()) && id.short().len() == 16);
        for wrong in ["", "ab", &id.to_string().to_uppercase(), &format!("{id}0"), &"é".repeat(32)] {
            assert!(wrong.parse::<Identity>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn filling_in_defaults_does_not_change_the_identity(fields in any_fields(), defaults in any_fields()) {
            let rules = IdentityRules { defaults, ..IdentityRules::default() };
            let config = Config::from_fields("T", fields);
            let complete = rules.complete(&config).unwrap();
            prop_assert!(matches(&config, &complete, &rules).unwrap());
            let reduced = rules.reduce(&config).unwrap();
            prop_assert!(matches(&reduced, &complete, &rules).unwrap());
        }
    }
}
