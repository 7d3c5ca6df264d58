//! The release package in real browsers, in a network of its own. Started through `cargo xtask`.

mod activity;
mod appeals;
mod axe;
mod backup;
mod bench;
mod browser;
mod browsers;
mod calls;
mod caps;
mod chain;
mod connect;
mod consent;
mod content;
mod devtools;
mod faults;
mod firefox;
mod flags;
mod job;
mod languages;
mod listen;
mod market;
mod network;
mod offers;
mod paid;
mod person;
mod pictures;
mod practice;
mod proxy;
mod scenarios;
mod site;
mod small;
mod types;
mod window;
mod world;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};

use crate::browser::Kind;
use crate::world::Paths;

/// Drives the packaged extension in a real browser.
#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// The main job: with a window to try it, headless to prove it.
    Run {
        /// Without a window, and verified by a separate process.
        #[arg(long)]
        headless: bool,
        /// In which browser.
        #[arg(long, value_enum, default_value_t = Kind::Chromium)]
        browser: Kind,
        /// Real pages to fetch, with the real network.
        #[arg(long)]
        fetch: Vec<String>,
        /// Where to keep what the run leaves; a folder that goes away if not given.
        #[arg(long)]
        data: Option<PathBuf>,
    },
    /// Screenshots of each page in both themes, in Chromium also as few see them and a recording of the first minute.
    Pictures {
        /// In which browser.
        #[arg(long, value_enum, default_value_t = Kind::Chromium)]
        browser: Kind,
        /// Only as few see them, in Chromium; may be given several times.
        #[arg(long, value_enum)]
        guise: Vec<pictures::Guise>,
        /// Only the way to a paid wallet.
        #[arg(long)]
        wallet: bool,
        /// Only backup and erasing.
        #[arg(long)]
        backup: bool,
        /// Only judgments of each type, practice and what else is judged.
        #[arg(long)]
        types: bool,
    },
    /// Benchmarks of the extension; a JSON object a row.
    Bench {
        /// Only this part; may be given several times.
        #[arg(long, value_enum)]
        only: Vec<bench::Part>,
    },
    /// Benchmarks of what is fetched for buyers; a JSON object a row.
    BenchFetch {
        /// Only this part; may be given several times.
        #[arg(long, value_enum)]
        only: Vec<bench::fetch::Part>,
        /// How long the idle background is observed, minutes.
        #[arg(long, default_value_t = 5)]
        idle_minutes: u32,
    },
    /// Benchmarks of the popup before a person who judges; a JSON object a row.
    BenchPopup {
        /// Only this part; may be given several times.
        #[arg(long, value_enum)]
        only: Vec<bench::judging::Part>,
    },
    /// Ten items of each type, answered by whoever is given the text of the accessibility tree and nothing else.
    Listen {
        /// An empty folder for the trees and the keys.
        folder: PathBuf,
    },
    /// Every scenario.
    Test {
        /// Only those whose name contains this.
        #[arg(long)]
        only: Option<String>,
        /// Only in this browser; in both if not given.
        #[arg(long, value_enum)]
        browser: Option<Kind>,
        /// How often the background is killed at random.
        #[arg(long, default_value_t = 8)]
        kills: u64,
    },
}

fn main() -> Result<()> {
    let args = Args::parse();
    let online = matches!(&args.command, Task::Run { fetch, .. } if !fetch.is_empty());
    if !online {
        network::enter()?;
    }
    // Installed once; a second time would only say that it is there.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let (browser, kills) = match &args.command {
        Task::Test { kills, .. } => (Kind::Chromium, *kills),
        Task::Run { browser, .. } | Task::Pictures { browser, .. } => (*browser, 0),
        _ => (Kind::Chromium, 0),
    };
    let paths = Paths::from_env(browser, kills)?;
    match args.command {
        Task::Run { headless, fetch, data, .. } => {
            let temporary = tempfile::tempdir()?;
            let data = data.as_deref().unwrap_or(temporary.path());
            std::fs::create_dir_all(data)?;
            if headless {
                scenarios::on_runtime(job::headless(&paths, data, &fetch))
            } else {
                scenarios::on_runtime(window::open(&paths, data, &fetch))
            }
        }
        Task::Pictures { browser, guise, wallet, backup, types } => {
            let temporary = tempfile::tempdir()?;
            let take = |step| scenarios::on_runtime(pictures::take(&paths, temporary.path(), step));
            if wallet {
                return [pictures::Step::LightWallet, pictures::Step::DarkWallet].into_iter().try_for_each(take);
            }
            if backup {
                return [pictures::Step::LightBackup, pictures::Step::DarkBackup].into_iter().try_for_each(take);
            }
            if types {
                return [pictures::Step::LightTypes, pictures::Step::DarkTypes].into_iter().try_for_each(take);
            }
            if !guise.is_empty() {
                return guise.into_iter().try_for_each(|guise| take(pictures::Step::As(guise)));
            }
            if !pictures::can_record() {
                println!("· no ffmpeg: there will be screenshots but no recording (Debian: apt-get install ffmpeg)");
            }
            use pictures::Step::{Dark, DarkBackup, DarkEmpty, DarkRejected, DarkTime, DarkTypes, DarkWallet};
            use pictures::Step::{Light, LightBackup, LightEmpty, LightRejected, LightTime, LightTypes, LightWallet};
            let light = [LightEmpty, Light, LightTypes, LightTime, LightRejected, LightWallet, LightBackup];
            let dark = [DarkEmpty, Dark, DarkTypes, DarkTime, DarkRejected, DarkWallet, DarkBackup];
            light.into_iter().chain(dark).try_for_each(take)?;
            // What follows is DevTools'.
            if browser == Kind::Chromium {
                for guise in pictures::Guise::value_variants() {
                    take(pictures::Step::As(*guise))?;
                }
                take(pictures::Step::Recording)?;
            }
            Ok(())
        }
        Task::Bench { only } => {
            let data = tempfile::tempdir()?;
            scenarios::on_runtime(bench::run(&paths, data.path(), &only))
        }
        Task::BenchFetch { only, idle_minutes } => {
            let data = tempfile::tempdir()?;
            scenarios::on_runtime(bench::fetch::run(&paths, data.path(), &only, idle_minutes))
        }
        Task::BenchPopup { only } => {
            let data = tempfile::tempdir()?;
            scenarios::on_runtime(bench::judging::run(&paths, data.path(), &only))
        }
        Task::Listen { folder } => {
            let data = tempfile::tempdir()?;
            scenarios::on_runtime(listen::run(&paths, data.path(), &folder))
        }
        Task::Test { only, browser, .. } => scenarios::run(&paths, browser, only.as_deref()),
    }
}
