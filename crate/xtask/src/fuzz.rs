//! Searching for inputs that break a target of `tests/fuzz`, with cargo-fuzz and libFuzzer. What is found
//! is minimised and kept: inputs that reach new code in its corpus, inputs that break it as regressions.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::progress::clock;
use crate::setup::{Goal, Tools, prepare};
use crate::shell::{capture, command, logged, remove_dir, repo, target};

/// The programs around the targets.
const PROGRAMS: &str = "tests/fuzz/libfuzzer";
const CORPUS: &str = "tests/fuzz/corpus";
const REGRESSIONS: &str = "tests/fuzz/regressions";
/// An input, bytes: a little more than the longest URL.
const INPUT_BYTES_MAX: u32 = 2_200;
/// Memory of one search, MiB.
const MEMORY_MIB_MAX: u32 = 2_048;
/// Time for one input, seconds.
const INPUT_S_MAX: u32 = 25;
/// Time to make an input that breaks something smaller, seconds.
const MINIMISE_S_MAX: u32 = 60;
/// How often a search says where it is, seconds.
const SAID_S: u64 = 10;

#[derive(Args)]
pub(crate) struct FuzzArgs {
    /// Which target
    #[arg(required_unless_present = "list")]
    target: Option<String>,

    /// How long to search
    #[arg(long, default_value_t = 5.0)]
    minutes: f64,

    /// How many searches at once, which share what they find
    #[arg(long, default_value_t = 1)]
    jobs: u32,

    /// Only name the targets, with the size of their corpora
    #[arg(long)]
    list: bool,
}

/// Searches, keeps what was found, and fails if something broke.
pub(crate) fn fuzz(args: &FuzzArgs) -> Result<()> {
    let names = targets()?;
    let Some(name) = args.target.as_ref().filter(|_| !args.list) else {
        return list(&names);
    };
    if !names.contains(name) {
        bail!("there is no target {name}: cargo xtask fuzz --list names them");
    }
    let tools = prepare(Goal::Fuzz, false)?.require()?;
    let search = Search::new(&tools, name)?;
    let before = Files::of(&search.corpus())?;
    let runs = search.run(args)?;
    let broken = search.keep_broken()?;
    search.keep_corpus()?;
    let after = Files::of(&search.corpus())?;
    let sum = |count: fn(&Stats) -> u64| runs.iter().map(count).sum::<u64>();
    let most = |count: fn(&Stats) -> u64| runs.iter().map(count).max().unwrap_or_default();
    println!("executions    {}", sum(|run| run.executions));
    println!("per second    {}", sum(|run| run.per_second));
    println!("coverage      {} edges, {} of them new", most(|run| run.edges), most(Stats::edges_new));
    println!("corpus        {after} (before: {before})");
    if broken.is_empty() {
        println!("found         nothing that breaks it");
        return Ok(());
    }
    for path in &broken {
        println!("broken by     {}", path.strip_prefix(repo()).unwrap_or(path).display());
    }
    bail!("{name} is broken; replay with: cargo test -p lull-fuzz --test replay what_once_broke")
}

/// The targets, as the programs' manifest lists them; a test holds it against the crate's own table.
fn targets() -> Result<BTreeSet<String>> {
    let path = repo().join(PROGRAMS).join("Cargo.toml");
    let manifest = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    Ok(bins(&manifest))
}

fn bins(manifest: &str) -> BTreeSet<String> {
    let sections = manifest.split("[[bin]]").skip(1);
    let name = |section: &str| {
        section.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"')).map(str::to_owned)
    };
    sections.filter_map(name).collect()
}

fn list(names: &BTreeSet<String>) -> Result<()> {
    for name in names {
        println!("{name:<16}{}", Files::of(&repo().join(CORPUS).join(name))?);
    }
    Ok(())
}

/// One target's program and its places.
struct Search {
    name: String,
    program: PathBuf,
    /// `target/fuzz`.
    scratch: PathBuf,
}

impl Search {
    /// Builds the program. Its own rules of memory are Rust's, so no sanitizer; `cfg(fuzzing)` would make
    /// libraries other than they are.
    fn new(tools: &Tools, name: &str) -> Result<Self> {
        let scratch = target()?.join("fuzz");
        println!("building {name} …");
        let mut cargo = tools.command("cargo");
        cargo.args(["+nightly", "fuzz", "build", "-O", "--sanitizer", "none", "--no-cfg-fuzzing", "--fuzz-dir"]);
        cargo.arg(PROGRAMS).arg("--target-dir").arg(&scratch).arg(name);
        logged(&mut cargo, &scratch.join("log/build.log"))?;
        let version = capture(command("rustc").arg("-vV"))?;
        let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
        let program = scratch.join(host).join("release").join(name);
        Ok(Self { name: name.to_owned(), program, scratch })
    }

    fn corpus(&self) -> PathBuf {
        repo().join(CORPUS).join(&self.name)
    }

    /// A folder of this target under `target/fuzz`.
    fn folder(&self, kind: &str) -> Result<PathBuf> {
        let folder = self.scratch.join(kind).join(&self.name);
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        Ok(folder)
    }

    /// The program with what every use of it has in common; temporary files stay in memory where they can.
    fn program(&self) -> Command {
        let mut program = command(&self.program);
        program.arg(format!("-rss_limit_mb={MEMORY_MIB_MAX}")).arg(format!("-timeout={INPUT_S_MAX}"));
        if Path::new("/dev/shm").is_dir() {
            program.env("TMPDIR", "/dev/shm");
        }
        program
    }

    fn run(&self, args: &FuzzArgs) -> Result<Vec<Stats>> {
        let (found, broken, logs) = (self.folder("corpus")?, self.folder("broken")?, self.folder("log")?);
        fs::create_dir_all(self.corpus())?;
        // None would be no end.
        let seconds = Duration::try_from_secs_f64(args.minutes * 60.0).context("--minutes")?.as_secs().max(1);
        let mut searches: Vec<(Child, PathBuf)> = Vec::new();
        for job in 0..args.jobs.max(1) {
            let log = logs.join(format!("{job}.log"));
            let mut program = self.program();
            program.arg(format!("-max_total_time={seconds}")).arg(format!("-max_len={INPUT_BYTES_MAX}"));
            program.args(["-len_control=20", "-print_final_stats=1"]);
            program.arg(format!("-artifact_prefix={}/", broken.display())).arg(&found).arg(self.corpus());
            program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log)?);
            searches.push((program.spawn().context("the program of the target")?, log));
        }
        println!("searching for {}, the logs are in {} …", clock(Duration::from_secs(seconds)), logs.display());
        watch(&mut searches)?;
        for (child, log) in &mut searches {
            // libFuzzer ends with 77 where it has found something, and leaves that behind.
            let status = child.wait()?;
            if !status.success() && files(&broken)?.is_empty() {
                bail!("a search ended with {status} and left nothing behind; see {}", log.display());
            }
        }
        searches.iter().map(|(_, log)| Ok(Stats::of(&String::from_utf8_lossy(&fs::read(log)?)))).collect()
    }

    /// Makes each input that broke the target smaller and keeps it.
    fn keep_broken(&self) -> Result<Vec<PathBuf>> {
        let regressions = repo().join(REGRESSIONS).join(&self.name);
        let mut kept = Vec::new();
        for input in files(&self.folder("broken")?)? {
            let file = input.file_name().unwrap_or_default().to_string_lossy().into_owned();
            // A slow input is within its time.
            if file.starts_with("slow-unit") {
                continue;
            }
            fs::create_dir_all(&regressions)?;
            let place = regressions.join(&file);
            println!("making {file} smaller …");
            let mut program = self.program();
            program.args(["-minimize_crash=1".to_owned(), format!("-max_total_time={MINIMISE_S_MAX}")]);
            program.arg(format!("-exact_artifact_path={}", place.display())).arg(&input);
            // It fails where the input can't be made smaller, or takes too long to break.
            if logged(&mut program, &self.folder("log")?.join("minimise.log")).is_err() && !place.is_file() {
                fs::copy(&input, &place)?;
            }
            fs::remove_file(&input)?;
            kept.push(place);
        }
        Ok(kept)
    }

    /// Keeps the fewest inputs that together reach every edge there is; how often each is passed is left
    /// out, for that would keep thousands.
    fn keep_corpus(&self) -> Result<()> {
        println!("keeping what reaches new code …");
        remove_dir(&self.scratch.join("merged").join(&self.name))?;
        let (merged, found) = (self.folder("merged")?, self.folder("corpus")?);
        let mut program = self.program();
        program.args(["-set_cover_merge=1", "-use_counters=0"]).arg(&merged).arg(&found).arg(self.corpus());
        logged(&mut program, &self.folder("log")?.join("merge.log"))?;
        let kept = files(&merged)?;
        let names: BTreeSet<&OsStr> = kept.iter().filter_map(|input| input.file_name()).collect();
        for input in &kept {
            fs::copy(input, self.corpus().join(input.file_name().unwrap_or_default()))?;
        }
        // Last, so that whoever stops this keeps too many, not too few.
        for old in files(&self.corpus())? {
            if old.file_name().is_none_or(|name| !names.contains(name)) {
                fs::remove_file(old)?;
            }
        }
        Ok(())
    }
}

/// Waits for all searches and says now and then where the first one is.
fn watch(searches: &mut [(Child, PathBuf)]) -> Result<()> {
    let begun = Instant::now();
    let mut said_s = 0;
    loop {
        let mut running = 0;
        for (child, _) in searches.iter_mut() {
            running += usize::from(child.try_wait()?.is_none());
        }
        let (elapsed, first) = (begun.elapsed(), searches.first());
        if elapsed.as_secs() >= said_s + SAID_S
            && let Some((_, log)) = first
        {
            said_s = elapsed.as_secs();
            let stats = Stats::of(&String::from_utf8_lossy(&fs::read(log)?));
            println!("{:>7}  {} executions, {} edges", clock(elapsed), stats.executions, stats.edges);
        }
        if running == 0 {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// What one search did, by its log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stats {
    executions: u64,
    per_second: u64,
    edges: u64,
    edges_at_first: u64,
}

impl Stats {
    fn of(log: &str) -> Self {
        let mut stats = Self::default();
        for line in log.lines() {
            let after =
                |word: &str| line.split_once(word).and_then(|(_, rest)| rest.split_whitespace().next()?.parse().ok());
            if let Some(edges) = after(" cov: ") {
                stats.edges = edges;
                stats.executions = after("#").unwrap_or(stats.executions);
                stats.per_second = after("exec/s: ").unwrap_or(stats.per_second);
                if line.contains("INITED") {
                    stats.edges_at_first = edges;
                }
            }
            stats.executions = after("stat::number_of_executed_units:").unwrap_or(stats.executions);
            stats.per_second = after("stat::average_exec_per_sec:").unwrap_or(stats.per_second);
        }
        stats
    }

    fn edges_new(&self) -> u64 {
        self.edges.saturating_sub(self.edges_at_first)
    }
}

/// How many files a folder has, and their bytes.
struct Files {
    count: usize,
    bytes: u64,
}

impl Files {
    fn of(folder: &Path) -> Result<Self> {
        let files = if folder.is_dir() { files(folder)? } else { Vec::new() };
        let sizes: std::io::Result<Vec<u64>> = files.iter().map(|file| Ok(fs::metadata(file)?.len())).collect();
        Ok(Self { count: files.len(), bytes: sizes?.iter().sum() })
    }
}

impl std::fmt::Display for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} files, {} KiB", self.count, self.bytes.div_ceil(1_024))
    }
}

/// The files of a folder, in order.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_says_how_far_a_search_came() {
        let log = "INFO: seed\n#49\tINITED cov: 900 ft: 1000 corp: 3/9b exec/s: 0 rss: 27Mb\n\
                   #4096\tpulse  cov: 1205 ft: 2028 corp: 310/6503b lim: 33 exec/s: 2156 rss: 29Mb\n";
        let stats = Stats { executions: 4_096, per_second: 2_156, edges: 1_205, edges_at_first: 900 };
        assert_eq!((Stats::of(log), stats.edges_new()), (stats, 305));
        let ended = format!("{log}stat::number_of_executed_units: 5000\nstat::average_exec_per_sec:     70\n");
        assert_eq!(Stats::of(&ended), Stats { executions: 5_000, per_second: 70, ..stats });
        assert_eq!(Stats::of(""), Stats::default());
    }

    #[test]
    fn the_manifest_names_the_targets() {
        let manifest = "[package]\nname = \"lull-libfuzzer\"\n\n[[bin]]\nname = \"b\"\npath = \"main.rs\"\n\n[[bin]]\nname = \"a\"\n";
        assert_eq!(bins(manifest).into_iter().collect::<Vec<_>>(), ["a", "b"]);
        assert!(targets().unwrap().contains("frames"));
    }
}
