//! `cargo xtask bench`: measures, prints one table, and keeps it as JSON. Each program of it prints its rows as
//! JSON lines; a goal that isn't met is named and fails nothing.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use crate::package::{PackageArgs, package};
use crate::progress::Steps;
use crate::psl;
use crate::run;
use crate::setup::{Goal, Tools, prepare};
use crate::shell::{capture, command, logged, repo, target};
use crate::wasm::{MODULES, bench_module, sizes};

/// Goals of the modules, gzip, KB.
const GZIP_KB_MAX: [(&str, u32); 2] = [("background", 150), ("popup", 200)];

/// Goal of the Public Suffix List in its compact form, gzip, KB.
const LIST_GZIP_KB_MAX: u32 = 35;

/// A machine with more to do than this does not measure well.
const LOAD_MAX: f64 = 0.5;

/// The benchmarks.
#[derive(Subcommand)]
pub(crate) enum Bench {
    /// Size, browser, coordinator
    Main(MainArgs),
    /// What fetching for buyers costs: relay, policy, memory, idle CPU, pause
    Fetch(FetchArgs),
    /// The popup before a person who judges: to the next item, on a slow processor, over hundreds of items, by type
    Popup(PopupArgs),
    /// What paying costs and how long it takes, on a real chain of this machine
    Payout(PayoutArgs),
}

/// What to measure of everything.
#[derive(Args)]
pub(crate) struct MainArgs {
    /// Only this part; may be given several times
    #[arg(long, value_enum, value_name = "PART")]
    only: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The package's size
    Size,
    /// Start, popup, signing and fetches in a real Chromium
    Browser,
    /// The coordinator under load
    Coordinator,
}

/// What to measure of fetching.
#[derive(Args)]
pub(crate) struct FetchArgs {
    /// Only this part; may be given several times
    #[arg(long, value_enum, value_name = "PART")]
    only: Vec<FetchPart>,

    /// How long the connected, idle background is observed
    #[arg(long, value_name = "MINUTES", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    idle_minutes: u32,
}

/// What to measure of judging.
#[derive(Args)]
pub(crate) struct PopupArgs {
    /// Only this part; may be given several times
    #[arg(long, value_enum, value_name = "PART")]
    only: Vec<PopupPart>,
}

/// What to measure of paying.
#[derive(Args)]
pub(crate) struct PayoutArgs {
    /// With so many lanes [default: 8]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=64))]
    lanes: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PopupPart {
    /// From the click to the first paint
    Open,
    /// From one answer to the next item, and memory over hundreds of them
    Items,
    /// The same with pictures
    Pictures,
    /// The latency of a key on a processor of a quarter of the speed
    Slow,
    /// Answers per minute that keys reach, by type
    Types,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FetchPart {
    /// Policy's decisions per second, native and in wasm
    Policy,
    /// CPU of the background while it is connected and has nothing to do
    Idle,
    /// Memory of the background while 100 MB pass
    Memory,
    /// Pages of 1 KB, 100 KB and 10 MB, beside plain fetches
    Relay,
    /// From the click on pause to the site's last byte
    Pause,
}

/// Measures, prints the table and writes `target/bench/<name>.json`.
pub(crate) fn bench(bench: &Bench, force_debian: bool) -> Result<()> {
    match bench {
        Bench::Main(args) => everything(args, force_debian),
        Bench::Fetch(args) => fetching(args, force_debian),
        Bench::Popup(args) => judging(args, force_debian),
        Bench::Payout(args) => paying(args, force_debian),
    }
}

fn paying(args: &PayoutArgs, force_debian: bool) -> Result<()> {
    let load = load();
    let tools = prepare(Goal::Chain, force_debian)?.require()?;
    Steps::new(1).step("coordinator and chain", || {
        let mut cargo = command("cargo");
        cargo.args(["build", "--release", "-p", "lull-coordinator", "-p", "lull-chain"]);
        logged(&mut cargo, &target()?.join("xtask/log/chain"))?;
        Ok("built".to_owned())
    })?;
    let built = target()?.join("release");
    let mut chain = command(built.join("lull-chain"));
    chain.arg("bench").env("LULL_COORDINATOR_BIN", built.join("lull-coordinator"));
    chain.env("LULL_SURFPOOL", tools.surfpool_module()).env("LULL_SOLDERS_PYTHON", tools.solders_python());
    if let Some(lanes) = args.lanes {
        chain.args(["--lanes", &lanes.to_string()]);
    }
    let mut rows = Vec::new();
    let measured = lines_of(&mut chain, &mut rows);
    tell("payout", args.lanes.is_none() && measured.is_ok(), load, rows)?;
    measured
}

fn judging(args: &PopupArgs, force_debian: bool) -> Result<()> {
    let load = load();
    let tools = prepare(Goal::Isolated, force_debian)?.require()?;
    let dir = package(&tools, &PackageArgs::default())?;
    let mut rows = if args.only.is_empty() { size_rows(&dir)? } else { Vec::new() };
    let mut e2e = in_browser(&tools, "bench-popup")?;
    for part in args.only.iter().filter_map(PopupPart::to_possible_value) {
        e2e.args(["--only", part.get_name()]);
    }
    let measured = lines_of(&mut e2e, &mut rows);
    tell("popup", args.only.is_empty() && measured.is_ok(), load, rows)?;
    measured
}

fn everything(args: &MainArgs, force_debian: bool) -> Result<()> {
    let load = load();
    let wanted = |part: Part| args.only.is_empty() || args.only.contains(&part);
    let mut rows = Vec::new();
    if wanted(Part::Size) || wanted(Part::Browser) {
        let goal = if wanted(Part::Browser) { Goal::Isolated } else { Goal::Build };
        let tools = prepare(goal, force_debian)?.require()?;
        let dir = package(&tools, &PackageArgs::default())?;
        if wanted(Part::Size) {
            rows.extend(size_rows(&dir)?);
        }
        if wanted(Part::Browser) {
            lines_of(&mut in_browser(&tools, "bench")?, &mut rows)?;
        }
    }
    // Should it fail, what was measured before isn't lost.
    let coordinator = if wanted(Part::Coordinator) { coordinator_rows(&mut rows) } else { Ok(()) };
    tell("main", args.only.is_empty(), load, rows)?;
    coordinator
}

fn fetching(args: &FetchArgs, force_debian: bool) -> Result<()> {
    let load = load();
    let tools = prepare(Goal::Isolated, force_debian)?.require()?;
    package(&tools, &PackageArgs::default())?;
    let mut e2e = in_browser(&tools, "bench-fetch")?;
    e2e.args(["--idle-minutes", &args.idle_minutes.to_string()]);
    for part in args.only.iter().filter_map(FetchPart::to_possible_value) {
        e2e.args(["--only", part.get_name()]);
    }
    let mut rows = Vec::new();
    let measured = lines_of(&mut e2e, &mut rows);
    tell("fetch", args.only.is_empty() && measured.is_ok(), load, rows)?;
    measured
}

/// Prints the table and keeps it. Only a whole run is the benchmark's word.
fn tell(name: &str, is_whole: bool, load: Option<f64>, rows: Vec<Value>) -> Result<()> {
    println!("\n{}", table(&rows)?);
    let part = if is_whole { "" } else { "-part" };
    let file = target()?.join("bench").join(format!("{name}{part}.json"));
    keep(&file, load, rows)?;
    println!("kept with notes of what each row measures: {}", file.display());
    Ok(())
}

/// How many tasks wanted a core in the last minute; the benchmark's own are not among them yet.
fn load() -> Option<f64> {
    let load = fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()?;
    if load > LOAD_MAX {
        println!("this machine is busy already (load {load:.1}): times will be longer than it needs");
    }
    Some(load)
}

fn size_rows(dir: &Path) -> Result<Vec<Value>> {
    let kilobytes = |bytes: u64| (bytes as f64 / 100.0).round() / 10.0;
    let row = |name: String, bytes: u64, goal: Option<u32>, note: &str| {
        let goal = goal.map(|most| json!({"at_most": most}));
        json!({"name": name, "value": kilobytes(bytes), "unit": "KB", "peer": null, "ratio": null, "goal": goal, "note": note})
    };
    let mut rows = Vec::new();
    let (list_bytes, list_gzip_bytes) = psl::sizes()?;
    for module in MODULES {
        let (raw_bytes, gzip_bytes) = sizes(module)?;
        let most = GZIP_KB_MAX.iter().find(|(name, _)| *name == module).map(|(_, kb)| *kb);
        rows.push(row(
            format!("{module} wasm, raw"),
            raw_bytes,
            None,
            "the release module as packaged; KB = 1,000 bytes",
        ));
        // The list has a line of its own in the budget; the modules' goal is for all else.
        let has_list = module == "background";
        let (own_bytes, note) = match has_list {
            true => (gzip_bytes.saturating_sub(list_gzip_bytes), "the same by gzip -9, less the Public Suffix List"),
            false => (gzip_bytes, "the same by gzip -9"),
        };
        rows.push(row(format!("{module} wasm, gzip"), own_bytes, most, note));
    }
    let note = "part of the background's wasm as loaded; the list's date is policy's SUFFIXES_DATE";
    rows.push(row("Public Suffix List, raw".to_owned(), list_bytes, None, note));
    rows.push(row(
        "Public Suffix List, gzip".to_owned(),
        list_gzip_bytes,
        Some(LIST_GZIP_KB_MAX),
        "the same by gzip -9",
    ));
    let zip_bytes = fs::metadata(dir.with_extension("zip")).context("the package's .zip")?.len();
    rows.push(row("package, zip".to_owned(), zip_bytes, None, "the whole extension as a store gets it"));
    Ok(rows)
}

/// `lull-e2e` at one of its benchmarks, with the benchmark's page.
fn in_browser(tools: &Tools, task: &str) -> Result<Command> {
    let page = bench_module(tools)?;
    for file in ["bench.html", "bench.js", "plain.html"] {
        fs::copy(repo().join("tests/bench/page").join(file), page.join(file)).context(file)?;
    }
    let mut e2e = run::e2e(tools, run::Programs::Release)?;
    e2e.arg(task).env("LULL_BENCH_PAGE", page);
    Ok(e2e)
}

fn coordinator_rows(rows: &mut Vec<Value>) -> Result<()> {
    if !repo().join("tests/load/Cargo.toml").is_file() {
        println!("coordinator: not measured, there is no tests/load");
        return Ok(());
    }
    Steps::new(1).step("coordinator and load generator", || {
        let mut cargo = command("cargo");
        cargo.args(["build", "--release", "-p", "lull-coordinator", "-p", "lull-load"]);
        logged(&mut cargo, &target()?.join("xtask/log/load"))?;
        Ok("built".to_owned())
    })?;
    lines_of(command(target()?.join("release/lull-load")).arg("bench"), rows)
}

/// Runs a program and adds the rows it prints; what it says besides goes to this terminal.
fn lines_of(program: &mut Command, rows: &mut Vec<Value>) -> Result<()> {
    let mut child = program.stdout(Stdio::piped()).spawn().context("can't start the benchmark")?;
    let out = child.stdout.take().context("the benchmark's output")?;
    for line in BufReader::new(out).lines() {
        let line = line?;
        rows.push(serde_json::from_str(&line).with_context(|| format!("not a row: {line}"))?);
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("the benchmark failed ({status})");
    }
    Ok(())
}

/// The rows as aligned columns, then the goals that aren't met.
fn table(rows: &[Value]) -> Result<String> {
    let head = ["", "value", "peer", "ratio", "goal", "met"].map(str::to_owned);
    let mut lines = vec![head];
    let mut missed = Vec::new();
    for row in rows {
        let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let value =
            row.get("value").and_then(Value::as_f64).with_context(|| format!("a row without a value: {row}"))?;
        let met = met(row, value);
        if met == Some(false) {
            missed.push(text("name"));
        }
        let peer = row.get("peer").filter(|peer| !peer.is_null()).map(|peer| {
            let name = peer.get("name").and_then(Value::as_str).unwrap_or_default();
            format!("{} {name}", peer.get("value").and_then(Value::as_f64).map_or_else(String::new, shown))
        });
        let ratio = row.get("ratio").and_then(Value::as_f64).map(shown);
        let met = met.map_or("", |met| if met { "yes" } else { "NO" }).to_owned();
        let value = format!("{} {}", shown(value), text("unit"));
        lines.push([text("name"), value, peer.unwrap_or_default(), ratio.unwrap_or_default(), goal_text(row), met]);
    }
    let mut text = aligned(&lines);
    if !missed.is_empty() {
        text.push_str(&format!("\ngoals not met: {}\n", missed.join("; ")));
    }
    Ok(text)
}

fn goal(row: &Value) -> Option<(bool, f64)> {
    let goal = row.get("goal")?;
    let bound = |name: &str| goal.get(name).and_then(Value::as_f64);
    bound("at_most").map(|most| (true, most)).or(bound("at_least").map(|least| (false, least)))
}

fn met(row: &Value, value: f64) -> Option<bool> {
    goal(row).map(|(is_most, bound)| if is_most { value <= bound } else { value >= bound })
}

fn goal_text(row: &Value) -> String {
    goal(row)
        .map_or_else(String::new, |(is_most, bound)| format!("{} {}", if is_most { "≤" } else { "≥" }, shown(bound)))
}

/// Three digits that count, thousands apart.
fn shown(value: f64) -> String {
    let decimals = match value.abs() {
        v if v >= 99.95 || v == v.trunc() => 0,
        v if v >= 9.995 => 1,
        _ => 2,
    };
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text.split_once('.').map_or((text.as_str(), None), |(whole, rest)| (whole, Some(rest)));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        let left = whole.len() - index;
        if index > 0 && left.is_multiple_of(3) && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    rest.map_or(grouped.clone(), |rest| format!("{grouped}.{rest}"))
}

fn aligned<const N: usize>(lines: &[[String; N]]) -> String {
    let width = |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..N).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for line in lines {
        let cells: Vec<String> = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Writes the rows with what they were measured on.
fn keep(file: &Path, load: Option<f64>, rows: Vec<Value>) -> Result<()> {
    let said = |program: &str, args: &[&str]| capture(command(program).args(args)).unwrap_or_default();
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, model)| model));
    let changed =
        if said("git", &["status", "--porcelain", "--untracked-files=no"]).is_empty() { "" } else { "+changes" };
    let measured = json!({
        "when": said("date", &["-u", "+%Y-%m-%dT%H:%M:%SZ"]),
        "machine": {
            "cores": std::thread::available_parallelism()?.get(),
            "model": model,
            "kernel": said("uname", &["-sr"]),
            "load_before": load,
        },
        "commit": format!("{}{changed}", said("git", &["rev-parse", "--short=12", "HEAD"])),
        "rows": rows,
    });
    fs::create_dir_all(file.parent().unwrap_or(file))?;
    fs::write(file, serde_json::to_string_pretty(&measured)? + "\n").with_context(|| file.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_aligned_and_names_what_is_not_met() {
        let row = |name: &str, value: f64, goal: Value| json!({"name": name, "value": value, "unit": "ms", "peer": null, "ratio": null, "goal": goal, "note": null});
        let mut relay = row("relay", 2.5, Value::Null);
        relay["peer"] = json!({"name": "fetch", "value": 2});
        relay["ratio"] = json!(1.25);
        let rows =
            [relay, row("start", 61.25, json!({"at_most": 50})), row("results", 12_345.6, json!({"at_least": 10_000}))];
        let expected = "\
\x20        value      peer     ratio  goal      met
relay    2.50 ms    2 fetch  1.25
start    61.2 ms                    ≤ 50      NO
results  12,346 ms                  ≥ 10,000  yes

goals not met: start
";
        assert_eq!(table(&rows).unwrap(), expected);
        assert!(table(&[json!({})]).is_err());
    }

    #[test]
    fn numbers_show_three_digits_that_count() {
        let check = |value: f64, expected: &str| assert_eq!(shown(value), expected);
        check(0.0, "0");
        check(1.234, "1.23");
        check(12.34, "12.3");
        check(123.4, "123");
        check(1_234_567.8, "1,234,568");
        check(-1_234.0, "-1,234");
        check(150.0, "150");
    }
}
