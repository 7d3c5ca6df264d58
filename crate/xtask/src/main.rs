//! `cargo xtask`: sets up a machine, builds and packages the extension, checks everything and runs
//! it. One module per concern; nothing here is part of the product.

mod bench;
mod checks;
mod faults;
mod fuzz;
mod lint;
mod messages;
mod package;
mod progress;
mod psl;
mod run;
mod setup;
mod shell;
mod sim;
mod store;
mod tidy;
mod version;
mod wasm;
mod web;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, Parser, Subcommand};

use setup::Goal;

const EXAMPLES: &str = "\
Start here:
  cargo xtask run --headless     the whole job once, in a headless Chromium, checked by a second process
  cargo xtask run                the same to try by hand, in a window
  cargo xtask test               every check there is

Both install what is missing on this machine first (tools go to ~/.cache/lull), or say in one line
each what to install. Each command explains itself: cargo xtask help run";

/// Builds, packages, checks and runs Lull.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    task: Task,

    /// Build wasm with Debian's Rust even where rustup's wasm32 target is installed
    ///
    /// This is the way of a machine that can't download rustup's target; the switch keeps it tested.
    #[arg(long, global = true, action = ArgAction::SetTrue, value_parser = BoolishValueParser::new(),
          env = "LULL_FORCE_DEBIAN_TARGET")]
    force_debian_target: bool,
}

#[derive(Subcommand)]
enum Task {
    /// Find what is missing on this machine and install it where possible
    #[command(after_help = "Examples:
  cargo xtask setup
  cargo xtask setup --for run
  cargo xtask setup --force-debian-target
  XDG_CACHE_HOME=/tmp/empty cargo xtask setup   start from an empty cache")]
    Setup(SetupArgs),

    /// Build the release wasm of the extension and of the pages that the coordinator serves; print its sizes
    #[command(after_help = "Example:
  cargo xtask build     writes target/extension/pkg/background and …/popup, and target/web")]
    Build,

    /// Build the extension, assemble its folders and archives for Chromium and Firefox
    #[command(after_help = "Examples:
  cargo xtask package
  cargo xtask package --flavour judgments     without bandwidth: no fetch, no permission
  cargo xtask package --locale pseudo         accented and longer, into target/extension/pseudo
  cargo xtask package --locale pseudo-rtl     from right to left
  cargo xtask package --source --verify       what a reviewer rebuilds; built twice and compared
  cargo xtask package --coordinator ws://127.0.0.1:7400/v1/worker --fingerprint <64 hex digits>

Then open chrome://extensions, switch on developer mode, and load target/extension/chromium; in Firefox
open about:debugging#/runtime/this-firefox and load target/extension/firefox/manifest.json.")]
    Package(package::PackageArgs),

    /// Write the generated parts of store/ anew: a reason per permission, how to rebuild
    #[command(after_help = "Example:
  cargo xtask store     then read the diff; `cargo test -p xtask` fails while they are stale")]
    Store,

    /// Check the rules a machine can check: crate edges, docs, lints, sizes, append-only files
    #[command(after_help = "Examples:
  cargo xtask tidy
  cargo xtask tidy --bless     add the crate edges in use to crate/xtask/edges.txt")]
    Tidy(TidyArgs),

    /// Run every check there is, with the minutes of each stage
    #[command(after_help = "Examples:
  cargo xtask test
  cargo xtask test --only tidy --only fmt
  cargo xtask test --only e2e     with the stages it stands on
  cargo xtask test --long         with 200 kills, long freezes, long storms")]
    Test(TestArgs),

    /// Measure sizes, the extension in a real Chromium, fetching, and the coordinator, beside their peers
    #[command(
        subcommand,
        after_help = "Examples:
  cargo xtask bench main                     writes target/bench/main.json
  cargo xtask bench main --only browser      start, popup, signing, fetches
  cargo xtask bench main --only size --only coordinator
  cargo xtask bench fetch                    writes target/bench/fetch.json
  cargo xtask bench fetch --idle-minutes 30
  cargo xtask bench fetch --only relay --only memory
  cargo xtask bench payout                   writes target/bench/payout.json"
    )]
    Bench(bench::Bench),

    /// Start a coordinator with a demonstration market and open Chromium with the extension
    #[command(after_help = "Examples:
  cargo xtask run                                  a window to try it by hand; Ctrl-C ends it
  cargo xtask run --headless                       drives the main job and verifies its receipts
  cargo xtask run --fetch https://example.com/     fetches a real page, with internet
  cargo xtask run --data /tmp/lull-data            keeps the coordinator's data there")]
    Run(run::RunArgs),

    /// Run all of Lull on a virtual clock, network and disk, held against a model
    #[command(after_help = "Examples:
  cargo xtask sim --hours 10000        until so many hours were simulated
  cargo xtask sim --runs 200           seeds 1 to 200
  cargo xtask sim --seed 42            one run, twice: both must be the same
  cargo xtask sim --mutants            plants each known bug into a copy and requires its catch
  cargo xtask sim --mutants ack-first  only this one
  cargo xtask sim -- --help            all of the simulator's own options")]
    Sim(sim::SimArgs),

    /// Search for inputs that break what peers, pages and disks can send
    #[command(after_help = "Examples:
  cargo xtask fuzz --list
  cargo xtask fuzz frames --minutes 30 --jobs 2

Needs a nightly Rust. What breaks a target is kept in tests/fuzz/regressions and replays in every test run.")]
    Fuzz(fuzz::FuzzArgs),

    /// Write the Public Suffix List into the policy crate, in its compact form
    #[command(after_help = "Example:
  cargo xtask psl public_suffix_list.dat     the list as published; a newer one than the crate has")]
    Psl(psl::PslArgs),

    /// Make the README's screenshots, the recording of the first minute, and pictures of pages as few see them
    #[command(after_help = "Examples:
  cargo xtask pictures     needs ffmpeg for the recording
  cargo xtask pictures --guise rtl --guise forced     only these, into target/extension/pictures

A guise is long, rtl, contrast, contrast-dark, forced or narrow.")]
    Pictures {
        /// Only as few see them; may be given several times
        #[arg(long, value_name = "GUISE")]
        guise: Vec<String>,
    },

    /// Let someone who sees nothing answer ten items of each type, by the accessibility tree alone
    #[command(after_help = "Example:
  cargo xtask listen target/listening     write the keys for 001.txt into 001.keys: `2`, `ArrowDown Enter`

docs/accessibility.md tells how it went.")]
    Listen {
        /// An empty folder for the trees and the keys
        folder: PathBuf,
    },
}

#[derive(Args)]
struct SetupArgs {
    /// Only what this needs
    #[arg(long = "for", value_enum, default_value = "all")]
    goal: Goal,
}

#[derive(Args)]
struct TidyArgs {
    /// Rewrite the golden file with the crate edges in use; read the diff
    #[arg(long)]
    bless: bool,
}

#[derive(Args)]
struct TestArgs {
    /// Only this stage and those it stands on; may be given several times
    #[arg(long, value_enum, value_name = "STAGE")]
    only: Vec<checks::Stage>,

    /// Faults by the hundred instead of a slice of them: about an hour more
    #[arg(long)]
    long: bool,
}

fn main() -> ExitCode {
    match dispatch(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(cli: Cli) -> Result<()> {
    let force = cli.force_debian_target;
    match cli.task {
        Task::Setup(args) => setup::prepare(args.goal, force)?.require().map(drop),
        Task::Build => {
            let tools = setup::prepare(Goal::Build, force)?.require()?;
            wasm::build(&tools)?;
            web::pages(&tools).map(drop)
        }
        Task::Package(args) => {
            let tools = setup::prepare(Goal::Build, force)?.require()?;
            package::package(&tools, &args).map(drop)
        }
        Task::Store => store::write(),
        Task::Tidy(args) => tidy::tidy(args.bless),
        Task::Test(args) => checks::test(&args.only, args.long, force),
        Task::Bench(which) => bench::bench(&which, force),
        Task::Run(args) => run::run(&args, force),
        Task::Sim(args) => sim::sim(&args),
        Task::Fuzz(args) => fuzz::fuzz(&args),
        Task::Psl(args) => psl::psl(&args),
        Task::Pictures { guise } => run::pictures(&guise, force),
        Task::Listen { folder } => run::listen(&folder, force),
    }
}
