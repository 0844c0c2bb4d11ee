//! What a run found, as text, Markdown and JSON.

use crate::{Behaviour, SPEC_VERSION};
use fascicle_backend::Capabilities;
use serde_json::{Value, json};
use std::{fmt, io, path::Path, time::Duration};

/// What was found about one behaviour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Held,
    /// It does not hold, and why.
    Broken(String),
    /// It does not hold, as is known, and why.
    Deviates(String),
    /// It was not checked, and why.
    NotApplicable(String),
}

impl Outcome {
    /// The stable machine-readable name.
    pub fn name(&self) -> &'static str {
        match self {
            Outcome::Held => "held",
            Outcome::Broken(_) => "broken",
            Outcome::Deviates(_) => "deviates",
            Outcome::NotApplicable(_) => "not_applicable",
        }
    }

    /// Why, where there is something to say.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Outcome::Held => None,
            Outcome::Broken(why) | Outcome::Deviates(why) | Outcome::NotApplicable(why) => Some(why),
        }
    }
}

/// One behaviour and what was found.
#[derive(Clone, Debug)]
pub struct Row {
    /// The behaviour.
    pub behaviour: Behaviour,
    /// What was found.
    pub outcome: Outcome,
    /// How long the check took.
    pub took: Duration,
}

/// What a run found.
#[derive(Clone, Debug)]
pub struct Report {
    /// The name of the suite.
    pub backend: String,
    /// What the backend declares.
    pub declared: Capabilities,
    /// The seed of all randomness.
    pub seed: u64,
    /// Every behaviour, in the order of the specification.
    pub rows: Vec<Row>,
    /// What is wrong with the run as a whole: nothing was run, the backend cannot be opened, a known deviation that names
    /// no behaviour.
    pub problems: Vec<String>,
}

impl Report {
    /// Whether the run as a whole is in order and no behaviour is broken.
    pub fn is_conformant(&self) -> bool {
        self.problems.is_empty() && self.broken().next().is_none()
    }

    /// What was found about one behaviour.
    pub fn outcome(&self, name: &str) -> Option<&Outcome> {
        self.rows.iter().find(|row| row.behaviour.name == name).map(|row| &row.outcome)
    }

    /// The names of the behaviours that do not hold and are not known deviations.
    pub fn broken(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.rows.iter().filter(|row| matches!(row.outcome, Outcome::Broken(_))).map(|row| row.behaviour.name)
    }

    fn count(&self, outcome: &str) -> usize {
        self.rows.iter().filter(|row| row.outcome.name() == outcome).count()
    }

    fn summary(&self) -> String {
        format!(
            "{} held, {} broken, {} known deviations, {} not applicable",
            self.count("held"),
            self.count("broken"),
            self.count("deviates"),
            self.count("not_applicable")
        )
    }

    /// The behaviours whose checks took longest, as far as it is worth a word.
    fn slowest(&self) -> Option<String> {
        const WORTH_A_WORD: Duration = Duration::from_millis(500);
        let mut slow: Vec<&Row> = self.rows.iter().filter(|row| row.took >= WORTH_A_WORD).collect();
        slow.sort_by_key(|row| std::cmp::Reverse(row.took));
        let name = |row: &&Row| format!("{} ({:.1} s)", row.behaviour.name, row.took.as_secs_f64());
        let names: Vec<String> = slow.iter().take(5).map(name).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    fn declared_names(&self) -> Vec<&'static str> {
        self.declared.iter().map(|capability| capability.name()).collect()
    }

    fn declared_text(&self) -> String {
        let names = self.declared_names();
        if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
    }

    /// The report for programs.
    pub fn json(&self) -> Value {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| {
                json!({
                    "name": row.behaviour.name,
                    "contract": row.behaviour.contract,
                    "outcome": row.outcome.name(),
                    "reason": row.outcome.reason(),
                    "milliseconds": u64::try_from(row.took.as_millis()).unwrap_or(u64::MAX),
                })
            })
            .collect();
        json!({
            "spec_version": SPEC_VERSION,
            "backend": self.backend,
            "declares": self.declared_names(),
            "seed": self.seed,
            "conformant": self.is_conformant(),
            "problems": self.problems,
            "behaviours": rows,
        })
    }

    /// The report for a web page.
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "# Conformance of `{}`\n\n{}; specification {SPEC_VERSION}, seed {}.\n\nDeclares: {}.\n",
            self.backend,
            self.summary(),
            self.seed,
            self.declared_text()
        );
        for problem in &self.problems {
            text += &format!("\n**{}**\n", cell(problem));
        }
        text += "\n| behaviour | outcome |\n| --- | --- |\n";
        for row in &self.rows {
            let outcome = match &row.outcome {
                Outcome::Held => "held".to_owned(),
                Outcome::Broken(why) => format!("**broken**: {}", cell(why)),
                Outcome::Deviates(why) => format!("deviates: {}", cell(why)),
                Outcome::NotApplicable(why) => format!("n/a: {}", cell(why)),
            };
            text += &format!("| `{}` | {outcome} |\n", row.behaviour.name);
        }
        text
    }

    /// Writes `<backend>.txt`, `.md` and `.json` into a directory, which is created when missing.
    pub fn write_into(&self, dir: &Path) -> io::Result<()> {
        std::fs::create_dir_all(dir)?;
        let safe = |character: char| {
            if character.is_ascii_alphanumeric() || "._+-".contains(character) { character } else { '-' }
        };
        let name: String = self.backend.chars().map(safe).collect();
        std::fs::write(dir.join(format!("{name}.txt")), self.to_string())?;
        std::fs::write(dir.join(format!("{name}.md")), self.markdown())?;
        std::fs::write(dir.join(format!("{name}.json")), format!("{:#}\n", self.json()))
    }
}

/// Text that does not end the cell of a Markdown table.
fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}

/// The report for a terminal.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "conformance of {} (specification {SPEC_VERSION}, seed {})", self.backend, self.seed)?;
        writeln!(f, "declares: {}\n", self.declared_text())?;
        for row in &self.rows {
            writeln!(f, "{:14} {}", row.outcome.name(), row.behaviour.name)?;
            if let Outcome::Broken(_) = row.outcome {
                writeln!(f, "{:15}contract: {}", "", row.behaviour.contract)?;
            }
            if let Some(why) = row.outcome.reason() {
                for line in why.lines() {
                    writeln!(f, "{:15}{line}", "")?;
                }
            }
        }
        for problem in &self.problems {
            writeln!(f, "\n{problem}")?;
        }
        writeln!(f, "\n{}", self.summary())?;
        self.slowest().map_or(Ok(()), |slowest| writeln!(f, "slowest: {slowest}"))
    }
}
