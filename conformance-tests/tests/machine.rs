//! The machine itself: gates, judgements, known deviations, reports.

use fascicle_backend::{
    Backend, Capability,
    wrap::{Enforced, ReadOnly, observed},
};
use fascicle_conformance::{Behaviour, Outcome, Report, SPEC_VERSION, Site, Suite};
use fascicle_memory::MemoryBackend;
use std::{
    convert::Infallible,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

const ONE: &str = "file::bytes_come_back";

fn sound() -> Suite {
    Suite::new("sound", |_site: Site| async { Ok::<_, Infallible>(MemoryBackend::new()) })
}

fn only(name: &str) -> impl Fn(&Behaviour) -> bool {
    move |behaviour| behaviour.name == name
}

fn outcome(report: &Report, name: &str) -> Outcome {
    report.outcome(name).unwrap().clone()
}

#[test]
fn a_sound_backend_is_conformant() {
    let report = sound().report_where(|behaviour| behaviour.area() == "meta");
    assert!(report.is_conformant(), "{report}");
    assert!(report.rows.len() > 10 && report.rows.iter().all(|row| row.outcome == Outcome::Held));
}

#[test]
fn what_does_not_apply_says_why() {
    let report = sound().report_where(|behaviour| {
        ["reopen::files_stay", "refusal::copy_is_refused_when_not_declared", ONE].contains(&behaviour.name)
    });
    let why = |name| outcome(&report, name);
    assert_eq!(why("reopen::files_stay"), Outcome::NotApplicable("durable not declared".into()));
    let refusal = "refusal::copy_is_refused_when_not_declared";
    assert_eq!(why(refusal), Outcome::NotApplicable("copy is declared".into()));
    assert!(report.is_conformant());
}

#[test]
fn a_read_only_backend_is_held_to_refusing_writes() {
    let suite = Suite::new("read-only", |_site: Site| async {
        let backend: Arc<dyn Backend> = Arc::new(MemoryBackend::new());
        Ok::<_, Infallible>(observed(backend, Arc::new(ReadOnly)))
    });
    let report = suite.report();
    assert!(report.is_conformant(), "{report}");
    assert_eq!(outcome(&report, "refusal::writes_are_refused_when_not_declared"), Outcome::Held);
    assert_eq!(outcome(&report, ONE), Outcome::NotApplicable("write not declared".into()));
    assert!(!report.declared.has(Capability::Write));
}

#[test]
fn nothing_run_is_a_failure() {
    let report = sound().report_where(only("reopen::files_stay"));
    assert!(!report.is_conformant());
    assert_eq!(report.problems, ["nothing was run"]);
    let report = sound().report_where(|_| false);
    assert_eq!(report.problems, ["nothing was run"]);
}

#[test]
fn a_backend_that_cannot_be_opened_is_a_failure() {
    let suite = Suite::new("closed", |_site: Site| async { Err::<MemoryBackend, _>("no such host") });
    let report = suite.report();
    assert!(!report.is_conformant() && report.rows.is_empty());
    assert_eq!(report.problems, ["the backend cannot be opened: no such host"]);
    assert!(report.to_string().contains("no such host") && report.markdown().contains("no such host"));
}

#[test]
fn a_panic_breaks_one_behaviour_and_hides_no_other() {
    let opened = Arc::new(Mutex::new(0));
    let suite = Suite::new("panics", move |_site: Site| {
        let opened = opened.clone();
        async move {
            let mut opened = opened.lock().unwrap();
            *opened += 1;
            // The first handle tells the capabilities, the second one is the first behaviour's.
            if *opened == 2 {
                drop(opened);
                panic!("out of order");
            }
            Ok::<_, Infallible>(MemoryBackend::new())
        }
    });
    let report = suite.report_where(|behaviour| behaviour.area() == "list");
    assert_eq!(report.broken().count(), 1, "{report}");
    let name = report.broken().next().unwrap();
    assert!(outcome(&report, name).reason().unwrap().starts_with("panicked: out of order"));
}

#[test]
fn a_hang_is_a_failure() {
    let suite = Suite::new("hangs", |site: Site| async move {
        if !site.prefix().ends_with("capabilities") {
            std::future::pending::<()>().await;
        }
        Ok::<_, Infallible>(MemoryBackend::new())
    });
    let report = suite.deadline(Duration::from_millis(20)).report_where(only(ONE));
    assert!(outcome(&report, ONE).reason().unwrap().starts_with("not done after 20ms"), "{report}");
}

/// A backend that declares everything but what it is built on.
fn broken() -> Suite {
    Suite::new("broken", |_site: Site| async {
        let backend: Arc<dyn Backend> = Arc::new(MemoryBackend::new());
        // The checks offer stores whatever is declared, so that behind them a backend seems to have too many.
        Ok::<_, Infallible>(Enforced::new(Arc::new(observed(backend, Arc::new(WithoutArrays)))))
    })
}

struct WithoutArrays;

impl fascicle_backend::wrap::Observer for WithoutArrays {
    fn before(&self, _: fascicle_backend::wrap::Operation, _: &str) -> fascicle_backend::Result<()> {
        Ok(())
    }

    fn capabilities(&self, inner: fascicle_backend::Capabilities) -> fascicle_backend::Capabilities {
        [Capability::Arrays, Capability::ArrayAppend, Capability::ArrayRegionWrite]
            .into_iter()
            .fold(inner, fascicle_backend::Capabilities::without)
    }
}

const STORES: &str = "refusal::stores_are_what_is_declared";

#[test]
fn a_failure_tells_the_reason_and_the_command_that_repeats_it() {
    let report = broken().report_where(only(STORES));
    assert!(!report.is_conformant());
    let reason = outcome(&report, STORES).reason().unwrap().to_owned();
    assert!(reason.contains("whether there is an array store: found true, expected false"), "{reason}");
    assert!(reason.contains(&format!("FASCICLE_SEED={} cargo test", report.seed)), "{reason}");
    assert!(reason.contains(&format!("--exact {STORES}")), "{reason}");
}

#[test]
fn a_known_deviation_is_no_failure() {
    let report = broken().known_deviation(STORES, "stores are always there").report_where(only(STORES));
    assert_eq!(outcome(&report, STORES), Outcome::Deviates("stores are always there".into()));
    assert!(report.is_conformant());
}

#[test]
fn a_known_deviation_that_holds_is_a_failure() {
    let report = sound().known_deviation(ONE, "long gone").report_where(only(ONE));
    assert!(!report.is_conformant());
    let reason = outcome(&report, ONE).reason().unwrap().to_owned();
    assert!(reason.contains("it holds") && reason.contains("long gone"), "{reason}");
}

#[test]
fn a_known_deviation_must_name_a_behaviour_that_applies() {
    let report = sound().known_deviation("file::no_such_thing", "a typing error").report_where(only(ONE));
    assert_eq!(report.problems, ["the known deviation 'file::no_such_thing' names no behaviour"]);
    let wanted = |behaviour: &Behaviour| [ONE, "reopen::files_stay"].contains(&behaviour.name);
    let report = sound().known_deviation("reopen::files_stay", "not durable").report_where(wanted);
    assert_eq!(
        report.problems,
        ["the known deviation 'reopen::files_stay' does not apply: durable not declared"]
    );
}

#[test]
fn every_behaviour_has_a_site_of_its_own_that_is_cleaned_up() {
    let (opened, cleaned) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
    let (opens, cleans) = (opened.clone(), cleaned.clone());
    let suite = Suite::new("sites", move |site: Site| {
        let opens = opens.clone();
        async move {
            assert!(site.dir().is_dir());
            opens.lock().unwrap().push((site.dir().to_owned(), site.prefix().to_owned()));
            Ok::<_, Infallible>(MemoryBackend::new())
        }
    })
    .clean_up(move |site: Site| {
        let cleans = cleans.clone();
        async move {
            cleans.lock().unwrap().push(site.prefix().to_owned());
            Ok::<_, Infallible>(())
        }
    });
    let report = suite.report_where(|behaviour| behaviour.area() == "list");
    assert!(report.is_conformant(), "{report}");
    let mut opened: Vec<(PathBuf, String)> = opened.lock().unwrap().clone();
    opened.sort();
    assert_eq!(opened.len(), report.rows.len() + 1);
    assert!(opened.windows(2).all(|pair| pair[0].0 != pair[1].0 && pair[0].1 != pair[1].1));
    assert!(opened.iter().all(|(dir, _)| !dir.exists()), "{opened:?}");
    let mut prefixes: Vec<String> = opened.into_iter().map(|(_, prefix)| prefix).collect();
    let mut cleaned = cleaned.lock().unwrap().clone();
    (prefixes.sort(), cleaned.sort());
    assert_eq!(prefixes, cleaned);
}

#[test]
fn a_site_that_cannot_be_cleaned_up_is_a_failure() {
    let suite = sound().clean_up(|site: Site| async move {
        if site.prefix().ends_with("capabilities") { Ok(()) } else { Err("access denied") }
    });
    let report = suite.report_where(only(ONE));
    let reason = outcome(&report, ONE).reason().unwrap().to_owned();
    assert!(reason.starts_with("the site cannot be cleaned up: access denied"), "{reason}");
}

#[test]
fn the_json_report_has_its_shape() {
    let suite = broken().known_deviation(ONE, "x");
    let report =
        suite.report_where(|behaviour| [ONE, STORES, "reopen::files_stay"].contains(&behaviour.name));
    let json = report.json();
    assert_eq!(json["spec_version"], SPEC_VERSION);
    assert_eq!(json["backend"], "broken");
    assert_eq!(json["conformant"], false);
    assert_eq!(json["seed"], report.seed);
    assert!(json["declares"].as_array().unwrap().contains(&"write".into()));
    let behaviours = json["behaviours"].as_array().unwrap();
    let of = |name: &str| behaviours.iter().find(|row| row["name"] == name).unwrap();
    assert_eq!(of("reopen::files_stay")["outcome"], "not_applicable");
    assert_eq!(of("reopen::files_stay")["reason"], "durable not declared");
    assert_eq!(of(STORES)["outcome"], "broken");
    assert_eq!(of(ONE)["outcome"], "broken");
    assert_eq!(of(ONE)["contract"], "A file comes back byte for byte.");
}

#[test]
fn reports_are_written_in_three_forms() {
    let report = broken().report_where(|behaviour| [ONE, STORES].contains(&behaviour.name));
    let dir = tempfile::tempdir().unwrap();
    let into = dir.path().join("reports");
    report.write_into(&into).unwrap();
    let text = std::fs::read_to_string(into.join("broken.txt")).unwrap();
    assert!(text.contains("1 held, 1 broken, 0 known deviations, 0 not applicable"), "{text}");
    assert!(text.contains("contract: A backend has an array store"), "{text}");
    let markdown = std::fs::read_to_string(into.join("broken.md")).unwrap();
    assert!(markdown.contains(&format!("| `{ONE}` | held |")), "{markdown}");
    assert!(markdown.contains(&format!("| `{STORES}` | **broken**: ")), "{markdown}");
    let json: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(into.join("broken.json")).unwrap()).unwrap();
    assert_eq!(json, report.json());
}
