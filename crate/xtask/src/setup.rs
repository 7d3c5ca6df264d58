//! What this machine lacks, and installing it: each item is checked by running it, installed where that
//! is possible without touching the system, and checked again. A half-finished installation fails its
//! check, so it is never taken for a finished one.

mod debian;
mod programs;
mod tools;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::progress::Steps;
use crate::shell::lock;

pub(crate) use programs::{chromedriver, chromium, firefox};
pub(crate) use tools::{Tools, WASM_BINDGEN, WASM_OPT_VERSION, WASM_PACK};

/// What the machine is prepared for.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Goal {
    /// Building and packaging the extension
    Build,
    /// Running it with the real network
    Online,
    /// Running it in a network of its own
    Isolated,
    /// Running the demonstration, with a chain
    Run,
    /// Running it in Firefox, in a network of its own
    Firefox,
    /// Every check
    Test,
    /// Payouts on a chain of this machine
    Chain,
    /// Screenshots and the recording
    Pictures,
    /// Searching for inputs that break something; not part of `all`
    Fuzz,
    /// All of the others
    All,
}

/// One thing a machine has or lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// Node.js with npm: runs wasm-opt and the cores' tests on wasm32.
    Node,
    /// Chromium and the chromedriver of its version.
    Browser,
    /// Firefox.
    Firefox,
    /// geckodriver, which drives it.
    Geckodriver,
    /// Network namespaces, `unshare` and `ip`: a network with no way out.
    Network,
    /// Python that can make a virtual environment.
    Python,
    /// ffmpeg.
    Recorder,
    /// Rust's standard library for wasm32.
    Target,
    /// wasm-pack.
    WasmPack,
    /// wasm-bindgen's command line and test runner.
    WasmBindgen,
    /// binaryen's wasm-opt.
    WasmOpt,
    /// axe-core, the outside judge of accessibility.
    Axe,
    /// The Wallet Standard's own packages, the outside judges of the page that connects a wallet.
    WalletJudges,
    /// Mozilla's addons-linter, the outside judge of the Firefox package.
    AddonsLinter,
    /// pycose, the outside COSE implementation.
    Pycose,
    /// Surfpool, a chain of this machine.
    Surfpool,
    /// solders, the outside Solana implementation.
    Solders,
    /// age's own tool, the outside judge of backups.
    Age,
    /// A nightly Rust, which can count the edges a program takes.
    Nightly,
    /// A C++ compiler: builds libFuzzer.
    Cxx,
    /// cargo-fuzz.
    CargoFuzz,
}

impl Goal {
    fn items(self) -> &'static [Item] {
        use Item::{
            AddonsLinter, Age, Axe, Browser, Firefox, Geckodriver, Network, Node, Pycose, Python, Recorder, Solders,
            Surfpool, Target, WalletJudges, WasmBindgen, WasmOpt, WasmPack,
        };
        match self {
            Goal::Fuzz => &[Item::Nightly, Item::Cxx, Item::CargoFuzz],
            Goal::Build => &[Node, Target, WasmPack, WasmBindgen, WasmOpt],
            Goal::Online => &[Node, Browser, Target, WasmPack, WasmBindgen, WasmOpt],
            Goal::Isolated => &[Node, Browser, Network, Target, WasmPack, WasmBindgen, WasmOpt],
            Goal::Run => &[Node, Browser, Network, Surfpool, Target, WasmPack, WasmBindgen, WasmOpt],
            Goal::Firefox => &[Node, Firefox, Network, Target, WasmPack, WasmBindgen, WasmOpt, Geckodriver],
            Goal::Chain => &[Node, Python, Surfpool, Solders],
            Goal::Pictures => &[Node, Browser, Network, Recorder, Target, WasmPack, WasmBindgen, WasmOpt],
            Goal::Test => &[
                Node,
                Browser,
                Firefox,
                Network,
                Python,
                Target,
                WasmPack,
                WasmBindgen,
                WasmOpt,
                Geckodriver,
                AddonsLinter,
                Axe,
                WalletJudges,
                Pycose,
                Surfpool,
                Solders,
                Age,
            ],
            Goal::All => &[
                Node,
                Browser,
                Firefox,
                Network,
                Python,
                Recorder,
                Target,
                WasmPack,
                WasmBindgen,
                WasmOpt,
                Geckodriver,
                AddonsLinter,
                Axe,
                WalletJudges,
                Pycose,
                Surfpool,
                Solders,
                Age,
            ],
        }
    }
}

/// How a preparation ended: the tools, and a line for each thing that is missing.
pub(crate) struct Prepared {
    /// Where the tools are.
    pub(crate) tools: Tools,
    missing: Vec<(Item, String)>,
}

impl Prepared {
    /// The tools, if nothing is missing; else every problem at once.
    pub(crate) fn require(self) -> Result<Tools> {
        match self.complaint() {
            None => Ok(self.tools),
            Some(complaint) => bail!(complaint),
        }
    }

    /// Every missing item, one line each.
    pub(crate) fn complaint(&self) -> Option<String> {
        let lines: Vec<&str> = self.missing.iter().map(|(_, line)| line.as_str()).collect();
        let head = format!("this machine lacks {}:", lines.len());
        (!lines.is_empty()).then(|| format!("{head}\n  {}", lines.join("\n  ")))
    }

    /// The first of these items that is missing, in words.
    pub(crate) fn lacks(&self, items: &[Item]) -> Option<&str> {
        self.missing.iter().find(|(item, _)| items.contains(item)).map(|(_, line)| line.as_str())
    }
}

/// Checks and installs what `goal` needs, showing the steps left. Every item is tried, whatever became of
/// the others. `force_debian` takes the Debian way to the wasm32 target.
pub(crate) fn prepare(goal: Goal, force_debian: bool) -> Result<Prepared> {
    let mut tools = Tools::new(cache()?, force_debian);
    fs::create_dir_all(&tools.cache).with_context(|| format!("can't write {}", tools.cache.display()))?;
    let _alone = lock(&tools.cache.join("lock"), "another set-up")?;
    let mut steps = Steps::new(goal.items().len());
    let mut missing = Vec::new();
    for &item in goal.items() {
        let before = foundation(item).filter(|needed| missing.iter().any(|(gone, _)| gone == needed));
        let outcome = steps.step(&label(item), || match before {
            Some(needed) => bail!("it needs {}", label(needed)),
            None => provide(item, &mut tools),
        });
        if let Err(error) = outcome {
            let line = format!("{}: {error:#}. {}", label(item), by_hand(item));
            if item == Item::Recorder {
                println!("      {line}");
            } else {
                missing.push((item, line));
            }
        }
    }
    if missing.is_empty() {
        crate::shell::remove_dir(&tools.build_dir())?;
    }
    Ok(Prepared { tools, missing })
}

/// Checks an item, installs it if need be, and checks it again.
fn provide(item: Item, tools: &mut Tools) -> Result<String> {
    if let Ok(version) = ready(item, tools) {
        return Ok(version);
    }
    install(item, tools)?;
    ready(item, tools)?;
    Ok("installed".to_owned())
}

/// The program without which an item can be neither installed nor run.
fn foundation(item: Item) -> Option<Item> {
    match item {
        Item::WasmOpt | Item::Axe | Item::WalletJudges | Item::AddonsLinter | Item::Surfpool => Some(Item::Node),
        Item::Pycose | Item::Solders => Some(Item::Python),
        _ => None,
    }
}

/// The user's cache: `$XDG_CACHE_HOME/lull`, else `~/.cache/lull`.
fn cache() -> Result<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
    Ok(base.context("neither XDG_CACHE_HOME nor HOME names a folder")?.join("lull"))
}

/// What an item is called on its line.
fn label(item: Item) -> String {
    match item {
        Item::Node => "Node.js and npm".into(),
        Item::Browser => "Chromium and chromedriver".into(),
        Item::Firefox => "Firefox".into(),
        Item::Geckodriver => format!("geckodriver {}", tools::GECKODRIVER),
        Item::AddonsLinter => format!("addons-linter {} (npm)", tools::ADDONS_LINTER.version),
        Item::Network => "network namespaces".into(),
        Item::Python => "Python with venv".into(),
        Item::Recorder => "ffmpeg".into(),
        Item::Target => "Rust target wasm32-unknown-unknown".into(),
        Item::WasmPack => format!("wasm-pack {}", tools::WASM_PACK),
        Item::WasmBindgen => format!("wasm-bindgen {}", tools::WASM_BINDGEN),
        Item::WasmOpt => format!("wasm-opt {} (npm binaryen)", tools::BINARYEN.version),
        Item::Axe => format!("axe-core {} (npm)", tools::AXE.version),
        Item::WalletJudges => {
            format!("wallet-standard {} and its SIWS verifier {} (npm)", tools::WALLET_APP.version, tools::SIWS.version)
        }
        Item::Pycose => format!("pycose {} (PyPI)", tools::PYCOSE),
        Item::Surfpool => format!("surfpool {} (npm)", tools::SURFPOOL.version),
        Item::Solders => format!("solders {} (PyPI)", tools::SOLDERS),
        Item::Age => "age".into(),
        Item::Nightly => "nightly Rust".into(),
        Item::Cxx => "C++ compiler".into(),
        Item::CargoFuzz => format!("cargo-fuzz {}", tools::CARGO_FUZZ),
    }
}

/// Whether an item works, by running it: its version, or why not.
fn ready(item: Item, tools: &mut Tools) -> Result<String> {
    match item {
        Item::Node => programs::node(),
        Item::Browser => programs::browser(),
        Item::Firefox => programs::firefox_ready(),
        Item::Geckodriver => tools.geckodriver(),
        Item::AddonsLinter => tools.addons_linter(),
        Item::Network => programs::network(),
        Item::Python => programs::python(),
        Item::Recorder => programs::recorder(),
        Item::Target => tools.find_target(),
        Item::WasmPack => tools.wasm_pack(),
        Item::WasmBindgen => tools.wasm_bindgen(),
        Item::WasmOpt => tools.wasm_opt(),
        Item::Axe => tools.axe(),
        Item::WalletJudges => tools.wallet_judges(),
        Item::Pycose => tools.pycose(),
        Item::Surfpool => tools.surfpool(),
        Item::Solders => tools.solders(),
        Item::Age => programs::age(),
        Item::Nightly => programs::nightly(),
        Item::Cxx => programs::cxx(),
        Item::CargoFuzz => tools.cargo_fuzz(),
    }
}

fn install(item: Item, tools: &Tools) -> Result<()> {
    match item {
        Item::Node => programs::apt_install(&["nodejs", "npm"], tools),
        Item::Browser => programs::apt_install(&["chromium", "chromium-driver"], tools),
        Item::Firefox => programs::apt_install(&["firefox-esr"], tools),
        Item::Geckodriver => tools.install_geckodriver(),
        Item::AddonsLinter => tools.install_npm(&tools::ADDONS_LINTER),
        Item::Network => programs::apt_install(&["iproute2", "util-linux"], tools),
        Item::Python => programs::apt_install(&["python3", "python3-venv"], tools),
        Item::Recorder => programs::apt_install(&["ffmpeg"], tools),
        Item::Target => tools.install_target(),
        Item::WasmPack => tools.install_wasm_pack(),
        Item::WasmBindgen => tools.install_wasm_bindgen(),
        Item::WasmOpt => tools.install_npm(&tools::BINARYEN),
        Item::Axe => tools.install_npm(&tools::AXE),
        Item::WalletJudges => tools.install_npm(&tools::WALLET_APP).and_then(|()| tools.install_npm(&tools::SIWS)),
        Item::Pycose => tools.install_pycose(),
        Item::Surfpool => tools.install_npm(&tools::SURFPOOL),
        Item::Solders => tools.install_solders(),
        Item::Age => programs::apt_install(&["age", "bsdutils"], tools),
        // A toolchain is the person's to choose.
        Item::Nightly => Ok(()),
        Item::Cxx => programs::apt_install(&["g++"], tools),
        Item::CargoFuzz => tools.install_cargo_fuzz(),
    }
}

/// What a person can do about a missing item.
fn by_hand(item: Item) -> &'static str {
    match item {
        Item::Node => "Install Node.js 18 or newer with npm (Debian: apt-get install nodejs npm)",
        Item::Browser => {
            "Install Chromium and its chromedriver (Debian: apt-get install chromium chromium-driver), or name them in \
             LULL_CHROMIUM and LULL_CHROMEDRIVER. Google's own Chrome build won't load an unpacked extension"
        }
        Item::Firefox => {
            "Install Firefox (Debian: apt-get install firefox-esr), or name it in LULL_FIREFOX. Firefox's release and \
             beta builds won't install an add-on that Mozilla has not signed; ESR, Developer Edition and Nightly do"
        }
        Item::Network => {
            "The tests need a Linux kernel that lets you run `unshare -rnm` (root: `unshare -nm`): in a container add \
             the capability SYS_ADMIN, on Ubuntu set sysctl kernel.apparmor_restrict_unprivileged_userns=0"
        }
        Item::Python => "Install Python 3.9 or newer with venv (Debian: apt-get install python3 python3-venv)",
        Item::Recorder => "Without it there are screenshots but no recording (Debian: apt-get install ffmpeg)",
        Item::Target => {
            "With internet: rustup target add wasm32-unknown-unknown; without rustup: your distribution's Rust \
             standard library for wasm32"
        }
        Item::Age => "Install age and script (Debian: apt-get install age bsdutils)",
        Item::Nightly => "With rustup: rustup toolchain install nightly --profile minimal",
        Item::Cxx => "Install one that is called c++ (Debian: apt-get install g++)",
        Item::WasmPack | Item::WasmBindgen | Item::Geckodriver | Item::CargoFuzz => {
            "It comes from crates.io: connect, then run cargo xtask setup again"
        }
        Item::AddonsLinter => {
            "It comes from the npm registry and needs Node.js 20: connect, then run cargo xtask setup again"
        }
        Item::WasmOpt | Item::Axe | Item::WalletJudges => {
            "It comes from the npm registry: connect, then run cargo xtask setup again"
        }
        Item::Surfpool => {
            "It comes from the npm registry, for Linux on x86-64 alone: connect, then run cargo xtask setup again"
        }
        Item::Pycose | Item::Solders => "It comes from PyPI: connect, then run cargo xtask setup again",
    }
}
