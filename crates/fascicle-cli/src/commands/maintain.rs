//! `fascicle verify`, `repair` and `gc`: looking after what is stored.

use super::Context;
use crate::duration::parse_duration;
use crate::exit::Exit;
use crate::text::printable;
use clap::Args;
use fascicle::maintain::{Finding, GcOptions, RepairOptions, Report, VerifyOptions};
use fascicle::{Digest, Error, ErrorKind, Result, Root};
use serde_json::{Value as Json, json};
use std::time::Duration;

/// Read everything in an entry or a root, and say what is damaged or contradicts itself
///
/// Changes nothing. Ends with 1 when something is not as it should be. Prints the digest of what was read when all is well.
#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// The entry, or a root
    place: String,

    /// The digest that it must have, as 'digest' prints it
    #[arg(long)]
    digest: Option<String>,
}

/// Take the steps that builders and writers which died did not take; deletes no data
///
/// Without --apply says what would be done and changes nothing. Builds whose process cannot be seen from here are watched for
/// as long as any waiter would watch them.
#[derive(Args, Debug)]
pub(crate) struct Repair {
    /// The root
    #[arg(value_name = "ROOT")]
    place: String,

    /// Do it
    #[arg(long)]
    apply: bool,
}

/// Delete what nobody will ever need: failed attempts to build, and what killed writers left
///
/// Without --apply says what would be deleted and changes nothing. Finished directories are never deleted.
#[derive(Args, Debug)]
pub(crate) struct Gc {
    /// The root
    #[arg(value_name = "ROOT")]
    place: String,

    /// Do it
    #[arg(long)]
    apply: bool,

    /// Leave alone what changed more recently, unless its maker is certainly gone
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "24h")]
    older_than: Duration,
}

impl Verify {
    pub(crate) async fn run(self, context: &mut Context) -> Result<Exit> {
        let place = context.root.find(&self.place).await?;
        let mut options = VerifyOptions::default().at(place.path.clone());
        if let Some(digest) = &self.digest {
            options = options.digest(digest.parse::<Digest>()?);
        }
        let report = place.root.verify(&options).await?;
        let digest = report.digest.map(|digest| digest.to_string());
        if context.output.json {
            let document = json!({
                "sound": report.is_sound(),
                "digest": digest,
                "digest_matches": report.digest_matches,
                "entries": report.entries,
                "findings": report.findings.iter().map(to_json).collect::<Vec<_>>(),
            });
            context.output.json_document(&document)?;
        } else {
            lines(context, &report.findings)?;
            if let Some(digest) = &digest {
                context.output.line(format!("{digest}  {}", printable(&self.place)))?;
            }
            if !report.digest_matches {
                crate::report::warning("the digest is not the one that was asked for");
            }
        }
        Ok(if report.is_sound() { Exit::Fine } else { Exit::Differs })
    }
}

impl Repair {
    pub(crate) async fn run(self, context: &mut Context) -> Result<Exit> {
        let root = root_at(context, &self.place).await?;
        let report = root.repair(&RepairOptions::default().apply(self.apply)).await?;
        print(context, &report, self.apply)
    }
}

impl Gc {
    pub(crate) async fn run(self, context: &mut Context) -> Result<Exit> {
        let root = root_at(context, &self.place).await?;
        let options = GcOptions::default().apply(self.apply).older_than(self.older_than);
        let report = root.gc(&options).await?;
        print(context, &report, self.apply)
    }
}

async fn root_at(context: &mut Context, given: &str) -> Result<Root> {
    let place = context.root.find(given).await?;
    if place.path.is_root() {
        return Ok(place.root);
    }
    Err(Error::new(ErrorKind::InvalidInput, "this is not a root but a place in one")
        .during("look after")
        .at(given)
        .hint(format!("the root is '{}'", place.root.location())))
}

fn print(context: &mut Context, report: &Report, applied: bool) -> Result<Exit> {
    let failed = report.count("failed");
    if context.output.json {
        let findings: Vec<Json> = report.findings.iter().map(to_json).collect();
        context.output.json_document(&json!({ "applied": applied, "findings": findings }))?;
    } else {
        lines(context, &report.findings)?;
        let counts = ["planned", "done", "left", "failed"].map(|outcome| (outcome, report.count(outcome)));
        let counts: Vec<String> = counts
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(outcome, count)| format!("{count} {outcome}"))
            .collect();
        let more = if report.count("planned") > 0 { "; --apply does it" } else { "" };
        let counts = if counts.is_empty() { "nothing to do".to_owned() } else { counts.join(", ") };
        context.output.line(format!("{counts}{more}"))?;
    }
    Ok(if failed > 0 { Exit::Differs } else { Exit::Fine })
}

fn lines(context: &mut Context, findings: &[Finding]) -> Result<()> {
    findings.iter().try_for_each(|finding| context.output.line(printable(&finding.to_string())))
}

fn to_json(finding: &Finding) -> Json {
    json!({
        "path": finding.path,
        "kind": finding.kind.name(),
        "what": finding.what,
        "action": finding.action.name(),
        "outcome": finding.outcome.name(),
        "reason": finding.outcome.reason(),
    })
}
