//! What Linux says about processes and the machine: CPU time, memory, open files.

use std::fs;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Ticks per second of the times in `/proc` (`USER_HZ`, the same on every Linux).
const TICKS_PER_SECOND: f64 = 100.0;

/// CPU seconds at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    at: Instant,
    /// Of the coordinator (or the echo server).
    pub(crate) server: f64,
    /// Of its writer thread alone.
    pub(crate) writer: f64,
    /// Of this process.
    pub(crate) load: f64,
    /// Of the whole machine.
    machine: f64,
}

impl Times {
    /// Reads the clocks.
    pub(crate) fn read(server: u32) -> Result<Self> {
        let machine = fs::read_to_string("/proc/stat").context("/proc/stat")?;
        let fields = machine.lines().next().unwrap_or_default().split_whitespace().skip(1);
        let fields: Vec<f64> = fields.filter_map(|field| field.parse().ok()).collect();
        // user, nice, system, idle, iowait, irq, softirq, steal
        let busy: f64 = fields.iter().enumerate().filter(|(i, _)| ![3, 4].contains(i) && *i < 8).map(|(_, v)| v).sum();
        Ok(Self {
            at: Instant::now(),
            server: cpu_seconds(&format!("/proc/{server}/stat"))?,
            writer: writer_seconds(server)?,
            load: own_cpu_seconds()?,
            machine: busy / TICKS_PER_SECOND,
        })
    }

    /// What was used since then.
    pub(crate) fn since(&self, before: &Self) -> Spent {
        let seconds = (self.at - before.at).as_secs_f64();
        let (server, load) = (self.server - before.server, self.load - before.load);
        let others = (self.machine - before.machine - server - load).max(0.0);
        Spent { seconds, server, writer: self.writer - before.writer, load, others }
    }
}

/// CPU seconds over a span.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spent {
    /// How long it was.
    pub(crate) seconds: f64,
    pub(crate) server: f64,
    pub(crate) writer: f64,
    pub(crate) load: f64,
    /// Whatever else ran on this machine.
    pub(crate) others: f64,
}

impl Spent {
    /// In cores: who used how much of the machine.
    pub(crate) fn shares(&self) -> String {
        let cores = |cpu: f64| cpu / self.seconds.max(0.001);
        format!(
            "cores used: coordinator {:.2} (writer {:.2}), generator {:.2}, others on this machine {:.2}",
            cores(self.server),
            cores(self.writer),
            cores(self.load),
            cores(self.others)
        )
    }
}

/// User and system time of a process or thread.
fn cpu_seconds(path: &str) -> Result<f64> {
    let text = fs::read_to_string(path).with_context(|| path.to_owned())?;
    // The name in parentheses may hold spaces; fields 14 and 15 of the line are the 12th and 13th after it.
    let rest = text.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    let ticks: f64 = rest.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    Ok(ticks / TICKS_PER_SECOND)
}

/// Bytes that this process has handed to the kernel to write.
pub(crate) fn own_bytes_written() -> Result<f64> {
    let text = fs::read_to_string("/proc/self/io").context("/proc/self/io")?;
    let line = text.lines().find_map(|line| line.strip_prefix("wchar:")).context("wchar")?;
    Ok(line.trim().parse()?)
}

/// User and system time of this process.
pub(crate) fn own_cpu_seconds() -> Result<f64> {
    cpu_seconds("/proc/self/stat")
}

fn writer_seconds(server: u32) -> Result<f64> {
    let mut sum = 0.0;
    for task in fs::read_dir(format!("/proc/{server}/task")).context("the server's threads")? {
        let task = task?.path();
        // A thread may end while this looks.
        let name = fs::read_to_string(task.join("comm")).unwrap_or_default();
        if name.trim_end() == "writer" {
            sum += cpu_seconds(&task.join("stat").to_string_lossy()).unwrap_or_default();
        }
    }
    Ok(sum)
}

/// Resident memory of a process, KiB.
pub(crate) fn resident_kib(process: u32) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).context("the server's memory")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
    line.split_whitespace().next().and_then(|kib| kib.parse().ok()).context("VmRSS in kB")
}

/// Lets this process, and those it starts, open so many files.
pub(crate) fn allow_files(count: u64) -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= count) {
        return Ok(());
    }
    let maximum = limit.maximum.map(|maximum| maximum.max(count));
    if setrlimit(Resource::Nofile, Rlimit { current: Some(count), maximum }).is_err() {
        let most = limit.maximum.unwrap_or_default();
        bail!("{count} open files are needed, {most} are allowed: `ulimit -n {count}` as root, or fewer --workers");
    }
    Ok(())
}

/// Percentiles of a list of spans, which is sorted in passing.
pub(crate) fn percentile_ms(spans_us: &mut [u32], percent: usize) -> f64 {
    spans_us.sort_unstable();
    let at = (spans_us.len() * percent / 100).min(spans_us.len().saturating_sub(1));
    f64::from(spans_us.get(at).copied().unwrap_or_default()) / 1_000.0
}
