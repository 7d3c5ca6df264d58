//! The way to a paid wallet: the wallet's page from "connect" to the payouts, home beside it, and the page `/connect`.

use std::path::Path;

use anyhow::{Context, Result};

use super::{Camera, POPUP, TAB};
use crate::browser::Browser;
use crate::connect::ADDRESS;
use crate::market::Demo;
use crate::paid::{Bank, FIRST, Payee, other_address};
use crate::person::{HOME, Person, WALLET};
use crate::scenarios::begun;
use crate::world::Paths;

/// More than one person is paid in a day, base units: 12 test dollars.
const TOO_MUCH: u64 = 12_000_000;

/// What the pictures are taken of.
struct Scene<'a> {
    bank: &'a Bank,
    browser: &'a Browser,
    camera: &'a Camera<'a>,
    payee: Payee<'a>,
    person: &'a Person<'a>,
}

/// Takes them all.
pub(super) async fn way(paths: &Paths, data: &Path, theme: &str, folder: &Path) -> Result<()> {
    let bank = Bank::start(paths, data).await?;
    bank.order("Gate", FIRST, 1).await?;
    let browser = bank.world.browser_with_wallets("profile").await?;
    let camera = Camera { browser: &browser, theme, folder };
    let person = begun(paths, &browser, &Demo::load(&paths.repo)?).await?;
    let payee = Payee { browser: &browser };
    let scene = Scene { bank: &bank, browser: &browser, camera: &camera, payee, person: &person };
    scene.payee.works(&person, FIRST).await?;
    scene.connect().await?;
    scene.payouts().await?;
    scene.change().await?;
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
        bank.order_at(TOO_MUCH, "Vault", 1, 1).await?;
        payee.works(person, 1).await?;
        browser.open(WALLET).await?;
        browser.until_attribute("payout", "data-state", "held").await?;
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
