//! The way to a paid wallet: the wallet's page from "connect" to the payouts, home beside it, and the page `/connect`.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use lull_protocol::calendar::civil_from_days;

use super::{Camera, EVIDENCE, POPUP, TAB};
use crate::browser::Browser;
use crate::connect::ADDRESS;
use crate::market::Demo;
use crate::paid::{Bank, FIRST, Payee, other_address};
use crate::person::{HOME, Person, WALLET};
use crate::scenarios::begun;
use crate::world::Paths;

/// More than one person is paid in a day, base units: 12 test dollars.
const TOO_MUCH: u64 = 12_000_000;

/// Earns a payout of its own: half a test dollar.
const ENOUGH: u64 = 500_000;

/// The list of addresses that nobody may pay.
struct List(PathBuf);

impl List {
    /// Puts one of today, whole in one step.
    fn put(&self, addresses: &[&str]) -> Result<()> {
        let days = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() / 86_400;
        let (year, month, day) = civil_from_days(days);
        let mut text = format!("dated {year:04}-{month:02}-{day:02}\n");
        for address in addresses {
            text.push_str(address);
            text.push('\n');
        }
        let new = self.0.with_extension("new");
        std::fs::write(&new, text)?;
        Ok(std::fs::rename(new, &self.0)?)
    }
}

/// What the pictures are taken of.
struct Scene<'a> {
    list: &'a List,
    paths: &'a Paths,
    bank: &'a Bank,
    browser: &'a Browser,
    camera: &'a Camera<'a>,
    payee: Payee<'a>,
    person: &'a Person<'a>,
}

/// Takes them all.
pub(super) async fn way(paths: &Paths, data: &Path, theme: &str, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(data)?;
    let list = List(data.join("listed.txt"));
    list.put(&[])?;
    let listed = vec!["--payout-sanctions".into(), list.0.display().to_string()];
    let bank = Bank::start_with(paths, data, listed).await?;
    bank.order("Gate", FIRST, 1).await?;
    let browser = bank.world.browser_with_wallets("profile").await?;
    let camera = Camera { browser: &browser, theme, folder };
    let person = begun(paths, &browser, &Demo::load(&paths.repo)?).await?;
    let payee = Payee { browser: &browser };
    let scene = Scene { list: &list, paths, bank: &bank, browser: &browser, camera: &camera, payee, person: &person };
    scene.payee.works(&person, FIRST).await?;
    scene.connect().await?;
    scene.payouts().await?;
    scene.day().await?;
    scene.browsers().await?;
    scene.change().await?;
    scene.contested().await?;
    browser.close().await?;
    bank.world.stop().await
}

impl Scene<'_> {
    /// The popup as it opens, and the whole page to look at.
    async fn shoot(&self, name: &str) -> Result<()> {
        self.camera.set_up(POPUP).await?;
        self.browser.js("scrollTo(0, 0)").await?;
        self.camera.shoot(name).await?;
        self.look(name).await
    }

    /// The whole page, which is not kept.
    async fn look(&self, name: &str) -> Result<()> {
        let Camera { browser, theme, .. } = *self.camera;
        let folder = self.bank.world.paths.pictures().join("wallet");
        std::fs::create_dir_all(&folder)?;
        self.camera.set_up(POPUP).await?;
        let height = browser.js("return document.documentElement.scrollHeight").await?.as_u64();
        let height = height.and_then(|height| u32::try_from(height).ok()).context("a page has a height")?;
        self.camera.set_up((POPUP.0, height)).await?;
        Camera { browser, theme, folder: &folder }.shoot(name).await
    }

    async fn connect(&self) -> Result<()> {
        let Self { browser, camera, payee, .. } = self;
        payee.meets(self.bank, "several,message,waits").await?;
        browser.open(WALLET).await?;
        browser.find("connect").await?;
        self.shoot("wallet-none").await?;
        browser.click("connect").await?;
        browser.find("fingerprint").await?;
        self.shoot("wallet-waiting").await?;
        let lull = browser.opened_tab("/connect").await?;
        camera.set_up(TAB).await?;
        browser.until_attribute("step", "data-step", "choosing").await?;
        camera.shoot("connect-choosing").await?;
        browser.click("wallet-2").await?;
        browser.find("back").await?;
        camera.shoot("connect-connecting").await?;
        browser.click("back").await?;
        browser.click("wallet-0").await?;
        let account = format!("account-{ADDRESS}");
        browser.find(&account).await?;
        camera.shoot("connect-accounts").await?;
        browser.click(&account).await?;
        browser.until_attribute("step", "data-step", "done").await?;
        camera.shoot("connect-done").await?;
        browser.close_tab(lull).await?;
        browser.open(HOME).await?;
        browser.find("wallet-call").await?;
        self.shoot("home-asked").await?;
        payee.looks("link", ADDRESS).await?;
        self.shoot("wallet-ask").await
    }

    async fn payouts(&self) -> Result<()> {
        let Self { browser, bank, payee, person, .. } = self;
        browser.click("wallet-yes").await?;
        payee.until_next("after-yes", |amount| amount > 0).await?;
        self.look("wallet-news").await?;
        browser.click("news-known").await?;
        self.shoot("wallet-next").await?;
        browser.click("account-yes").await?;
        browser.until_attribute("payout", "data-state", "paid").await?;
        self.list.put(&[ADDRESS])?;
        bank.order_at(ENOUGH, "Lock", 1, 1).await?;
        payee.works(person, 1).await?;
        browser.open(WALLET).await?;
        browser.until_attribute("payout", "data-state", "held").await?;
        self.list.put(&[])?;
        bank.order("Door", 1, 1).await?;
        payee.works(person, 1).await?;
        browser.open(WALLET).await?;
        browser.until_attribute("payout", "data-state", "arriving").await?;
        self.camera.set_up(POPUP).await?;
        browser.js("document.querySelector('[data-testid=next-payout]').scrollIntoView()").await?;
        self.camera.shoot("wallet-history").await?;
        browser.until_attribute("payout", "data-state", "paid").await?;
        browser.js("document.querySelectorAll('[data-testid=payout]').forEach(row => row.open = true)").await?;
        self.look("wallet-payouts").await?;
        browser.open(HOME).await?;
        browser.find("money-paid").await?;
        self.shoot("home-paid").await
    }

    /// More is earned than a day's limit leaves: a part is paid at once.
    async fn day(&self) -> Result<()> {
        let Self { browser, bank, payee, person, .. } = self;
        bank.order_at(TOO_MUCH, "Vault", 1, 1).await?;
        payee.works(person, 1).await?;
        browser.open(WALLET).await?;
        payee.until_next("after", |amount| amount > 0).await?;
        browser.until_attribute("payout", "data-state", "paid").await?;
        self.shoot("wallet-day").await
    }

    /// Another browser of the wallet comes, and is put out.
    async fn browsers(&self) -> Result<()> {
        let Self { browser, bank, payee, person, paths, .. } = self;
        bank.order("Bridge", 1, 2).await?;
        let second = bank.world.browser_with_wallets("profile-2").await?;
        // They are two people so far: either is asked.
        begun(paths, &second, &Demo::load(&paths.repo)?).await?.press_keys(&['1']).await?;
        payee.works(person, 1).await?;
        let other = Payee { browser: &second };
        other.meets(bank, "twins").await?;
        second.open(WALLET).await?;
        other.to_the_page("connect", "wallet-0").await?;
        other.says_yes("link", ADDRESS).await?;
        payee.meets(bank, "twins").await?;
        browser.open(WALLET).await?;
        browser.until_text("wallet-browsers", &["2 browsers are paid to it"]).await?;
        browser.js("document.querySelector('[data-testid=wallet-browsers]').open = true").await?;
        self.look("wallet-browsers").await?;
        payee.to_the_page("put-out", "wallet-0").await?;
        payee.looks("put_out", ADDRESS).await?;
        browser.js("document.querySelector('[data-testid=lost-choices] input').click()").await?;
        self.look("wallet-ask-put-out").await?;
        browser.click("wallet-yes").await?;
        browser.until_text("wallet-news", &["no longer paid to your wallet"]).await?;
        self.look("wallet-news-put-out").await?;
        browser.click("news-known").await?;
        browser.until("the news is known", async || Ok(!browser.has("wallet-news").await?)).await?;
        second.close().await
    }

    /// What was paid is contested: on home, in the log and on the receipt.
    async fn contested(&self) -> Result<()> {
        let Self { browser, bank, person, .. } = self;
        bank.order("Shed", 1, 1).await?;
        browser.open(HOME).await?;
        browser.until_text("judgment", &["Shed 1"]).await?;
        let offer = person.press_keys(&['1']).await?;
        person.settled(&offer, &["accepted"]).await?;
        bank.world.operator(&["reverse", &offer, "--evidence", EVIDENCE]).await?;
        browser.find("contested").await?;
        self.shoot("home-contested").await?;
        browser.open("popup.html?tab=1#/activity").await?;
        browser.find("log-row").await?;
        self.shoot("log-contested").await?;
        browser.open(&format!("{HOME}receipt/{offer}")).await?;
        browser.find("appeal-words").await?;
        self.shoot("receipt-contested").await
    }

    async fn change(&self) -> Result<()> {
        let Self { browser, bank, payee, .. } = self;
        payee.meets(bank, "twins").await?;
        browser.open(WALLET).await?;
        payee.to_the_page("change", "wallet-1").await?;
        payee.looks("change", &other_address()?).await?;
        self.look("wallet-ask-change").await?;
        browser.click("wallet-yes").await?;
        browser.find("wallet-held").await?;
        browser.click("news-known").await?;
        browser.until("the news is known", async || Ok(!browser.has("wallet-news").await?)).await?;
        self.shoot("wallet-held").await?;
        browser.click("unlink").await?;
        browser.until_attribute("wallet-ask", "data-purpose", "unlink").await?;
        self.look("wallet-ask-unlink").await
    }
}
