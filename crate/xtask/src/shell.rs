//! Child processes and places: how a command is started, where the repository and its build are.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};

/// Lines of a failed command's log that are shown.
const LOG_LINES_SHOWN: usize = 12;

/// The repository's root.
pub(crate) fn repo() -> PathBuf {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_dir.ancestors().nth(2).unwrap_or(crate_dir).to_path_buf()
}

/// Cargo's target folder: this program lies in `<target>/debug`.
pub(crate) fn target() -> Result<PathBuf> {
    let exe = env::current_exe().context("where is this program?")?;
    let dir = exe.ancestors().nth(2).context("this program lies outside a target folder")?;
    Ok(dir.to_path_buf())
}

/// Cargo's folder of downloaded crates.
pub(crate) fn cargo_home() -> Result<PathBuf> {
    let home = env::var_os("HOME").map(|home| Path::new(&home).join(".cargo"));
    env::var_os("CARGO_HOME").map(PathBuf::from).or(home).context("neither CARGO_HOME nor HOME is set")
}

/// A compiler flag that calls a folder of this machine by another name in all it writes.
pub(crate) fn remap(dir: &Path, name: &str) -> String {
    format!("--remap-path-prefix={}={name}", dir.display())
}

/// The first file of this name on the PATH.
pub(crate) fn which(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|dir| dir.join(name)).find(|file| file.is_file())
}

/// A command in the repository's root, without the variables `cargo run` gave this process: they
/// speak of xtask's own package, and some build scripts would rebuild because of them.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(repo());
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        let of_cargo_run =
            name.starts_with("CARGO_PKG_") || ["CARGO", "CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH"].contains(&&*name);
        if of_cargo_run {
            command.env_remove(&*name);
        }
    }
    command
}

/// Runs a command and returns what it printed, trimmed.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let output = command.output().map_err(|error| cant_start(command, error))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        let last = complaint.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
        bail!("{} failed ({}): {last}", shown(command), output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Runs a command whose output goes to a log file; a failure shows the log's end.
pub(crate) fn logged(command: &mut Command, log: &Path) -> Result<()> {
    if let Some(dir) = log.parent() {
        fs::create_dir_all(dir)?;
    }
    let file = File::create(log).with_context(|| format!("can't write {}", log.display()))?;
    command.stdin(std::process::Stdio::null()).stdout(file.try_clone()?).stderr(file);
    let status = command.status().map_err(|error| cant_start(command, error))?;
    if status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&fs::read(log)?).into_owned();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    println!();
    for line in lines.iter().skip(lines.len().saturating_sub(LOG_LINES_SHOWN)) {
        println!("    {line}");
    }
    Err(anyhow!("{} failed ({status}), its log is {}", shown(command), log.display()))
}

/// Runs a command on this terminal.
pub(crate) fn stream(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(|error| cant_start(command, error))?;
    if !status.success() {
        bail!("{} failed ({status})", shown(command));
    }
    Ok(())
}

/// Waits until nobody else holds this lock file; it is held until the returned file is dropped. Two runs
/// that write into the same folders take turns.
pub(crate) fn lock(path: &Path, holder: &str) -> Result<File> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    let file = File::create(path).with_context(|| format!("can't write {}", path.display()))?;
    if file.try_lock().is_err() {
        println!("{holder} is running; waiting for it …");
        file.lock().with_context(|| format!("can't lock {}", path.display()))?;
    }
    Ok(file)
}

/// Removes a folder if it is there.
pub(crate) fn remove_dir(dir: &Path) -> Result<()> {
    gone(fs::remove_dir_all(dir)).with_context(|| format!("can't remove {}", dir.display()))
}

/// Removes a file if it is there.
pub(crate) fn remove_file(file: &Path) -> Result<()> {
    gone(fs::remove_file(file)).with_context(|| format!("can't remove {}", file.display()))
}

fn gone(removed: std::io::Result<()>) -> std::io::Result<()> {
    match removed {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// The program and, if it takes one first, its subcommand: enough to know which one it was.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let first = command.get_args().next().map(OsStr::to_string_lossy);
    match first {
        Some(first) if !first.starts_with(['-', '/']) => format!("{name} {first}"),
        _ => name,
    }
}

fn cant_start(command: &Command, error: std::io::Error) -> anyhow::Error {
    if error.kind() == std::io::ErrorKind::NotFound {
        return anyhow!("no {} here", Path::new(command.get_program()).display());
    }
    anyhow::Error::new(error).context(format!("can't start {}", shown(command)))
}
