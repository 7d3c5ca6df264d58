//! The whole way to a paid wallet: work, a wallet that signs in, a yes, and money on a real chain of this machine.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use lull_protocol::{SigningKey, Wallet};
use serde_json::{Value, json};

use crate::activity::{rows, saved};
use crate::axe::{axe_script, no_violations, no_violations_in_popup};
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
pub(crate) const FIRST: usize = 5;
/// Judgments that two browsers of one wallet are offered.
const TOWERS: usize = 4;
/// So long nobody is asked anything: then there is nothing left.
const QUIET: Duration = Duration::from_secs(4);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// The test wallets' second key: Ed25519 of 32 bytes 8.
const OTHER_SEED: u8 = 8;

/// A coordinator that pays, on a chain of its own.
pub(crate) struct Bank {
    pub(crate) chain: Chain,
    pub(crate) world: World,
}

impl Bank {
    /// Starts both.
    pub(crate) async fn start(paths: &Paths, data: &Path) -> Result<Self> {
        Self::start_with(paths, data, vec![]).await
    }

    /// The same with more settings of the coordinator.
    pub(crate) async fn start_with(paths: &Paths, data: &Path, more: Vec<String>) -> Result<Self> {
        std::fs::create_dir_all(data)?;
        let chain = Chain::start(data).await?;
        let settings = [chain.settings(DISPUTE), more].concat();
        let world = World::start(&paths.that_pay(settings), data).await?;
        Ok(Self { chain, world })
    }

    /// Orders so many judgments, each of which so many people decide together. Gives the order's id.
    pub(crate) async fn order(&self, what: &str, count: usize, people: u8) -> Result<String> {
        self.order_at(PRICE, what, count, people).await
    }

    /// The same for another price, base units.
    pub(crate) async fn order_at(&self, price: u64, what: &str, count: usize, people: u8) -> Result<String> {
        let contents: Vec<Value> = (1..=count).map(|n| json!({"text": format!("{what} {n} is open.")})).collect();
        let project = json!({
            "title": what, "guideline": "Only what the sentence says.", "question": "Is it open?",
            "options": ["Open", "Shut"], "contents": contents, "price": price,
            "rule": {"agree": people, "people": people},
        });
        self.world.buyer.create("projects", &project).await
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
    pub(crate) async fn to_the_page(&self, button: &str, wallet: &str) -> Result<()> {
        self.browser.click(button).await?;
        let own = self.browser.text("fingerprint").await?;
        let lull = self.browser.opened_tab("/connect").await?;
        self.browser.until_attribute("step", "data-step", "choosing").await?;
        let shown = self.browser.text("fingerprint").await?;
        ensure!(own == shown && !own.is_empty(), "the popup shows {own}, the page {shown}");
        self.browser.click(wallet).await?;
        self.browser.until_attribute("step", "data-step", "done").await?;
        self.browser.close_tab(lull).await
    }

    /// The wallet's page meets these of the test wallets from now on.
    pub(crate) async fn meets(&self, bank: &Bank, wallets: &str) -> Result<()> {
        self.browser.goto(&format!("http://{}/connect", bank.world.ready.listening)).await?;
        self.browser.js(&format!("localStorage.setItem('test-wallet', '{wallets}')")).await.map(drop)
    }

    /// From home, where the popup opens after the page: what waits there, and a yes to it.
    pub(crate) async fn says_yes(&self, purpose: &str, address: &str) -> Result<()> {
        self.looks(purpose, address).await?;
        self.browser.click("wallet-yes").await
    }

    /// The same without the yes.
    pub(crate) async fn looks(&self, purpose: &str, address: &str) -> Result<()> {
        self.browser.open(HOME).await?;
        self.browser.until_attribute("wallet-call", "data-call", "asked").await?;
        self.browser.click("wallet-call").await?;
        self.browser.until_attribute("wallet-ask", "data-purpose", purpose).await?;
        let asked = self.browser.text("asked-address").await?;
        ensure!(asked == address, "asked is {asked}, signed in has {address}");
        Ok(())
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
    pub(crate) async fn until_next(&self, when: &str, arrives: impl Fn(u64) -> bool) -> Result<u64> {
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
    let axe = axe_script()?;
    let bank = Bank::start(paths, data).await?;
    bank.order("Gate", FIRST, 1).await?;
    let browser = bank.world.browser_with_wallets("profile").await?;
    let person = begun(paths, &browser, &Demo::load(&paths.repo)?).await?;
    let payee = Payee { browser: &browser };
    payee.works(&person, FIRST).await?;
    browser.until_text("money-paid", &["Test money"]).await?;

    browser.click("wallet").await?;
    browser.until_text("test-money", &["worth nothing"]).await?;
    browser.until_text("wallet-connect", &["Anyone who knows this address sees every amount, for good."]).await?;
    let begun = Instant::now();
    payee.to_the_page("connect", "wallet-0").await?;
    payee.says_yes("link", ADDRESS).await?;
    browser.until_text("wallet-connected", &["Paid to J2xc", "JVaf"]).await?;
    say(&format!("connected after {:.1} s, with a driver for a person", begun.elapsed().as_secs_f64()));

    // A first token account is opened after a yes to its cost.
    let arrives = payee.until_next("after-yes", |amount| amount > 0).await?;
    ensure!(arrives < FIRST as u64 * PRICE, "the account costs nothing");
    browser.until_text("account", &["has no account for this money yet"]).await?;
    no_violations(&browser, &axe, "wallet, next payout").await?;
    browser.click("account-yes").await?;
    payee.until_paid(Instant::now(), "1").await?;
    ensure!(bank.compare().await? == arrives, "something else arrived than what was told: {arrives}");
    let first = transaction(&bank, &browser).await?;
    browser.click("payout-work").await?;
    rows(&browser, FIRST).await?;

    // The second one waits for an amount, and then for nothing but the click.
    browser.open(WALLET).await?;
    browser.choose("pay-when", "at").await?;
    browser.find("pay-at").await?;
    bank.order("Door", 1, 1).await?;
    payee.works(&person, 1).await?;
    browser.open(WALLET).await?;
    payee.until_next("at", |amount| amount > 0).await?;
    no_violations_in_popup(&browser, &axe, "wallet, waits for an amount").await?;
    let clicked = Instant::now();
    browser.click("pay-now").await?;
    let (arriving, paid) = payee.until_paid(clicked, "2").await?;
    let (arriving, paid) = (arriving.as_secs_f64(), paid.as_secs_f64());
    say(&format!("from the click on \u{201c}pay now\u{201d} to arriving {arriving:.2} s, to paid {paid:.1} s"));
    let balance = bank.compare().await?;
    let second = transaction(&bank, &browser).await?;
    no_violations(&browser, &axe, "wallet, payouts").await?;
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

/// Another wallet holds payouts, disconnecting tells what stays, and who wants a lost browser's place is stopped by it.
/// Two browsers of one wallet are one person.
pub(crate) async fn a_wallet_changes_hands(paths: &Paths, data: &Path) -> Result<()> {
    let bank = Bank::start(paths, data).await?;
    bank.order("Gate", FIRST, 1).await?;
    let first = bank.world.browser_with_wallets("profile").await?;
    let person = begun(paths, &first, &Demo::load(&paths.repo)?).await?;
    let payee = Payee { browser: &first };
    payee.works(&person, FIRST).await?;
    payee.meets(&bank, "twins").await?;
    first.open(WALLET).await?;
    payee.to_the_page("connect", "wallet-0").await?;
    payee.says_yes("link", ADDRESS).await?;
    payee.until_next("after-yes", |amount| amount > 0).await?;

    // Another account: held for a day, and said so here and on home.
    let another = other_address()?;
    payee.to_the_page("change", "wallet-1").await?;
    payee.looks("change", &another).await?;
    no_violations(&first, &axe_script()?, "wallet, asked").await?;
    first.click("wallet-yes").await?;
    first.until_text("wallet-held", &["Payouts are held until", "because the wallet has changed"]).await?;
    payee.until_next("after", |amount| amount > 0).await?;
    no_violations_in_popup(&first, &axe_script()?, "wallet, held and news").await?;
    first.open(HOME).await?;
    first.until_attribute("wallet-call", "data-call", "news").await?;
    no_violations_in_popup(&first, &axe_script()?, "home, wallet news").await?;
    knows(&first, &["instead of J2xc", "payouts are held until"]).await?;

    // Disconnecting needs no wallet.
    first.click("unlink").await?;
    first.until_attribute("wallet-ask", "data-purpose", "unlink").await?;
    first.until_text("wallet-ask", &["stays yours and waits here, with no expiry: 0.500"]).await?;
    no_violations_in_popup(&first, &axe_script()?, "wallet, before it is disconnected").await?;
    first.click("wallet-yes").await?;
    first.find("connect").await?;
    knows(&first, &["no longer paid to", "0.500 demo credits waits here, with no expiry"]).await?;
    payee.to_the_page("connect", "wallet-0").await?;
    payee.says_yes("link", ADDRESS).await?;
    first.until_text("wallet-held", &["Payouts are held until"]).await?;
    knows(&first, &["This browser is paid to J2xc"]).await?;

    // Two people so far: either is asked.
    bank.order("Bridge", 1, 2).await?;
    let second = bank.world.browser_with_wallets("profile-2").await?;
    let other = begun(paths, &second, &Demo::load(&paths.repo)?).await?;
    other.press_keys(&['1']).await?;
    payee.works(&person, 1).await?;
    its_place_is_wanted(&first, &second).await?;
    one_person(&bank, [(&first, &person), (&second, &other)]).await?;
    put_out(&first, &second).await?;
    second.close().await?;
    first.close().await?;
    bank.world.stop().await
}

/// The address of the test wallets' second key.
pub(crate) fn other_address() -> Result<String> {
    Ok(Wallet::new(SigningKey::from_seed(&[OTHER_SEED; 32].into()).public())?.to_string())
}

/// Home says that there is news, the wallet's page what; once known it is gone.
async fn knows(browser: &Browser, words: &[&str]) -> Result<()> {
    browser.open(HOME).await?;
    browser.until_attribute("wallet-call", "data-call", "news").await?;
    browser.click("wallet-call").await?;
    browser.until_text("wallet-news", words).await?;
    browser.click("news-known").await?;
    browser.until("the news is known", async || Ok(!browser.has("wallet-news").await?)).await
}

/// The second browser says that the first is lost; the first stops it, and both know.
async fn its_place_is_wanted(first: &Browser, second: &Browser) -> Result<()> {
    second.open(WALLET).await?;
    second.click("lost").await?;
    let payee = Payee { browser: second };
    payee.to_the_page("rebind", "wallet-0").await?;
    payee.looks("rebind", ADDRESS).await?;
    second.click("wallet-yes").await?;
    ensure!(!second.has("wallet-said").await?, "a yes without saying which browser is lost");
    second.js("document.querySelector('[data-testid=lost-choices] input').click()").await?;
    second.click("wallet-yes").await?;
    second.until_text("rebind-own", &["unless a browser of the wallet says no"]).await?;
    no_violations_in_popup(second, &axe_script()?, "wallet, waits for a place").await?;

    first.open(HOME).await?;
    first.until_attribute("wallet-call", "data-call", "rebinding").await?;
    first.click("wallet-call").await?;
    first.until_text("rebind-threat", &["They say that the key of this browser is lost."]).await?;
    no_violations(first, &axe_script()?, "wallet, a place is wanted").await?;
    first.click("veto").await?;
    first.until("nobody wants its place", async || Ok(!first.has("rebind-threat").await?)).await?;
    for browser in [first, second] {
        knows(browser, &["stopped"]).await?;
    }
    ensure!(!second.has("rebind-own").await?, "it still waits for the place");
    Ok(())
}

/// The second browser puts the first out of the wallet; both know, and the first is paid nowhere.
async fn put_out(first: &Browser, second: &Browser) -> Result<()> {
    second.open(WALLET).await?;
    second.until_text("wallet-browsers", &["2 browsers are paid to it"]).await?;
    second.js("document.querySelector('[data-testid=wallet-browsers]').open = true").await?;
    no_violations(second, &axe_script()?, "wallet, its browsers").await?;
    let payee = Payee { browser: second };
    payee.to_the_page("put-out", "wallet-0").await?;
    payee.looks("put_out", ADDRESS).await?;
    second.click("wallet-yes").await?;
    ensure!(!second.has("wallet-said").await?, "a yes without saying which browser goes");
    no_violations(second, &axe_script()?, "wallet, who is put out").await?;
    second.js("document.querySelector('[data-testid=lost-choices] input').click()").await?;
    second.click("wallet-yes").await?;
    knows(second, &["You put", "no longer paid to your wallet"]).await?;
    ensure!(!second.has("wallet-browsers").await?, "a list of one browser");
    knows(first, &["has put this browser out of J2xc", "you can connect a wallet again"]).await?;
    first.find("connect").await.map(drop)
}

/// What two people are to answer, two browsers of one wallet answer once.
async fn one_person(bank: &Bank, people: [(&Browser, &Person<'_>); 2]) -> Result<()> {
    let [_, (second, _)] = people;
    let payee = Payee { browser: second };
    second.open(WALLET).await?;
    payee.to_the_page("connect", "wallet-0").await?;
    payee.says_yes("link", ADDRESS).await?;
    second.until_text("wallet-connected", &["Paid to J2xc", "JVaf"]).await?;
    for (browser, _) in people {
        browser.open(HOME).await?;
    }
    let order = bank.order("Tower", TOWERS, 2).await?;
    let (mut seen, mut since) = (Vec::new(), Instant::now());
    while since.elapsed() < QUIET {
        for (browser, person) in people {
            if browser.has("judgment").await? {
                let sentence = browser.js("return document.querySelector('[data-testid=judgment] .content').innerText");
                seen.push(sentence.await?.as_str().context("a sentence")?.to_owned());
                person.press_keys(&['1']).await?;
                since = Instant::now();
            }
        }
        tokio::time::sleep(LOOK).await;
    }
    seen.sort_unstable();
    let expected: Vec<String> = (1..=TOWERS).map(|n| format!("Tower {n} is open.")).collect();
    ensure!(seen == expected, "two browsers of one wallet were asked {seen:?}");
    let results = bank.world.buyer.results_count(&order).await?;
    ensure!(results == 0, "{results} results although one person has answered");
    Ok(())
}
