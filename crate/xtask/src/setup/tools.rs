//! Tools of exact versions in the user's cache: one folder each, `<cache>/<tool>-<version>`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::debian;
use crate::shell::{capture, command, logged, remove_dir};
use crate::version::{parse, show};

/// wasm-pack, from crates.io.
pub(crate) const WASM_PACK: &str = "0.15.1";
/// wasm-bindgen's command line: equals the crate's version in Cargo.toml.
pub(crate) const WASM_BINDGEN: &str = "0.2.130";
/// geckodriver, from crates.io: it drives Firefox.
pub(super) const GECKODRIVER: &str = "0.37.1";
/// cargo-fuzz, from crates.io.
pub(super) const CARGO_FUZZ: &str = "0.13.2";
/// pycose, from PyPI; what it needs is pinned in `requirements.txt`.
pub(super) const PYCOSE: &str = "1.1.0";
const PYCOSE_REQUIREMENTS: &str = include_str!("requirements.txt");
const REQUIREMENTS: &str = "requirements.txt";
/// solders, from PyPI; what it needs is pinned in `solders.txt`.
pub(super) const SOLDERS: &str = "0.29.0";
const SOLDERS_REQUIREMENTS: &str = include_str!("solders.txt");

/// A package of the npm registry, pinned by its content.
pub(super) struct Npm {
    name: &'static str,
    /// Its exact version.
    pub(super) version: &'static str,
    integrity: &'static str,
}

impl Npm {
    /// Its name without its owner's.
    fn folder(&self) -> &'static str {
        self.name.rsplit('/').next().unwrap_or(self.name)
    }
}

/// binaryen: the wasm-opt that reads what today's rustc writes.
pub(super) const BINARYEN: Npm = Npm {
    name: "binaryen",
    version: "132.0.0",
    integrity: "sha512-4Usg7yEvwO3FMso3Oov6qkOOHSod1IEv+boKkh77kTljM+eNBouqCTbqWswGzbG+vDNO/b/v2C4gfEh1WgB9Lg==",
};

/// The version of wasm-opt, as npm counts.
pub(crate) const WASM_OPT_VERSION: &str = BINARYEN.version;

/// axe-core: judges the accessibility of the pages.
pub(super) const AXE: Npm = Npm {
    name: "axe-core",
    version: "4.14.1",
    integrity: "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
};

/// What a page finds wallets by, from those who made the standard.
pub(super) const WALLET_APP: Npm = Npm {
    name: "@wallet-standard/app",
    version: "1.1.1",
    integrity: "sha512-WDGwoByhP5gwHH01r5EaLgQdLVkACPCdOMQhmhn8rsm10h/siSgTorShzBxrn0ExSPof+Lu+C3TfgqBrPa1xoQ==",
};

/// The verifier of Sign In With Solana, from Solana's own side of that standard.
pub(super) const SIWS: Npm = Npm {
    name: "@solana/wallet-standard-util",
    version: "1.1.4",
    integrity: "sha512-vkXUXmpYAFYK3xlaAM3dYbCOtsZLeJxq4Ygxl3rfh3z0cUsxpkONkmwCNop05HdES9+IOzofZlMXF40J00LNRg==",
};

/// Mozilla's own linter of add-ons: what a reviewer runs first. Needs Node.js 20.
pub(super) const ADDONS_LINTER: Npm = Npm {
    name: "addons-linter",
    version: "10.14.0",
    integrity: "sha512-lVwnr27l7L7RNj/POvTEZzjV2106BX6rciSKM8O0zE4oabncXW4mURrz3xXfqDZIkPZ/NbQgwdCxQhwiP2mGMw==",
};

/// Surfpool's chain as a native module of Node.js; there is none for other systems than Linux on x86-64 here.
pub(super) const SURFPOOL: Npm = Npm {
    name: "@solana/surfpool-linux-x64-gnu",
    version: "1.5.0",
    integrity: "sha512-d+wUCBdzw7U4inKoe+Lj7XlH8Nmd6A00IZOsG3R61NQbqhRVp7zFpVCCzV00RvgAOsSedkI87I6B4ehAuyGPAg==",
};

const TARGET: &str = "wasm32-unknown-unknown";

/// Where the tools are, and how to start a command that uses them.
pub(crate) struct Tools {
    /// The user's cache for Lull.
    pub(crate) cache: PathBuf,
    force_debian: bool,
    /// Debian's toolchain builds the wasm, because it is forced or nothing else has the target.
    debian: bool,
}

impl Tools {
    pub(super) fn new(cache: PathBuf, force_debian: bool) -> Self {
        Self { cache, force_debian, debian: force_debian }
    }

    /// A command that finds the tools on its PATH.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = command(program);
        let mut dirs = vec![self.bin("wasm-pack", WASM_PACK), self.bin("wasm-bindgen", WASM_BINDGEN)];
        dirs.push(self.npm_dir(&BINARYEN).join("node_modules/.bin"));
        dirs.push(self.npm_dir(&ADDONS_LINTER).join("node_modules/.bin"));
        dirs.push(self.bin("geckodriver", GECKODRIVER));
        dirs.push(self.bin("cargo-fuzz", CARGO_FUZZ));
        prepend_path(&mut command, dirs);
        command
    }

    /// Whether Debian's toolchain was asked for.
    pub(crate) fn forced(&self) -> bool {
        self.force_debian
    }

    /// Like [`Tools::command`], with the Rust toolchain that has the wasm32 target.
    pub(crate) fn wasm_command(&self, program: &str) -> Result<Command> {
        let mut command = self.command(program);
        if self.debian {
            let dir = self.debian_dir();
            debian::select(&mut command, &dir);
            command.env("CARGO_TARGET_DIR", debian::target_dir(&dir)?);
        }
        Ok(command)
    }

    /// The Python whose packages are [`PYCOSE`] and what it needs.
    pub(crate) fn venv_python(&self) -> PathBuf {
        self.dir("pycose", PYCOSE).join("bin/python")
    }

    /// axe-core's one script, to be run in a page.
    pub(crate) fn axe_script(&self) -> PathBuf {
        self.npm_dir(&AXE).join("node_modules/axe-core/axe.min.js")
    }

    /// The standard's own module for pages, to be run in one.
    pub(crate) fn wallet_app_module(&self) -> PathBuf {
        self.npm_dir(&WALLET_APP).join("node_modules").join(WALLET_APP.name).join("lib/esm/wallets.js")
    }

    /// The verifier's folder, for Node.js.
    pub(crate) fn siws_module(&self) -> PathBuf {
        self.npm_dir(&SIWS).join("node_modules").join(SIWS.name)
    }

    /// The Python whose packages are [`SOLDERS`] and what it needs.
    pub(crate) fn solders_python(&self) -> PathBuf {
        self.dir("solders", SOLDERS).join("bin/python")
    }

    /// Surfpool's native module.
    pub(crate) fn surfpool_module(&self) -> PathBuf {
        self.npm_dir(&SURFPOOL).join("node_modules").join(SURFPOOL.name).join("surfpool-sdk.linux-x64-gnu.node")
    }

    /// Where cargo builds the tools; removed when all are there.
    pub(super) fn build_dir(&self) -> PathBuf {
        self.cache.join("build")
    }

    /// The log of one installation.
    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.cache.join("log").join(name)
    }

    /// Finds the toolchain that has the wasm32 standard library: the one in use, else Debian's.
    pub(super) fn find_target(&mut self) -> Result<String> {
        let missing = match (self.force_debian, sysroot_has_target()) {
            (true, _) => None,
            (false, Ok(version)) => {
                self.debian = false;
                return Ok(version);
            }
            (false, Err(error)) => Some(error),
        };
        match debian::ready(&self.debian_dir()) {
            Ok(version) => {
                self.debian = true;
                Ok(format!("{version}, Debian's"))
            }
            Err(error) => Err(missing.unwrap_or(error)),
        }
    }

    /// rustup first, Debian's packages behind it.
    pub(super) fn install_target(&self) -> Result<()> {
        if !self.force_debian {
            let added = logged(command("rustup").args(["target", "add", TARGET]), &self.log("rustup-target"));
            if added.is_ok() && sysroot_has_target().is_ok() {
                return Ok(());
            }
        }
        debian::install(&self.debian_dir(), &self.log("debian-rust"))
    }

    pub(super) fn wasm_pack(&self) -> Result<String> {
        exactly(self.command("wasm-pack").arg("--version"), WASM_PACK)
    }

    pub(super) fn install_wasm_pack(&self) -> Result<()> {
        self.cargo_install("wasm-pack", "wasm-pack", WASM_PACK, &["--locked"])
    }

    pub(super) fn wasm_bindgen(&self) -> Result<String> {
        exactly(self.command("wasm-bindgen-test-runner").arg("--version"), WASM_BINDGEN)?;
        exactly(self.command("wasm-bindgen").arg("--version"), WASM_BINDGEN)
    }

    /// Its published lock file doesn't build, hence no `--locked`.
    pub(super) fn install_wasm_bindgen(&self) -> Result<()> {
        self.cargo_install("wasm-bindgen-cli", "wasm-bindgen", WASM_BINDGEN, &[])
    }

    pub(super) fn cargo_fuzz(&self) -> Result<String> {
        exactly(self.command("cargo-fuzz").arg("--version"), CARGO_FUZZ)
    }

    pub(super) fn install_cargo_fuzz(&self) -> Result<()> {
        self.cargo_install("cargo-fuzz", "cargo-fuzz", CARGO_FUZZ, &["--locked"])
    }

    pub(super) fn geckodriver(&self) -> Result<String> {
        exactly(self.command("geckodriver").arg("--version"), GECKODRIVER)
    }

    /// Without optimisation: it waits for the browser, and builds in half the time.
    pub(super) fn install_geckodriver(&self) -> Result<()> {
        self.cargo_install("geckodriver", "geckodriver", GECKODRIVER, &["--locked", "--debug"])
    }

    pub(super) fn addons_linter(&self) -> Result<String> {
        exactly(self.command("addons-linter").arg("--version"), ADDONS_LINTER.version)
    }

    pub(super) fn wasm_opt(&self) -> Result<String> {
        let said = capture(self.command("wasm-opt").arg("--version"))?;
        let version = parse(&said).context("wasm-opt names no version")?;
        // It prints binaryen's one number; npm adds two.
        if version.first() != parse(BINARYEN.version).unwrap_or_default().first() {
            bail!("wasm-opt is version {}", show(&version));
        }
        Ok("there".to_owned())
    }

    pub(super) fn axe(&self) -> Result<String> {
        let script = self.axe_script();
        let text = fs::read_to_string(&script).with_context(|| format!("no {}", script.display()))?;
        if !text.contains(AXE.version) {
            bail!("it is another version");
        }
        Ok("there".to_owned())
    }

    pub(super) fn wallet_judges(&self) -> Result<String> {
        let app = self.wallet_app_module();
        fs::metadata(&app).with_context(|| format!("no {}", app.display()))?;
        let load = "if (!require(process.argv[1]).verifySignIn) throw new Error('no verifySignIn')";
        capture(command("node").args(["-e", load]).arg(self.siws_module())).map(|_| "there".to_owned())
    }

    /// By loading it: it is for one system alone.
    pub(super) fn surfpool(&self) -> Result<String> {
        let load = "require(process.argv[1]).Surfnet.newKeypair()";
        capture(command("node").args(["-e", load]).arg(self.surfpool_module())).map(|_| "there".to_owned())
    }

    pub(super) fn pycose(&self) -> Result<String> {
        let script = "import pycose.messages, importlib.metadata as m; print(m.version('pycose'))";
        python_ready(&self.dir("pycose", PYCOSE), PYCOSE_REQUIREMENTS, script, PYCOSE)
    }

    pub(super) fn install_pycose(&self) -> Result<()> {
        self.install_python(&self.dir("pycose", PYCOSE), PYCOSE_REQUIREMENTS)
    }

    pub(super) fn solders(&self) -> Result<String> {
        let script = "import solders.transaction, importlib.metadata as m; print(m.version('solders'))";
        python_ready(&self.dir("solders", SOLDERS), SOLDERS_REQUIREMENTS, script, SOLDERS)
    }

    pub(super) fn install_solders(&self) -> Result<()> {
        self.install_python(&self.dir("solders", SOLDERS), SOLDERS_REQUIREMENTS)
    }

    fn install_python(&self, dir: &Path, requirements: &str) -> Result<()> {
        logged(command("python3").args(["-m", "venv", "--clear"]).arg(dir), &self.log("venv"))?;
        let list = dir.join("wanted.txt");
        fs::write(&list, requirements)?;
        let mut pip = command(dir.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r"]).arg(&list);
        logged(&mut pip, &self.log("pip"))?;
        // Its place under this name says that all of it was installed.
        fs::rename(&list, dir.join(REQUIREMENTS)).context("can't keep the list of what was installed")
    }

    /// npm writes file by file, so the package is unpacked beside its place and moved there whole.
    pub(super) fn install_npm(&self, package: &Npm) -> Result<()> {
        let dir = self.npm_dir(package);
        let partial = self.cache.join(format!("{}.partial", package.folder()));
        remove_dir(&partial)?;
        fs::create_dir_all(&partial)?;
        let mut npm = command("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--save-exact", "--prefix"]).arg(&partial);
        npm.arg(format!("{}@{}", package.name, package.version)).current_dir(&partial);
        logged(&mut npm, &self.log(package.folder()))?;
        let lock = fs::read_to_string(partial.join("package-lock.json"))?;
        if !lock.contains(package.integrity) {
            bail!("{} {} is not the content that was pinned", package.name, package.version);
        }
        remove_dir(&dir)?;
        fs::rename(&partial, &dir).with_context(|| format!("can't make {}", dir.display()))
    }

    /// Builds in a folder shared by all tools and moves the binaries to `<cache>/<folder>-<version>/bin`.
    fn cargo_install(&self, name: &str, folder: &str, version: &str, flags: &[&str]) -> Result<()> {
        let mut cargo = command("cargo");
        cargo.args(["install", "--force", "--version", &format!("={version}")]).args(flags);
        cargo.arg("--root").arg(self.dir(folder, version)).arg(name);
        cargo.env("CARGO_TARGET_DIR", self.build_dir()).current_dir(&self.cache);
        logged(&mut cargo, &self.log(name))
    }

    fn dir(&self, tool: &str, version: &str) -> PathBuf {
        self.cache.join(format!("{tool}-{version}"))
    }

    fn bin(&self, tool: &str, version: &str) -> PathBuf {
        self.dir(tool, version).join("bin")
    }

    fn npm_dir(&self, package: &Npm) -> PathBuf {
        self.dir(package.folder(), package.version)
    }

    fn debian_dir(&self) -> PathBuf {
        self.cache.join("debian-rust")
    }
}

/// Puts folders in front of a command's PATH.
pub(super) fn prepend_path(command: &mut Command, mut dirs: Vec<PathBuf>) {
    let set = command.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, value)| value);
    let path = set.map(ToOwned::to_owned).or_else(|| std::env::var_os("PATH")).unwrap_or_default();
    dirs.extend(std::env::split_paths(&path));
    // A folder whose name holds a colon can't be on a PATH at all.
    if let Ok(path) = std::env::join_paths(dirs) {
        command.env("PATH", path);
    }
}

/// Whether a Rust sysroot holds the wasm32 standard library.
pub(super) fn has_target(sysroot: &Path) -> bool {
    let libs = fs::read_dir(sysroot.join("lib/rustlib").join(TARGET).join("lib"));
    libs.is_ok_and(|files| files.flatten().any(|file| file.file_name().to_string_lossy().starts_with("libstd-")))
}

fn sysroot_has_target() -> Result<String> {
    let sysroot = capture(command("rustc").args(["--print", "sysroot"]))?;
    if !has_target(Path::new(&sysroot)) {
        bail!("the Rust in use lacks it");
    }
    let said = capture(command("rustc").arg("--version"))?;
    Ok(format!("rustc {}", show(&parse(&said).context("rustc names no version")?)))
}

/// Whether a virtual environment has what is pinned, and what that says of itself.
fn python_ready(dir: &Path, requirements: &str, script: &str, version: &str) -> Result<String> {
    let installed = fs::read_to_string(dir.join(REQUIREMENTS));
    if installed.unwrap_or_default() != requirements {
        bail!("it is not in the cache as it is pinned");
    }
    exactly(command(dir.join("bin/python")).args(["-c", script]), version)
}

fn exactly(command: &mut Command, version: &str) -> Result<String> {
    let program = command.get_program().to_os_string();
    let said = parse(&capture(command)?).with_context(|| format!("{} names no version", program.display()))?;
    if Some(&said) != parse(version).as_ref() {
        bail!("it is version {}", show(&said));
    }
    Ok("there".to_owned())
}
