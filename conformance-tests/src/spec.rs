//! The specification, written from the list of behaviours.

use crate::all;
use std::fmt::Write;

/// The version of the specification: adding a behaviour raises the second number, changing one the first.
pub const SPEC_VERSION: &str = "1.0";

/// The specification as Markdown: every behaviour, its sentence, and when it applies.
pub fn spec() -> String {
    let behaviours = all();
    let mut text = format!(
        "# What a fascicle backend does\n\n\
         Version {SPEC_VERSION}, {} behaviours. Written from the list in `src/behaviours`; \
         `UPDATE=1 cargo test -p fascicle-conformance --test spec` writes it again.\n\n\
         Each behaviour is one named test. It applies when the backend declares the capabilities beside its name, and, \
         where it says `no`, when the backend does not declare that one.\n",
        behaviours.len()
    );
    let mut area = "";
    for behaviour in &behaviours {
        if behaviour.area() != area {
            area = behaviour.area();
            // Writing to a string cannot fail.
            let _ = writeln!(text, "\n## {area}\n\n| behaviour | holds | applies |\n| --- | --- | --- |");
        }
        let needs: Vec<String> = behaviour.needs.iter().map(ToString::to_string).collect();
        let applies = if needs.is_empty() { "always".to_owned() } else { needs.join(", ") };
        let _ = writeln!(text, "| `{}` | {} | {applies} |", behaviour.name, behaviour.contract);
    }
    text
}
