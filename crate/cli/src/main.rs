//! `lull`: buys work from a coordinator, and verifies what a browser was paid for.

mod client;
mod deposit;
mod qr;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use clap::{Args, Parser, Subcommand};
use lull_cli::alibi::verify_alibi;
use lull_cli::verify::{self, Inputs, Report};
use lull_protocol::PublicKey;
use serde_json::{Value, json};

use crate::client::{Client, Fetch};
use crate::deposit::Until;

const EXAMPLES: &str = "Examples:
  export LULL_API_KEY=lull_…
  lull fetch https://example.org/ https://example.org/about --purpose \"link check\" --price 500
  lull project words.json            (lull project --help shows one of each type)
  lull answers 7d1f…                 (what waits for your review; lull review --help goes on)
  lull results 7d1f… --follow > results.jsonl
  lull flags 7d1f…                   what people said is wrong with its items
  lull cancel 7d1f…                  nothing more of it is asked, and what it didn't need comes back
  lull deposit 25                    pay in from a Solana wallet: a link and a QR code
  lull verify receipts.jsonl --coordinator 5b42… --ledger ledger.jsonl --site-log access.jsonl
  lull verify-alibi lull-alibi-….json --coordinator 5b42…";

const REVIEWS: &str = "Examples:
  lull review 7d1f… --accept 3f9a… --accept 51c0…
  lull review 7d1f… --reject 9b2e… --evidence \"The sign in the picture is a give-way sign; see section 2.\"
  lull review 7d1f… --file review.json

The file is one JSON object:
  {\"accept\": [\"3f9a…\"], \"reject\": [{\"offer\": \"9b2e…\", \"evidence\": \"…\"}]}

All of it is done, or nothing. Whoever is rejected sees your evidence and can appeal; to accept an answer that you have
rejected takes the rejection back. A project that rejects more than 5 %, or two of
fewer than 20, is paused until the operator has looked at it.";

/// A project of each type.
const PROJECTS: &str = include_str!("projects.txt");

const DEPOSITS: &str = "Examples:
  lull deposit 25                    a link and a QR code for 25 tokens; waits until they are credited
  lull deposit 25 --svg pay.svg      the code as a picture, too
  lull deposit 25 --no-wait | jq -r .url
  lull deposit --look 9xQe…          you have paid an old link: look for it once more
  lull deposits                      all of them, with their transactions

Any wallet that knows Solana Pay opens the link or reads the code. What arrives is credited once it is final, whatever was
asked for: less, more, or twice. Pay in the token that the link names; less than a hundredth of one is not credited.";

const FLAGS: &str = "Example:
  lull flags 7d1f… | jq -r 'select(.flag == \"unclear\") | \"\\(.item) \\(.note)\"'
    the items whose instructions somebody found unclear, with their words

A flag is broken, harmful, personal_data, captcha, illegal or unclear. Two people who flag an item as anything but unclear
stop it. All fields: docs/api.md";

const CANCELS: &str = "Example:
  lull cancel 7d1f… | jq .progress.held
    what is still held: for those who work on it right now

Answers that you have are paid, and so is what comes in time from those who work on it right now, and their look if it
lasted 5 seconds. All else goes back to your balance. To cancel once more changes nothing; a finished order can't be.";

/// Buys work from browsers, and checks what they were paid for.
#[derive(Parser)]
#[command(name = "lull", version, after_help = EXAMPLES, after_long_help = EXAMPLES)]
struct Arguments {
    #[command(flatten)]
    account: Account,
    #[command(subcommand)]
    task: Task,
}

/// Where to buy, and as whom.
#[derive(Args)]
struct Account {
    /// The coordinator's address
    #[arg(long, env = "LULL_SERVER", default_value = "http://127.0.0.1:7340", global = true)]
    server: String,
    /// The API key; better in the environment than in the shell's history
    #[arg(long, env = "LULL_API_KEY", hide_env_values = true, global = true)]
    key: Option<String>,
    /// A file that holds the API key
    #[arg(long, env = "LULL_API_KEY_FILE", global = true)]
    key_file: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Task {
    /// Order fetches of public pages
    Fetch {
        /// https URLs
        #[arg(required = true)]
        urls: Vec<String>,
        /// What it is for; workers see it
        #[arg(long)]
        purpose: String,
        /// GET or HEAD
        #[arg(long, default_value = "GET")]
        method: String,
        /// Ceiling of each decoded body, bytes [default: 10485760]
        #[arg(long, alias = "max-bytes")]
        bytes_max: Option<u64>,
        /// Allow plain http on port 80
        #[arg(long)]
        http_allowed: bool,
        /// Per page, base units (millionths of a credit)
        #[arg(long, default_value_t = 500)]
        price: u64,
        /// Per MiB of decoded body, base units
        #[arg(long, default_value_t = 20_000)]
        price_mib: u64,
        /// Makes a repeated command the same order
        #[arg(long)]
        idempotency_key: Option<String>,
    },
    /// Buy the judgments that a JSON file describes: choices, comparisons, ratings, checks of claims
    #[command(after_help = PROJECTS, after_long_help = PROJECTS)]
    Project {
        /// The file
        file: PathBuf,
    },
    /// Print the answers of a reviewed project that have no verdict yet, one JSON object per line
    Answers {
        /// The project's id
        order: String,
    },
    /// Accept or reject answers of a project with `"review": true`
    #[command(after_help = REVIEWS, after_long_help = REVIEWS)]
    Review {
        /// The project's id
        order: String,
        /// The `offer` of an answer that is right; may come many times
        #[arg(long, value_name = "OFFER")]
        accept: Vec<String>,
        /// The `offer` of an answer that is not
        #[arg(long, value_name = "OFFER", requires = "evidence")]
        reject: Option<String>,
        /// Why not, in words that the person reads
        #[arg(long, requires = "reject")]
        evidence: Option<String>,
        /// A file with many of both
        #[arg(long, conflicts_with_all = ["accept", "reject"])]
        file: Option<PathBuf>,
    },
    /// Content of judgments
    #[command(subcommand)]
    Blob(BlobTask),
    /// List your orders
    Orders,
    /// Print an order's results, one JSON object per line
    Results {
        /// The order's id
        order: String,
        /// Go on until no item is open
        #[arg(long)]
        follow: bool,
    },
    /// Print what people said is wrong with an order's items, one JSON object per line
    #[command(after_help = FLAGS, after_long_help = FLAGS)]
    Flags {
        /// The order's id
        order: String,
    },
    /// Cancel an order: nothing more of it is handed out, and the rest of its money comes back
    #[command(after_help = CANCELS, after_long_help = CANCELS)]
    Cancel {
        /// The order's id
        order: String,
    },
    /// Write the body that a result fetched to stdout
    Body {
        /// The result's `offer`
        offer: String,
    },
    /// Print your balance
    Balance,
    /// Pay in by a Solana Pay transfer: a link and a QR code, then wait until it is credited
    #[command(after_help = DEPOSITS, after_long_help = DEPOSITS)]
    Deposit(DepositTask),
    /// List your deposits and what arrived by them
    Deposits,
    /// Compare a browser's receipts with a site's access log and the ledger; status 0 only if all agree
    Verify {
        /// The browser's export (JSON Lines)
        receipts: PathBuf,
        /// The coordinator's public key, hexadecimal; without it the export's own word is taken
        #[arg(long)]
        coordinator: Option<String>,
        /// The coordinator's ledger (`lull-coordinator export ledger`)
        #[arg(long)]
        ledger: Option<PathBuf>,
        /// The fetched site's access log: one JSON object per request
        #[arg(long)]
        site_log: Option<PathBuf>,
        /// Print JSON instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Check, offline, a statement of who asked a browser for a request; status 0 only if it holds
    VerifyAlibi {
        /// The file that the extension saved
        file: PathBuf,
        /// The coordinator's public key, hexadecimal: ask its operator
        #[arg(long)]
        coordinator: String,
    },
}

#[derive(Args)]
struct DepositTask {
    /// Whole tokens, such as 25 or 0.5
    #[arg(required_unless_present = "look", conflicts_with = "look")]
    amount: Option<String>,
    /// Look once more for payments by this reference
    #[arg(long, value_name = "REFERENCE")]
    look: Option<String>,
    /// Print the deposit and don't wait for its payment
    #[arg(long)]
    no_wait: bool,
    /// Write the QR code to this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

#[derive(Subcommand)]
enum BlobTask {
    /// Send a picture and print its hash
    Put {
        /// PNG, JPEG, WebP, AVIF or SVG
        file: PathBuf,
    },
}

/// What a caller can tell apart: 0 done (and, for `verify`, all agrees), 1 `verify` or
/// `verify-alibi` found a disagreement, 2 it
/// could not be done.
fn main() -> ExitCode {
    run(Arguments::parse()).unwrap_or_else(|error| {
        eprintln!("lull: {error:#}");
        ExitCode::from(2)
    })
}

fn run(Arguments { account, task }: Arguments) -> Result<ExitCode> {
    if let Task::Verify { receipts, coordinator, ledger, site_log, json } = &task {
        return verified(receipts, coordinator.as_deref(), ledger.as_deref(), site_log.as_deref(), *json);
    }
    if let Task::VerifyAlibi { file, coordinator } = &task {
        return alibi_verified(file, coordinator);
    }
    let client = Client::new(&account.server, &key(&account)?)?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(buy(&client, task))?;
    Ok(ExitCode::SUCCESS)
}

fn key(account: &Account) -> Result<String> {
    match (&account.key, &account.key_file) {
        (Some(key), _) => Ok(key.clone()),
        (None, Some(file)) => std::fs::read_to_string(file).with_context(|| file.display().to_string()),
        (None, None) => Err(anyhow!("set LULL_API_KEY, or --key-file to a file that holds your API key")),
    }
}

async fn buy(client: &Client, task: Task) -> Result<()> {
    match task {
        Task::Fetch { urls, purpose, method, bytes_max, http_allowed, price, price_mib, idempotency_key } => {
            let idempotency_key = idempotency_key.as_deref();
            let (urls, purpose, method) = (&urls, purpose.as_str(), method.as_str());
            client
                .fetch(&Fetch { urls, purpose, method, bytes_max, http_allowed, price, price_mib, idempotency_key })
                .await
        }
        Task::Project { file } => client.project(&file).await,
        Task::Answers { order } => client.answers(&order).await,
        Task::Review { order, accept, reject, evidence, file } => {
            let review = match file {
                Some(file) => read_review(&file)?,
                None => {
                    let rejected = reject.zip(evidence);
                    let reject = rejected.map(|(offer, evidence)| json!({"offer": offer, "evidence": evidence}));
                    json!({"accept": accept, "reject": reject.into_iter().collect::<Vec<_>>()})
                }
            };
            client.review(&order, &review).await
        }
        Task::Blob(BlobTask::Put { file }) => client.put_blob(&file).await,
        Task::Orders => client.orders().await,
        Task::Results { order, follow } => client.lines(&order, "results", follow).await,
        Task::Flags { order } => client.lines(&order, "flags", false).await,
        Task::Cancel { order } => client.cancel(&order).await,
        Task::Body { offer } => client.body(&offer).await,
        Task::Balance => client.balance().await,
        Task::Deposit(DepositTask { amount, look, no_wait, svg }) => {
            let (deposit, until) = match (amount, look) {
                (Some(tokens), _) => (client.deposit(&tokens).await?, Until::Credited),
                (None, look) => (client.look(&look.unwrap_or_default()).await?, Until::Looked),
            };
            client.show_deposit(deposit, svg.as_deref(), if no_wait { Until::Now } else { until }).await
        }
        Task::Deposits => client.deposits().await,
        Task::Verify { .. } | Task::VerifyAlibi { .. } => Ok(()),
    }
}

fn read_review(file: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    serde_json::from_str(&text).with_context(|| file.display().to_string())
}

fn verified(
    receipts: &Path,
    coordinator: Option<&str>,
    ledger: Option<&Path>,
    site_log: Option<&Path>,
    json: bool,
) -> Result<ExitCode> {
    let read = |path: &Path| std::fs::read_to_string(path).with_context(|| path.display().to_string());
    let coordinator = coordinator
        .map(|hex| PublicKey::from_hex(hex).context("--coordinator is a public key of 64 hexadecimal digits"))
        .transpose()?;
    let (receipts, ledger, site_log) =
        (read(receipts)?, ledger.map(read).transpose()?, site_log.map(read).transpose()?);
    let inputs = Inputs { receipts: &receipts, coordinator, ledger: ledger.as_deref(), site_log: site_log.as_deref() };
    let report = verify::verify(&inputs).map_err(|error| anyhow!(error))?;
    if json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print_table(&report);
    }
    Ok(if report.disagreements.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn alibi_verified(file: &Path, coordinator: &str) -> Result<ExitCode> {
    let coordinator =
        PublicKey::from_hex(coordinator).context("--coordinator is a public key of 64 hexadecimal digits")?;
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    match verify_alibi(&text, &coordinator) {
        Ok(facts) => {
            for line in facts.lines() {
                println!("{line}");
            }
            println!("HOLDS       every signature, hash and word agrees with the coordinator's key you gave");
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            println!("DOES NOT HOLD  {error}");
            Ok(ExitCode::FAILURE)
        }
    }
}

fn print_table(report: &Report) {
    // Amounts are below 2^53, so a credit's millionths come out whole.
    let credits = |units: u64| format!("{}.{:06} {}", units / 1_000_000, units % 1_000_000, report.asset);
    println!("judgments   {}", report.judgments);
    println!("fetches     {}", report.fetches);
    println!("bytes       {}", report.bytes);
    println!("earned      {}", credits(report.earned).trim_end());
    if report.reversed > 0 {
        println!("reversed    {}", credits(report.reversed).trim_end());
    }
    println!("verified    {} ({} waiting for a verdict)", report.verified, report.waiting);
    if let Some(requests) = report.requests {
        println!("requests    {requests} found in the site's access log");
    }
    if let Some(earned) = report.ledger_earned {
        println!("ledger      {}", credits(earned));
    }
    let by = if report.coordinator_by_export {
        "named by the export itself; --coordinator says which you trust"
    } else {
        "as you gave it"
    };
    println!("coordinator {} ({by})", report.coordinator);
    if report.judgments + report.fetches == 0 {
        println!("there are no receipts in this export yet");
    }
    for line in &report.disagreements {
        println!("DISAGREES   {line}");
    }
}
