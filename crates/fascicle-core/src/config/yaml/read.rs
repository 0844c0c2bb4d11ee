//! Reading one YAML document into a value, within bounds.

use serde_saphyr::granit_parser::{
    ErrorKind as ScanErrorKind, Event, Parser, ScalarStyle, ScanError, Span, Tag, options,
};

use super::binary::decode_base64;
use super::resolve::{resolve_float, resolve_integer, resolve_plain_scalar};
use crate::config::error::{ConfigError, ConfigErrorKind};
use crate::config::value::{DEPTH_LIMIT, Map, Value};

/// The size in bytes that a document may have.
pub const DOCUMENT_BYTE_LIMIT: usize = 1 << 20;

/// The number of scalars, lists and maps that a document may hold, keys included.
pub const NODE_LIMIT: usize = 50_000;

/// Reads one document.
///
/// # Errors
/// `Empty` or `Truncated` for a document that is still being written, as far as that shows; `Syntax` for what isn't
/// YAML; `Limit` beyond [`DOCUMENT_BYTE_LIMIT`], [`NODE_LIMIT`] or [`DEPTH_LIMIT`]; `Refused`, `DuplicateKey`,
/// `KeyNotText` and `OutOfRange` for content that configurations don't have. Messages name line and column.
pub fn read_yaml(text: &str) -> Result<Value, ConfigError> {
    if text.len() > DOCUMENT_BYTE_LIMIT {
        let message = format!("the document has {} bytes, more than {DOCUMENT_BYTE_LIMIT}", text.len());
        return Err(ConfigError::new(ConfigErrorKind::Limit, message));
    }
    if text.contains('\0') {
        return Err(ConfigError::new(
            ConfigErrorKind::Syntax,
            "the document holds a NUL byte: it isn't YAML, or is damaged",
        ));
    }
    // Unknown aliases are asked for as events, so that they are refused as aliases and not as broken syntax.
    let options = options! { emit_comments: false, disallow_directives: true, emit_unresolved_aliases: true };
    let mut builder = Builder { text, open: Vec::new(), root: None, documents: 0, nodes: 0 };
    for next in Parser::new_from_str_with_options(text, options) {
        let (event, span) = next.map_err(|error| scan_error(&error, text))?;
        builder.take(event, &span)?;
    }
    builder.root.ok_or_else(|| ConfigError::new(ConfigErrorKind::Empty, "the document is empty"))
}

/// Reads one document from bytes, which must be UTF-8.
///
/// # Errors
/// As [`read_yaml`]; `Truncated` if the bytes stop inside a character, `Syntax` if they are no UTF-8 otherwise.
pub fn read_yaml_bytes(bytes: &[u8]) -> Result<Value, ConfigError> {
    let text = std::str::from_utf8(bytes).map_err(|error| match error.error_len() {
        None => ConfigError::new(ConfigErrorKind::Truncated, "the document stops inside a UTF-8 character"),
        Some(_) => {
            let message = format!("the document isn't UTF-8 at byte {}", error.valid_up_to());
            ConfigError::new(ConfigErrorKind::Syntax, message)
        }
    })?;
    read_yaml(text)
}

/// A list or map whose end hasn't come yet.
enum Open {
    List(Vec<Value>),
    Map(Map, Option<String>),
}

struct Builder<'a> {
    text: &'a str,
    open: Vec<Open>,
    root: Option<Value>,
    documents: usize,
    nodes: usize,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), ConfigError> {
        if event.is_node() {
            self.nodes += 1;
            if self.nodes > NODE_LIMIT {
                return Err(self.error(
                    ConfigErrorKind::Limit,
                    format!("more than {NODE_LIMIT} values"),
                    span,
                ));
            }
        }
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(self.error(ConfigErrorKind::Refused, "a second document begins", span));
                }
                Ok(())
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                Err(self.error(ConfigErrorKind::Refused, "an alias: write the value out", span))
            }
            Event::Scalar(_, _, anchor, _)
            | Event::SequenceStart(_, anchor, _)
            | Event::MappingStart(_, anchor, _)
                if anchor != 0 =>
            {
                Err(self.error(
                    ConfigErrorKind::Refused,
                    "an anchor: write the value out where it is needed",
                    span,
                ))
            }
            Event::Scalar(text, style, _, tag) => self.take_scalar(&text, style, tag.as_deref(), span),
            Event::SequenceStart(_, _, tag) => {
                self.check_collection_tag(tag.as_deref(), "seq", span)?;
                self.begin(Open::List(Vec::new()), span)
            }
            Event::MappingStart(_, _, tag) => {
                self.check_collection_tag(tag.as_deref(), "map", span)?;
                self.begin(Open::Map(Map::new(), None), span)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List(list)) => self.put(Value::List(list), span),
                Some(Open::Map(map, None)) => self.put(Value::Map(map), span),
                Some(Open::Map(_, Some(_))) | None => {
                    Err(self.error(ConfigErrorKind::Syntax, "a list or map ends where none can end", span))
                }
            },
            _ => Ok(()),
        }
    }

    fn begin(&mut self, collection: Open, span: &Span) -> Result<(), ConfigError> {
        if matches!(self.open.last(), Some(Open::Map(_, None))) {
            return Err(self.error(
                ConfigErrorKind::KeyNotText,
                "a key is a list or map; keys are text",
                span,
            ));
        }
        if self.open.len() >= DEPTH_LIMIT {
            return Err(self.error(ConfigErrorKind::Limit, format!("more than {DEPTH_LIMIT} levels"), span));
        }
        self.open.push(collection);
        Ok(())
    }

    fn take_scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        span: &Span,
    ) -> Result<(), ConfigError> {
        let plain = style == ScalarStyle::Plain;
        let is_written = span.start.index() < span.end.index() || tag.is_some();
        if self.open.is_empty() && !is_written {
            // `---` alone, or comments alone: there is no root, which is not the same as a null written out.
            return Ok(());
        }
        let is_key = matches!(self.open.last(), Some(Open::Map(_, None)));
        if is_key && plain && text == "<<" && tag.is_none() {
            return Err(self.error(ConfigErrorKind::Refused, "a merge key `<<`: write the fields out", span));
        }
        let value = self.scalar_value(text, plain, tag, span)?;
        self.put(value, span)
    }

    fn scalar_value(
        &self,
        text: &str,
        plain: bool,
        tag: Option<&Tag>,
        span: &Span,
    ) -> Result<Value, ConfigError> {
        let misfit = |tag: &str| {
            self.error(ConfigErrorKind::Syntax, format!("`{text}` isn't what `!!{tag}` says"), span)
        };
        let located = |error: ConfigError| self.error(error.kind(), error.message(), span);
        let Some(tag) = tag else {
            return if plain {
                resolve_plain_scalar(text).map_err(located)
            } else {
                Ok(Value::Text(text.to_owned()))
            };
        };
        if tag.handle().is_empty() && tag.suffix() == "!" || tag.handle() == "!" && tag.suffix().is_empty() {
            return Ok(Value::Text(text.to_owned()));
        }
        match tag.suffix_in_namespace("tag:yaml.org,2002:").as_deref() {
            Some("str") => Ok(Value::Text(text.to_owned())),
            Some("binary") => decode_base64(text).map(Value::Bytes).map_err(located),
            Some("int") => {
                let integer = resolve_integer(text).map_err(located)?;
                integer.map(Value::Int).ok_or_else(|| misfit("int"))
            }
            Some("float") => {
                if let Some(float) = resolve_float(text) {
                    return Ok(Value::Float(float));
                }
                let integer = resolve_integer(text).map_err(located)?;
                integer.map(|integer| Value::Float(integer as f64)).ok_or_else(|| misfit("float"))
            }
            Some("bool") => match resolve_plain_scalar(text) {
                Ok(Value::Bool(bool)) => Ok(Value::Bool(bool)),
                _ => Err(misfit("bool")),
            },
            Some("null") => match resolve_plain_scalar(text) {
                Ok(Value::Null) => Ok(Value::Null),
                _ => Err(misfit("null")),
            },
            _ => Err(self.unknown_tag(tag, span)),
        }
    }

    fn check_collection_tag(&self, tag: Option<&Tag>, name: &str, span: &Span) -> Result<(), ConfigError> {
        match tag {
            Some(tag) if tag.suffix_in_namespace("tag:yaml.org,2002:").as_deref() != Some(name) => {
                Err(self.unknown_tag(tag, span))
            }
            _ => Ok(()),
        }
    }

    fn unknown_tag(&self, tag: &Tag, span: &Span) -> ConfigError {
        self.error(
            ConfigErrorKind::Refused,
            format!("the tag `{}`, which has no meaning here", tag.original()),
            span,
        )
    }

    /// Puts a finished value where it belongs: as key or value of a map, into a list, or at the root.
    fn put(&mut self, value: Value, span: &Span) -> Result<(), ConfigError> {
        match self.open.last_mut() {
            None => self.root = Some(value),
            Some(Open::List(list)) => list.push(value),
            Some(Open::Map(map, key @ Some(_))) => {
                map.extend(key.take().map(|key| (key, value)));
            }
            Some(Open::Map(map, key @ None)) => match value {
                Value::Text(text) if map.contains_key(&text) => {
                    return Err(self.error(
                        ConfigErrorKind::DuplicateKey,
                        format!("the key `{text}` stands twice"),
                        span,
                    ));
                }
                Value::Text(text) => *key = Some(text),
                other => {
                    let message =
                        format!("the key `{other}` is {}; keys are text: quote it", other.kind_name());
                    return Err(self.error(ConfigErrorKind::KeyNotText, message, span));
                }
            },
        }
        Ok(())
    }

    /// An error at a place in the text, with the path of keys that leads there.
    fn error(&self, kind: ConfigErrorKind, message: impl AsRef<str>, span: &Span) -> ConfigError {
        let message =
            format!("{} {}", message.as_ref(), position(self.text, span.start.line(), span.start.col()));
        self.open.iter().rev().fold(ConfigError::new(kind, message), |error, open| match open {
            Open::List(list) => error.within_element(list.len()),
            Open::Map(_, Some(key)) => error.within(key),
            Open::Map(_, None) => error,
        })
    }
}

fn position(text: &str, line: usize, column: usize) -> String {
    // An argument of one line needs no line number.
    if text.contains('\n') {
        format!("(line {line}, column {})", column + 1)
    } else {
        format!("(column {})", column + 1)
    }
}

fn scan_error(error: &ScanError, text: &str) -> ConfigError {
    let marker = error.marker();
    // A last line that isn't finished may be cut anywhere, so an error in it is taken for a cut.
    let in_a_cut_line = !text.ends_with('\n') && marker.line() >= text.split('\n').count();
    let at_the_end = in_a_cut_line || marker.index() >= text.trim_end().chars().count();
    let kind = match error.kind() {
        ScanErrorKind::RecursionLimitExceeded => ConfigErrorKind::Limit,
        ScanErrorKind::DirectiveDisallowed => ConfigErrorKind::Refused,
        ScanErrorKind::UnclosedFlowCollection { .. }
        | ScanErrorKind::UnclosedQuotedScalar
        | ScanErrorKind::UnclosedVerbatimTag
        | ScanErrorKind::UnexpectedEof
        | ScanErrorKind::UnexpectedEofBlockMapping
        | ScanErrorKind::UnexpectedEofBlockSequence
        | ScanErrorKind::UnexpectedEofFlowMapping
        | ScanErrorKind::UnexpectedEofFlowSequence
        | ScanErrorKind::UnexpectedEofImplicitFlowMapping => ConfigErrorKind::Truncated,
        _ if at_the_end => ConfigErrorKind::Truncated,
        _ => ConfigErrorKind::Syntax,
    };
    ConfigError::new(kind, format!("{} {}", error.kind(), position(text, marker.line(), marker.col())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(text: &str) -> ConfigErrorKind {
        match read_yaml(text) {
            Ok(value) => panic!("`{text}` was read as {value:?}"),
            Err(error) => error.kind(),
        }
    }

    #[test]
    fn reads_a_meta() {
        let meta =
            read_yaml("config:\n  type: X\n  n_cells: 100\n  rates:\n  - 0.5\n  - 1e-5\nstatus: done\n")
                .unwrap();
        assert_eq!(meta.to_string(), "{config: {type: X, n_cells: 100, rates: [0.5, 1e-05]}, status: done}");
        assert_eq!(meta.get("config.n_cells"), Some(&Value::Int(100)));
    }

    #[test]
    fn an_unfinished_document_has_a_kind_of_its_own() {
        for empty in ["", "\n", "  \n\n", "# nothing yet\n", "---\n", "\u{feff}"] {
            assert_eq!(kind_of(empty), ConfigErrorKind::Empty, "{empty:?}");
        }
        for truncated in
            ["config: {type: X", "config:\n  type: 'X", "a: [1, 2", "a: \"x", "config:\n  type: X\n  n_cel"]
        {
            assert_eq!(kind_of(truncated), ConfigErrorKind::Truncated, "{truncated:?}");
        }
        assert_eq!(read_yaml_bytes(b"a: \xc3").unwrap_err().kind(), ConfigErrorKind::Truncated);
        assert_eq!(read_yaml_bytes(b"a: \xff\xfe b\n").unwrap_err().kind(), ConfigErrorKind::Syntax);
    }

    #[test]
    fn a_written_null_is_not_an_empty_document() {
        assert_eq!(read_yaml("null\n"), Ok(Value::Null));
        assert_eq!(read_yaml("''\n"), Ok(Value::Text(String::new())));
    }

    #[test]
    fn refuses_what_configurations_never_need() {
        for refused in [
            "a: &x 1\nb: *x\n",
            "a: *x\n",
            "a: &x [1]\n",
            "base: {a: 1}\n<<: {b: 2}\n",
            "a: !!python/object/apply:os.system ['id']\n",
            "a: !mine 1\n",
            "a: !!set {x, y}\n",
            "a: !!timestamp 2001-01-01\n",
            "a: 1\n---\nb: 2\n",
            "a: 1\n...\nb: 2\n",
            "%YAML 1.1\n---\na: no\n",
        ] {
            let kind = kind_of(refused);
            assert_eq!(kind, ConfigErrorKind::Refused, "{refused:?}");
        }
        assert_eq!(kind_of("a: 1\nb: 2\na: 3\n"), ConfigErrorKind::DuplicateKey);
        assert_eq!(kind_of("1: a\n"), ConfigErrorKind::KeyNotText);
        assert_eq!(kind_of("? [a]\n: 1\n"), ConfigErrorKind::KeyNotText);
        assert_eq!(kind_of("a: b\0c\n"), ConfigErrorKind::Syntax);
        assert_eq!(kind_of("a: b: c\nd: 1\n"), ConfigErrorKind::Syntax);
        assert_eq!(kind_of("a: 999999999999999999999999999999999999999999\n"), ConfigErrorKind::OutOfRange);
        assert_eq!(kind_of("a: !!int x\n"), ConfigErrorKind::Syntax);
        assert_eq!(kind_of("a: !!binary '*'\n"), ConfigErrorKind::Syntax);
    }

    #[test]
    fn errors_say_where() {
        let error = read_yaml("config:\n  layers:\n  - units: 1\n  - units: 2\n    units: 3\n").unwrap_err();
        assert_eq!(error.path(), "config.layers[1]");
        assert!(error.to_string().contains("line 5"), "{error}");
    }

    #[test]
    fn bounds_hold() {
        assert_eq!(kind_of(&"x".repeat(DOCUMENT_BYTE_LIMIT + 1)), ConfigErrorKind::Limit);
        assert_eq!(kind_of(&format!("[{}]", "1,".repeat(NODE_LIMIT))), ConfigErrorKind::Limit);
        assert!(read_yaml(&format!("[{}]", "1,".repeat(NODE_LIMIT - 1))).is_ok());
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert!(read_yaml(&nested(DEPTH_LIMIT)).is_ok());
        assert_eq!(kind_of(&nested(DEPTH_LIMIT + 1)), ConfigErrorKind::Limit);
        assert_eq!(kind_of(&"[".repeat(50_000)), ConfigErrorKind::Limit);
        let block: String = (0..500).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
        assert_eq!(kind_of(&block), ConfigErrorKind::Limit);
        let compact = format!("{}1", "- ".repeat(5_000));
        assert_eq!(kind_of(&compact), ConfigErrorKind::Limit);
    }
}
