//! The key's pages: making a backup, restoring one, erasing everything.

use std::path::Path;

use anyhow::{Context, Result};

use super::{Camera, POPUP};
use crate::backup::{BACKUP, ERASE, open_file, saved, typed};
use crate::browser::Browser;
use crate::market::Demo;
use crate::person::{HOME, SETTINGS};
use crate::scenarios::begun;
use crate::world::{Paths, World};

const PASSPHRASE: &str = "quiet moments at work";

/// What the pictures are taken of.
struct Scene<'a> {
    browser: &'a Browser,
    camera: Camera<'a>,
    /// For those that are only looked at.
    looks: Camera<'a>,
}

/// Takes them all.
pub(super) async fn way(paths: &Paths, data: &Path, theme: &str, folder: &Path) -> Result<()> {
    let looks = paths.pictures().join("backup");
    std::fs::create_dir_all(&looks)?;
    let world = World::start(paths, data).await?;
    world.order_by_file("tests/demo/types/choice.json").await?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &Demo::load(&paths.repo)?).await?;
    let scene = Scene {
        browser: &browser,
        camera: Camera { browser: &browser, theme, folder },
        looks: Camera { browser: &browser, theme, folder: &looks },
    };
    browser.find("question").await?;
    let offer = person.press_keys(&['1']).await?;
    let own = scene.made(&world).await?;
    scene.opened(&world, &own).await?;
    browser.open(HOME).await?;
    person.settled(&offer, &["accepted", "ambiguous", "waiting"]).await?;
    browser.open(SETTINGS).await?;
    browser.click("everything").await?;
    browser.until_text("everything-said", &["Saved as"]).await?;
    scene.look("everything").await?;
    scene.erased().await?;
    browser.close().await?;
    world.stop().await
}

impl Scene<'_> {
    /// The whole page, which is not kept.
    async fn look(&self, name: &str) -> Result<()> {
        self.looks.set_up(POPUP).await?;
        let height = self.browser.js("return document.documentElement.scrollHeight").await?.as_u64();
        let height = height.and_then(|height| u32::try_from(height).ok()).context("a page has a height")?;
        self.looks.set_up((POPUP.0, height)).await?;
        self.looks.shoot(name).await
    }

    /// The same, and as the popup shows it, for the repository.
    async fn shoot(&self, name: &str) -> Result<()> {
        self.camera.set_up(POPUP).await?;
        self.browser.js("scrollTo(0, 0)").await?;
        self.camera.shoot(name).await?;
        self.look(name).await
    }

    /// Gives the backup of this browser's key.
    async fn made(&self, world: &World) -> Result<std::path::PathBuf> {
        let browser = self.browser;
        browser.open(BACKUP).await?;
        browser.find("backup-worker").await?;
        self.shoot("backup").await?;
        typed(browser, "backup-first", "too short").await?;
        self.look("backup-hint").await?;
        browser.click("backup-suggest").await?;
        self.look("backup-suggested").await?;
        let file = saved(world, browser, PASSPHRASE).await?;
        self.look("backup-saved").await?;
        Ok(file)
    }

    /// Opens what doesn't, then another browser's backup, where this one has earned something.
    async fn opened(&self, world: &World, own: &Path) -> Result<()> {
        let other = world.browser("other").await?;
        other.open(crate::person::WELCOME).await?;
        other.find("start").await?;
        let file = saved(world, &other, PASSPHRASE).await?;
        other.close().await?;
        let damaged = file.with_file_name("damaged.age");
        std::fs::write(&damaged, std::fs::read(&file)?.get(..150).context("it is longer")?)?;
        let browser = self.browser;
        open_file(browser, &damaged, PASSPHRASE).await?;
        browser.until_text("backup-open-said", &["damaged"]).await?;
        self.look("restore-damaged").await?;
        open_file(browser, own, PASSPHRASE).await?;
        browser.find("backup-same").await?;
        self.look("restore-same").await?;
        open_file(browser, &file, PASSPHRASE).await?;
        browser.find("backup-found").await?;
        self.look("restore-found").await
    }

    async fn erased(&self) -> Result<()> {
        let browser = self.browser;
        browser.open(ERASE).await?;
        browser.find("erase").await?;
        self.shoot("erase").await?;
        browser.click("erase").await?;
        self.look("erase-asked").await?;
        browser.click("erase-yes").await?;
        browser.find("erased").await?;
        self.look("erased").await
    }
}
