//! Every check there is, in stages. A stage that fails hides only those that stand on it.

use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;

use crate::package::{Flavour, Locale, PackageArgs, package};
use crate::progress::{Ended, Row, table};
use crate::setup::{Goal, Item, Prepared, Tools, prepare};
use crate::shell::{command, stream, target, which};
use crate::{faults, lint, run, sim, tidy};

/// Crates of the extension, the benchmark's page and the coordinator's: linted for wasm32.
const WASM_ONLY: [&str; 5] = ["lull-background", "lull-bench", "lull-popup", "lull-browser", "lull-web"];
/// Pure cores that run in the browser: each has a test target `wasm`.
const CORES_ON_WASM: [&str; 3] = ["lull-protocol", "lull-policy", "lull-worker"];
/// Those of them whose tests need a browser.
const NOT_NATIVE: [&str; 2] = ["lull-background", "lull-browser"];
/// How often the browser's background is killed at random in a long run.
const KILLS_LONG: [&str; 2] = ["--kills", "60"];
const TARGET: &str = "wasm32-unknown-unknown";

/// One stage of `cargo xtask test`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stage {
    /// Tools that the other stages need
    Setup,
    /// Crate edges, docs, lints, sizes, append-only files
    Tidy,
    /// Formatting
    Fmt,
    /// Lints of everything that runs outside the browser
    ClippyNative,
    /// Lints of the extension's crates
    ClippyWasm,
    /// All native tests, doc tests included
    Native,
    /// The simulator's fixed budget of runs
    Sim,
    /// The cores' tests on wasm32, in Node
    Wasm,
    /// The signed vectors, read by an outside COSE implementation; the demonstration's content
    Cose,
    /// Payouts on a real chain of this machine, judged by an outside Solana implementation
    Chain,
    /// The extension's release packages: in full, in pseudo-locales, and without bandwidth
    Package,
    /// The Firefox package, judged by Mozilla's own linter
    Lint,
    /// The coordinator's process under load: killed, its disk filled, frozen, cut off
    Faults,
    /// The release packages in a real Chromium and a real Firefox
    E2e,
}

impl Stage {
    /// What must be on the machine, and which stages must have passed.
    fn needs(self) -> (&'static [Item], &'static [Stage]) {
        use Item::{
            AddonsLinter, Axe, Browser, Firefox, Geckodriver, Network, Node, Pycose, Python, Solders, Surfpool, Target,
            WalletJudges, WasmBindgen, WasmOpt, WasmPack,
        };
        match self {
            Stage::Setup | Stage::Tidy | Stage::Fmt | Stage::ClippyNative | Stage::Native | Stage::Sim => (&[], &[]),
            Stage::ClippyWasm => (&[Target], &[]),
            Stage::Wasm => (&[Node, Target, WasmBindgen], &[]),
            Stage::Cose => (&[Python, Pycose], &[]),
            Stage::Chain => (&[Node, Python, Surfpool, Solders], &[]),
            Stage::Package => (&[Node, Target, WasmPack, WasmBindgen, WasmOpt], &[]),
            Stage::Faults => (&[Network], &[]),
            Stage::Lint => (&[Node, AddonsLinter], &[Stage::Package]),
            Stage::E2e => (&[Browser, Firefox, Geckodriver, Network, Axe, WalletJudges], &[Stage::Package]),
        }
    }

    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// Runs the stages (all, or `only` these and those they stand on) and prints the table of their minutes. `long`:
/// faults by the hundred instead of a slice of them.
pub(crate) fn test(only: &[Stage], long: bool, force_debian: bool) -> Result<()> {
    let stages = chosen(only);
    let mut rows: Vec<(Stage, Row)> = Vec::new();
    let mut prepared = None;
    for (index, &stage) in stages.iter().enumerate() {
        println!("\n== [{}/{}] {}", index + 1, stages.len(), stage.name());
        let begun = Instant::now();
        let ended = match obstacle(stage, &rows, prepared.as_ref()) {
            Some(why) => Ended::NotRun(why),
            None => match perform(stage, long, &mut prepared, force_debian) {
                Ok(()) => Ended::Passed,
                Err(error) => Ended::Failed(format!("{error:#}")),
            },
        };
        if let Ended::Failed(why) | Ended::NotRun(why) = &ended {
            println!("{why}");
        }
        rows.push((stage, Row { name: stage.name(), time: begun.elapsed(), ended: first_line(ended) }));
    }
    let rows: Vec<Row> = rows.into_iter().map(|(_, row)| row).collect();
    println!("\n{}", table(&rows));
    if rows.iter().any(|row| row.ended != Ended::Passed) {
        std::process::exit(1);
    }
    Ok(())
}

/// The stages to run, in their order: those asked for, what they stand on, and the set-up they need.
fn chosen(only: &[Stage]) -> Vec<Stage> {
    let wanted = |stage: &Stage| {
        let asked = |other: &Stage| other == stage || other.needs().1.contains(stage);
        let sets_up = *stage == Stage::Setup && only.iter().any(|other| !other.needs().0.is_empty());
        only.is_empty() || sets_up || only.iter().any(asked)
    };
    Stage::value_variants().iter().copied().filter(wanted).collect()
}

/// Why a stage can't run, if it can't.
fn obstacle(stage: Stage, rows: &[(Stage, Row)], prepared: Option<&Prepared>) -> Option<String> {
    let (items, stages) = stage.needs();
    let failed = |(done, row): &&(Stage, Row)| stages.contains(done) && row.ended != Ended::Passed;
    if let Some((done, _)) = rows.iter().find(failed) {
        return Some(format!("{} did not pass", done.name()));
    }
    match prepared {
        Some(prepared) => prepared.lacks(items).map(ToOwned::to_owned),
        None if items.is_empty() => None,
        None => Some("setup did not finish".to_owned()),
    }
}

fn perform(stage: Stage, long: bool, prepared: &mut Option<Prepared>, force_debian: bool) -> Result<()> {
    if stage == Stage::Setup {
        let done = prepared.insert(prepare(Goal::Test, force_debian)?);
        return done.complaint().map_or(Ok(()), |complaint| bail!(complaint));
    }
    match (stage, prepared.as_ref().map(|prepared| &prepared.tools)) {
        (Stage::Tidy, _) => tidy::tidy(false),
        (Stage::Fmt, _) => stream(command("cargo").args(["fmt", "--all", "--check"])),
        (Stage::ClippyNative, _) => stream(command("cargo").arg("clippy").args(without(&WASM_ONLY)).args([
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ])),
        (Stage::Native, _) => native_tests(),
        (Stage::Sim, _) => sim::stage(),
        (Stage::ClippyWasm, Some(tools)) => clippy_wasm(tools),
        (Stage::Wasm, Some(tools)) => wasm_tests(tools),
        (Stage::Cose, Some(tools)) => {
            stream(command(tools.venv_python()).arg("tests/vectors/check_cose.py"))?;
            stream(command(tools.venv_python()).args(["tests/demo/make.py", "--check"]))
        }
        (Stage::Chain, Some(tools)) => {
            stream(command("cargo").args(["build", "--quiet", "-p", "lull-coordinator", "-p", "lull-cli"]))?;
            let mut chain = command("cargo");
            chain.env("LULL_COORDINATOR_BIN", target()?.join("debug/lull-coordinator"));
            chain.args(["run", "--quiet", "-p", "lull-chain", "--", "test"]);
            chain.env("LULL_SURFPOOL", tools.surfpool_module());
            stream(chain.env("LULL_SOLDERS_PYTHON", tools.solders_python()))
        }
        (Stage::Package, Some(tools)) => {
            package(tools, &PackageArgs::default())?;
            for locale in [Locale::Pseudo, Locale::PseudoRtl] {
                package(tools, &PackageArgs::in_locale(locale))?;
            }
            package(tools, &PackageArgs::of(Flavour::Judgments)).map(drop)
        }
        (Stage::Lint, Some(tools)) => lint::lint(tools),
        (Stage::Faults, _) => stream(faults::faults()?.args(long.then_some("--long"))),
        (Stage::E2e, Some(tools)) => both_browsers(tools, long),
        (_, None) | (Stage::Setup, _) => bail!("setup did not finish"),
    }
}

/// The scenarios in each browser: two processes at a time, each in a network of its own, for most of a scenario is
/// waiting.
fn both_browsers(tools: &Tools, long: bool) -> Result<()> {
    let mut running = Vec::new();
    for browser in ["chromium", "firefox"] {
        let mut scenarios = run::e2e(tools, run::Programs::Debug)?;
        scenarios.args(["test", "--browser", browser]).args(if long { &KILLS_LONG[..] } else { &[] });
        running.push((browser, scenarios.spawn().context("can't start the scenarios")?));
    }
    let mut failed = Vec::new();
    for (browser, mut scenarios) in running {
        if !scenarios.wait()?.success() {
            failed.push(browser);
        }
    }
    ensure!(failed.is_empty(), "scenarios failed in {}", failed.join(" and "));
    Ok(())
}

/// The workspace without these crates.
fn without(names: &[&'static str]) -> Vec<&'static str> {
    let excluded = names.iter().flat_map(|name| ["--exclude", name]);
    std::iter::once("--workspace").chain(excluded).collect()
}

/// cargo-nextest where it is there, for its speed; it doesn't run doc tests.
fn native_tests() -> Result<()> {
    if which("cargo-nextest").is_none() {
        return stream(command("cargo").arg("test").args(without(&NOT_NATIVE)));
    }
    stream(command("cargo").args(["nextest", "run", "--no-fail-fast"]).args(without(&NOT_NATIVE)))?;
    stream(command("cargo").args(["test", "--doc"]).args(without(&NOT_NATIVE)))
}

fn clippy_wasm(tools: &Tools) -> Result<()> {
    // With bandwidth, and the flavour without.
    for features in [&[][..], &["--no-default-features"]] {
        let mut cargo = tools.wasm_command("cargo")?;
        cargo.args(["clippy", "--target", TARGET]).args(features);
        cargo.args(WASM_ONLY.iter().flat_map(|name| ["-p", name]));
        stream(cargo.args(["--", "-D", "warnings"]))?;
    }
    Ok(())
}

fn wasm_tests(tools: &Tools) -> Result<()> {
    let mut cargo = tools.wasm_command("cargo")?;
    cargo.args(["test", "--target", TARGET, "--test", "wasm"]);
    cargo.args(CORES_ON_WASM.iter().flat_map(|name| ["-p", name]));
    stream(cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", "wasm-bindgen-test-runner"))
}

/// The table has one line per stage.
fn first_line(ended: Ended) -> Ended {
    let cut = |why: String| why.lines().next().unwrap_or_default().to_owned();
    match ended {
        Ended::Passed => Ended::Passed,
        Ended::Failed(why) => Ended::Failed(cut(why)),
        Ended::NotRun(why) => Ended::NotRun(cut(why)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_chosen_stage_brings_what_it_stands_on() {
        assert_eq!(chosen(&[Stage::Tidy, Stage::Fmt]), [Stage::Tidy, Stage::Fmt]);
        assert_eq!(chosen(&[Stage::E2e]), [Stage::Setup, Stage::Package, Stage::E2e]);
        assert_eq!(chosen(&[]), Stage::value_variants());
    }

    #[test]
    fn a_failed_stage_hides_only_what_stands_on_it() {
        let row = |ended| Row { name: String::new(), time: Duration::ZERO, ended };
        let failed = [(Stage::Package, row(Ended::Failed("no".into())))];
        assert_eq!(obstacle(Stage::E2e, &failed, None).as_deref(), Some("package did not pass"));
        assert_eq!(obstacle(Stage::Native, &failed, None), None);
        assert_eq!(obstacle(Stage::Cose, &[], None).as_deref(), Some("setup did not finish"));
    }
}
