//! Judgments that call the person: by a number on the icon, by the popup that opens by itself, by a notification.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use fantoccini::wd::WindowHandle;
use serde_json::{Value, json};

use crate::browser::{BLANK, Browser};
use crate::devtools::Devtools;
use crate::person::{HOME, Person, SETTINGS};
use crate::scenarios::{begun, with_judgments};
use crate::world::{Paths, World};

/// How long nothing may happen before it counts as not happening. A call takes some 50 ms once nobody looks.
const NOTHING: Duration = Duration::from_secs(3);
/// What follows a look at the window takes some 20 ms.
const DECIDED: Duration = Duration::from_millis(700);
/// Longer than a judgment's lease may seem to have lasted when the clock was set on.
const LEASE: Duration = Duration::from_hours(2);
/// As often as the person allows, and after a call that could not be shown; each with some more, minutes.
const ALLOWED_MIN: u32 = 6;
const AGAIN_MIN: u32 = 2;
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

/// While the person does something else the popup doesn't open by itself, and it does once that is over: a page in
/// full screen, a window that is minimised, another program, a tab that is heard. Nor does it sooner than they allowed.
pub(crate) async fn calls_at_good_moments_only(paths: &Paths, data: &Path) -> Result<()> {
    let (world, demo) = with_judgments(&paths.with_leases_of(LEASE), data).await?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &demo).await?;
    browser.open(SETTINGS).await?;
    browser.click("pops-open").await?;
    browser.until_attribute("pops-open", "aria-checked", "true").await?;
    browser.choose("pops-minutes", "5").await?;
    quiet_hours(&browser, 0, 0).await?;
    let lull = browser.second_tab().await?;
    browser.goto(&World::url("/sqlite/about.html")).await?;
    let site = browser.go_to_tab(lull.clone()).await?;
    let background = browser.background().await?.context("the background runs")?;
    let devtools = Devtools::connect(&browser.debugger()?).await?;
    let moments = Moments { browser: &browser, person: &person, devtools, background, tabs: [lull, site] };
    moments.observed().await?;
    moments.new_judgment(0).await?;
    moments.opens("nothing else").await?;

    moments.new_judgment(ALLOWED_MIN - 2).await?;
    let looked = moments.looked().await?;
    moments.looks_away().await?;
    tokio::time::sleep(DECIDED).await;
    ensure!(moments.looked().await? == looked && !browser.popup_is_open().await?, "sooner than was allowed");
    moments.looks().await?;
    moments.by_key("document.documentElement.requestFullscreen()").await?;
    moments.until_window("window.state === 'fullscreen'").await?;
    moments.blocks(2, "a page in full screen").await?;
    moments.on_site("document.exitFullscreen()").await?;
    moments.until_window("window.state === 'normal'").await?;
    moments.opens("the page left full screen").await?;

    for (does, is, over, what) in [
        ("state: 'fullscreen'", "window.state === 'fullscreen'", "state: 'normal'", "a window in full screen"),
        ("state: 'minimized'", "window.state === 'minimized'", "state: 'normal'", "a minimised window"),
        ("focused: false", "!window.focused", "focused: true", "another program"),
    ] {
        moments.new_judgment(0).await?;
        moments.window(does).await?;
        moments.until_window(is).await?;
        moments.blocks(ALLOWED_MIN, what).await?;
        moments.window(over).await?;
        moments.until_window("window.state === 'normal' && window.focused").await?;
        moments.opens(what).await?;
    }

    moments.new_judgment(0).await?;
    let sounds = "const sound = new AudioContext(), tone = sound.createOscillator(); tone.connect(sound.destination); tone.start()";
    moments.by_key(sounds).await?;
    let heard = async |muted: bool| {
        let audible = format!("chrome.tabs.query({{audible: true, muted: {muted}}}).then(tabs => tabs.length)");
        browser.until("the tab is heard", async || Ok(moments.js(&audible).await? == json!(1))).await
    };
    heard(false).await?;
    moments.blocks(ALLOWED_MIN, "a tab that is heard").await?;
    moments.js("chrome.tabs.query({audible: true}).then(([tab]) => chrome.tabs.update(tab.id, {muted: true}))").await?;
    heard(true).await?;
    moments.opens("a tab that is muted").await?;
    browser.close().await?;
    world.stop().await
}

/// A person with two tabs, Lull and a site, whose background is watched by DevTools.
struct Moments<'a> {
    browser: &'a Browser,
    person: &'a Person<'a>,
    devtools: Devtools,
    background: String,
    /// Lull's, the site's.
    tabs: [WindowHandle; 2],
}

impl Moments<'_> {
    async fn js(&self, expression: &str) -> Result<Value> {
        self.devtools.evaluate(&self.background, expression).await
    }

    /// From now on its looks at the window are counted, and its clock can be set on.
    async fn observed(&self) -> Result<()> {
        const OBSERVED: &str = "const look = chrome.windows.getLastFocused.bind(chrome.windows), now = Date.now; \
            self.looked = 0; chrome.windows.getLastFocused = () => { self.looked += 1; return look(); }; \
            self.later = 0; Date.now = () => now() + self.later; true";
        self.js(OBSERVED).await.map(drop)
    }

    async fn looked(&self) -> Result<u64> {
        self.js("self.looked").await?.as_u64().context("a count")
    }

    async fn clock_set_on(&self, minutes: u32) -> Result<()> {
        self.js(&format!("self.later += {minutes} * 60000")).await.map(drop)
    }

    /// Brings a tab to the front and goes on there.
    async fn shows(&self, tab: &WindowHandle) -> Result<()> {
        self.browser.go_to_tab(tab.clone()).await?;
        let target = json!({"targetId": String::from(tab.clone())});
        self.browser.cdp("Target.activateTarget", target).await.map(drop)
    }

    /// Goes home, if this isn't it, with no page in between that isn't Lull's: that would be the moment to call.
    async fn home(&self) -> Result<()> {
        let home = self.browser.address(HOME);
        if self.browser.js("return location.href").await? == json!(home) {
            Ok(())
        } else {
            self.browser.goto(&home).await
        }
    }

    /// One is answered, so that another comes on screen; the person looks at the site, Lull is still open behind it.
    async fn new_judgment(&self, minutes: u32) -> Result<()> {
        let [lull, site] = &self.tabs;
        self.shows(lull).await?;
        self.home().await?;
        self.person.press_keys(&['1']).await?;
        self.browser.find("judgment").await?;
        self.clock_set_on(minutes).await?;
        self.shows(site).await
    }

    /// The tab behind is no longer Lull's: from here on a judgment may call. Not by the driver, which would bring a minimised
    /// window back.
    async fn looks_away(&self) -> Result<()> {
        const AWAY: &str =
            "chrome.tabs.query({index: 0}).then(([tab]) => chrome.tabs.update(tab.id, {url: 'about:blank'}))";
        self.js(AWAY).await.map(drop)
    }

    /// Opens Lull behind the site.
    async fn looks(&self) -> Result<()> {
        let [lull, site] = &self.tabs;
        self.browser.go_to_tab(lull.clone()).await?;
        self.home().await?;
        self.browser.find("judgment").await?;
        self.browser.go_to_tab(site.clone()).await.map(drop)
    }

    /// What the person does by a key in the site's page.
    async fn by_key(&self, does: &str) -> Result<()> {
        self.on_site(&format!("document.onkeydown = () => {{ document.onkeydown = null; {does}; }}")).await?;
        self.browser.press('a').await
    }

    async fn on_site(&self, script: &str) -> Result<()> {
        self.browser.js(script).await.map(drop)
    }

    /// The window that the person looks at.
    async fn window(&self, change: &str) -> Result<()> {
        let script = format!("chrome.windows.getAll().then(([{{id}}]) => chrome.windows.update(id, {{{change}}}))");
        self.js(&script).await.map(drop)
    }

    async fn until_window(&self, is: &str) -> Result<()> {
        let script = format!("chrome.windows.getAll().then(([window]) => {is})");
        self.browser.until(is, async || Ok(self.js(&script).await? == json!(true))).await
    }

    /// After these minutes the background looks at the window and lets it be.
    async fn blocks(&self, minutes: u32, what: &str) -> Result<()> {
        let looked = self.looked().await?;
        self.clock_set_on(minutes).await?;
        self.looks_away().await?;
        self.browser
            .until("a look at the window", async || Ok(self.looked().await? > looked))
            .await
            .context(what.to_owned())?;
        tokio::time::sleep(DECIDED).await;
        ensure!(!self.browser.popup_is_open().await?, "the popup has opened by itself: {what}");
        Ok(())
    }

    /// What kept it from calling is over: it does, and a person closes the popup.
    async fn opens(&self, what: &str) -> Result<()> {
        self.looks().await?;
        self.clock_set_on(AGAIN_MIN).await?;
        self.looks_away().await?;
        let popup = Popup::opened(self.browser).await.with_context(|| format!("after {what}"))?;
        // A popup that is closed before it was shown counts as not opened.
        self.browser.until("its keys sleep", async || popup.is_asleep().await).await?;
        tokio::time::sleep(DECIDED).await;
        popup.close().await
    }
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
