//! Requesters pay in on a real chain: what arrived is in the ledger, once, and nothing else is.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use ed25519_dalek::SigningKey;
use lull_market::RequesterId;
use lull_payout::address::Address;
use lull_payout::rpc;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use solana_message::{AccountMeta, Instruction};
use solana_system_interface::instruction::create_account;
use spl_associated_token_account_interface::instruction::create_associated_token_account_idempotent;
use spl_token_interface::ID as TOKEN;
use spl_token_interface::instruction as spl;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command as Program};
use tokio::time::timeout;

use crate::house::{BOUGHT, BUYER, House};
use crate::liar::{Liar, Lie};
use crate::net::address;
use crate::scenario::PLENTY;
use crate::world::{DECIMALS, Tools, World, key};

/// Quick, and finalized within three seconds.
const SLOT_MS: u64 = 80;
const PATIENCE: Duration = Duration::from_secs(30);
/// A token, base units.
const TOKENS: u64 = 1_000_000;
const OTHER: RequesterId = RequesterId([2; 16]);

/// Somebody with a wallet, who pays.
struct Payer<'a> {
    world: &'a World,
    key: SigningKey,
}

impl<'a> Payer<'a> {
    async fn new(world: &'a World) -> Result<Self> {
        let key = key(7_000);
        let mint = world.terms.treasury.mint.address();
        world.surfnet.fund(&address(&key), 5_000_000_000).await?;
        world.make_account(address(&key)).await?;
        let payer = Self { world, key };
        payer.get(&mint, 500 * TOKENS).await?;
        Ok(payer)
    }

    fn account(&self, mint: &Address, owner: &Address) -> Address {
        spl_associated_token_account_interface::address::get_associated_token_address_with_program_id(
            owner, mint, &TOKEN,
        )
    }

    /// The mint's authority, which is the treasury, gives it some.
    async fn get(&self, mint: &Address, amount: u64) -> Result<()> {
        let authority = self.world.terms.treasury.owner;
        let to = self.account(mint, &address(&self.key));
        let give = spl::mint_to(&TOKEN, mint, &to, &authority, &[], amount)?;
        self.world.surfnet.net.execute(&[give], &[&self.world.key]).await.map(drop)
    }

    /// As a wallet makes it of a link.
    fn transfer(&self, mint: &Address, to: &Address, amount: u64, references: &[&str]) -> Result<Instruction> {
        let payer = address(&self.key);
        let (from, to) = (self.account(mint, &payer), self.account(mint, to));
        let mut transfer = spl::transfer_checked(&TOKEN, &from, mint, &to, &payer, &[], amount, DECIMALS)?;
        for reference in references {
            transfer.accounts.push(AccountMeta::new_readonly(reference.parse()?, false));
        }
        Ok(transfer)
    }

    async fn pay(&self, amount: u64, references: &[&str]) -> Result<()> {
        let treasury = &self.world.terms.treasury;
        let transfer = self.transfer(&treasury.mint.address(), &treasury.owner, amount, references)?;
        self.world.surfnet.net.execute(&[transfer], &[&self.key]).await.map(drop)
    }

    /// Sends what can't succeed.
    async fn fail(&self, references: &[&str]) -> Result<()> {
        let treasury = &self.world.terms.treasury;
        let much = self.transfer(&treasury.mint.address(), &treasury.owner, u64::MAX, references)?;
        let net = &self.world.surfnet.net;
        let bytes = net.signed(&[much], &[&self.key]).await?;
        net.ask(&rpc::send(&bytes)).await.map(drop)
    }

    /// Pays in a token that is worth nothing here.
    async fn pay_another_mint(&self, amount: u64, reference: &str) -> Result<()> {
        let net = &self.world.surfnet.net;
        let owner = self.world.terms.treasury.owner;
        let bytes = <spl_token_interface::state::Mint as solana_program_pack::Pack>::LEN as u64;
        let rent = net.ask(&rpc::rent(bytes)).await?;
        let mint_key = key(7_001);
        let mint = address(&mint_key);
        let make = [
            create_account(&owner, &mint, rent, bytes, &TOKEN),
            spl::initialize_mint2(&TOKEN, &mint, &owner, None, DECIMALS)?,
            create_associated_token_account_idempotent(&owner, &owner, &mint, &TOKEN),
            create_associated_token_account_idempotent(&owner, &address(&self.key), &mint, &TOKEN),
        ];
        net.execute(&make, &[&self.world.key, &mint_key]).await?;
        self.get(&mint, amount).await?;
        let transfer = self.transfer(&mint, &owner, amount, &[reference])?;
        net.execute(&[transfer], &[&self.key]).await.map(drop)
    }
}

/// A requester with its API key.
struct Buyer<'a> {
    http: Client,
    key: &'a str,
}

impl<'a> Buyer<'a> {
    fn new(key: &'a str) -> Result<Self> {
        Ok(Self { http: Client::builder().no_proxy().build()?, key })
    }

    async fn ask(&self, house: &House<'_>, method: Method, path: &str, body: Option<Value>) -> Result<(u16, Value)> {
        let url = format!("{}/v1/deposits{path}", house.address().await?);
        let mut request = self.http.request(method, url).bearer_auth(self.key);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await?;
        Ok((answer.status().as_u16(), answer.json().await?))
    }

    /// A reference for so much; waits until the chain has answered.
    async fn reference(&self, house: &House<'_>, amount: u64) -> Result<String> {
        let begun = Instant::now();
        loop {
            let (status, said) = self.ask(house, Method::POST, "", Some(json!({ "amount": amount }))).await?;
            if status == 201 {
                return Ok(said.get("reference").and_then(Value::as_str).context("no reference")?.to_owned());
            }
            ensure!(status == 503 && begun.elapsed() < PATIENCE, "{status} {said}\n{}", house.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn one(&self, house: &House<'_>, reference: &str) -> Result<Value> {
        Ok(self.ask(house, Method::GET, &format!("/{reference}"), None).await?.1)
    }

    async fn look(&self, house: &House<'_>, reference: &str) -> Result<(u16, Value)> {
        self.ask(house, Method::POST, &format!("/{reference}/look"), None).await
    }

    /// Waits until so many transactions of a reference are judged, and so much is credited.
    async fn until(&self, house: &House<'_>, reference: &str, count: usize, credited: u64) -> Result<Value> {
        let begun = Instant::now();
        loop {
            let said = self.one(house, reference).await?;
            let transactions = said.get("transactions").and_then(Value::as_array).map_or(0, Vec::len);
            if transactions == count && said.get("credited") == Some(&json!(credited)) {
                return Ok(said);
            }
            ensure!(begun.elapsed() < PATIENCE, "not {count} and {credited}: {said}\n{}", house.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn word<'a>(said: &'a Value, pointer: &str) -> &'a str {
    said.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The treasury has on the chain what was credited and what came for nobody; the books are in order.
async fn compare(world: &World, house: &House<'_>, credited: &[(RequesterId, u64)], for_nobody: u64) -> Result<()> {
    let mut sum = PLENTY + for_nobody;
    for (requester, credited) in credited {
        let first = if *requester == BUYER { BOUGHT } else { 0 };
        let has = house.available(*requester)?;
        ensure!(has == first + credited, "{requester:?} has {has}, not {first} + {credited}");
        sum += credited;
    }
    let has = world.held_by(world.terms.treasury.owner).await?;
    ensure!(has == sum, "the treasury has {has} on the chain, and {sum} in the books");
    let (is_right, said) = house.operator(&["check"]).await?;
    ensure!(is_right, "the books: {said}");
    Ok(())
}

/// Exactly, too little, twice, nothing, in another mint, for two at once, and while nobody looks.
pub(crate) async fn credits(tools: Tools) -> Result<String> {
    let (world, _) = World::new(&tools, SLOT_MS, PLENTY, 0).await?;
    let mut house = House::new(&world, "")?;
    house.add_requester(OTHER, "other")?;
    house.start()?;
    let (payer, buyer, other) = (Payer::new(&world).await?, Buyer::new("key")?, Buyer::new("other")?);
    let exact = buyer.reference(&house, 25 * TOKENS).await?;
    let said = buyer.one(&house, &exact).await?;
    let owner = world.terms.treasury.owner;
    let url = format!("solana:{owner}?amount=25&spl-token={}&reference={exact}&", world.terms.treasury.mint.address());
    ensure!(word(&said, "/url").starts_with(&url) && word(&said, "/state") == "waiting", "{said}");
    let begun = Instant::now();
    payer.pay(25 * TOKENS, &[&exact]).await?;
    let said = buyer.until(&house, &exact, 1, 25 * TOKENS).await?;
    let credited_after = begun.elapsed();
    ensure!(word(&said, "/state") == "credited", "{said}");
    // Less, and then once more; a fee of nobody's.
    let parts = buyer.reference(&house, 25 * TOKENS).await?;
    payer.pay(10 * TOKENS, &[&parts]).await?;
    payer.pay(10 * TOKENS, &[&parts]).await?;
    payer.pay(9_999, &[&parts]).await?;
    let said = buyer.until(&house, &parts, 3, 20 * TOKENS).await?;
    ensure!(word(&said, "/transactions/2/why_not").contains("less than a hundredth"), "{said}");
    // What isn't paid.
    let nothing = buyer.reference(&house, TOKENS).await?;
    payer.pay_another_mint(50 * TOKENS, &nothing).await?;
    payer.fail(&[&nothing]).await?;
    let said = buyer.until(&house, &nothing, 2, 0).await?;
    let words = [word(&said, "/transactions/0/why_not"), word(&said, "/transactions/1/why_not")];
    ensure!(words.iter().any(|why| why.contains("another token")), "{said}");
    ensure!(words.iter().any(|why| why.contains("failed")), "{said}");
    // One of two requesters; two of one.
    let theirs = other.reference(&house, TOKENS).await?;
    payer.pay(3 * TOKENS, &[&nothing, &theirs]).await?;
    other.until(&house, &theirs, 1, 0).await?;
    buyer.until(&house, &nothing, 3, 0).await?;
    let (_, status) = house.operator(&["treasury", "status"]).await?;
    ensure!(status.to_string().contains("TwoRequesters"), "the operator isn't told: {status}");
    payer.pay(4 * TOKENS, &[&exact, &parts]).await?;
    buyer.until(&house, &exact, 2, 29 * TOKENS).await?;
    buyer.until(&house, &parts, 4, 24 * TOKENS).await?;
    // While nobody looks.
    house.kill().await?;
    payer.pay(6 * TOKENS, &[&theirs]).await?;
    house.start()?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    house.kill().await?;
    house.start()?;
    other.until(&house, &theirs, 2, 6 * TOKENS).await?;
    let (status, said) = other.look(&house, &exact).await?;
    ensure!(status == 404, "somebody else's: {status} {said}");
    by_command(&house, &payer).await?;
    compare(&world, &house, &[(BUYER, 51 * TOKENS + TOKENS / 2), (OTHER, 6 * TOKENS)], 3 * TOKENS + 9_999).await?;
    Ok(format!("\n        paid to credited {:.2} s", credited_after.as_secs_f32()))
}

/// How often a buyer asks a server that says *not now*.
const TRIES: usize = 5;

/// Starts `lull deposit`; what it says after its link, and the link without its scheme.
async fn asked(command: &mut Program) -> Result<(Child, Lines<BufReader<ChildStderr>>, String)> {
    let mut said = String::new();
    for _ in 0..TRIES {
        let mut running = command.spawn().context("can't start lull, which is built with it")?;
        let mut lines = BufReader::new(running.stderr.take().context("no output")?).lines();
        said = lines.next_line().await?.unwrap_or_default();
        if let Some(link) = said.strip_prefix("solana:") {
            return Ok((running, lines, link.to_owned()));
        }
        println!("        `lull deposit` gave no link but: {said}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    bail!("no link: {said}")
}

/// `lull deposit`, paid by what its link says.
async fn by_command(house: &House<'_>, payer: &Payer<'_>) -> Result<()> {
    let lull = payer.world.tools.coordinator.with_file_name("lull");
    let mut command = Program::new(lull);
    command.args(["deposit", "2.5", "--server", &house.address().await?, "--key", "key", "--svg"]);
    command.arg(house.path("pay.svg")).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.kill_on_drop(true);
    let (running, mut lines, link) = asked(&mut command).await?;
    let (recipient, query) = link.split_once('?').context("a link without a query")?;
    let value = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)).unwrap_or_default();
    ensure!(value("amount=") == "2.5", "{link}");
    let (mint, to, reference) = (value("spl-token=").parse()?, recipient.parse()?, value("reference="));
    let transfer = payer.transfer(&mint, &to, 5 * TOKENS / 2, &[reference])?;
    payer.world.surfnet.net.execute(&[transfer], &[&payer.key]).await?;
    let output = timeout(PATIENCE, running.wait_with_output()).await??;
    let said: Value = serde_json::from_slice(&output.stdout)?;
    ensure!(output.status.success() && word(&said, "/state") == "credited", "{said}");
    ensure!(word(&said, "/credited_tokens") == "2.5" && house.path("pay.svg").exists(), "{said}");
    let mut told = String::new();
    while let Some(line) = lines.next_line().await? {
        told += &line;
    }
    ensure!(told.contains("waiting for the payment") && told.contains("credited: 2.5"), "{told}");
    Ok(())
}

/// The copy knows of one reference and not of two others; all payments came after it.
pub(crate) async fn restored(tools: Tools) -> Result<String> {
    let (world, _) = World::new(&tools, SLOT_MS, PLENTY, 0).await?;
    let mut house = House::new(&world, "")?;
    house.start()?;
    let (payer, buyer) = (Payer::new(&world).await?, Buyer::new("key")?);
    let known = buyer.reference(&house, 5 * TOKENS).await?;
    payer.pay(5 * TOKENS, &[&known]).await?;
    buyer.until(&house, &known, 1, 5 * TOKENS).await?;
    let mut copy = house.copy()?;
    payer.pay(6 * TOKENS, &[&known]).await?;
    let forgotten = buyer.reference(&house, 7 * TOKENS).await?;
    payer.pay(7 * TOKENS, &[&forgotten]).await?;
    buyer.until(&house, &known, 2, 11 * TOKENS).await?;
    buyer.until(&house, &forgotten, 1, 7 * TOKENS).await?;
    let lost = buyer.reference(&house, 8 * TOKENS).await?;
    payer.pay(8 * TOKENS, &[&lost]).await?;
    buyer.until(&house, &lost, 1, 8 * TOKENS).await?;
    house.kill().await?;
    copy.add_requester(OTHER, "other")?;
    copy.start()?;
    let other = Buyer::new("other")?;
    other.reference(&copy, TOKENS).await?;
    buyer.until(&copy, &known, 2, 11 * TOKENS).await?;
    let (status, said) = other.look(&copy, &forgotten).await?;
    ensure!(status == 404, "whose reference it is can be told from it: {status} {said}");
    let (status, said) = buyer.look(&copy, &forgotten).await?;
    ensure!(status == 200, "{status} {said}");
    buyer.until(&copy, &forgotten, 1, 7 * TOKENS).await?;
    buyer.look(&copy, &known).await?;
    // The operator finds what nobody asks for.
    for found in [json!([lost]), json!([])] {
        let (is_done, said) = copy.operator(&["treasury", "deposits"]).await?;
        ensure!(is_done && said.get("found") == Some(&found), "{said}");
        buyer.until(&copy, &lost, 1, 8 * TOKENS).await?;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    compare(&world, &copy, &[(BUYER, 26 * TOKENS)], 0).await?;
    Ok(String::new())
}

/// One of two RPCs hides the transaction, then gives no answer, then tells of ten times the amount.
pub(crate) async fn disagree(tools: Tools) -> Result<String> {
    let (world, _) = World::new(&tools, SLOT_MS, PLENTY, 0).await?;
    let mut house = House::new(&world, "")?;
    let liar = Liar::start(world.surfnet.net.url()).await?;
    house.set_rpcs(&[world.surfnet.net.url(), &liar.url], "")?;
    house.start()?;
    let (payer, buyer) = (Payer::new(&world).await?, Buyer::new("key")?);
    let reference = buyer.reference(&house, 5 * TOKENS).await?;
    liar.says(Lie::Hides);
    payer.pay(5 * TOKENS, &[&reference]).await?;
    for lie in [Lie::Hides, Lie::Silent, Lie::Adds] {
        liar.says(lie);
        tokio::time::sleep(Duration::from_secs(5)).await;
        let said = buyer.one(&house, &reference).await?;
        ensure!(said.get("transactions") == Some(&json!([])), "one RPC is believed alone: {said}");
        ensure!(house.available(BUYER)? == BOUGHT, "credited on one RPC's word");
    }
    liar.says(Lie::None);
    buyer.until(&house, &reference, 1, 5 * TOKENS).await?;
    compare(&world, &house, &[(BUYER, 5 * TOKENS)], 0).await?;
    Ok(String::new())
}
