//! Attributes: small named values that describe an entry.

/// Attributes of an entry: JSON values by name, in no particular order.
///
/// Numbers are finite (JSON has no NaN). Backends store them where readers of the format look for
/// attributes, as far as the format has such a place; each backend's format documentation says how.
pub type Attributes = serde_json::Map<String, serde_json::Value>;
