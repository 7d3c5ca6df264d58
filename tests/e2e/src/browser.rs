//! A real browser with the packaged extension, driven through WebDriver: Chromium, or Firefox by `firefox.rs`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use data_encoding::HEXLOWER;
use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::elements::Element;
use fantoccini::wd::WindowHandle;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use lull_protocol::Hash;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::axe::Found;
use crate::firefox::{self, Gecko};

/// How long a page may take to show what a test waits for.
const WAIT: Duration = Duration::from_secs(60);
/// How often a browser is started, and how long its first run may take to open.
const LAUNCHES_MAX: usize = 4;
const WELCOME_MAX: Duration = Duration::from_secs(15);
/// A page of the extension that runs nothing.
pub(crate) const BLANK: &str = "icons/128.png";
/// Keys by their WebDriver names (§17.4.2).
pub(crate) const ENTER: char = '\u{e007}';
pub(crate) const DOWN: char = '\u{e015}';
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(25);

/// Which browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    Chromium,
    Firefox,
}

impl Kind {
    /// Its name, which is its package's, too.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Firefox => "firefox",
        }
    }
}

/// What a browser is started with.
pub(crate) struct Launch<'a> {
    /// Which one.
    pub(crate) kind: Kind,
    /// The packaged extension.
    pub(crate) extension: &'a Path,
    /// Another extension's folder that is loaded beside it.
    pub(crate) beside: Option<&'a Path>,
    /// The profile; kept between launches, so that a restart can be tried.
    pub(crate) profile: &'a Path,
    /// Where downloads go.
    pub(crate) downloads: &'a Path,
    /// SHA-256 of the test certificate's public key, base64; `None` with the real network.
    pub(crate) spki: Option<&'a str>,
    /// Without a window.
    pub(crate) headless: bool,
    /// Through which proxy the sites are reached; the coordinator is reached without it.
    pub(crate) proxy: Option<SocketAddr>,
    /// Where goes what axe-core finds in it.
    pub(crate) found: &'a Found,
}

/// WebDriver's capability `proxy`.
fn by_proxy(address: SocketAddr) -> Value {
    json!({"proxyType": "manual", "sslProxy": address.to_string(), "noProxy": ["127.0.0.1"]})
}

/// A running browser.
pub(crate) struct Browser {
    client: Client,
    driver: Child,
    session: String,
    http: reqwest::Client,
    id: String,
    /// The folder of the extension.
    extension: PathBuf,
    /// If it is Firefox.
    gecko: Option<Gecko>,
    found: Found,
}

impl Browser {
    /// Starts the browser and its driver. A first tab that hangs while the welcome tab opens is the driver's
    /// trouble, not Lull's: then it starts anew, with a new profile if it had none yet. So it does when a profile
    /// that was there opens no page.
    pub(crate) async fn launch(launch: &Launch<'_>) -> Result<Self> {
        let fresh = !launch.profile.exists();
        for _ in 0..LAUNCHES_MAX {
            let browser = Self::start(launch).await?;
            let first_tab = async || if fresh { browser.close_welcome_tab().await } else { browser.open(BLANK).await };
            if let Ok(answered) = tokio::time::timeout(WELCOME_MAX, first_tab()).await {
                return answered.map(|()| browser);
            }
            eprintln!("· the browser's first tab hangs; starting it anew");
            browser.abandon(launch.profile).await?;
            if fresh {
                std::fs::remove_dir_all(launch.profile)?;
            }
        }
        bail!("{LAUNCHES_MAX} launches without a welcome tab that could be closed")
    }

    /// Kills driver and browser.
    async fn abandon(mut self, profile: &Path) -> Result<()> {
        self.driver.kill().await?;
        Command::new("pkill").args(["-KILL", "-f"]).arg(profile).status().await.context("pkill (Debian: procps)")?;
        self.driver.wait().await?;
        tokio::time::sleep(Duration::from_millis(500)).await;
        Ok(())
    }

    async fn start(launch: &Launch<'_>) -> Result<Self> {
        let is_fresh = !launch.profile.exists();
        let (driver, port) = match launch.kind {
            Kind::Chromium => start_driver().await?,
            Kind::Firefox => firefox::start_driver().await?,
        };
        let base = format!("http://127.0.0.1:{port}");
        let mut capabilities = match launch.kind {
            Kind::Chromium => capabilities(launch)?,
            Kind::Firefox => firefox::capabilities(launch, WAIT)?,
        };
        capabilities.extend(launch.proxy.map(|address| ("proxy".to_owned(), by_proxy(address))));
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&base)
            .await
            .with_context(|| format!("{} did not start", launch.kind.name()))?;
        let session = client.session_id().await?.context("no WebDriver session")?;
        let http = reqwest::Client::builder().no_proxy().build()?;
        let session = format!("{base}/session/{session}");
        let extension = launch.extension.canonicalize()?;
        let (id, gecko) = match launch.kind {
            Kind::Chromium => (extension_id(&extension)?, None),
            Kind::Firefox => (firefox::HOST.to_owned(), Some(Gecko::new(&session, &http, firefox::id(&extension)?))),
        };
        // Firefox keeps it with the profile, Chromium is told of it at each start.
        if let Some(gecko) = gecko.as_ref().filter(|_| is_fresh) {
            gecko.install(&extension).await?;
        }
        if let Some((gecko, beside)) = gecko.as_ref().zip(launch.beside) {
            gecko.install_beside(beside, &launch.profile.join("beside.xpi")).await?;
        }
        Ok(Self { client, driver, session, http, id, extension, gecko, found: launch.found.clone() })
    }

    /// Closes the tab that Lull opens when it is installed: the test's own tab goes there itself, and a
    /// forgotten one would connect again whenever the background ends. (WebDriver does not list it.)
    async fn close_welcome_tab(&self) -> Result<()> {
        if self.gecko.is_some() {
            return self.close_welcome_window().await;
        }
        self.open(BLANK).await?;
        let welcome = async || {
            let found = self.targets("page", "#/welcome").await?;
            anyhow::Ok(found.first().and_then(|t| t.get("targetId")).cloned())
        };
        self.until("Lull opens its welcome tab", async || Ok(welcome().await?.is_some())).await?;
        let id = welcome().await?.context("the tab was there a moment ago")?;
        self.cdp("Target.closeTarget", json!({"targetId": id})).await?;
        self.until("the welcome tab is closed", async || Ok(welcome().await?.is_none())).await
    }

    /// The same in Firefox, where WebDriver lists it.
    async fn close_welcome_window(&self) -> Result<()> {
        let own = self.client.window().await?;
        let closed = async || {
            for window in self.client.windows().await?.into_iter().filter(|window| *window != own) {
                self.client.switch_to_window(window).await?;
                if self.client.current_url().await?.as_str().contains("#/welcome") {
                    self.client.close_window().await?;
                    self.client.switch_to_window(own.clone()).await?;
                    return Ok(true);
                }
            }
            self.client.switch_to_window(own.clone()).await?;
            Ok(false)
        };
        self.until("Lull opens its welcome tab", closed).await
    }

    /// Where goes what axe-core finds.
    pub(crate) fn found(&self) -> &Found {
        &self.found
    }

    /// Firefox's own commands; `None` in Chromium.
    pub(crate) fn gecko(&self) -> Option<&Gecko> {
        self.gecko.as_ref()
    }

    async fn targets(&self, kind: &str, url: &str) -> Result<Vec<Value>> {
        let targets = self.cdp("Target.getTargets", json!({})).await?;
        let list = targets.get("targetInfos").and_then(Value::as_array).context("no targets")?;
        let is = |target: &Value, key: &str, part: &str| {
            target.get(key).and_then(Value::as_str).is_some_and(|value| value.contains(part))
        };
        let own = |t: &&Value| is(t, "type", kind) && is(t, "url", &self.id) && is(t, "url", url);
        Ok(list.iter().filter(own).cloned().collect())
    }

    /// Closes it as a person would.
    pub(crate) async fn close(mut self) -> Result<()> {
        self.client.close().await?;
        self.driver.kill().await?;
        Ok(())
    }

    /// The id of its main process.
    pub(crate) fn process(&self) -> Result<u64> {
        let capabilities = self.client.capabilities().context("a session has capabilities")?;
        let id = capabilities.get("goog:processID").or(capabilities.get("moz:processID"));
        id.and_then(Value::as_u64).context("the browser's process id")
    }

    /// Kills it with SIGKILL, its driver too; returns when its process is gone.
    pub(crate) async fn kill(mut self) -> Result<()> {
        let id = self.process()?;
        let killed = Command::new("kill").args(["-KILL", &id.to_string()]).status().await?;
        ensure!(killed.success(), "kill -KILL {id}: {killed}");
        self.driver.kill().await?;
        let process = PathBuf::from(format!("/proc/{id}/exe"));
        while process.exists() {
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Loads the extension anew from its folder, as an update does.
    pub(crate) async fn update(&self) -> Result<()> {
        if let Some(gecko) = &self.gecko {
            // A page of the old version goes with it, and the driver's own tab may not.
            self.goto("about:blank").await?;
            return gecko.install(&self.extension).await;
        }
        self.goto("chrome://extensions/").await?;
        // Without it a folder that is loaded anew is not run.
        self.js("chrome.developerPrivate.updateProfileConfiguration({inDeveloperMode: true})").await?;
        let script = format!(
            "const done = arguments[0]; chrome.developerPrivate.reload('{}', {{failQuietly: true}}).then(() => done(true), e => done(String(e)))",
            self.id
        );
        let answer = self.js_async(&script).await?;
        ensure!(answer == json!(true), "can't reload the extension: {answer}");
        Ok(())
    }

    /// The address of one of the extension's pages.
    pub(crate) fn address(&self, page: &str) -> String {
        let scheme = if self.gecko.is_some() { "moz-extension" } else { "chrome-extension" };
        format!("{scheme}://{}/{page}", self.id)
    }

    /// Goes to one of the extension's pages, e.g. `popup.html?tab=1#/`.
    pub(crate) async fn open(&self, page: &str) -> Result<()> {
        // From one hash route to another the browser would not load anything: leave first.
        self.client.goto("about:blank").await?;
        self.goto(&self.address(page)).await
    }

    /// Goes anywhere.
    pub(crate) async fn goto(&self, url: &str) -> Result<()> {
        self.client.goto(url).await.with_context(|| format!("can't open {url}"))
    }

    /// One command of the Chrome DevTools Protocol; Chromium only.
    pub(crate) async fn cdp(&self, command: &str, params: Value) -> Result<Value> {
        let url = format!("{}/goog/cdp/execute", self.session);
        let body = json!({"cmd": command, "params": params});
        let answer: Value = self.http.post(url).json(&body).send().await?.json().await?;
        let value = answer.get("value").cloned().unwrap_or_default();
        match value.get("error") {
            Some(error) => bail!("{command}: {error} {}", value.get("message").unwrap_or(&Value::Null)),
            None => Ok(value),
        }
    }

    /// Leaves Lull's pages, so that none of them connects again, and kills the background.
    pub(crate) async fn leave_and_kill_background(&self) -> Result<()> {
        self.open(BLANK).await?;
        self.kill_background().await?;
        self.until("the background is gone", async || Ok(!self.background_runs().await?)).await?;
        self.goto("about:blank").await
    }

    /// Kills the extension's background, as the browser may at any moment. Only from a page of its origin;
    /// one of Lull's own has it started again at once.
    pub(crate) async fn kill_background(&self) -> Result<()> {
        if let Some(gecko) = &self.gecko {
            return gecko.kill_background().await;
        }
        self.cdp("ServiceWorker.enable", json!({})).await?;
        self.cdp("ServiceWorker.stopAllWorkers", json!({})).await?;
        Ok(())
    }

    /// Whether the extension's background runs.
    pub(crate) async fn background_runs(&self) -> Result<bool> {
        if let Some(gecko) = &self.gecko {
            return gecko.background_runs().await;
        }
        Ok(self.background().await?.is_some())
    }

    /// The service worker's target, if it runs.
    pub(crate) async fn background(&self) -> Result<Option<String>> {
        let workers = self.targets("service_worker", "background.js").await?;
        Ok(workers.first().and_then(|t| t.get("targetId")).and_then(Value::as_str).map(str::to_owned))
    }

    /// Where the browser's DevTools listen, `host:port`.
    pub(crate) fn debugger(&self) -> Result<String> {
        let options = self.client.capabilities().and_then(|c| c.get("goog:chromeOptions"));
        let address = options.and_then(|o| o.get("debuggerAddress")).and_then(Value::as_str);
        address.map(str::to_owned).context("the driver does not say where DevTools listen")
    }

    /// Sets the page's theme and size, CSS pixels; they last until the browser closes.
    pub(crate) async fn dress(&self, theme: &str, (width, height): (u32, u32)) -> Result<()> {
        if let Some(gecko) = &self.gecko {
            return gecko.dress(theme, (width, height)).await;
        }
        self.dress_as(&[("prefers-color-scheme", theme)], (width, height)).await
    }

    /// Sets media features of CSS and the page's size, CSS pixels; Chromium only.
    pub(crate) async fn dress_as(&self, features: &[(&str, &str)], (width, height): (u32, u32)) -> Result<()> {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 2, "mobile": false});
        self.cdp("Emulation.setDeviceMetricsOverride", size).await?;
        let features: Vec<Value> = features.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        self.cdp("Emulation.setEmulatedMedia", json!({"features": features})).await?;
        Ok(())
    }

    /// Whether the toolbar's popup is open (the same page without `tab=1`).
    pub(crate) async fn popup_is_open(&self) -> Result<bool> {
        if let Some(gecko) = &self.gecko {
            return gecko.popup_is_open().await;
        }
        Ok(self.popup().await?.is_some())
    }

    /// The toolbar's popup's target, if it is open; Chromium only.
    pub(crate) async fn popup(&self) -> Result<Option<String>> {
        let pages = self.targets("page", "popup.html").await?;
        let text = |page: &Value, key| page.get(key).and_then(Value::as_str).map(str::to_owned);
        let is_popup = |page: &&Value| text(page, "url").is_some_and(|url| !url.contains("tab=1"));
        Ok(pages.iter().find(is_popup).and_then(|page| text(page, "targetId")))
    }

    /// Opens a second tab and goes on there. Gives the first.
    pub(crate) async fn second_tab(&self) -> Result<WindowHandle> {
        let tab = self.client.new_window(true).await?;
        self.go_to_tab(tab.handle).await
    }

    /// Goes on in a tab that Lull has opened, by a part of its address. Gives the one before.
    pub(crate) async fn opened_tab(&self, address: &str) -> Result<WindowHandle> {
        let before = self.client.window().await?;
        let found = async || {
            for tab in self.client.windows().await?.into_iter().filter(|tab| *tab != before) {
                self.client.switch_to_window(tab).await?;
                if self.client.current_url().await?.as_str().contains(address) {
                    return Ok(true);
                }
            }
            self.client.switch_to_window(before.clone()).await?;
            Ok(false)
        };
        self.until(&format!("a tab opens at {address}"), found).await?;
        Ok(before)
    }

    /// Closes this tab and goes on in another.
    pub(crate) async fn close_tab(&self, next: WindowHandle) -> Result<()> {
        self.client.close_window().await?;
        Ok(self.client.switch_to_window(next).await?)
    }

    /// Goes on in another tab. Gives the one before.
    pub(crate) async fn go_to_tab(&self, tab: WindowHandle) -> Result<WindowHandle> {
        let before = self.client.window().await?;
        self.client.switch_to_window(tab).await?;
        Ok(before)
    }

    /// Runs a script in the page.
    pub(crate) async fn js(&self, script: &str) -> Result<Value> {
        self.client.execute(script, Vec::new()).await.with_context(|| script.to_owned())
    }

    /// Runs a script that calls `arguments[0]` when it is done.
    pub(crate) async fn js_async(&self, script: &str) -> Result<Value> {
        self.client.execute_async(script, Vec::new()).await.with_context(|| script.to_owned())
    }

    /// Waits for an element by its `data-testid`.
    pub(crate) async fn find(&self, name: &str) -> Result<Element> {
        let css = format!("[data-testid='{name}']");
        match self.client.wait().at_most(WAIT).every(LOOK).for_element(Locator::Css(&css)).await {
            Ok(element) => Ok(element),
            Err(error) => Err(anyhow!(error).context(format!("waiting for `{name}`; {}", self.describe().await))),
        }
    }

    /// Whether an element is there now.
    pub(crate) async fn has(&self, name: &str) -> Result<bool> {
        Ok(!self.client.find_all(Locator::Css(&format!("[data-testid='{name}']"))).await?.is_empty())
    }

    /// Clicks an element as a person would.
    ///
    /// A person clicks where they see the whole of it: geckodriver would take the sliver of a button at the window's edge
    /// that is left when the button is pressed in.
    pub(crate) async fn click(&self, name: &str) -> Result<()> {
        let found = self.find(name).await?;
        let script =
            format!("document.querySelector('[data-testid=\"{name}\"]')?.scrollIntoView({{block: 'nearest'}})");
        self.js(&script).await?;
        found.click().await.with_context(|| format!("clicking `{name}`"))
    }

    /// Chooses from a list.
    pub(crate) async fn choose(&self, name: &str, value: &str) -> Result<()> {
        self.find(name).await?.select_by_value(value).await.with_context(|| format!("choosing {value} in `{name}`"))
    }

    /// An element's text.
    pub(crate) async fn text(&self, name: &str) -> Result<String> {
        Ok(self.find(name).await?.text().await?)
    }

    /// An element's attribute.
    pub(crate) async fn attribute(&self, name: &str, attribute: &str) -> Result<String> {
        let value = self.find(name).await?.attr(attribute).await?;
        value.with_context(|| format!("`{name}` has no `{attribute}`"))
    }

    /// Waits until an element's attribute has a value.
    pub(crate) async fn until_attribute(&self, name: &str, attribute: &str, value: &str) -> Result<()> {
        let what = format!("`{name}` has {attribute}={value}");
        self.until(&what, async || {
            Ok(self.has(name).await? && self.attribute(name, attribute).await.is_ok_and(|now| now == value))
        })
        .await
    }

    /// Waits until an element's text, as far as it can be seen, has all these parts. What is still fading in has
    /// no visible text yet.
    pub(crate) async fn until_text(&self, name: &str, parts: &[&str]) -> Result<()> {
        let mut last = String::new();
        let what = format!("`{name}` says {parts:?}");
        let holds = async || {
            last = self.text(name).await?;
            Ok(parts.iter().all(|part| last.contains(part)))
        };
        self.until(&what, holds).await.with_context(|| format!("it says {last:?}"))
    }

    /// Waits until a condition holds.
    pub(crate) async fn until(&self, what: &str, mut holds: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
        let started = std::time::Instant::now();
        while started.elapsed() < WAIT {
            if holds().await? {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
        bail!("waited {} s in vain: {what}; {}", WAIT.as_secs(), self.describe().await)
    }

    /// Presses one key.
    pub(crate) async fn press(&self, key: char) -> Result<()> {
        let actions =
            KeyActions::new("keyboard".into()).then(KeyAction::Down { value: key }).then(KeyAction::Up { value: key });
        Ok(self.client.perform_actions(actions).await?)
    }

    /// The role and the name by which assistive technology knows an element (WebDriver §12.4.9, §12.4.10).
    pub(crate) async fn announced(&self, name: &str) -> Result<(String, String)> {
        let element = self.find(name).await?.element_id();
        let mut words = [String::new(), String::new()];
        for (word, what) in words.iter_mut().zip(["computedrole", "computedlabel"]) {
            let url = format!("{}/element/{}/{what}", self.session, &*element);
            let answer: Value = self.http.get(url).send().await?.json().await?;
            let value = answer.get("value").and_then(Value::as_str);
            *word = value.with_context(|| format!("{what}: {answer}"))?.to_owned();
        }
        let [role, label] = words;
        Ok((role, label))
    }

    /// A picture of the page.
    pub(crate) async fn picture(&self) -> Result<Vec<u8>> {
        Ok(self.client.screenshot().await?)
    }

    /// Grants the optional host permission beforehand, so that the extension's own question is answered
    /// without the browser's native dialog, which no driver can click.
    pub(crate) async fn allow_hosts(&self) -> Result<()> {
        if self.gecko.is_some() {
            // There a preference answers every question that follows a click.
            return Ok(());
        }
        self.goto("chrome://extensions/").await?;
        let script = format!(
            "const done = arguments[0]; chrome.developerPrivate.addHostPermission('{}', '*://*/*').then(() => done(true), e => done(String(e)))",
            self.id
        );
        let answer = self.js_async(&script).await?;
        ensure!(answer == json!(true), "can't grant the host permission: {answer}");
        Ok(())
    }

    async fn describe(&self) -> String {
        let url = self.client.current_url().await.map(|u| u.to_string()).unwrap_or_default();
        let text = self.js("return document.body.innerText").await.unwrap_or_default();
        format!("page {url} shows: {text}")
    }
}

async fn start_driver() -> Result<(Child, u16)> {
    let program = program("LULL_CHROMEDRIVER", &["chromedriver", "/usr/bin/chromedriver"]);
    let mut driver = Command::new(&program)
        .args(["--port=0", "--log-level=SEVERE"])
        .stderr(Stdio::inherit())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("can't start {}", program.display()))?;
    let out = driver.stdout.take().context("chromedriver's output")?;
    let mut lines = BufReader::new(out).lines();
    while let Some(line) = lines.next_line().await? {
        if let Some((_, port)) = line.rsplit_once("successfully on port ") {
            let port = port.trim_end_matches('.').parse()?;
            // A driver whose output nobody reads would end at its next word.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Ok((driver, port));
        }
    }
    bail!("chromedriver ended at once")
}

pub(crate) fn program(variable: &str, names: &[&str]) -> PathBuf {
    std::env::var_os(variable).map(PathBuf::from).unwrap_or_else(|| names.first().copied().unwrap_or_default().into())
}

fn capabilities(launch: &Launch<'_>) -> Result<serde_json::Map<String, Value>> {
    let mut args: Vec<String> = [
        "--no-sandbox",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-search-engine-choice-screen",
        "--force-color-profile=srgb",
        // The welcome tab opens in front of the driver's own, which must go on all the same.
        "--disable-backgrounding-occluded-windows",
        "--disable-renderer-backgrounding",
        "--lang=en-US",
        "--window-size=760,900",
    ]
    .map(str::to_owned)
    .into();
    let beside = launch.beside.map(|folder| format!(",{}", folder.display())).unwrap_or_default();
    args.push(format!("--load-extension={}{beside}", launch.extension.display()));
    args.push(format!("--user-data-dir={}", launch.profile.display()));
    if let Some(spki) = launch.spki {
        args.push(format!("--ignore-certificate-errors-spki-list={spki}"));
    }
    if launch.headless {
        args.push("--headless=new".into());
    }
    let chromium = program("LULL_CHROMIUM", &["/usr/bin/chromium"]);
    let options = json!({
        "args": args,
        "excludeSwitches": ["disable-extensions"],
        "binary": chromium,
        "prefs": {
            // An icon that isn't pinned slides out of the menu before its popup opens.
            "extensions": {"pinned_extensions": [extension_id(&launch.extension.canonicalize()?)?]},
            "download": {"default_directory": launch.downloads, "prompt_for_download": false},
        },
    });
    let timeouts = json!({"pageLoad": WAIT.as_millis(), "script": WAIT.as_millis()});
    let map = json!({"browserName": "chrome", "goog:chromeOptions": options, "timeouts": timeouts});
    map.as_object().cloned().context("capabilities are an object")
}

/// Chromium's id of an unpacked extension: the first 16 bytes of SHA-256 of its path, as letters a–p.
pub(crate) fn extension_id(folder: &Path) -> Result<String> {
    let path = folder.to_str().context("a path that is not UTF-8")?;
    let hex = HEXLOWER.encode(&Hash::of(path.as_bytes()).0[..16]);
    Ok(hex.bytes().map(|b| char::from(if b <= b'9' { b - b'0' + b'a' } else { b + 10 })).collect())
}
