//! Starting the real thing: the extension and the native programs are built here, then `lull-e2e` takes over.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};

use crate::package::{Locale, PackageArgs, package};
use crate::progress::Steps;
use crate::setup::{Goal, Tools, chromedriver, chromium, firefox, prepare};
use crate::shell::{command, logged, repo, target};
use crate::web;

/// The packages whose programs take part.
const PROGRAMS: [&str; 5] = ["lull-coordinator", "lull-cli", "lull-native", "lull-chain", "lull-e2e"];

/// How to run.
#[derive(Args)]
pub(crate) struct RunArgs {
    /// Drive the main job in a headless Chromium and let a separate process verify it
    #[arg(long)]
    headless: bool,

    /// In this browser; Firefox needs --headless
    #[arg(long, value_enum, default_value_t = Browser::Chromium)]
    browser: Browser,

    /// Fetch these pages (needs internet)
    #[arg(long, value_name = "URL", num_args = 1..)]
    fetch: Vec<String>,

    /// Keep all that the run leaves in this folder; one that a run with a window left goes on [default: a fresh one that goes away]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Which browser.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Browser {
    Chromium,
    Firefox,
}

/// Sets up, builds, packages, and hands over to `lull-e2e run`.
pub(crate) fn run(args: &RunArgs, force_debian: bool) -> Result<()> {
    let is_firefox = args.browser == Browser::Firefox;
    ensure!(
        args.headless || !is_firefox,
        "with a window only Chromium is started; for Firefox add --headless, or load \
         target/extension/firefox/manifest.json at about:debugging#/runtime/this-firefox"
    );
    let goal = match (is_firefox, args.headless, args.fetch.is_empty()) {
        (true, ..) => Goal::Firefox,
        (false, false, _) => Goal::Run,
        (false, true, true) => Goal::Isolated,
        (false, true, false) => Goal::Online,
    };
    let tools = prepare(goal, force_debian)?.require()?;
    let mut e2e = ready_to_run(&tools)?;
    e2e.arg("run");
    if is_firefox {
        e2e.args(["--browser", "firefox"]);
    }
    if args.headless {
        e2e.arg("--headless");
    }
    for url in &args.fetch {
        e2e.arg("--fetch").arg(url);
    }
    if let Some(data) = &args.data {
        e2e.arg("--data").arg(std::path::absolute(data)?);
    }
    hand_over(e2e)
}

/// Sets up, builds, packages, and hands over to `lull-e2e pictures`.
pub(crate) fn pictures(guises: &[String], force_debian: bool) -> Result<()> {
    let tools = prepare(Goal::Pictures, force_debian)?.require()?;
    for locale in [Locale::Pseudo, Locale::PseudoRtl] {
        package(&tools, &PackageArgs::in_locale(locale))?;
    }
    let mut e2e = ready_to_run(&tools)?;
    e2e.arg("pictures");
    e2e.args(guises.iter().flat_map(|guise| ["--guise", guise]));
    hand_over(e2e)
}

/// Sets up, builds, packages, and hands over to `lull-e2e listen`.
pub(crate) fn listen(folder: &Path, force_debian: bool) -> Result<()> {
    let tools = prepare(Goal::Isolated, force_debian)?.require()?;
    let mut e2e = ready_to_run(&tools)?;
    e2e.arg("listen").arg(std::path::absolute(folder)?);
    hand_over(e2e)
}

/// How the native programs are built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Programs {
    /// Fast to build.
    Debug,
    /// As an operator runs them.
    Release,
}

/// `lull-e2e` with all it needs to know, once the native programs are built. The extension must be packaged.
pub(crate) fn e2e(tools: &Tools, programs: Programs) -> Result<Command> {
    let pages = web::pages(tools)?;
    let mut steps = Steps::new(1);
    steps.step("native programs", || {
        let mut cargo = command("cargo");
        cargo.arg("build");
        cargo.args(PROGRAMS.iter().flat_map(|package| ["-p", package]));
        if programs == Programs::Release {
            cargo.arg("--release");
        }
        logged(&mut cargo, &target()?.join("xtask/log/programs"))?;
        Ok("built".to_owned())
    })?;
    let built = target()?.join(if programs == Programs::Release { "release" } else { "debug" });
    let mut e2e = tools.command(&built.join("lull-e2e").to_string_lossy());
    e2e.env("LULL_REPO", repo())
        .env("LULL_EXTENSION_DIR", target()?.join("extension"))
        .env("LULL_JUDGMENTS_DIR", target()?.join("extension/judgments"))
        .env("LULL_COORDINATOR_BIN", built.join("lull-coordinator"))
        .env("LULL_CLI_BIN", built.join("lull"))
        .env("LULL_NATIVE_BIN", built.join("lull-native"))
        .env("LULL_CHAIN_BIN", built.join("lull-chain"))
        .env("LULL_SURFPOOL", tools.surfpool_module())
        .env("LULL_PAGES", pages)
        .env("LULL_AXE_SCRIPT", tools.axe_script())
        .env("LULL_WALLET_APP", tools.wallet_app_module())
        .env("LULL_SIWS", tools.siws_module());
    // Set-up has found those that the task needs.
    let browsers = [("LULL_CHROMIUM", chromium()), ("LULL_CHROMEDRIVER", chromedriver()), ("LULL_FIREFOX", firefox())];
    for (name, program) in browsers {
        if let Ok(program) = program {
            e2e.env(name, program);
        }
    }
    Ok(e2e)
}

fn ready_to_run(tools: &Tools) -> Result<Command> {
    package(tools, &PackageArgs::default())?;
    e2e(tools, Programs::Debug)
}

/// Becomes the other program: its status is ours, and Ctrl-C reaches it alone, so it can clean up.
fn hand_over(mut program: Command) -> Result<()> {
    let error = program.exec();
    Err(error).with_context(|| format!("can't start {}", program.get_program().display()))
}
