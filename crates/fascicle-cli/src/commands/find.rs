//! `fascicle find`: the configs of a root as a table, and why a config is not found.

use super::Context;
use super::rules::RuleArguments;
use crate::condition::Condition;
use crate::exit::Exit;
use crate::facts::config_json;
use crate::json::to_json;
use crate::report;
use crate::text::{aligned, printable};
use clap::Args;
use fascicle::config::{Difference, DifferenceKind, Value, flatten, parse_arguments};
use fascicle::{Config, EntryKind, Error, ErrorKind, Explanation, Meta, Result, Root};
use serde_json::{Value as Json, json};

/// Find directories by their configs, or explain why a config is not found
///
/// Prints a row for each directory of the root: its name, its status, and the
/// fields of its config, nested ones with their dotted names.
///   fascicle find data Cells 'n_cells>50' training.name=sgd
///   fascicle find data Cells --explain n_cells=100 seed=3
/// A condition compares a field with a YAML value: = != < <= > >=. A directory
/// without the field does not fulfil it. The exit code is 3 when there is none.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
#[command(
    override_usage = "fascicle find [OPTIONS] <ROOT> [TYPE] [CONDITION]...\n       fascicle find <ROOT> <TYPE> --explain [KEY=VALUE]..."
)]
pub(crate) struct Find {
    /// The root
    #[arg(value_name = "ROOT")]
    place: String,

    /// The type of the configs, and conditions that they fulfil
    #[arg(value_name = "TYPE CONDITION")]
    wanted: Vec<String>,

    /// Explain why the config of these fields is found or not: what was built of it, and what comes nearest
    #[arg(long, value_name = "KEY=VALUE", num_args = 0..)]
    explain: Option<Vec<String>>,

    #[command(flatten)]
    rules: RuleArguments,
}

impl Find {
    pub(crate) async fn run(self, context: &mut Context) -> Result<Exit> {
        context.root.check_unused()?;
        let (type_name, conditions) = match self.wanted.split_first() {
            Some((first, rest)) if Condition::parse(first).is_err() => (Some(first.as_str()), rest),
            _ => (None, self.wanted.as_slice()),
        };
        let conditions = conditions.iter().map(|text| Condition::parse(text)).collect::<Result<Vec<_>>>()?;
        let root = context.root.open_root(&self.place).await?;
        let Some(fields) = &self.explain else {
            return list(&root, type_name, &conditions, context).await;
        };
        let (Some(type_name), []) = (type_name, conditions.as_slice()) else {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "--explain takes a type and the fields of one config",
            )
            .hint("fascicle find ROOT TYPE --explain KEY=VALUE …"));
        };
        let config = Config::from_fields(type_name, parse_arguments(fields)?);
        let explanation = root.explain_config(&config, &self.rules.rules()?).await?;
        match context.output.json {
            true => context.output.json_document(&explanation_json(&explanation))?,
            false => {
                explanation.to_string().lines().try_for_each(|line| context.output.line(printable(line)))?
            }
        }
        Ok(if explanation.found.is_some() { Exit::Fine } else { Exit::of(ErrorKind::NotFound) })
    }
}

async fn list(
    root: &Root,
    type_name: Option<&str>,
    conditions: &[Condition],
    context: &mut Context,
) -> Result<Exit> {
    let mut found: Vec<(String, Meta)> = Vec::new();
    for entry in root.as_dir().entries().await?.into_iter().filter(|entry| entry.kind == EntryKind::Directory)
    {
        match root.dir(&entry.name)?.meta().await {
            Ok(Some(meta))
                if type_name.is_none_or(|wanted| meta.config.type_name() == wanted)
                    && conditions.iter().all(|condition| condition.holds(&meta.config)) =>
            {
                found.push((entry.name, meta));
            }
            Ok(_) => {}
            // One broken meta does not keep the others from being shown.
            Err(error) => report::warning(&error.chain()),
        }
    }
    if context.output.json {
        let documents = found.iter().map(|(name, meta)| {
            json!({
                "name": name,
                "status": meta.status.as_str(),
                "modified": meta.modified,
                "config": config_json(&meta.config),
            })
        });
        context.output.json_document(&Json::Array(documents.collect()))?;
    } else if !found.is_empty() {
        aligned(&rows(&found, type_name.is_none()), false)
            .iter()
            .try_for_each(|line| context.output.line(line))?;
    }
    Ok(if found.is_empty() { Exit::of(ErrorKind::NotFound) } else { Exit::Fine })
}

/// A head and a row for each directory; a column for each field that any of them has.
fn rows(found: &[(String, Meta)], with_type: bool) -> Vec<Vec<String>> {
    let mut fields: Vec<String> = Vec::new();
    let flat: Vec<Vec<(String, Value)>> =
        found.iter().map(|(_, meta)| flatten(meta.config.fields())).collect();
    for (field, _) in flat.iter().flatten() {
        if !fields.contains(field) {
            fields.push(field.clone());
        }
    }
    let fixed = if with_type { vec!["name", "status", "type"] } else { vec!["name", "status"] };
    let head = fixed.into_iter().map(str::to_owned).chain(fields.iter().map(|field| printable(field)));
    let mut rows = vec![head.collect()];
    for ((name, meta), flat) in found.iter().zip(&flat) {
        let modified = if meta.modified && meta.status == fascicle::Status::Done { " modified" } else { "" };
        let mut row = vec![printable(name), format!("{}{modified}", printable(meta.status.as_str()))];
        if with_type {
            row.push(printable(meta.config.type_name()));
        }
        row.extend(fields.iter().map(|field| {
            let value = flat.iter().find(|(name, _)| name == field);
            value.map_or(String::new(), |(_, value)| printable(&value.to_string()))
        }));
        rows.push(row);
    }
    rows
}

fn explanation_json(explanation: &Explanation) -> Json {
    let difference = |difference: &Difference| {
        json!({
            "field": difference.path,
            "kind": match difference.kind {
                DifferenceKind::Added => "only_asked",
                DifferenceKind::Removed => "only_stored",
                DifferenceKind::Changed => "changed",
            },
            "asked": difference.this.as_ref().map(to_json),
            "stored": difference.other.as_ref().map(to_json),
        })
    };
    let nearest = explanation.nearest.iter().map(|near| {
        json!({
            "path": near.path.as_str(),
            "usable": near.is_usable,
            "differences": near.differences.iter().map(difference).collect::<Vec<_>>(),
        })
    });
    let builds = explanation.builds.iter().map(|build| {
        json!({ "epoch": build.epoch, "outcome": build.outcome.name(), "told": build.outcome.to_string() })
    });
    let told = |paths: &[(fascicle::EntryPath, String)]| -> Vec<Json> {
        paths.iter().map(|(path, why)| json!({ "path": path.as_str(), "why": why })).collect()
    };
    json!({
        "config": config_json(&explanation.config),
        "identity": explanation.identity.to_string(),
        "found": explanation.found.as_ref().map(|path| path.as_str()),
        "builds": builds.collect::<Vec<_>>(),
        "passed_over": told(&explanation.passed_over),
        "nearest": nearest.collect::<Vec<_>>(),
        "of_this_type": explanation.of_this_type,
        "similar_type": explanation.similar_type,
        "unreadable": told(&explanation.unreadable),
    })
}
