//! The whole way to a paid wallet: work, a wallet that signs in, a yes, and money on a real chain of this machine.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::activity::{rows, saved};
use crate::browser::Browser;
use crate::chain::Chain;
use crate::connect::ADDRESS;
use crate::job::say;
use crate::market::Demo;
use crate::person::{HOME, Person, WALLET};
use crate::scenarios::begun;
use crate::world::{Paths, World};

/// How long money stays open to dispute.
const DISPUTE: Duration = Duration::from_secs(1);
/// What a judgment pays, base units: so that a few are worth a wallet's first token account.
const PRICE: u64 = 100_000;
/// Judgments before the first payout.
const FIRST: usize = 5;

/// A coordinator that pays, on a chain of its own.
pub(crate) struct Bank {
    pub(crate) chain: Chain,
    pub(crate) world: World,
}

impl Bank {
    /// Starts both.
    pub(crate) async fn start(paths: &Paths, data: &Path) -> Result<Self> {
        std::fs::create_dir_all(data)?;
        let chain = Chain::start(data).await?;
        let world = World::start(&paths.that_pay(chain.settings(DISPUTE)), data).await?;
        Ok(Self { chain, world })
    }

    /// Orders so many judgments; one answer decides each.
    pub(crate) async fn order(&self, count: usize) -> Result<()> {
        let contents: Vec<Value> = (1..=count).map(|n| json!({"text": format!("The {n}. gate is open.")})).collect();
        let project = json!({
            "title": "Gates", "guideline": "Only what the sentence says.", "question": "Is the gate open?",
            "options": ["Open", "Shut"], "contents": contents, "price": PRICE, "rule": {"agree": 1, "people": 1},
        });
        self.world.buyer.create("projects", &project).await.map(drop)
    }

    /// What the ledger calls paid, less what it says that the network cost, base units.
    async fn paid_by_the_ledger(&self) -> Result<u64> {
        let mut paid = 0;
        for line in self.world.operator(&["export", "ledger"]).await?.lines() {
            let entry: Value = serde_json::from_str(line)?;
            let is_paid = entry.get("cause") == Some(&json!("paid"));
            let postings = entry.get("postings").and_then(Value::as_array).filter(|_| is_paid);
            for posting in postings.into_iter().flatten() {
                let account = posting.get("account").and_then(Value::as_str).context("an account")?;
                let delta = posting.get("delta").and_then(Value::as_i64).context("an amount")?;
                paid += match account {
                    "network_fees" => -delta,
                    _ if account.starts_with("paid:") => delta,
                    _ => 0,
                };
            }
        }
        Ok(u64::try_from(paid)?)
    }

    /// Chain and ledger say the same, and the ledger is whole.
    async fn compare(&self) -> Result<u64> {
        let (chain, ledger) = (self.chain.balance(ADDRESS).await?, self.paid_by_the_ledger().await?);
        ensure!(chain == ledger && chain > 0, "the wallet has {chain}, the ledger has paid {ledger}");
        self.world.operator(&["check"]).await?;
        Ok(chain)
    }
}

/// A person in front of the wallet's page.
pub(crate) struct Payee<'a> {
    pub(crate) browser: &'a Browser,
}

impl Payee<'_> {
    /// Opens a ticket by a button of the wallet's page, and signs in on the page that follows, which shows the same
    /// fingerprint.
    pub(crate) async fn to_the_page(&self, button: &str) -> Result<()> {
        self.browser.click(button).await?;
        let own = self.browser.text("fingerprint").await?;
        let lull = self.browser.opened_tab("/connect").await?;
        self.browser.until_attribute("step", "data-step", "choosing").await?;
        let shown = self.browser.text("fingerprint").await?;
        ensure!(own == shown && !own.is_empty(), "the popup shows {own}, the page {shown}");
        self.browser.click("wallet-0").await?;
        self.browser.until_attribute("step", "data-step", "done").await?;
        self.browser.close_tab(lull).await
    }

    /// From home, where the popup opens after the page: what waits there, and a yes to it.
    pub(crate) async fn says_yes(&self, purpose: &str, address: &str) -> Result<()> {
        self.browser.open(HOME).await?;
        self.browser.until_attribute("wallet-call", "data-call", "asked").await?;
        self.browser.click("wallet-call").await?;
        self.browser.until_attribute("wallet-ask", "data-purpose", purpose).await?;
        let asked = self.browser.text("asked-address").await?;
        ensure!(asked == address, "asked is {asked}, signed in has {address}");
        self.browser.click("wallet-yes").await
    }

    /// Answers all judgments there are, and waits for the last one's verdict.
    pub(crate) async fn works(&self, person: &Person<'_>, count: usize) -> Result<()> {
        self.browser.open(HOME).await?;
        let mut last = String::new();
        for _ in 0..count {
            last = person.press_keys(&['1']).await?;
        }
        person.settled(&last, &["accepted"]).await
    }

    /// Waits until so much is payable and told.
    async fn until_next(&self, when: &str, arrives: impl Fn(u64) -> bool) -> Result<u64> {
        let mut last = 0;
        let holds = async || {
            let amount = self.browser.attribute("next-amount", "data-value").await?;
            last = amount.parse()?;
            Ok(arrives(last) && self.browser.attribute("next-when", "data-when").await? == when)
        };
        self.browser.until(&format!("the next payout is {when}"), holds).await?;
        Ok(last)
    }

    /// Waits for the newest payout; how long after a click it was arriving, and paid.
    async fn until_paid(&self, clicked: Instant, number: &str) -> Result<(Duration, Duration)> {
        self.browser.until_attribute("payout", "data-number", number).await?;
        let stage = |stage: &'static str| self.browser.until_attribute("payout", "data-state", stage);
        stage("arriving").await?;
        let arriving = clicked.elapsed();
        stage("paid").await?;
        Ok((arriving, clicked.elapsed()))
    }
}

/// Install, work, connect, sign in, say yes, get paid, twice; the balance on the chain equals the ledger.
pub(crate) async fn paid_to_a_wallet(paths: &Paths, data: &Path) -> Result<()> {
    let bank = Bank::start(paths, data).await?;
    bank.order(FIRST).await?;
    let browser = bank.world.browser_with_wallets("profile").await?;
    let person = begun(paths, &browser, &Demo::load(&paths.repo)?).await?;
    let payee = Payee { browser: &browser };
    payee.works(&person, FIRST).await?;
    browser.until_text("money-paid", &["Test money"]).await?;

    browser.click("wallet").await?;
    browser.until_text("test-money", &["worth nothing"]).await?;
    browser.until_text("wallet-connect", &["Anyone who knows this address sees every amount, for good."]).await?;
    let begun = Instant::now();
    payee.to_the_page("connect").await?;
    payee.says_yes("link", ADDRESS).await?;
    browser.until_text("wallet-connected", &["Paid to J2xc", "JVaf"]).await?;
    say(&format!("connected after {:.1} s, with a driver for a person", begun.elapsed().as_secs_f64()));

    // A first token account is opened after a yes to its cost.
    let arrives = payee.until_next("after-yes", |amount| amount > 0).await?;
    ensure!(arrives < FIRST as u64 * PRICE, "the account costs nothing");
    browser.until_text("account", &["has no account for this money yet"]).await?;
    let clicked = Instant::now();
    browser.click("account-yes").await?;
    let (arriving, paid) = payee.until_paid(clicked, "1").await?;
    say_times("yes", arriving, paid);
    ensure!(bank.compare().await? == arrives, "something else arrived than what was told: {arrives}");
    let first = transaction(&bank, &browser).await?;
    browser.click("payout-work").await?;
    rows(&browser, FIRST).await?;

    // The second one waits for an amount, and then for nothing but the click.
    browser.open(WALLET).await?;
    browser.choose("pay-when", "at").await?;
    browser.find("pay-at").await?;
    bank.order(1).await?;
    payee.works(&person, 1).await?;
    browser.open(WALLET).await?;
    payee.until_next("at", |amount| amount > 0).await?;
    let clicked = Instant::now();
    browser.click("pay-now").await?;
    let (arriving, paid) = payee.until_paid(clicked, "2").await?;
    say_times("pay now", arriving, paid);
    let balance = bank.compare().await?;
    let second = transaction(&bank, &browser).await?;
    ensure!(first != second, "two payouts in one transaction");
    let csv = saved(&bank.world, &browser, "payouts-csv", ".csv").await?;
    ensure!(csv.lines().count() == 3 && csv.contains(&first) && csv.contains(&second), "the file says {csv}");
    browser.open(HOME).await?;
    browser.until_text("money-paid", &["0.000 to pay out", "0.000 on its way", "0.600 paid", "Test money"]).await?;
    say(&format!("{FIRST} and 1 judgments, 2 payouts, {balance} base units on the chain and in the ledger"));
    browser.close().await?;
    bank.world.stop().await
}

/// The newest payout's transaction, which is final on the chain.
async fn transaction(bank: &Bank, browser: &Browser) -> Result<String> {
    browser.js("document.querySelector('[data-testid=payout]').open = true").await?;
    let transaction = browser.text("transaction").await?;
    ensure!(bank.chain.is_final(&transaction).await?, "paid, and {transaction} is not final");
    Ok(transaction)
}

fn say_times(click: &str, arriving: Duration, paid: Duration) {
    let (arriving, paid) = (arriving.as_secs_f64(), paid.as_secs_f64());
    say(&format!("from the click on \u{201c}{click}\u{201d} to arriving {arriving:.1} s, to paid {paid:.1} s"));
}
