//! What a person does with Lull, by clicks and keys.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use data_encoding::BASE64;
use lull_protocol::Hash;

use crate::browser::Browser;
use crate::market::Demo;

/// Home, as a full tab.
pub(crate) const HOME: &str = "popup.html?tab=1#/";
/// First run.
pub(crate) const WELCOME: &str = "popup.html?tab=1#/welcome";
/// The page that asks for bandwidth.
pub(crate) const BANDWIDTH: &str = "popup.html?tab=1#/bandwidth";
/// Consent to it.
pub(crate) const CONSENT: &str = "popup.html?tab=1#/consent";
/// What Lull can and can't do.
pub(crate) const FACTS: &str = "popup.html?tab=1#/facts";
/// Settings.
pub(crate) const SETTINGS: &str = "popup.html?tab=1#/settings";

/// The wallet and payouts.
pub(crate) const WALLET: &str = "popup.html?tab=1#/wallet";
/// Limits.
pub(crate) const LIMITS: &str = "popup.html?tab=1#/limits";

/// Home in a popup that opened by itself.
pub(crate) const COVER: &str = "popup.html?tab=1&popped=1#/";

/// How long a person looks before the key: the popup takes a faster one for a slip of the last judgment.
const READING: Duration = Duration::from_millis(300);

/// A person who knows what other people answered: enough to answer like one of them.
pub(crate) struct Person<'a> {
    browser: &'a Browser,
    answers: BTreeMap<Hash, u8>,
}

impl<'a> Person<'a> {
    /// At a browser; gives the answer that most recorded people gave.
    pub(crate) fn new(browser: &'a Browser, repo: &Path, demo: &Demo) -> Result<Self> {
        let mut answers = BTreeMap::new();
        for item in demo.projects.iter().flat_map(|p| &p.items) {
            let content = match (&item.text, &item.picture) {
                (Some(text), _) => text.clone().into_bytes(),
                (None, Some(picture)) => std::fs::read(repo.join("tests/demo").join(picture))?,
                (None, None) => continue,
            };
            answers.insert(Hash::of(&content), most_frequent(&item.recorded));
        }
        Ok(Self { browser, answers })
    }

    /// First run: reads the pitch, starts, reads the operator's card, agrees.
    pub(crate) async fn begin(&self) -> Result<()> {
        self.browser.click("start").await?;
        self.browser.click("accept-card").await?;
        self.browser.find("question").await?;
        Ok(())
    }

    /// Answers the judgment on screen by its key and waits for the next. Gives the offer answered.
    pub(crate) async fn answer(&self) -> Result<String> {
        let offer = self.offer().await?;
        let option = self.right_option().await?;
        tokio::time::sleep(READING).await;
        let key = char::from_digit(u32::from(option) + 1, 10).context("a choice has at most nine options")?;
        self.browser.press(key).await?;
        self.left(&offer).await?;
        Ok(offer)
    }

    /// Presses 1 and waits for nothing. Gives the offer on screen.
    pub(crate) async fn press_first(&self) -> Result<String> {
        let offer = self.offer().await?;
        tokio::time::sleep(READING).await;
        self.browser.press('1').await?;
        Ok(offer)
    }

    /// Presses these keys and waits for the next judgment. Gives the offer that was on screen.
    pub(crate) async fn press_keys(&self, keys: &[char]) -> Result<String> {
        let offer = self.offer().await?;
        self.touch_keys(keys).await?;
        self.left(&offer).await?;
        Ok(offer)
    }

    /// Presses these keys.
    pub(crate) async fn touch_keys(&self, keys: &[char]) -> Result<()> {
        tokio::time::sleep(READING).await;
        for key in keys {
            self.browser.press(*key).await?;
        }
        Ok(())
    }

    /// Clicks these and waits for the next judgment. Gives the offer that was on screen.
    pub(crate) async fn click_each(&self, names: &[&str]) -> Result<String> {
        let offer = self.offer().await?;
        tokio::time::sleep(READING).await;
        for name in names {
            self.browser.click(name).await?;
        }
        self.left(&offer).await?;
        Ok(offer)
    }

    /// Skips the judgment on screen.
    pub(crate) async fn skip(&self) -> Result<String> {
        let offer = self.offer().await?;
        tokio::time::sleep(READING).await;
        self.browser.click("skip").await?;
        self.left(&offer).await?;
        Ok(offer)
    }

    /// The offer of the judgment on screen.
    pub(crate) async fn offer(&self) -> Result<String> {
        self.browser.attribute("judgment", "data-offer").await
    }

    async fn left(&self, offer: &str) -> Result<()> {
        let script = "return document.querySelector('[data-testid=judgment]')?.dataset.offer ?? ''";
        self.browser
            .until("the next judgment", async || Ok(self.browser.js(script).await?.as_str() != Some(offer)))
            .await
    }

    async fn right_option(&self) -> Result<u8> {
        let script = "const c = document.querySelector('[data-testid=judgment] .content'); \
            const i = c.querySelector('img'); return i ? i.src : c.innerText";
        let shown = self.browser.js(script).await?;
        let shown = shown.as_str().context("the judgment shows something")?;
        let content = match shown.split_once(";base64,") {
            Some((_, data)) => BASE64.decode(data.as_bytes())?,
            None => shown.as_bytes().to_vec(),
        };
        let known = self.answers.get(&Hash::of(&content));
        known.copied().with_context(|| format!("nobody has answered {shown:.60}"))
    }

    /// Waits until an activity has a state.
    pub(crate) async fn settled(&self, offer: &str, states: &[&str]) -> Result<()> {
        let script = format!(
            "return document.querySelector('[data-testid=activity-row][data-offer=\"{offer}\"]')?.dataset.state ?? ''"
        );
        let holds = async || Ok(self.browser.js(&script).await?.as_str().is_some_and(|state| states.contains(&state)));
        self.browser.until(&format!("activity {offer:.8} is {states:?}"), holds).await
    }

    /// Opens a receipt, sees it hold, changes bytes and sees it fail with the field's name. Gives the names.
    pub(crate) async fn doubt(&self, offer: &str, times: usize) -> Result<Vec<String>> {
        self.browser.open(&format!("popup.html?tab=1#/receipt/{offer}")).await?;
        self.browser.until_attribute("receipt-valid", "data-valid", "true").await?;
        let mut fields = Vec::new();
        for _ in 0..times {
            self.browser.click("change-byte").await?;
            self.browser.until_attribute("receipt-valid", "data-valid", "false").await?;
            let field = self.browser.attribute("receipt-valid", "data-field").await?;
            ensure!(self.browser.text("receipt-valid").await?.contains(&field), "the field {field} is not named");
            fields.push(field);
            self.browser.click("undo").await?;
            self.browser.until_attribute("receipt-valid", "data-valid", "true").await?;
        }
        Ok(fields)
    }

    /// Lends bandwidth: sees refusals with reasons, says and understands what consent needs, is asked, agrees, at
    /// any time of day.
    pub(crate) async fn lend(&self) -> Result<()> {
        self.browser.allow_hosts().await?;
        self.browser.open(BANDWIDTH).await?;
        self.sees_refusals().await?;
        self.browser.click("when-always").await?;
        self.browser.click("grant").await?;
        if self.browser.js("return location.hash").await?.as_str() == Some("#/consent") {
            self.consent().await?;
        }
        self.browser
            .until("bandwidth is on", async || {
                let state = self.browser.attribute("bandwidth-state", "data-state").await?;
                Ok(["idle", "fetching"].contains(&state.as_str()))
            })
            .await
    }

    /// Two statements and three answers, then yes.
    async fn consent(&self) -> Result<()> {
        for name in ["adult", "may-share", "answer-0-1", "answer-1-0", "answer-2-2", "agree"] {
            self.browser.click(name).await?;
        }
        Ok(())
    }

    /// Three refusals with a reason each, judged by this browser.
    async fn sees_refusals(&self) -> Result<()> {
        const REFUSALS: &str = "return [...new Set([...document.querySelectorAll('[data-judged=refuses] .verdict .quiet')] \
            .map(reason => reason.innerText.trim()).filter(Boolean))].length";
        let three = async || Ok(self.browser.js(REFUSALS).await?.as_u64().is_some_and(|n| n >= 3));
        self.browser.until("three refusals with their reasons", three).await
    }

    /// Types a number into a field of the page of limits.
    pub(crate) async fn set_cap(&self, field: &str, number: u64) -> Result<()> {
        self.browser.find(field).await?;
        let script = format!(
            "const f = document.querySelector('[data-testid={field}]'); f.value = '{number}'; \
             f.dispatchEvent(new Event('change', {{bubbles: true}}))"
        );
        self.browser.js(&script).await?;
        let shown = format!("return document.querySelector('[data-testid={field}]').value");
        let is_set = async || Ok(self.browser.js(&shown).await?.as_str() == Some(number.to_string().as_str()));
        self.browser.until(&format!("{field} is {number}"), is_set).await
    }

    /// Raises all caps as far as they go, as a person would who has bandwidth to spare.
    pub(crate) async fn raise_caps(&self) -> Result<()> {
        self.browser.open(LIMITS).await?;
        let most = [("second", 100_000), ("day", 1_000_000), ("month", 30_000), ("minute", 6_000), ("domain", 100_000)];
        for (field, number) in most {
            self.set_cap(&format!("cap-{field}"), number).await?;
        }
        Ok(())
    }

    /// Waits until the background has nothing more to send.
    pub(crate) async fn quiet(&self) -> Result<()> {
        self.browser.open(SETTINGS).await?;
        self.browser.until_attribute("outbox", "data-value", "0").await
    }

    /// Exports the receipts as a file.
    pub(crate) async fn export(&self, downloads: &Path) -> Result<PathBuf> {
        for old in std::fs::read_dir(downloads)? {
            std::fs::remove_file(old?.path())?;
        }
        self.browser.open(SETTINGS).await?;
        self.browser.click("export").await?;
        let find = || -> Result<Option<PathBuf>> {
            for entry in std::fs::read_dir(downloads)? {
                let path = entry?.path();
                // Firefox takes the name with an empty file first, and puts the whole one in its place.
                if path.extension().is_some_and(|e| e == "jsonl") && std::fs::metadata(&path)?.len() > 0 {
                    return Ok(Some(path));
                }
            }
            Ok(None)
        };
        self.browser.until("the export is downloaded", async || Ok(find()?.is_some())).await?;
        find()?.context("the export was there a moment ago")
    }
}

fn most_frequent(recorded: &[u8]) -> u8 {
    let count = |option: u8| recorded.iter().filter(|r| **r == option).count();
    recorded.iter().copied().max_by_key(|option| count(*option)).unwrap_or_default()
}
