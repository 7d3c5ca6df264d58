//! A key's way through a backup: saved as a file, which is opened here as any tool for age would, erased, and restored
//! in another browser, where its earnings are and work goes on.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use data_encoding::{BASE64, BASE64URL, HEXLOWER, HEXUPPER};
use lull_protocol::SigningKey;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use crate::axe::{axe_script, no_violations};
use crate::browser::Browser;
use crate::job::say;
use crate::languages::CALM;
use crate::market::JUDGMENT_PRICE;
use crate::person::{HOME, Person, SETTINGS, WELCOME};
use crate::scenarios::{begun, with_judgments};
use crate::world::{Paths, World};

/// The page of backups.
pub(crate) const BACKUP: &str = "popup.html?tab=1#/backup";
/// The page that erases everything.
pub(crate) const ERASE: &str = "popup.html?tab=1#/erase";
/// How long age's own tool may take to open a file.
const OPENS_WITHIN: Duration = Duration::from_secs(60);
/// Of backups whose passphrase doesn't matter.
const PASSPHRASE: &str = "two keys take turns";
/// Judgments before the backup.
const BEFORE: u64 = 2;
/// How often the browser is killed while it changes its key.
const KILLS: usize = 6;
/// A change is through after less than this.
const CHANGED_WITHIN_MS: u64 = 120;

/// The whole way.
pub(crate) async fn backup_and_restore(paths: &Paths, data: &Path) -> Result<()> {
    let (world, demo) = with_judgments(paths, data).await?;
    let axe = axe_script()?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &demo).await?;
    for _ in 0..BEFORE {
        let offer = person.answer().await?;
        person.settled(&offer, &["accepted", "ambiguous"]).await?;
    }
    person.quiet().await?;
    let worker = browser.text("worker-key").await?;
    let (file, passphrase) = backed_up(&world, &browser, &axe, &worker).await?;
    let seed = is_the_key(&file, &passphrase, &worker).await?;
    everything(&world, &browser, &worker, &seed).await?;

    browser.open(ERASE).await?;
    browser.until_text("erase-balance", &["no wallet"]).await?;
    browser.click("erase").await?;
    no_violations(&browser, &axe, "erase").await?;
    browser.click("erase-yes").await?;
    browser.find("erased").await?;
    browser.open(SETTINGS).await?;
    ensure!(browser.text("worker-key").await? != worker, "the key is still there");
    browser.open(HOME).await?;
    ensure!(browser.find("start").await.is_ok() && !browser.has("earned-all").await?, "no first run after erasing");
    browser.close().await?;

    let other = world.browser("other").await?;
    other.open(WELCOME).await?;
    other.click("welcome-backup").await?;
    restored(&other, &axe, &file, &passphrase, &worker).await?;
    other.open(WELCOME).await?;
    let person = Person::new(&other, &paths.repo, &demo)?;
    person.begin().await?;
    let earned = (BEFORE * JUDGMENT_PRICE).to_string();
    other.until_attribute("earned-all", "data-value", &earned).await?;
    let offer = person.answer().await?;
    person.settled(&offer, &["accepted", "ambiguous"]).await?;
    other.until_attribute("earned-all", "data-value", &((BEFORE + 1) * JUDGMENT_PRICE).to_string()).await?;
    other.close().await?;
    world.stop().await
}

/// A key, and the file of its backup.
struct Backup {
    worker: String,
    file: PathBuf,
}

/// The whole browser is killed in the midst of restoring, in the end of erasing: it has the old key with what it did, or
/// the new one with nothing.
pub(crate) async fn killed_while_the_key_changes(paths: &Paths, data: &Path) -> Result<()> {
    let (world, demo) = with_judgments(paths, data).await?;
    // The second key, from another browser.
    let browser = world.browser("other").await?;
    browser.open(WELCOME).await?;
    browser.find("start").await?;
    let mut other = Backup::save(&world, &browser).await?;
    browser.close().await?;
    let mut browser = world.browser("profile").await?;
    begun(paths, &browser, &demo).await?;
    let mut own = Backup::save(&world, &browser).await?;
    let seed = fastrand::u64(..);
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut changes = 0;
    for kill in 0..=KILLS {
        let is_erased = kill == KILLS;
        browser.open(HOME).await?;
        let person = Person::new(&browser, &paths.repo, &demo)?;
        person.answer().await?;
        person.quiet().await?;
        if is_erased {
            browser.open(ERASE).await?;
            browser.click("erase").await?;
            browser.click("erase-yes").await?;
        } else {
            browser.open(BACKUP).await?;
            open_file(&browser, &other.file, PASSPHRASE).await?;
            browser.find("backup-found").await?;
            if browser.has("backup-sure").await? {
                browser.click("backup-sure").await?;
            }
            browser.click("backup-adopt").await?;
        }
        tokio::time::sleep(Duration::from_millis(rng.u64(0..CHANGED_WITHIN_MS))).await;
        browser.kill().await?;
        browser = world.browser("profile").await?;
        browser.open(SETTINGS).await?;
        let found = browser.text("worker-key").await?;
        browser.open("popup.html?tab=1#/activity").await?;
        let is_shown = async || Ok(browser.has("log-row").await? || browser.js(CALM).await? == json!(true));
        browser.until("the log", is_shown).await?;
        let (is_old, has_log) = (found == own.worker, browser.has("log-row").await?);
        ensure!(is_old == has_log, "seed {seed}, kill {kill}: the key {found} with a log: {has_log}");
        if is_erased {
            ensure!(found != other.worker, "seed {seed}: erased, and {found} is back");
        } else if !is_old {
            ensure!(found == other.worker, "seed {seed}, kill {kill}: {found} is neither key");
            (own, other) = (other, own);
            changes += 1;
        }
    }
    say(&format!("{changes} of {KILLS} changes were through before the kill, seed {seed}"));
    browser.close().await?;
    world.stop().await
}

impl Backup {
    async fn save(world: &World, browser: &Browser) -> Result<Self> {
        let file = saved(world, browser, PASSPHRASE).await?;
        Ok(Self { worker: browser.text("backup-worker").await?, file })
    }
}

/// Saves a backup with this passphrase. Its file is moved out of the way of the next.
pub(crate) async fn saved(world: &World, browser: &Browser, passphrase: &str) -> Result<PathBuf> {
    browser.open(BACKUP).await?;
    for field in ["backup-first", "backup-again"] {
        typed(browser, field, passphrase).await?;
    }
    browser.click("backup-save").await?;
    browser.until_text("backup-said", &["Saved as"]).await?;
    let file = downloaded(world, browser, "age").await?;
    let place = world.data.join(file.file_name().context("a name")?);
    std::fs::rename(&file, &place)?;
    Ok(place)
}

/// Makes a backup with the passphrase that Lull suggests.
async fn backed_up(world: &World, browser: &Browser, axe: &str, worker: &str) -> Result<(PathBuf, String)> {
    browser.open(BACKUP).await?;
    browser.until_text("backup-worker", &[worker]).await?;
    typed(browser, "backup-first", "too short").await?;
    browser.until_text("backup-hint", &["At least 12"]).await?;
    browser.click("backup-suggest").await?;
    let value = "return document.querySelector('[data-testid=backup-first]').value";
    let suggested = async || Ok(browser.js(value).await?.as_str().is_some_and(|value| value.len() > 20));
    browser.until("a passphrase", suggested).await?;
    let passphrase = browser.js(value).await?.as_str().context("a text")?.to_owned();
    no_violations(browser, axe, "backup").await?;
    browser.click("backup-save").await?;
    browser.until_text("backup-said", &["Saved as lull-backup-", ".age"]).await?;
    let file = downloaded(world, browser, "age").await?;
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    ensure!(name.contains(&worker.replace(' ', "")), "{name} doesn't name the key {worker}");
    // What was saved opens, and is known as this browser's own.
    open_file(browser, &file, &passphrase).await?;
    browser.find("backup-same").await?;
    Ok((file, passphrase))
}

/// The real file on disk holds the seed of this very key, says age's own tool: another implementation (in Go), which
/// takes a passphrase only from a terminal; `script` gives it one.
async fn is_the_key(file: &Path, passphrase: &str, worker: &str) -> Result<[u8; 32]> {
    /// How the document's first field is written: a map of five, key 0, a byte string of 32.
    const SEED: [u8; 4] = [0xa5, 0x00, 0x58, 0x20];
    let out = file.with_extension("opened");
    let command = format!("age --decrypt --output '{}' '{}'", out.display(), file.display());
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &command, "/dev/null"]).kill_on_drop(true);
    let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("script (util-linux)")?;
    let mut keyboard = child.stdin.take().context("it was piped")?;
    keyboard.write_all(format!("{passphrase}\n").as_bytes()).await?;
    let said = timeout(OPENS_WITHIN, child.wait_with_output()).await.context("age asks on")??;
    ensure!(said.status.success(), "age doesn't open it: {}", String::from_utf8_lossy(&said.stdout));
    drop(keyboard);
    let plain = std::fs::read(&out)?;
    let at = plain.windows(SEED.len()).position(|window| window == SEED).context("no seed in it")? + SEED.len();
    let seed: [u8; 32] = plain.get(at..at + 32).context("a seed that ends early")?.try_into()?;
    let found = SigningKey::from_seed(&seed.into()).public().short();
    ensure!(found == worker, "the file holds {found} instead of {worker}");
    Ok(seed)
}

/// Saves everything, looks for all that was done, has the receipts checked against the ledger, and finds the secret key
/// in no form.
async fn everything(world: &World, browser: &Browser, worker: &str, seed: &[u8; 32]) -> Result<()> {
    browser.open(SETTINGS).await?;
    browser.click("everything").await?;
    browser.until_text("everything-said", &["Saved as lull-everything-", ".json"]).await?;
    let path = downloaded(world, browser, "json").await?;
    let text = std::fs::read_to_string(&path)?;
    let file: Value = serde_json::from_str(&text).context("the file of everything")?;
    let count = |name: &str| file.get(name).and_then(Value::as_array).map_or(0, Vec::len) as u64;
    let counts = ["log", "answers", "receipts", "waiting"].map(count);
    ensure!(counts == [BEFORE, BEFORE, BEFORE + 1, 0], "log, answers, receipts and waiting: {counts:?}");
    let at = |pointer: &str| file.pointer(pointer).cloned().unwrap_or_default();
    let said = ["/format", "/worker/key", "/settings/judgments", "/account/earned_base_units"].map(at);
    ensure!(
        said == [json!("lull-everything-1"), json!(worker), json!(true), json!(BEFORE * JUDGMENT_PRICE)],
        "{said:?}"
    );
    ensure!(at("/answers/0/answer").is_string(), "no answer in words: {}", at("/answers/0"));
    let verified = world.verify_books(&path).await?;
    ensure!(verified.verified == BEFORE, "{} receipts hold", verified.verified);
    for form in forms(seed)? {
        ensure!(!text.contains(&form), "the secret key is in the file");
    }
    Ok(())
}

/// How bytes may stand in a text: as hexadecimal, as numbers, as base64 of either alphabet wherever they begin.
fn forms(seed: &[u8; 32]) -> Result<Vec<String>> {
    let numbers: Vec<String> = seed.iter().map(u8::to_string).collect();
    let mut forms = vec![HEXLOWER.encode(seed), HEXUPPER.encode(seed), numbers.join(","), numbers.join(", ")];
    for start in 0..3 {
        // 30 bytes are 40 digits, whatever stands around them.
        let part = seed.get(start..start + 30).context("a part of it")?;
        forms.extend([BASE64.encode(part), BASE64URL.encode(part)]);
    }
    Ok(forms)
}

/// The file of this kind that was downloaded.
async fn downloaded(world: &World, browser: &Browser, extension: &str) -> Result<PathBuf> {
    let downloads = world.data.join("downloads");
    let find = || -> Result<Option<PathBuf>> {
        for entry in std::fs::read_dir(&downloads)? {
            let path = entry?.path();
            // Firefox takes the name with an empty file first, and puts the whole one in its place.
            if path.extension().is_some_and(|e| e == extension) && std::fs::metadata(&path)?.len() > 0 {
                return Ok(Some(path));
            }
        }
        Ok(None)
    };
    browser.until("the file is downloaded", async || Ok(find()?.is_some())).await?;
    find()?.context("it was there a moment ago")
}

/// Restores it, after two tries that fail in words.
async fn restored(browser: &Browser, axe: &str, file: &Path, passphrase: &str, worker: &str) -> Result<()> {
    browser.find("backup-page").await?;
    let damaged = file.with_file_name("damaged.age");
    let bytes = std::fs::read(file)?;
    std::fs::write(&damaged, bytes.get(..bytes.len() / 2).context("it has a half")?)?;
    open_file(browser, &damaged, passphrase).await?;
    browser.until_text("backup-open-said", &["damaged"]).await?;
    open_file(browser, file, "another passphrase").await?;
    browser.until_text("backup-open-said", &["doesn't open"]).await?;
    open_file(browser, file, passphrase).await?;
    browser.until_text("backup-found", &[worker]).await?;
    no_violations(browser, axe, "restore").await?;
    browser.click("backup-adopt").await?;
    browser.until_text("backup-adopted", &[worker]).await
}

pub(crate) async fn open_file(browser: &Browser, file: &Path, passphrase: &str) -> Result<()> {
    browser.find("backup-file").await?.send_keys(&file.to_string_lossy()).await?;
    typed(browser, "backup-open-passphrase", passphrase).await?;
    browser.click("backup-open").await
}

pub(crate) async fn typed(browser: &Browser, field: &str, text: &str) -> Result<()> {
    browser.find(field).await?;
    let script = format!(
        "const input = document.querySelector('[data-testid={field}]'); input.value = '{text}'; \
         input.dispatchEvent(new InputEvent('input', {{bubbles: true}}))"
    );
    browser.js(&script).await.map(drop)
}
