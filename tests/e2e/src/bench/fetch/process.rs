//! What Linux says about the process that the extension runs in.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// Ticks of the times in `/proc`, milliseconds (`USER_HZ` is 100 on every Linux).
const TICK_MS: u64 = 10;
/// Until a process that has started has nothing more to do.
pub(super) const SETTLES: Duration = Duration::from_secs(10);

/// A process by its id.
pub(super) struct Process(u64);

impl Process {
    /// The one process of extensions that a Chromium has.
    pub(super) fn of_extension(browser: u64) -> Result<Self> {
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc")?.flatten() {
            let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let is_extension =
                command.split(|byte| [0, b' '].contains(byte)).any(|word| word == b"--extension-process");
            if is_extension && descends(id, browser) {
                found.push(id);
            }
        }
        ensure!(found.len() == 1, "{} processes of extensions: which is Lull's?", found.len());
        found.pop().map(Self).context("one process")
    }

    /// CPU time so far, milliseconds: user and system, of all its threads.
    pub(super) fn cpu_ms(&self) -> Result<u64> {
        let stat = fs::read_to_string(self.file("stat"))?;
        let ticks = |field: usize| after_name(&stat)?.get(field)?.parse::<u64>().ok();
        // utime and stime, proc_pid_stat(5).
        let both = ticks(11).zip(ticks(12)).context("no times in /proc")?;
        Ok((both.0 + both.1) * TICK_MS)
    }

    /// What is resident and its own or shared memory, without files, bytes.
    pub(super) fn memory_bytes(&self) -> Result<u64> {
        let status = fs::read_to_string(self.file("status"))?;
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().strip_suffix(" kB")?.parse::<u64>().ok()
        };
        let both = kib("RssAnon:").zip(kib("RssShmem:")).context("no memory in /proc")?;
        Ok((both.0 + both.1) * 1_024)
    }

    fn file(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.0))
    }
}

/// Whether a process is a child of another, or of a child of it, and so on.
fn descends(id: u64, ancestor: u64) -> bool {
    let mut at = id;
    while at > 1 {
        if at == ancestor {
            return true;
        }
        let stat = fs::read_to_string(format!("/proc/{at}/stat")).unwrap_or_default();
        let Some(parent) = after_name(&stat).and_then(|fields| fields.get(1)?.parse().ok()) else { return false };
        at = parent;
    }
    false
}

/// The fields of `/proc/<id>/stat` behind the name, which may hold anything: the state is the first.
fn after_name(stat: &str) -> Option<Vec<&str>> {
    Some(stat.rsplit_once(')')?.1.split_whitespace().collect())
}
