//! Paying in by a Solana Pay transfer: the link as text and as a QR code, then waiting until it is credited.

use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Client, answered, print_json};
use crate::qr::Qr;

/// Time between two questions whether it has arrived, milliseconds.
const ASK_MS: u64 = 1_000;

/// How long a command waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// Not at all.
    Now,
    /// Until something is credited.
    Credited,
    /// Until it was looked at once, and what was seen then is final.
    Looked,
}

impl Client {
    /// A new deposit of so many whole tokens.
    pub(crate) async fn deposit(&self, tokens: &str) -> Result<Value> {
        let request = self.request(Method::POST, "/v1/deposits")?.json(&json!({"tokens": tokens}));
        Ok(answered(request).await?.json().await?)
    }

    /// Has the coordinator look once more for payments by an old reference.
    pub(crate) async fn look(&self, reference: &str) -> Result<Value> {
        let path = format!("/v1/deposits/{}/look", checked(reference)?);
        Ok(answered(self.request(Method::POST, &path)?).await?.json().await?)
    }

    /// Prints all deposits.
    pub(crate) async fn deposits(&self) -> Result<()> {
        print_json(self.request(Method::GET, "/v1/deposits")?).await
    }

    /// Shows how to pay, and waits; prints the deposit in the end.
    pub(crate) async fn show_deposit(&self, first: Value, svg: Option<&Path>, until: Until) -> Result<()> {
        show(&first, svg)?;
        let reference = checked(text(&first, "reference"))?.to_owned();
        let (mut deposit, mut told) = (first.clone(), Vec::new());
        loop {
            let news = if until == Until::Now { Vec::new() } else { news(&deposit) };
            for line in news {
                if !told.contains(&line) {
                    eprintln!("{line}");
                    told.push(line);
                }
            }
            if is_over(&first, &deposit, until) {
                break;
            }
            if text(&deposit, "state") == "closed" {
                bail!("nobody has paid by it, and it is closed: `lull deposit` makes a new one");
            }
            tokio::time::sleep(Duration::from_millis(ASK_MS)).await;
            let request = self.request(Method::GET, &format!("/v1/deposits/{reference}"))?;
            deposit = answered(request).await?.json().await?;
        }
        println!("{}", serde_json::to_string_pretty(&deposit)?);
        Ok(())
    }
}

/// The code goes where a person looks; a script gets the deposit as JSON.
fn show(deposit: &Value, svg: Option<&Path>) -> Result<()> {
    // A reference that the coordinator had forgotten has no amount, so no link.
    let Some(url) = deposit.get("url").and_then(Value::as_str) else { return Ok(()) };
    if !url.starts_with("solana:") || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        bail!("the coordinator's link is no Solana Pay link; nothing is shown of it");
    }
    let qr = Qr::new(url).context("the coordinator's link is too long for a QR code")?;
    if let Some(file) = svg {
        std::fs::write(file, qr.svg()).with_context(|| file.display().to_string())?;
    }
    let is_plain = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    if std::io::stderr().is_terminal() && !is_plain {
        eprint!("{}", qr.for_terminal());
        eprintln!("Read it with a Solana wallet. Is it cut off? Make the window {} columns wide.\n", qr.width());
    }
    eprintln!("{url}\n");
    Ok(())
}

/// Whether what was waited for has come.
fn is_over(first: &Value, deposit: &Value, until: Until) -> bool {
    match until {
        Until::Now => true,
        Until::Credited => text(deposit, "state") == "credited",
        Until::Looked => first.get("next_look_at") != deposit.get("next_look_at") && text(deposit, "seen").is_empty(),
    }
}

/// What there is to say of a deposit, each line once.
fn news(deposit: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    let transactions = deposit.get("transactions").and_then(Value::as_array);
    for one in transactions.into_iter().flatten() {
        let transaction = clean(text(one, "transaction"));
        lines.push(match one.get("why_not").and_then(Value::as_str) {
            Some(why) => format!("not credited: {} (transaction {transaction})", clean(why)),
            None => format!("final: transaction {transaction}"),
        });
    }
    let (asked, credited) = (clean(text(deposit, "tokens")), clean(text(deposit, "credited_tokens")));
    match (text(deposit, "state"), text(deposit, "seen")) {
        ("credited", _) if asked.is_empty() || asked == credited => lines.push(format!("credited: {credited}")),
        ("credited", _) => lines.push(format!("credited: {credited} of {asked}; the same link takes more")),
        (_, "") => lines.push("waiting for the payment; Ctrl-C ends this and not the deposit".to_owned()),
        (_, seen) => lines.push(format!("seen: transaction {}, final in some seconds", clean(seen))),
    }
    lines
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A server's words, without what a terminal would obey.
fn clean(words: &str) -> String {
    words.chars().filter(|c| !c.is_control()).collect()
}

/// A reference that goes into an address.
fn checked(reference: &str) -> Result<&str> {
    if reference.is_empty() || !reference.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        bail!("{reference:?} is not a deposit's reference: `lull deposits` lists yours");
    }
    Ok(reference)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_has_its_words() {
        let of = |value: Value| news(&value).join("\n");
        assert!(of(json!({"state": "waiting", "seen": null, "transactions": []})).starts_with("waiting"));
        assert!(of(json!({"state": "seen", "seen": "5h7K"})).starts_with("seen: transaction 5h7K"));
        let part = json!({"state": "credited", "tokens": "25", "credited_tokens": "10", "transactions": [
            {"transaction": "5h7K", "credited": 10_000_000, "why_not": null},
            {"transaction": "6h7K", "credited": 0, "why_not": "nothing\u{1b}[2J arrived"},
        ]});
        let words = "final: transaction 5h7K\nnot credited: nothing[2J arrived (transaction 6h7K)\n\
            credited: 10 of 25; the same link takes more";
        assert_eq!(of(part), words);
        assert_eq!(of(json!({"state": "credited", "tokens": "25", "credited_tokens": "25"})), "credited: 25");
        assert_eq!(of(json!(null)), "waiting for the payment; Ctrl-C ends this and not the deposit");
    }

    #[test]
    fn each_wait_has_its_end() {
        let is_over = |next: u64, state: &str, seen: Option<&str>, until| {
            let deposit = json!({"next_look_at": next, "state": state, "seen": seen});
            is_over(&json!({"next_look_at": 5, "state": "credited"}), &deposit, until)
        };
        assert!(is_over(5, "waiting", None, Until::Now));
        assert!(is_over(5, "credited", None, Until::Credited) && !is_over(9, "seen", Some("5h7K"), Until::Credited));
        assert!(!is_over(5, "credited", None, Until::Looked), "before the look");
        assert!(!is_over(9, "credited", Some("5h7K"), Until::Looked), "more is on its way");
        assert!(is_over(9, "credited", None, Until::Looked) && is_over(9, "waiting", None, Until::Looked));
    }

    #[test]
    fn only_a_link_of_solana_pay_is_shown() {
        for url in ["https://example.org/", "solana:a\u{1b}[2J", "solana:a b"] {
            assert!(show(&json!({"url": url}), None).is_err(), "{url}");
        }
        let folder = std::env::temp_dir().join(format!("lull-deposit-{}.svg", std::process::id()));
        show(&json!({"url": "solana:a?amount=1"}), Some(&folder)).unwrap();
        assert!(std::fs::read_to_string(&folder).unwrap().contains("<svg"));
        std::fs::remove_file(&folder).unwrap();
        assert!(checked("../orders").is_err() && checked("").is_err() && checked("9xQe").is_ok());
    }
}
