//! The wasm32 target where rustup can't download it: Debian's Rust, unpacked into the cache without root,
//! with a standard library for wasm32 that is built once from Debian's copy of its source.
//!
//! ```text
//! debian-rust/bin/…           rustc, cargo and their kin, which first find their shared libraries
//! debian-rust/usr/…           the packages' files; /usr there is the sysroot
//! ```

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result, bail};

use super::tools::{has_target, prepend_path};
use crate::shell::{capture, cargo_home, command, logged, remap, remove_dir, target, which};
use crate::version::{parse, show};

/// The packages by name; apt adds what they need and the system lacks. These are downloaded even where the
/// system has them, since all of a toolchain must lie in one folder.
const PACKAGES: [&str; 6] =
    ["rustc-web", "libstd-rust-web-dev", "cargo-web", "rust-web-src", "rust-web-clippy", "libllvm22"];
/// LLVM's linker, of the LLVM that this rustc was built with.
const LINKER_PACKAGE: &str = "lld-22";
const LINKER: &str = "lib/llvm-22/bin/lld";
const PROGRAMS: [&str; 5] = ["rustc", "rustdoc", "cargo", "cargo-clippy", "clippy-driver"];
const TARGET: &str = "wasm32-unknown-unknown";

/// Makes a command use this toolchain: its own programs come first on the PATH, so it works with rustup and
/// without, and rustup's choice for this session no longer counts.
pub(super) fn select(command: &mut Command, dir: &Path) {
    prepend_path(command, vec![dir.join("bin")]);
    command.env("RUSTUP_TOOLCHAIN", dir);
}

/// Where cargo builds with this toolchain. Cargo tells compilers apart by their version, not by a standard
/// library that was built anew, so each installation has a folder of its own.
pub(super) fn target_dir(dir: &Path) -> Result<PathBuf> {
    let installed = fs::metadata(dir.join("bin/rustc"))?.modified()?.duration_since(UNIX_EPOCH)?;
    Ok(target()?.join(format!("debian-rust-{}", installed.as_secs())))
}

/// The toolchain's version, if it is complete.
pub(super) fn ready(dir: &Path) -> Result<String> {
    if !has_target(&dir.join("usr")) {
        bail!("Debian's toolchain is not in the cache");
    }
    let said = capture(command(dir.join("bin/rustc")).arg("--version"))?;
    Ok(format!("rustc {}", show(&parse(&said).context("rustc names no version")?)))
}

/// Downloads, unpacks and builds beside `dir`, then moves the whole there.
pub(super) fn install(dir: &Path, log: &Path) -> Result<()> {
    for program in ["apt-get", "dpkg"] {
        which(program).with_context(|| format!("the fallback needs Debian's packages, and {program} is not here"))?;
    }
    let partial = dir.with_extension("partial");
    remove_dir(&partial)?;
    let downloads = partial.join("apt");
    download(&downloads, log)?;
    for package in files(&downloads.join("archives"), "deb")? {
        logged(command("dpkg").arg("-x").arg(&package).arg(&partial), log)?;
    }
    write_programs(&partial)?;
    build_std(&partial, log)?;
    remove_dir(&downloads)?;
    remove_dir(dir)?;
    fs::rename(&partial, dir).with_context(|| format!("can't make {}", dir.display()))
}

/// Fetches the packages with package lists and archives of our own, which needs no root.
fn download(dir: &Path, log: &Path) -> Result<()> {
    for sub in ["lists/partial", "archives/partial"] {
        fs::create_dir_all(dir.join(sub))?;
    }
    let apt = |args: &[&str]| {
        let mut apt = command("apt-get");
        apt.arg("-q").arg("-o").arg(format!("Dir::State::Lists={}", dir.join("lists").display()));
        apt.arg("-o").arg(format!("Dir::Cache={}", dir.display()));
        apt.arg("-o").arg(format!("Dir::Cache::archives={}", dir.join("archives").display()));
        apt.args(["-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User="]).args(args);
        logged(&mut apt, log)
    };
    apt(&["update"])?;
    let mut args = vec!["install", "-y", "--no-install-recommends", "--download-only", "--reinstall", LINKER_PACKAGE];
    args.extend(PACKAGES);
    apt(&args)
}

/// The programs, each told where its shared libraries lie; the paths are relative, so the folder may move.
fn write_programs(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir.join("bin"))?;
    let libraries = library_folder(&dir.join("usr/lib"))?;
    for program in PROGRAMS {
        let path = dir.join("bin").join(program);
        let script = format!(
            "#!/bin/sh\nhere=$(dirname \"$(readlink -f \"$0\")\")/../usr\n\
             export LD_LIBRARY_PATH=\"$here/lib/{libraries}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}\"\n\
             exec \"$here/bin/{program}\" \"$@\"\n"
        );
        fs::write(&path, script)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    }
    let host = capture(command(dir.join("bin/rustc")).args(["--print", "host-tuple"]))?;
    let linker_dir = dir.join("usr/lib/rustlib").join(host).join("bin");
    fs::create_dir_all(&linker_dir)?;
    symlink(Path::new("../../../..").join(LINKER), linker_dir.join("rust-lld"))?;
    Ok(())
}

/// Builds the standard library for wasm32 in an empty crate and puts it into the sysroot.
fn build_std(dir: &Path, log: &Path) -> Result<()> {
    let empty = dir.join("std");
    fs::create_dir_all(empty.join("src"))?;
    fs::write(empty.join("src/lib.rs"), "//! Empty.\n")?;
    let manifest =
        "[package]\nname = \"empty\"\nedition = \"2021\"\n[profile.release]\npanic = \"abort\"\n[workspace]\n";
    fs::write(empty.join("Cargo.toml"), manifest)?;
    let mut cargo = command("cargo");
    select(&mut cargo, dir);
    cargo.current_dir(&empty).env("RUSTC_BOOTSTRAP", "1").env("CARGO_TARGET_DIR", empty.join("target"));
    // Without its bitcode a later build with `lto = true` finds nothing to optimise across; the panic
    // messages of a package made with it name no folder of this machine.
    let source = dir.join("usr/lib/rustlib/src/rust");
    let flags = ["-Cembed-bitcode=yes".to_owned(), remap(&source, "rustc"), remap(&cargo_home()?, "cargo")];
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    // `test` gives `cargo test` on this target its harness.
    cargo.args(["build", "--release", "-Zbuild-std=std,panic_abort,proc_macro,test", "--target", TARGET]);
    logged(&mut cargo, log)?;
    let libs = dir.join("usr/lib/rustlib").join(TARGET).join("lib");
    fs::create_dir_all(&libs)?;
    for file in files(&empty.join("target").join(TARGET).join("release/deps"), "rlib")? {
        let name = file.file_name().unwrap_or_default();
        if !name.to_string_lossy().starts_with("libempty-") {
            fs::copy(&file, libs.join(name))?;
        }
    }
    // The source, half of all this, has done its work.
    remove_dir(&dir.join("usr/src"))?;
    remove_dir(&empty)
}

/// The folder of this architecture's shared libraries (`x86_64-linux-gnu` or its like): the compiler's is there.
fn library_folder(lib: &Path) -> Result<String> {
    for entry in fs::read_dir(lib)?.flatten().filter(|entry| entry.path().is_dir()) {
        let libraries = files(&entry.path(), "so")?;
        let of_rustc = |path: &PathBuf| path.to_string_lossy().contains("/librustc_driver-");
        if libraries.iter().any(of_rustc) {
            return Ok(entry.file_name().to_string_lossy().into_owned());
        }
    }
    bail!("the packages hold no compiler")
}

/// The files in a folder that have this extension.
fn files(dir: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).with_context(|| format!("can't read {}", dir.display()))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = paths.collect::<std::io::Result<Vec<_>>>()?;
    paths.retain(|path| path.extension() == Some(OsStr::new(extension)));
    Ok(paths)
}
