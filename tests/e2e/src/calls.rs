//! Judgments that call the person: by a number on the icon, by the popup that opens by itself, by a notification.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::browser::{BLANK, Browser};
use crate::devtools::Devtools;
use crate::person::{HOME, SETTINGS};
use crate::scenarios::{begun, with_judgments};
use crate::world::{Paths, World};

/// How long nothing may happen before it counts as not happening. A call takes some 50 ms once nobody looks.
const NOTHING: Duration = Duration::from_secs(3);
/// Longer than somebody who types is quiet.
const QUIET: Duration = Duration::from_millis(900);

/// A popup that opened by itself, where WebDriver doesn't reach.
struct Popup<'a> {
    browser: &'a Browser,
    devtools: Devtools,
    target: String,
}

impl<'a> Popup<'a> {
    async fn opened(browser: &'a Browser) -> Result<Self> {
        browser.until("the popup has opened by itself", async || Ok(browser.popup().await?.is_some())).await?;
        let target = browser.popup().await?.context("the popup has gone again")?;
        Ok(Self { browser, devtools: Devtools::connect(&browser.debugger()?).await?, target })
    }

    /// One key, as the browser gets it from the keyboard.
    async fn press(&self, key: &str) -> Result<()> {
        let text = if key == "Enter" { "\r" } else { key };
        let virtual_key = text.to_uppercase().bytes().next();
        for kind in ["keyDown", "keyUp"] {
            let event = json!({"type": kind, "key": key, "text": text, "windowsVirtualKeyCode": virtual_key});
            self.devtools.call(&self.target, "Input.dispatchKeyEvent", event).await?;
        }
        Ok(())
    }

    async fn js(&self, expression: &str) -> Result<Value> {
        self.devtools.evaluate(&self.target, expression).await
    }

    async fn is_asleep(&self) -> Result<bool> {
        Ok(self.js("!!document.querySelector('[data-testid=cover]')").await? == json!(true))
    }

    /// The offer of the judgment on screen, if there is one.
    async fn offer(&self) -> Result<String> {
        let offer = self.js("document.querySelector('[data-testid=judgment]')?.dataset.offer ?? ''").await?;
        Ok(offer.as_str().unwrap_or_default().to_owned())
    }

    /// Waits until one can be answered. Gives its offer.
    async fn until_awake(&self) -> Result<String> {
        self.browser.until("the judgment is there", async || Ok(!self.offer().await?.is_empty())).await?;
        self.offer().await
    }

    async fn close(self) -> Result<()> {
        self.browser.cdp("Target.closeTarget", json!({"targetId": self.target})).await?;
        self.browser.until("the popup is closed", async || Ok(self.browser.popup().await?.is_none())).await
    }
}

/// Nothing calls that wasn't chosen; what was chosen calls when it may, and what is typed then is no answer.
pub(crate) async fn called_by_a_judgment(paths: &Paths, data: &Path) -> Result<()> {
    let (world, demo) = with_judgments(paths, data).await?;
    let browser = world.browser("profile").await?;
    begun(paths, &browser, &demo).await?;
    let badge = "const done = arguments[0]; chrome.action.getBadgeText({}).then(done)";
    browser.open(BLANK).await?;
    let counts = async || Ok(browser.js_async(badge).await?.as_str().is_some_and(|count| count.parse::<u32>().is_ok()));
    browser.until("the icon counts judgments", counts).await?;
    stays_quiet(&browser).await?;
    if browser.gecko().is_some() {
        notified(&browser).await?;
    } else {
        popped(&browser).await?;
    }
    browser.close().await?;
    world.stop().await
}

async fn popped(browser: &Browser) -> Result<()> {
    browser.open(SETTINGS).await?;
    browser.click("pops-open").await?;
    browser.until_attribute("pops-open", "aria-checked", "true").await?;
    browser.choose("pops-minutes", "5").await?;
    let hour = browser.js("return new Date().getHours()").await?.as_u64().context("an hour")?;
    quiet_hours(browser, hour, (hour + 2) % 24).await?;
    stays_quiet(browser).await?;
    browser.open(SETTINGS).await?;
    quiet_hours(browser, 0, 0).await?;
    // In the tab that the person reads; Lull's own page must not be there.
    browser.goto(&World::url("/sqlite/about.html")).await?;
    let popup = Popup::opened(browser).await?;
    let asleep = async || popup.is_asleep().await;
    browser.until("it sleeps", asleep).await?;
    for key in ["1", "Enter", "s", " ", "2", " "] {
        popup.press(key).await?;
    }
    ensure!(popup.is_asleep().await? && popup.offer().await?.is_empty(), "typing woke it");
    tokio::time::sleep(QUIET).await;
    popup.press("1").await?;
    tokio::time::sleep(QUIET).await;
    popup.press("Enter").await?;
    ensure!(popup.is_asleep().await?, "a key that isn't Space woke it");
    tokio::time::sleep(QUIET).await;
    popup.press(" ").await?;
    let first = popup.until_awake().await?;
    tokio::time::sleep(QUIET).await;
    popup.press("1").await?;
    browser.until("the answer is given", async || Ok(popup.offer().await? != first)).await?;
    popup.until_awake().await?;
    popup.close().await?;
    // The next judgment waits, and five minutes aren't over; the icon opens a popup that is awake.
    stays_quiet(browser).await?;
    browser.open(BLANK).await?;
    let popup = "const done = arguments[0]; chrome.action.getPopup({}).then(done)";
    let next = browser.js_async(popup).await?;
    ensure!(next.as_str().is_some_and(|next| next.ends_with("popup.html")), "a click opens {next}");
    browser.open(HOME).await?;
    ensure!(!browser.has("cover").await?, "a page that was opened by a click sleeps");
    Ok(())
}

async fn notified(browser: &Browser) -> Result<()> {
    browser.open(SETTINGS).await?;
    browser.find("pops-click").await?;
    ensure!(!browser.has("pops-open").await?, "it offers what this browser can't");
    ensure!(!may_notify(browser).await?, "the permission is there before it was asked for");
    browser.click("pops-notify").await?;
    browser.until_attribute("pops-notify", "aria-checked", "true").await?;
    quiet_hours(browser, 0, 0).await?;
    ensure!(may_notify(browser).await?, "switched on without the permission");
    // A browser without a window closes a notification as soon as it has shown it: a second tab watches.
    let settings = browser.second_tab().await?;
    browser.open(BLANK).await?;
    browser.js("window.shown = []; chrome.notifications.onClosed.addListener(id => shown.push(id))").await?;
    let watch = browser.go_to_tab(settings).await?;
    ensure!(browser.js("return location.hash").await? == json!("#/settings"), "the first tab shows something else");
    stays_quiet(browser).await?;
    browser.go_to_tab(watch).await?;
    browser.until("a notification", async || Ok(browser.js("return shown").await? == json!(["judgment"]))).await?;
    browser.open(SETTINGS).await?;
    browser.click("pops-notify").await?;
    browser.until_attribute("pops-notify", "aria-checked", "false").await?;
    browser.until("the permission is given back", async || Ok(!may_notify(browser).await?)).await?;
    browser.click("pops-notify").await?;
    browser.until("the permission is asked for again", async || may_notify(browser).await).await?;
    browser.until_attribute("pops-notify", "aria-checked", "true").await?;
    // As by the browser's own settings.
    browser.js("chrome.permissions.remove({permissions: ['notifications']})").await?;
    browser.until("the permission is revoked", async || Ok(!may_notify(browser).await?)).await?;
    browser.open(SETTINGS).await?;
    browser.find("pops-denied").await.map(drop)
}

async fn quiet_hours(browser: &Browser, from: u64, to: u64) -> Result<()> {
    for (name, hour) in [("pops-from", from), ("pops-to", to)] {
        let hour = hour.to_string();
        browser.choose(name, &hour).await?;
        browser.until_attribute(name, "data-value", &hour).await?;
    }
    Ok(())
}

/// Nobody looks at Lull, there are judgments, and no popup opens.
async fn stays_quiet(browser: &Browser) -> Result<()> {
    browser.goto(&World::url("/sqlite/about.html")).await?;
    tokio::time::sleep(NOTHING).await;
    ensure!(!browser.popup_is_open().await?, "the popup has opened by itself");
    Ok(())
}

async fn may_notify(browser: &Browser) -> Result<bool> {
    let asked = "const done = arguments[0]; chrome.permissions.contains({permissions: ['notifications']}).then(done)";
    Ok(browser.js_async(asked).await? == json!(true))
}
