//! A key's way through a backup: saved as a file, which is opened here as any tool for age would, erased, and restored
//! in another browser, where its earnings are and work goes on.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lull_protocol::SigningKey;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use crate::browser::Browser;
use crate::market::JUDGMENT_PRICE;
use crate::person::{HOME, Person, SETTINGS, WELCOME};
use crate::scenarios::{axe_script, begun, no_violations, with_judgments};
use crate::world::{Paths, World};

/// The page of backups.
const BACKUP: &str = "popup.html?tab=1#/backup";
/// The page that erases everything.
const ERASE: &str = "popup.html?tab=1#/erase";
/// How long age's own tool may take to open a file.
const OPENS_WITHIN: Duration = Duration::from_secs(60);
/// Judgments before the backup.
const BEFORE: u64 = 2;

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
    is_the_key(&file, &passphrase, &worker).await?;

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
    let downloads = world.data.join("downloads");
    let find = || -> Result<Option<PathBuf>> {
        for entry in std::fs::read_dir(&downloads)? {
            let path = entry?.path();
            if path.extension().is_some_and(|e| e == "age") && std::fs::metadata(&path)?.len() > 0 {
                return Ok(Some(path));
            }
        }
        Ok(None)
    };
    browser.until("the backup is downloaded", async || Ok(find()?.is_some())).await?;
    let file = find()?.context("it was there a moment ago")?;
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    ensure!(name.contains(&worker.replace(' ', "")), "{name} doesn't name the key {worker}");
    // What was saved opens, and is known as this browser's own.
    open_file(browser, &file, &passphrase).await?;
    browser.find("backup-same").await?;
    Ok((file, passphrase))
}

/// The real file on disk holds the seed of this very key, says age's own tool: another implementation (in Go), which
/// takes a passphrase only from a terminal; `script` gives it one.
async fn is_the_key(file: &Path, passphrase: &str, worker: &str) -> Result<()> {
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
    Ok(())
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

async fn open_file(browser: &Browser, file: &Path, passphrase: &str) -> Result<()> {
    browser.find("backup-file").await?.send_keys(&file.to_string_lossy()).await?;
    typed(browser, "backup-open-passphrase", passphrase).await?;
    browser.click("backup-open").await
}

async fn typed(browser: &Browser, field: &str, text: &str) -> Result<()> {
    browser.find(field).await?;
    let script = format!(
        "const input = document.querySelector('[data-testid={field}]'); input.value = '{text}'; \
         input.dispatchEvent(new InputEvent('input', {{bubbles: true}}))"
    );
    browser.js(&script).await.map(drop)
}
