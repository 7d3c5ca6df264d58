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
        let of_cargo_run = name.starts_with("CARGO_PKG_")
            || ["CARGO", "CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH"].contains(&&*name);
        if of_cargo_run {
            command.env_remove(&*name);
        }
    }
    command
}

/// Runs a command and returns what it printed, trimmed.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("can't start {}", shown(command)))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        let last = complaint.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
        bail!("{} failed ({}): {last}", shown(command), output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Runs a command whose output goes to a log file; a failure prints the log's end on standard error.
pub(crate) fn logged(command: &mut Command, log: &Path) -> Result<()> {
    if let Some(dir) = log.parent() {
        fs::create_dir_all(dir)?;
    }
    let file = File::create(log).with_context(|| format!("can't write {}", log.display()))?;
    command.stdin(std::process::Stdio::null()).stdout(file.try_clone()?).stderr(file);
    let status = command.status().with_context(|| format!("can't start {}", shown(command)))?;
    if status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&fs::read(log)?).into_owned();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    eprintln!();
    for line in lines.iter().skip(lines.len().saturating_sub(LOG_LINES_SHOWN)) {
        eprintln!("    {line}");
    }
    Err(anyhow!("`{}` failed ({status}), its log is {}", shown(command), log.display()))
}

/// Runs a command on this terminal.
pub(crate) fn stream(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("can't start {}", shown(command)))?;
    if !status.success() {
        bail!("`{}` failed ({status})", shown(command));
    }
    Ok(())
}

/// Removes a folder if it is there.
pub(crate) fn remove_dir(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("can't remove {}", dir.display()))
        }
        _ => Ok(()),
    }
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut text = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    for arg in command.get_args() {
        text.push(' ');
        text.push_str(&arg.to_string_lossy());
    }
    text
}
