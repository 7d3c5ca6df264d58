//! `lull-coordinator`: configuration, the operator's commands, the server.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use lull_coordinator::config::{Config, LogForm, Settings};
use lull_coordinator::export::{self, What};
use lull_coordinator::folder::Folder;
use lull_coordinator::{operator, pay, start};
use lull_protocol::{Amount, Hash, OrderId};
use lull_store::Reader;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// The system's allocator takes a sixth more CPU time per result.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EXAMPLES: &str = "Examples:
  lull-coordinator                                  serve on 127.0.0.1:7340, data in ./lull-data
  lull-coordinator --listen 127.0.0.1:0             serve on a free port; stdout says which, as JSON
  lull-coordinator requester add \"Acme\" --deposit 5000000
                                                    a buyer with 5 credits; prints its API key once
  lull-coordinator deposit \"Acme\" 1000000 --reference invoice-17
  lull-coordinator export ledger > ledger.jsonl     works while the server runs
  lull-coordinator export flags                     what people say is harmful or illegal, and whose it is
  lull-coordinator backup lull-2026-11-22.sqlite    a whole copy, while the server runs
  lull-coordinator appeals                          what waits for your word: answer, evidence, appeal
  lull-coordinator uphold 3f9a… 51c0…               the workers are right: the answers are paid
  lull-coordinator deny 3f9a…                       the rejection stands
  lull-coordinator reverse 8c1d… --evidence \"The key answered 900 items in a second.\"
                                                    contests what was paid for an offer, while it is pending
  lull-coordinator reversals                        money that is contested: evidence, appeals, when time decides
  lull-coordinator paused                           projects with too many rejections
  lull-coordinator appeals --order 7d1f…            all that is rejected there, with the evidence
  lull-coordinator resume 7d1f…                     a paused project goes on
  lull-coordinator treasury status                  how payouts stand, with the last alarms, as JSON
  lull-coordinator treasury pause                   nobody new is paid; what was sent goes its way
  lull-coordinator treasury resume
  lull-coordinator treasury reconcile               after a restored database: books what the chain has paid
  lull-coordinator treasury release 17              a payout that was set aside is tried again
  lull-coordinator check                            recomputes every balance; status 1 if one is wrong

Each setting can stand in the file given by --config (TOML), in the environment, or in a flag; a flag
counts before the environment, and that before the file:
  fee_bp = 500            LULL_FEE_BP=500            --fee-bp 500
  pages = \"target/web\"    LULL_PAGES=target/web      --pages target/web     the page that connects wallets";

const TREASURY_EXAMPLES: &str = "Examples:
  lull-coordinator treasury status
  lull-coordinator treasury pause
  lull-coordinator treasury resume
  lull-coordinator treasury release 17
  lull-coordinator --config lull.toml treasury reconcile
  lull-coordinator --config lull.toml treasury reconcile --accept";

const REVERSE_EXAMPLES: &str = "Examples:
  lull-coordinator reverse 8c1d… --evidence \"The site's log has no such request; see ticket 17.\"
  lull-coordinator reversals                        what is contested, and its hash
  lull-coordinator uphold 5e0b…                     the worker is right, or you take it back
  lull-coordinator deny 5e0b…                       after an appeal: the money goes back";

/// Lull's coordinator: gives work to browsers, checks what comes back, keeps the ledger.
#[derive(Parser)]
#[command(name = "lull-coordinator", version, after_long_help = EXAMPLES, after_help = EXAMPLES)]
struct Arguments {
    /// Configuration file (TOML); unknown keys are errors
    #[arg(long, env = "LULL_CONFIG", global = true)]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    task: Option<Task>,
}

#[derive(Subcommand)]
enum Task {
    /// Run the server (this is also what happens without a command)
    Serve,
    /// Requesters: who buys work
    #[command(subcommand)]
    Requester(RequesterTask),
    /// Count money that a requester paid in
    Deposit {
        /// The requester's name
        name: String,
        /// Base units (millionths of a credit)
        amount: u64,
        /// What makes this payment unlike every other; the same reference counts once
        #[arg(long)]
        reference: Option<String>,
    },
    /// Print the appeals that wait for a decision, one JSON object per line, those about money first, then those that came
    /// first
    Appeals {
        /// Only what comes after the one with this `number`
        #[arg(long, default_value_t = 0)]
        after: u64,
        /// All answers of this project that are rejected and have no verdict yet, also those without an appeal
        #[arg(long, conflicts_with = "after")]
        order: Option<String>,
    },
    /// Decide for the worker: the rejections do not stand, and the answers are paid; contested money is payable
    Uphold {
        /// The rejections' or reversals' hashes, as `appeals` and `reversals` print them
        #[arg(required = true)]
        rejections: Vec<String>,
    },
    /// Decide against the worker: the rejections stand, and contested money goes back to who paid it
    Deny {
        /// The rejections' or reversals' hashes, as `appeals` prints them
        #[arg(required = true)]
        rejections: Vec<String>,
    },
    /// Contest what was paid for a result, while that money is pending
    ///
    /// The worker is told, with your evidence, and can appeal. Until its time for that is over, or you have decided about
    /// its appeal (`uphold`, `deny`), the money stays pending. If nobody appeals it goes back to the requester, with your
    /// fee; if you don't decide in time it is the worker's. Before an appeal you can take it back (`uphold`). Money that is
    /// payable or paid is final.
    #[command(after_help = REVERSE_EXAMPLES)]
    Reverse {
        /// The hash of the result's offer, as the requester's `results` and `reversals` print it
        offer: String,
        /// What the worker reads, and what an auditor finds in the receipt: at most 2,048 bytes
        #[arg(long)]
        evidence: String,
    },
    /// Print the money that is contested, one JSON object per line
    Reversals,
    /// Print the projects that are paused because of their rejections, one JSON object per line
    Paused,
    /// Let a paused project go on; its rejections are counted anew
    Resume {
        /// The project's id
        order: String,
    },
    /// The treasury, from which workers are paid; these work while the server runs
    #[command(subcommand, after_help = TREASURY_EXAMPLES)]
    Treasury(TreasuryTask),
    /// Print the coordinator's public key and fingerprint, as JSON
    Key,
    /// Recompute the ledger; status 1 if anything does not agree
    Check,
    /// Copy the database, as it is committed now, into a new file; works while the server runs
    ///
    /// To restore it, put it in the place of lull.sqlite while no server runs, and remove lull.sqlite-wal and
    /// lull.sqlite-shm. Keep coordinator.key and operator.token elsewhere, once: they never change.
    Backup {
        /// The new file
        file: PathBuf,
    },
    /// Write the ledger, all receipts or the flags that are for you to stdout, one JSON object per line
    Export {
        /// What to write
        what: What,
    },
}

#[derive(Subcommand)]
enum TreasuryTask {
    /// Print how payouts stand, as JSON: what waits, is on its way, set aside, paid; lanes; the last alarms
    Status,
    /// Compare the database with the chain, and book what it doesn't know; status 1 if something can't be explained
    ///
    /// Needed when payouts stopped because ledger and chain may differ: after a database was restored from a copy, or
    /// when another process paid with the same key. It reads all of the treasury's transactions from the RPCs of the
    /// settings. Payouts go on if all of it is explained.
    Reconcile {
        /// Go on although something can't be explained: you have looked at it
        #[arg(long)]
        accept: bool,
    },
    /// Find what requesters have paid in by references that this database has forgotten
    ///
    /// For after a database was restored from a copy, once. It reads all transactions of the treasury's token account from
    /// the RPCs of the settings; a server that runs then looks at what was found, and credits it.
    Deposits,
    /// Pause payouts: nobody new is paid; what was sent goes its way
    Pause,
    /// Let paused payouts go on
    Resume,
    /// Try a payout again that was set aside
    Release {
        /// Its number, as `status` prints it
        payout: u64,
    },
}

#[derive(Subcommand)]
enum RequesterTask {
    /// Add a requester and print its API key, which is shown only once
    Add {
        /// Its public name, shown to workers
        name: String,
        /// Money paid in at once, base units (millionths of a credit)
        #[arg(long)]
        deposit: Option<u64>,
    },
}

fn main() -> ExitCode {
    run(Arguments::parse()).unwrap_or_else(|error| {
        eprintln!("lull-coordinator: {error:#}");
        ExitCode::from(2)
    })
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let file = match &arguments.config {
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
            Settings::from_toml(&text)?
        }
        None => Settings::default(),
    };
    let config = arguments.settings.over(file).finish()?;
    match arguments.task.unwrap_or(Task::Serve) {
        Task::Serve => serve(config)?,
        Task::Requester(RequesterTask::Add { name, deposit }) => {
            let deposit = deposit.map(amount).transpose()?;
            println!("{}", *operator::add_requester(&config, &name, deposit)?);
        }
        Task::Deposit { name, amount: given, reference } => {
            operator::deposit(&config, &name, amount(given)?, reference)?;
        }
        Task::Treasury(task) => return treasury(&config, &task),
        Task::Key => {
            let key = Folder::open(&config.data)?.key()?.public();
            let fingerprint = key.fingerprint().to_string();
            println!("{}", serde_json::json!({"public_key": key.to_string(), "fingerprint": fingerprint}));
        }
        Task::Appeals { order: Some(id), .. } => waiting(&config, export::Waiting::Rejected(order(&id)?))?,
        Task::Appeals { after, order: None } => waiting(&config, export::Waiting::Appeals { after })?,
        Task::Paused => waiting(&config, export::Waiting::Paused)?,
        Task::Reversals => waiting(&config, export::Waiting::Reversals)?,
        Task::Reverse { offer, evidence } => reverse(&config, &offer, &evidence)?,
        Task::Uphold { rejections } => decide(&config, &rejections, true)?,
        Task::Deny { rejections } => decide(&config, &rejections, false)?,
        Task::Resume { order: id } => operator::resume(&config, order(&id)?)?,
        Task::Check => return check(&config),
        Task::Backup { file } => {
            let database = Folder::open(&config.data)?.database();
            let backup = Reader::open(&database).and_then(|reader| reader.back_up(&file));
            backup.with_context(|| format!("{}: it must be a new file on a disk with room", file.display()))?;
        }
        Task::Export { what } => {
            let database = Folder::open(&config.data)?.database();
            export::export(&database, what, &mut BufWriter::new(io::stdout().lock()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn treasury(config: &Config, task: &TreasuryTask) -> anyhow::Result<ExitCode> {
    match task {
        TreasuryTask::Status => println!("{:#}", pay::operator::status(config)?),
        TreasuryTask::Deposits => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            println!("{:#}", runtime.block_on(pay::forgotten::deposits(config))?);
        }
        TreasuryTask::Pause => pay::operator::pause(config, true)?,
        TreasuryTask::Resume => pay::operator::pause(config, false)?,
        TreasuryTask::Release { payout } => pay::operator::release(config, *payout)?,
        TreasuryTask::Reconcile { accept } => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let report = runtime.block_on(pay::operator::reconcile(config, *accept))?;
            println!("{report:#}");
            if report.get("goes_on") != Some(&serde_json::Value::Bool(true)) {
                eprintln!("payouts stay stopped: look at what is listed, then reconcile again with --accept");
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn order(id: &str) -> anyhow::Result<OrderId> {
    OrderId::from_hex(id).context("a project's id is 32 lower-case hex digits")
}

/// One after the other: what was decided before one that can't be stays decided, and was printed.
fn decide(config: &Config, rejections: &[String], is_upheld: bool) -> anyhow::Result<()> {
    let wrong = |text: &String| format!("{text}: a rejection's hash is 64 lower-case hex digits");
    let hashes = rejections.iter().map(|text| Hash::from_hex(text).with_context(|| wrong(text)));
    for rejection in hashes.collect::<anyhow::Result<Vec<Hash>>>()? {
        let done = operator::decide_appeal(config, rejection, is_upheld).with_context(|| rejection.to_string())?;
        let follows = match (done.is_new, is_upheld, done.is_reversal) {
            (false, ..) => "was decided so before",
            (true, true, false) => "upheld: the answer counts and is paid",
            (true, false, false) => "denied: the answer is not paid, and somebody else is asked",
            (true, true, true) => "upheld: the money is payable",
            (true, false, true) => "denied: the money goes back to who paid it",
        };
        let what = if done.is_reversal { "reversal" } else { "rejection" };
        println!("order {} {what} {rejection} {follows}", done.order);
    }
    Ok(())
}

fn reverse(config: &Config, offer: &str, evidence: &str) -> anyhow::Result<()> {
    let offer = Hash::from_hex(offer).context("an offer's hash is 64 lower-case hex digits")?;
    let (reversal, is_new) = operator::reverse(config, offer, evidence)?;
    let follows = if is_new { "its worker is told, and can appeal" } else { "was made before" };
    println!("offer {offer} reversal {reversal} {follows}");
    Ok(())
}

fn waiting(config: &Config, what: export::Waiting) -> anyhow::Result<()> {
    let database = Folder::open(&config.data)?.database();
    if let Some((count, after)) = export::waiting(&database, what, &mut BufWriter::new(io::stdout().lock()))? {
        eprintln!("{count} more wait: appeals --after {after}");
    }
    Ok(())
}

fn amount(given: u64) -> anyhow::Result<Amount> {
    Amount::new(given).context("an amount is at most 2^53 - 1 base units")
}

fn check(config: &Config) -> anyhow::Result<ExitCode> {
    let check = export::check(&Folder::open(&config.data)?.database())?;
    for problem in &check.problems {
        println!("{problem}");
    }
    println!("{} entries, {} postings, {} accounts", check.entries, check.postings, check.accounts);
    Ok(if check.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[tokio::main]
async fn serve(config: Config) -> anyhow::Result<()> {
    log_to_stderr(&config)?;
    // Handlers come first: a signal at any moment from here on is a graceful stop.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let running = start(config).await?;
    let mut stdout = io::stdout();
    writeln!(stdout, "{}", serde_json::to_string(running.ready())?)?;
    stdout.flush()?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    running.stop().await?;
    Ok(())
}

fn log_to_stderr(config: &Config) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.log_filter).context("log_filter")?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let set = match config.log {
        LogForm::Text => log.with_ansi(false).try_init(),
        LogForm::Json => log.json().try_init(),
    };
    if let Err(error) = set {
        bail!("starting the log: {error}");
    }
    Ok(())
}
