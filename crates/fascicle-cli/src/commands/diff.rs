//! `fascicle diff`: what differs between two entries.

use super::Context;
use crate::exit::Exit;
use crate::text::printable;
use clap::Args;
use fascicle::Result;
use fascicle::compare::{CompareOptions, EntryDifference, Place, diff, equal};
use serde_json::{Value as Json, json};

/// Show what differs between two entries: configs, structure, attributes and data
///
/// Lines that begin with '<' say what holds for A, those with '>' what holds for B: '≠config.seed: 0', '+x: array int64 (3,)',
/// '-x'. Ends with 0 when both are equal, with 1 when they differ. NaN equals NaN.
#[derive(Args, Debug)]
pub(crate) struct Diff {
    a: String,
    b: String,

    /// Print nothing; stop at the first difference
    #[arg(short, long)]
    quiet: bool,

    /// Compare kinds, dtypes, shapes and columns, but no data
    #[arg(long)]
    no_data: bool,

    /// Do not compare attributes
    #[arg(long)]
    no_attributes: bool,

    /// Do not compare configs and statuses
    #[arg(long)]
    no_meta: bool,
}

impl Diff {
    pub(crate) async fn run(self, context: &mut Context) -> Result<Exit> {
        let (a, b) = (context.root.find(&self.a).await?, context.root.find(&self.b).await?);
        let this = Place::new(&**a.root.backend(), &a.path);
        let other = Place::new(&**b.root.backend(), &b.path);
        let options = CompareOptions::default()
            .with_data(!self.no_data)
            .with_attributes(!self.no_attributes)
            .with_metas(!self.no_meta);
        if self.quiet {
            return Ok(if equal(this, other, &options).await? { Exit::Fine } else { Exit::Differs });
        }
        let differences = diff(this, other, &options).await?;
        if context.output.json {
            let found: Vec<Json> = differences.iter().map(EntryDifference::to_json).collect();
            let document = json!({ "equal": found.is_empty(), "differences": found });
            context.output.json_document(&document)?;
        } else if !differences.is_empty() {
            context.output.line(format!("< {}", printable(&self.a)))?;
            context.output.line(format!("> {}", printable(&self.b)))?;
            for difference in &differences {
                let (this, other) = difference.lines();
                context.output.line(format!("< {}", printable(&this)))?;
                context.output.line(format!("> {}", printable(&other)))?;
            }
        }
        Ok(if differences.is_empty() { Exit::Fine } else { Exit::Differs })
    }
}
