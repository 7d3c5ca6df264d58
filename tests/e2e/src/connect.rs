//! The page `/connect` in front of real wallet extensions: the good, the bad, and links that are no longer good.

mod double;

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use data_encoding::BASE64URL_NOPAD;
use lull_protocol::connect::Purpose;
use lull_protocol::siws::{Chain, Input, Proof, SignIn};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::axe::{Look, axe_script, no_violation};
use crate::browser::{Browser, ENTER, Kind};
use crate::world::{Paths, World};
use double::{Double, WORKER};

/// The address of the test wallets' key: Ed25519 of 32 bytes 9.
pub(crate) const ADDRESS: &str = "J2xccRtuG43drESLYznHhLhQkLTdfepcKYbiQ9BsJVaf";
const SHORT: &str = "J2xc…JVaf";
const TAB: char = '\u{e004}';

/// A coordinator, its double, and a browser with Lull and the test wallets.
struct Visit {
    world: World,
    double: Double,
    browser: Browser,
}

impl Visit {
    async fn begin(paths: &Paths, data: &Path) -> Result<Self> {
        let world = World::start(paths, data).await?;
        let double = Double::start(&world.ready.listening).await?;
        let browser = world.browser_with_wallets("profile").await?;
        Ok(Self { world, double, browser })
    }

    async fn end(self) -> Result<()> {
        self.browser.close().await?;
        self.world.stop().await
    }

    /// Opens a ticket's page, where it meets these of the test wallets.
    async fn open(&self, wallets: &str, ticket: &str) -> Result<()> {
        self.browser.goto("about:blank").await?;
        let address = self.double.address;
        self.browser.goto(&format!("http://{address}/connect?wallet={wallets}#{ticket}")).await
    }

    /// Opens a new ticket's page and waits until wallets can be chosen.
    async fn choose(&self, wallets: &str) -> Result<String> {
        let ticket = self.double.any_ticket();
        self.open(wallets, &ticket).await?;
        self.browser.until_attribute("step", "data-step", "choosing").await?;
        Ok(ticket)
    }

    /// The first wallet is chosen, and the page says so.
    async fn trouble(&self, wallets: &str, words: &[&str]) -> Result<()> {
        self.choose(wallets).await?;
        self.browser.click("wallet-0").await?;
        self.browser.until_text("trouble", words).await.with_context(|| format!("wallet {wallets}"))?;
        ensure!(self.browser.announced("trouble").await?.0 == "alert", "{wallets}: nothing is announced");
        // Another try is possible.
        self.browser.until_attribute("step", "data-step", "choosing").await
    }
}

/// In either browser: the page starts under its policy, from the real coordinator, and takes the fragment away.
pub(crate) async fn connect_page_opens(paths: &Paths, data: &Path) -> Result<()> {
    let world = World::start(paths, data).await?;
    let browser = world.browser("profile").await?;
    for (fragment, words) in [("", "Open this page from Lull"), ("#123", "This link is not whole")] {
        browser.goto("about:blank").await?;
        browser.goto(&format!("http://{}/connect{fragment}", world.ready.listening)).await?;
        browser.until_text("trouble", &[words]).await?;
        ensure!(browser.js("return location.hash").await? == json!(""), "the fragment is still there");
        browser.until_text("public", &["for good."]).await?;
        asks_nobody_else(&browser).await?;
    }
    browser.close().await?;
    world.stop().await
}

/// From the ticket to "say yes in Lull", by each way of signing and for each purpose; judged by others' code.
pub(crate) async fn connect_page_signs_in(paths: &Paths, data: &Path) -> Result<()> {
    let visit = Visit::begin(paths, data).await?;
    let cases = [
        ("good", Purpose::Link, Chain::Localnet, "Connect a wallet"),
        ("message", Purpose::Change, Chain::Mainnet, "Change your wallet"),
        ("good", Purpose::Rebind, Chain::Devnet, "Take a lost browser's place"),
    ];
    for (number, (wallet, purpose, chain, heading)) in cases.into_iter().enumerate() {
        let ticket = visit.double.ticket(purpose, chain);
        visit.open(wallet, &ticket).await?;
        let browser = &visit.browser;
        browser.until_attribute("step", "data-step", "choosing").await?;
        keeps_no_ticket(browser, &ticket).await?;
        browser.until_text("connect", &[heading, &WORKER.short()]).await?;
        browser.until_text("public", &["Anyone who knows this address sees every amount, for good."]).await?;
        ensure!(browser.has("test-money").await? == (chain != Chain::Mainnet), "{chain:?}: test money or not");
        as_the_standard_finds_them(browser).await?;
        browser.click("wallet-0").await?;
        browser.until_attribute("step", "data-step", "done").await?;
        browser.until_text("step", &["Now say yes in Lull", SHORT]).await?;
        let proofs = visit.double.proofs();
        ensure!(proofs.len() == number + 1, "{} proofs after {} sign-ins", proofs.len(), number + 1);
        let proof = proofs.last().context("a proof")?;
        ensure!(proof.wallet.to_string() == ADDRESS, "signed by {}", proof.wallet);
        judged(browser, wallet, &visit.double.sign_in(&ticket)?, proof).await?;
        asks_nobody_else(browser).await?;
    }
    visit.end().await
}

/// The ticket is nowhere but in the page's memory.
async fn keeps_no_ticket(browser: &Browser, ticket: &str) -> Result<()> {
    const KEPT: &str = "return [location.href, document.referrer, JSON.stringify(history.state), document.documentElement.outerHTML, \
                        JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.cookie].join('|')";
    let kept = browser.js(KEPT).await?;
    ensure!(!kept.to_string().contains(ticket), "the ticket is kept: {kept}");
    Ok(())
}

/// The standard's own module finds the same wallets in this page.
async fn as_the_standard_finds_them(browser: &Browser) -> Result<()> {
    let file =
        std::env::var_os("LULL_WALLET_APP").context("LULL_WALLET_APP is not set: start this through `cargo xtask`")?;
    let module = std::fs::read_to_string(file)?.replace("export function", "function");
    let theirs = browser.js(&format!("{module}\nreturn getWallets().get().map(wallet => wallet.name)")).await?;
    let ours = browser.js("return [...document.querySelectorAll('.choice bdi')].map(name => name.textContent)").await?;
    ensure!(ours == theirs && ours != json!([]), "the page shows {ours}, the standard's module finds {theirs}");
    Ok(())
}

/// Solana's own verifier takes what the wallet was asked for and what it signed.
async fn judged(browser: &Browser, wallet: &str, sign_in: &SignIn, proof: &Proof) -> Result<()> {
    let input = match wallet {
        // What a wallet with `signIn` was given, as the page gave it.
        "good" => browser.js("return testWallet.calls.at(-1).inputs[0]").await?,
        _ => input_of(sign_in.input()),
    };
    let output = json!({
        "publicKey": BASE64URL_NOPAD.encode(&proof.wallet.key().0),
        "message": BASE64URL_NOPAD.encode(&proof.message),
        "signature": BASE64URL_NOPAD.encode(&proof.signature),
    });
    let module = std::env::var_os("LULL_SIWS").context("LULL_SIWS is not set: start this through `cargo xtask`")?;
    let repo = std::env::var_os("LULL_REPO").context("LULL_REPO is not set: start this through `cargo xtask`")?;
    let mut node = Command::new("node")
        .arg(Path::new(&repo).join("tests/wallet/verify.js"))
        .arg(module)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("node did not start")?;
    let mut stdin = node.stdin.take().context("node's input")?;
    stdin.write_all(json!({"input": input, "output": output}).to_string().as_bytes()).await?;
    drop(stdin);
    let said: Value =
        serde_json::from_slice(&node.wait_with_output().await?.stdout).context("what the verifier says")?;
    ensure!(said == json!({"holds": true, "otherHolds": false}), "the official verifier says {said} of {input}");
    Ok(())
}

fn input_of(input: Input) -> Value {
    json!({
        "domain": input.domain, "statement": input.statement, "uri": input.uri, "version": input.version,
        "chainId": input.chain_id, "nonce": input.nonce, "issuedAt": input.issued_at,
        "expirationTime": input.expiration_time, "requestId": input.request_id, "resources": input.resources,
    })
}

/// Everything that the page has loaded is of its own server.
async fn asks_nobody_else(browser: &Browser) -> Result<()> {
    const OTHERS: &str = "return performance.getEntriesByType('resource').map(e => e.name).filter(url => \
                          !url.startsWith(location.origin + '/') && !url.startsWith('data:'))";
    let others = browser.js(OTHERS).await?;
    ensure!(others == json!([]), "loaded from elsewhere: {others}");
    Ok(())
}

/// Each way in which a wallet can misbehave has its words, nothing is sent, and another try is possible.
pub(crate) async fn connect_page_misbehaving_wallets(paths: &Paths, data: &Path) -> Result<()> {
    let visit = Visit::begin(paths, data).await?;
    let cases: [(&str, &[&str]); 16] = [
        ("locked", &["The wallet is locked", "Unlock it"]),
        ("empty", &["The wallet is locked", "no account yet"]),
        ("refuses", &["You said no in the wallet"]),
        ("throws", &["The wallet failed", "cannot read properties of undefined"]),
        ("throws-nothing", &["The wallet failed", "does not say why"]),
        ("hangs", &["did not answer in two minutes"]),
        ("hangs-late", &["did not answer in two minutes"]),
        ("garbage", &["answer can't be read"]),
        ("garbage-object", &["answer can't be read"]),
        ("garbage-signature", &["answer can't be read"]),
        ("proxies", &["answer can't be read"]),
        ("proxies-late", &["answer can't be read"]),
        ("forges", &["signature does not hold"]),
        ("other", &["signed with another account"]),
        ("rewrites", &["changed the text"]),
        ("changes", &["The account in the wallet has changed"]),
    ];
    for (wallet, words) in cases {
        visit.trouble(wallet, words).await?;
    }
    ensure!(visit.double.proofs().is_empty(), "something was sent");

    // A wallet that fails costs nothing: the next one signs with the same ticket.
    visit.choose("refuses,good").await?;
    visit.browser.click("wallet-0").await?;
    visit.browser.until_text("trouble", &["You said no"]).await?;
    visit.browser.click("wallet-1").await?;
    visit.browser.until_attribute("step", "data-step", "done").await?;
    ensure!(visit.double.proofs().len() == 1, "one proof");
    // One whose account registers another wallet when it is read is asked like any other.
    visit.choose("registers").await?;
    visit.browser.click("wallet-0").await?;
    visit.browser.until_attribute("step", "data-step", "done").await?;
    ensure!(visit.double.proofs().len() == 2, "another proof");
    which_wallets(&visit).await?;
    visit.end().await
}

/// None, one of another chain, two of one name, one with several accounts, one that is left, and one that attacks.
async fn which_wallets(visit: &Visit) -> Result<()> {
    let browser = &visit.browser;
    visit.choose("none").await?;
    browser.until_text("step", &["No wallet answers on this page", "Install a Solana wallet"]).await?;

    visit.choose("unable").await?;
    browser.until_text("unable", &["Other Chain"]).await?;
    browser.until_text("step", &["No wallet answers on this page"]).await?;

    visit.choose("twins").await?;
    browser.until_text("twins", &["More than one wallet calls itself Twin"]).await?;
    browser.until_text("wallet-0", &["Twin", "1 of 2 with this name"]).await?;
    browser.until_text("wallet-1", &["Twin", "2 of 2 with this name"]).await?;

    visit.choose("waits,good").await?;
    browser.click("wallet-0").await?;
    browser.until_text("step", &["Waits is asked to connect", "unlock it there"]).await?;
    browser.click("back").await?;
    browser.click("wallet-1").await?;
    browser.until_attribute("step", "data-step", "done").await?;

    visit.choose("several").await?;
    browser.click("wallet-0").await?;
    browser.find(&format!("account-{ADDRESS}")).await?;
    let other = "return [...document.querySelectorAll('.choice .address')].map(e => e.textContent).find(a => a !== arguments[0])";
    let other = browser.js(&other.replace("arguments[0]", &format!("'{ADDRESS}'"))).await?;
    let other = other.as_str().context("the second account")?.to_owned();
    browser.click(&format!("account-{other}")).await?;
    browser.until_attribute("step", "data-step", "done").await?;
    let last = visit.double.proofs().pop().context("a proof")?;
    ensure!(last.wallet.to_string() == other, "signed by {}, chosen was {other}", last.wallet);

    visit.choose("hostile,good").await?;
    let shown =
        browser.js("return [...document.querySelectorAll('.choice bdi')].map(name => name.textContent)").await?;
    // The one without features can't be chosen, the one without a name isn't there.
    ensure!(shown == json!(["Good Wallet"]) || shown.to_string().contains("<img src=x"), "shown: {shown}");
    let made = browser
        .js("return document.querySelectorAll('main img:not([src^=\"data:image/\"]), main [onerror]').length")
        .await?;
    ensure!(made == json!(0), "a wallet's name or icon became an element");
    browser.until_text("unable", &["No features"]).await?;
    asks_nobody_else(browser).await
}

/// Links that are stolen, used, expired, replaced, foreign, broken; a coordinator that doesn't answer.
pub(crate) async fn connect_page_links(paths: &Paths, data: &Path) -> Result<()> {
    let visit = Visit::begin(paths, data).await?;
    let (browser, double) = (&visit.browser, &visit.double);
    let over = async |words: &[&str]| {
        browser.until_attribute("step", "data-step", "over").await?;
        browser.until_text("trouble", words).await?;
        ensure!(!browser.has("wallet-0").await?, "a wallet can be chosen: {words:?}");
        anyhow::Ok(())
    };
    let nobodys = "0".repeat(64);
    for (ticket, words) in
        [("", "Open this page from Lull"), ("123", "not whole"), (&nobodys, "does not know the link")]
    {
        visit.open("good", ticket).await?;
        over(&[words]).await?;
    }
    visit.open("good", &double.foreign_ticket()).await?;
    over(&["not the coordinator's"]).await?;

    // A second tab, and the first one loaded anew.
    let ticket = visit.choose("good").await?;
    let first = browser.second_tab().await?;
    visit.open("good", &ticket).await?;
    over(&["used already", "another tab", "somebody else has seen it"]).await?;
    browser.go_to_tab(first).await?;
    browser.js("location.reload()").await?;
    over(&["Open this page from Lull"]).await?;
    // A link that is pasted over another one is a new beginning.
    let next = double.any_ticket();
    browser.js(&format!("location.hash = '{next}'")).await?;
    browser.until_attribute("step", "data-step", "choosing").await?;

    let at_take = [
        ("expired", "good for five minutes"),
        ("replaced", "newer link was opened"),
        ("declined", "You said no in Lull"),
        ("foreign", "another browser's"),
        ("linked", "paid to a wallet already"),
        ("brand_new", "It was told to refuse."),
    ];
    for (code, words) in at_take {
        double.refuse_next_take(code);
        visit.open("good", &double.any_ticket()).await?;
        over(&[words]).await?;
    }
    let short = double.short_ticket(1_500);
    visit.open("good", &short).await?;
    browser.until_attribute("step", "data-step", "choosing").await?;
    over(&["good for five minutes"]).await?;
    refused_accounts(&visit).await?;
    // Only Chromium's DevTools cut a line.
    if paths.browser == Kind::Chromium {
        without_a_line(&visit).await?;
    }
    visit.end().await
}

/// What the coordinator says of an account, the same ticket can put right with another; all else is over.
async fn refused_accounts(visit: &Visit) -> Result<()> {
    let (browser, double) = (&visit.browser, &visit.double);
    let choosing = [
        ("wrong_account", "That is the wrong account"),
        ("same_wallet", "paid to this wallet already"),
        ("listed", "sanctions list"),
        ("wallet_full", "64 browsers"),
        ("account_changed", "has changed"),
        ("sign_in", "does not accept what was signed"),
    ];
    for (code, words) in choosing {
        double.refuse_next_sign_in(code);
        visit.trouble("good", &[words]).await?;
    }
    for (code, words) in
        [("replaced", "newer link was opened"), ("expired", "good for five minutes"), ("used", "used already")]
    {
        double.refuse_next_sign_in(code);
        visit.choose("good").await?;
        browser.click("wallet-0").await?;
        browser.until_attribute("step", "data-step", "over").await?;
        browser.until_text("trouble", &[words]).await?;
    }
    Ok(())
}

/// The line is cut before the ticket is taken, and before the proof is sent: nothing is lost.
async fn without_a_line(visit: &Visit) -> Result<()> {
    let browser = &visit.browser;
    let line = async |is_cut: bool| {
        let conditions = json!({"offline": is_cut, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
        browser.cdp("Network.emulateNetworkConditions", conditions).await.map(drop)
    };
    browser.cdp("Network.enable", json!({})).await?;
    let before = visit.double.proofs().len();
    visit.choose("good").await?;
    line(true).await?;
    browser.click("wallet-0").await?;
    browser.until_attribute("step", "data-step", "unreachable").await?;
    browser.until_text("trouble", &["does not answer", "still holds what it signed"]).await?;
    line(false).await?;
    browser.click("again").await?;
    browser.until_attribute("step", "data-step", "done").await?;
    ensure!(visit.double.proofs().len() == before + 1, "sent once");
    Ok(())
}

/// Keyboard alone, a screen reader, both themes, from 320 to 1,200 px.
pub(crate) async fn connect_page_for_everyone(paths: &Paths, data: &Path) -> Result<()> {
    let axe = axe_script()?;
    let visit = Visit::begin(paths, data).await?;
    let browser = &visit.browser;
    visit.choose("good,message").await?;
    looks_right(paths, browser, &axe, "choosing").await?;
    visit.choose("twins,unable").await?;
    looks_right(paths, browser, &axe, "twins").await?;
    visit.trouble("other", &["another account"]).await?;
    looks_right(paths, browser, &axe, "trouble").await?;
    visit.choose("waits").await?;
    browser.click("wallet-0").await?;
    browser.find("back").await?;
    looks_right(paths, browser, &axe, "connecting").await?;
    visit.choose("several").await?;
    browser.click("wallet-0").await?;
    browser.find(&format!("account-{ADDRESS}")).await?;
    looks_right(paths, browser, &axe, "accounts").await?;
    visit.choose("none").await?;
    looks_right(paths, browser, &axe, "no wallet").await?;
    visit.open("good", "").await?;
    browser.until_attribute("step", "data-step", "over").await?;
    looks_right(paths, browser, &axe, "over").await?;

    // By keyboard alone: the second wallet, then its end.
    visit.choose("refuses,good").await?;
    for _ in 0..2 {
        browser.press(TAB).await?;
    }
    browser.press(ENTER).await?;
    browser.until_attribute("step", "data-step", "done").await?;
    let (role, _) = browser.announced("step").await?;
    ensure!(role == "status", "the step is announced as {role}");
    let focus = browser.js("return document.activeElement.tagName").await?;
    ensure!(focus == json!("MAIN"), "the focus went to {focus}");
    looks_right(paths, browser, &axe, "done").await?;
    visit.end().await
}

/// Nothing for axe in either theme, nothing wider than the window; pictures to look at.
async fn looks_right(paths: &Paths, browser: &Browser, axe: &str, name: &str) -> Result<()> {
    let folder = paths.pictures().join("connect");
    std::fs::create_dir_all(&folder)?;
    for theme in ["light", "dark"] {
        for width in [320, 760, 1_200] {
            // Without motion no colour is on its way from the other theme.
            let features = [("prefers-color-scheme", theme), ("prefers-reduced-motion", "reduce")];
            browser.dress_as(&features, (width, 900)).await?;
            no_violation(browser, axe, Look { page: &format!("connect, {name}"), theme, width }).await?;
            let wide = browser
                .js("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
                .await?;
            ensure!(wide == json!(0), "{name}: {wide} px too wide at {width} px");
            let file = folder.join(format!("{}-{theme}-{width}.png", name.replace(' ', "-")));
            std::fs::write(file, browser.picture().await?)?;
        }
    }
    Ok(())
}
