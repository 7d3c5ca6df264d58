//! The simulator: builds and runs it, and plants known bugs into a copy of this checkout to see each caught.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::progress::clock;
use crate::shell::{capture, command, logged, remove_file, repo, stream, target};

/// Where the bugs are, one patch each.
const MUTANTS: &str = "tests/sim/mutants";
/// In the folder of this work: the copy of the checkout, and the simulator built from it without a bug.
const TREE: &str = "tree";
const SOUND: &str = "lull-sim-sound";
/// Runs of `cargo xtask test`.
const RUNS: u32 = 60;
/// What finding one bug may take.
const RUNS_PER_MUTANT: u32 = 400;
const SECONDS_PER_MUTANT: u32 = 600;

#[derive(Args)]
pub(crate) struct SimArgs {
    /// Plant every bug of tests/sim/mutants, or this one, and require that each is caught
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "")]
    mutants: Option<String>,

    /// What the simulator is to do: `cargo xtask sim -- --help` tells
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "…")]
    simulator: Vec<String>,
}

/// Runs the simulator, or the bugs planted for it.
pub(crate) fn sim(args: &SimArgs) -> Result<()> {
    if let Some(name) = &args.mutants {
        return mutants(name);
    }
    stream(build(&repo()).arg("--quiet"))?;
    stream(command(target()?.join("sim/lull-sim")).args(&args.simulator))
}

/// The fixed budget of `cargo xtask test`.
pub(crate) fn stage() -> Result<()> {
    stream(&mut build(&repo()))?;
    stream(command(target()?.join("sim/lull-sim")).args(["--seed", "1", "--runs", &RUNS.to_string()]))
}

fn build(checkout: &Path) -> Command {
    let mut cargo = command("cargo");
    cargo.current_dir(checkout).args(["build", "--package", "lull-sim", "--profile", "sim"]);
    cargo
}

/// How a bug fared.
struct Caught {
    name: String,
    what: String,
    /// By which invariant, and which seed; or why not.
    by: Result<(String, String)>,
    time: Duration,
}

fn mutants(name: &str) -> Result<()> {
    let patches = patches(name)?;
    let scratch = target()?.join("mutants");
    println!("copying the checkout to {} …", scratch.display());
    copy_checkout(&scratch.join(TREE))?;
    println!("building it without a bug; afterwards each bug only rebuilds what it touches …");
    fs::copy(build_in(&scratch)?, scratch.join(SOUND)).context("can't keep the simulator without a bug")?;
    let mut rows = Vec::new();
    for (number, patch) in patches.iter().enumerate() {
        let name = patch.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        println!("[{}/{}] {name} …", number + 1, patches.len());
        let begun = Instant::now();
        let by = plant(&scratch, patch);
        let row = Caught { what: purpose(patch)?, by, time: begun.elapsed(), name };
        println!("    {}", said(&row));
        rows.push(row);
    }
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    println!("\n{:width$}     time  caught by", "bug");
    for row in &rows {
        println!("{:width$}  {:>7}  {}", row.name, clock(row.time), said(row));
    }
    let escaped: Vec<&str> = rows.iter().filter(|row| row.by.is_err()).map(|row| row.name.as_str()).collect();
    println!("\n{} of {} caught", rows.len() - escaped.len(), rows.len());
    if !escaped.is_empty() {
        bail!("not caught: {}", escaped.join(", "));
    }
    Ok(())
}

fn said(row: &Caught) -> String {
    match &row.by {
        Ok((invariant, seed)) => format!("«{invariant}», seed {seed}: {}", row.what),
        Err(error) => format!("NOT CAUGHT: {} ({error:#})", row.what),
    }
}

/// The patches of this name, or all.
fn patches(name: &str) -> Result<Vec<PathBuf>> {
    let dir = repo().join(MUTANTS);
    let entries = fs::read_dir(&dir).with_context(|| format!("can't read {MUTANTS}"))?;
    let mut all: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    all.retain(|path| path.extension().is_some_and(|extension| extension == "patch"));
    all.retain(|path| name.is_empty() || path.file_stem().is_some_and(|stem| stem.to_string_lossy() == name));
    all.sort();
    if all.is_empty() {
        bail!("no {MUTANTS}/{name}.patch; the names are those of the files there, without .patch");
    }
    Ok(all)
}

/// What a patch breaks: its first line says so.
fn purpose(patch: &Path) -> Result<String> {
    let text = fs::read_to_string(patch).with_context(|| format!("can't read {}", patch.display()))?;
    let line = text.lines().next().unwrap_or_default();
    match line.strip_prefix("# breaks: ") {
        Some(what) => Ok(what.to_owned()),
        None => bail!("{} does not begin with `# breaks: ` and what it breaks", patch.display()),
    }
}

/// Every file of the checkout that git knows or would know. One that is the same already stays as it is, so
/// that cargo need not build it again.
fn copy_checkout(tree: &Path) -> Result<()> {
    let listed = capture(command("git").args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]))?;
    for name in listed.split('\0').filter(|name| !name.is_empty()) {
        let (from, to) = (repo().join(name), tree.join(name));
        // Listed, but deleted since.
        let Ok(bytes) = fs::read(&from) else {
            remove_file(&to)?;
            continue;
        };
        if fs::read(&to).is_ok_and(|there| there == bytes) {
            continue;
        }
        if let Some(dir) = to.parent() {
            fs::create_dir_all(dir)?;
        }
        fs::write(&to, bytes).with_context(|| format!("can't write {}", to.display()))?;
    }
    Ok(())
}

/// Plants one bug, looks for it, and takes it out again.
fn plant(scratch: &Path, patch: &Path) -> Result<(String, String)> {
    let tree = scratch.join(TREE);
    apply(&tree, patch, &[]).context("the patch does not fit the code any more")?;
    let found = seek(scratch);
    apply(&tree, patch, &["--reverse"]).context("the patch can't be taken out again: remove target/mutants/tree")?;
    found
}

fn apply(tree: &Path, patch: &Path, arguments: &[&str]) -> Result<()> {
    let mut git = command("git");
    // The copy lies inside this repository, but is none of it.
    git.current_dir(tree).env("GIT_CEILING_DIRECTORIES", tree.parent().unwrap_or(tree));
    capture(git.arg("apply").args(arguments).arg(patch)).map(drop)
}

/// Builds the copy as it is. The simulator that came of it.
fn build_in(scratch: &Path) -> Result<PathBuf> {
    let folder = scratch.join("target");
    let log = scratch.join("build.log");
    logged(build(&scratch.join(TREE)).env("CARGO_TARGET_DIR", &folder), &log)?;
    if fs::read_to_string(&log)?.lines().any(|line| line.starts_with("warning: ")) {
        bail!("the compiler warns: see {}", log.display());
    }
    Ok(folder.join("sim/lull-sim"))
}

/// Runs seed after seed until one finds the bug, which the same seed must not find where there is none.
fn seek(scratch: &Path) -> Result<(String, String)> {
    let simulator = build_in(scratch).context("it does not compile")?;
    let (runs, seconds) = (RUNS_PER_MUTANT.to_string(), SECONDS_PER_MUTANT.to_string());
    let budget = ["--seed", "1", "--runs", &runs, "--seconds", &seconds, "--shrink-runs", "0"];
    let output = command(simulator).args(budget).output().context("the simulator does not start")?;
    let text = String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        bail!("{}", text.lines().rfind(|line| line.contains(" runs, ")).unwrap_or("no run broke"));
    }
    let (invariant, seed) = broken(&text).with_context(|| format!("the simulator ended oddly: {}", output.status))?;
    let mut sound = command(scratch.join(SOUND));
    capture(sound.args(["--seed", &seed, "--runs", "1", "--shrink-runs", "0"]))
        .with_context(|| format!("«{invariant}» breaks by seed {seed} without the bug, too"))?;
    Ok((invariant, seed))
}

/// Invariant and seed, from the simulator's `BROKEN by seed 7: «invariant» at …`.
fn broken(text: &str) -> Option<(String, String)> {
    let line = text.lines().find_map(|line| line.strip_prefix("BROKEN by seed "))?;
    let (seed, rest) = line.split_once(": «")?;
    Some((rest.split_once('»')?.0.to_owned(), seed.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_simulators_word_is_understood() {
        let text = "seeds from 1 on\n\nBROKEN by seed 7: «each result is paid once» at 12.0 s: a second entry\nmore";
        assert_eq!(broken(text), Some(("each result is paid once".to_owned(), "7".to_owned())));
        assert_eq!(broken("everything held"), None);
    }

    #[test]
    fn every_planted_bug_says_what_it_breaks_and_fits_the_code() {
        for patch in patches("").unwrap() {
            purpose(&patch).unwrap();
            apply(&repo(), &patch, &["--check"]).unwrap();
        }
        assert!(patches("no-such-bug").is_err());
    }
}
