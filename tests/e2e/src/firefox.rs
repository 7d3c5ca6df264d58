//! What is Firefox's own: geckodriver, an unsigned add-on installed for good, and the browser's own scripts (the
//! *chrome context*), which can ask and do what no page may.

use std::io::{Cursor, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use zip::write::SimpleFileOptions;

use crate::browser::{Launch, program};

/// The host of the add-on's pages in this profile, which Firefox would otherwise draw at random.
pub(crate) const HOST: &str = "3f7c1f0e-6a52-4a0b-8f0e-0d5f7b1c2a94";
/// How often geckodriver is asked whether it listens, and how long between.
const KNOCKS_MAX: u32 = 400;
const KNOCK: Duration = Duration::from_millis(25);

/// The add-on's id, as its manifest says it.
pub(crate) fn id(extension: &Path) -> Result<String> {
    let manifest: Value = serde_json::from_slice(&std::fs::read(extension.join("manifest.json"))?)?;
    let id = manifest.pointer("/browser_specific_settings/gecko/id").and_then(Value::as_str);
    id.map(str::to_owned).context("the package is not Firefox's: its manifest has no id")
}

/// Starts geckodriver; gives its port.
pub(crate) async fn start_driver() -> Result<(Child, u16)> {
    let program = program("LULL_GECKODRIVER", &["geckodriver"]);
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let driver = Command::new(&program)
        // Its own choice of a second port would be the same for two of them.
        .args(["--port", &port.to_string(), "--websocket-port", "0", "--log", "fatal"])
        // Without it, extension pages and the browser's own scripts are refused.
        .arg("--allow-system-access")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("can't start {}", program.display()))?;
    for _ in 0..KNOCKS_MAX {
        if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            return Ok((driver, port));
        }
        tokio::time::sleep(KNOCK).await;
    }
    bail!("geckodriver does not listen")
}

/// What WebDriver is asked for.
pub(crate) fn capabilities(launch: &Launch<'_>, wait: Duration) -> Result<serde_json::Map<String, Value>> {
    std::fs::create_dir_all(launch.profile)?;
    let mut args = vec!["-profile".to_owned(), launch.profile.display().to_string()];
    args.extend(["--width=760", "--height=900"].map(str::to_owned));
    if launch.headless {
        args.push("-headless".to_owned());
    }
    let firefox = program("LULL_FIREFOX", &["firefox-esr"]);
    let options = json!({ "binary": firefox, "args": args, "prefs": preferences(launch)? });
    let timeouts = json!({"pageLoad": wait.as_millis(), "script": wait.as_millis()});
    let map = json!({
        "browserName": "firefox",
        "acceptInsecureCerts": launch.spki.is_some(),
        "moz:firefoxOptions": options,
        "timeouts": timeouts,
    });
    map.as_object().cloned().context("capabilities are an object")
}

/// A browser that says nothing to anyone of its own accord, and asks its resolver rather than its memory.
fn preferences(launch: &Launch<'_>) -> Result<Value> {
    let mut preferences = json!({
        // ESR installs an add-on that nobody signed; so the package is what is released, and stays over a restart.
        "xpinstall.signatures.required": false,
        "extensions.webextensions.uuids": json!({ id(launch.extension)?: HOST }).to_string(),
        // No driver can click the browser's own question; what is asked for is granted after a click all the same.
        "extensions.webextOptionalPermissionPrompts": false,
        "extensions.openPopupWithoutUserGesture.enabled": true,
        "extensions.update.enabled": false,
        "app.update.auto": false,
        "browser.shell.checkDefaultBrowser": false,
        "browser.startup.page": 0,
        "browser.download.folderList": 2,
        "browser.download.dir": launch.downloads,
        "browser.download.useDownloadDir": true,
        "browser.download.alwaysOpenPanel": false,
        "intl.accept_languages": "en-US",
        "datareporting.policy.dataSubmissionEnabled": false,
        "network.captive-portal-service.enabled": false,
    });
    if launch.spki.is_some() {
        let isolated = json!({
            // The namespace has no interface but the loopback, which Firefox takes for being offline.
            "network.manage-offline-status": false,
            "network.connectivity-service.enabled": false,
            "network.trr.mode": 5,
            // The table of the name server moves while it is watched.
            "network.dnsCacheExpiration": 0,
            "network.dnsCacheExpirationGracePeriod": 0,
        });
        let (all, more) = (preferences.as_object_mut(), isolated.as_object());
        if let (Some(all), Some(more)) = (all, more) {
            all.extend(more.clone());
        }
    }
    Ok(preferences)
}

/// The package as the one file that Firefox installs, beside its folder.
pub(crate) fn archive(extension: &Path) -> Result<std::path::PathBuf> {
    let file = extension.with_extension("xpi");
    archive_as(extension, &file)?;
    Ok(file)
}

fn archive_as(extension: &Path, file: &Path) -> Result<()> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    add_folder(&mut zip, extension, "")?;
    Ok(std::fs::write(file, zip.finish()?.into_inner())?)
}

fn add_folder(zip: &mut zip::ZipWriter<Cursor<Vec<u8>>>, folder: &Path, prefix: &str) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            add_folder(zip, &entry.path(), &format!("{name}/"))?;
        } else {
            zip.start_file(name, SimpleFileOptions::default())?;
            zip.write_all(&std::fs::read(entry.path())?)?;
        }
    }
    Ok(())
}

/// geckodriver's own commands.
pub(crate) struct Gecko {
    session: String,
    http: reqwest::Client,
    id: String,
}

impl Gecko {
    /// Of a session, by its address.
    pub(crate) fn new(session: &str, http: &reqwest::Client, id: String) -> Self {
        Self { session: session.to_owned(), http: http.clone(), id }
    }

    async fn post(&self, command: &str, body: Value) -> Result<Value> {
        let url = format!("{}/{command}", self.session);
        let answer: Value = self.http.post(url).json(&body).send().await?.json().await?;
        let value = answer.get("value").cloned().unwrap_or_default();
        match value.get("error") {
            Some(error) => bail!("{command}: {error} {}", value.get("message").unwrap_or(&Value::Null)),
            None => Ok(value),
        }
    }

    /// Installs the add-on, or a newer version of it.
    pub(crate) async fn install(&self, extension: &Path) -> Result<()> {
        let file = archive(extension)?;
        let id = self.post("moz/addon/install", json!({ "path": file, "temporary": false })).await?;
        ensure!(id == json!(self.id), "{id} was installed");
        Ok(())
    }

    /// Installs another add-on until the browser ends; its archive is written to this file.
    pub(crate) async fn install_beside(&self, extension: &Path, file: &Path) -> Result<()> {
        archive_as(extension, file)?;
        self.post("moz/addon/install", json!({ "path": file, "temporary": true })).await.map(drop)
    }

    /// Runs the body of an async function in the browser's own context, where `extension` is the add-on.
    pub(crate) async fn chrome(&self, body: &str) -> Result<Value> {
        let script = format!(
            "const done = arguments[arguments.length - 1]; (async () => {{ \
             const extension = WebExtensionPolicy.getByID({}).extension; {body} }})() \
             .then(value => done([true, value ?? null]), error => done([false, String(error)]))",
            json!(self.id)
        );
        self.post("moz/context", json!({"context": "chrome"})).await?;
        let answer = self.post("execute/async", json!({"script": script, "args": []})).await;
        self.post("moz/context", json!({"context": "content"})).await?;
        let answer = answer?;
        match (answer.get(0), answer.get(1)) {
            (Some(Value::Bool(true)), Some(value)) => Ok(value.clone()),
            _ => bail!("{body}: {answer}"),
        }
    }

    /// What Firefox tells the person before it installs this add-on with this permission more, if any: permissions,
    /// sites, what is sent.
    pub(crate) async fn install_warnings(&self, more: &str) -> Result<Value> {
        let more = if more.is_empty() { json!([]) } else { json!([more]) };
        let ask = format!(
            "const {{ExtensionData}} = ChromeUtils.importESModule('resource://gre/modules/Extension.sys.mjs');              const asked = extension.getRequiredPermissions();              if (!asked.permissions.includes('dns')) throw 'these are not the permissions that it requires';              const permissions = {{...asked, permissions: [...asked.permissions, ...{more}]}};              const told = ExtensionData.formatPermissionStrings({{permissions, type: 'sideload'}});              const sent = told.dataCollectionPermissions; \
             return sent.hasNone ? told.msgs : [...told.msgs, sent.msg]"
        );
        self.chrome(&ask).await
    }

    /// Ends the event page, as the browser does to one that is idle.
    pub(crate) async fn kill_background(&self) -> Result<()> {
        let end = "await extension.terminateBackground({ignoreDevToolsAttached: true, disableResetIdleForTest: true})";
        self.chrome(end).await.map(drop)
    }

    /// Whether the event page runs.
    pub(crate) async fn background_runs(&self) -> Result<bool> {
        Ok(self.chrome("return extension.backgroundState").await? != json!("stopped"))
    }

    /// Sets the theme and the page's size, CSS pixels.
    pub(crate) async fn dress(&self, theme: &str, (width, height): (u32, u32)) -> Result<()> {
        // 0 is dark, 1 light.
        let scheme = u8::from(theme != "dark");
        let dress = format!(
            "Services.prefs.setIntPref('layout.css.prefers-color-scheme.content-override', {scheme}); \
             const browser = Services.wm.getMostRecentWindow('navigator:browser').gBrowser.selectedBrowser; \
             Object.assign(browser.style, {{minWidth: '0', minHeight: '0', maxWidth: '{width}px', maxHeight: '{height}px'}})"
        );
        self.chrome(&dress).await.map(drop)
    }

    /// Whether the toolbar's popup is open.
    pub(crate) async fn popup_is_open(&self) -> Result<bool> {
        let look = "return [...extension.views].some(view => view.viewType === 'popup')";
        Ok(self.chrome(look).await? == json!(true))
    }
}
