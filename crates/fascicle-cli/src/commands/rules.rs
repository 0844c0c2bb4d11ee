//! What of a config tells one directory from another, as arguments.

use clap::Args;
use fascicle::config::{parse_argument_value, parse_arguments};
use fascicle::{Error, ErrorKind, IdentityRules, Result};

/// The rules by which configs are the same.
#[derive(Args, Debug)]
pub(crate) struct RuleArguments {
    /// A field's default: filled in where it is missing, and without influence on which directory is found
    #[arg(long = "default", value_name = "KEY=VALUE")]
    defaults: Vec<String>,

    /// A field that does not tell one directory from another
    #[arg(long = "exclude", value_name = "KEY")]
    excluded: Vec<String>,

    /// The old and the new name of a field that was renamed
    #[arg(long = "alias", value_name = "OLD=NEW")]
    aliases: Vec<String>,

    /// The version of the command; another version is another directory
    #[arg(long, value_name = "VERSION")]
    code_version: Option<String>,
}

impl RuleArguments {
    pub(crate) fn rules(&self) -> Result<IdentityRules> {
        let alias = |given: &String| match given.split_once('=') {
            Some((old, new)) if !old.is_empty() && !new.is_empty() => Ok((old.to_owned(), new.to_owned())),
            _ => Err(Error::new(ErrorKind::InvalidInput, format!("--alias {given}: it is not OLD=NEW"))),
        };
        Ok(IdentityRules {
            defaults: parse_arguments(&self.defaults)?,
            excluded: self.excluded.clone(),
            version: self.code_version.as_deref().map(parse_argument_value).transpose()?,
            aliases: self.aliases.iter().map(alias).collect::<Result<_>>()?,
        })
    }
}
