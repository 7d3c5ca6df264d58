//! Mozilla's addons-linter on the Firefox package: what a reviewer runs first. One error or warning fails.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::setup::Tools;
use crate::shell::target;

/// What the linter says, in its order of weight.
const KINDS: [&str; 3] = ["errors", "warnings", "notices"];

/// Runs it, prints its report.
pub(crate) fn lint(tools: &Tools) -> Result<()> {
    let archive = target()?.join("extension/firefox.zip");
    let mut linter = tools.command("addons-linter");
    linter.args(["--output", "json"]).arg(&archive);
    // Its status only says whether there were errors.
    let said = linter.output().context("can't start addons-linter")?.stdout;
    let report = serde_json::from_slice(&said)
        .with_context(|| format!("addons-linter says: {}", String::from_utf8_lossy(&said)))?;
    println!("{}", report_lines(&report).join("\n"));
    judge(&report)
}

/// The report for a person: counts, then every message.
fn report_lines(report: &Value) -> Vec<String> {
    let count = |kind: &&str| format!("{} {kind}", list(report, kind).len());
    let mut lines =
        vec![format!("addons-linter: {}", KINDS.iter().map(|kind| count(&kind)).collect::<Vec<_>>().join(", "))];
    for message in KINDS.iter().flat_map(|kind| list(report, kind)) {
        let text = |key: &str| message.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let line = message.get("line").and_then(Value::as_u64).map(|line| format!(":{line}")).unwrap_or_default();
        lines.push(format!("  {} {}{line} {}", text("code"), text("file"), text("message")));
    }
    lines
}

fn judge(report: &Value) -> Result<()> {
    for kind in ["errors", "warnings"] {
        let messages =
            report.get(kind).and_then(Value::as_array).with_context(|| format!("the report has no {kind}"))?;
        ensure!(messages.is_empty(), "addons-linter has {} {kind}", messages.len());
    }
    Ok(())
}

fn list<'a>(report: &'a Value, kind: &str) -> &'a [Value] {
    report.get(kind).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_warning_is_too_many_and_is_printed() {
        let warning = json!({"code": "UNSAFE_VAR_ASSIGNMENT", "message": "no", "file": "popup.js", "line": 7});
        let report = |warnings: Value| json!({"errors": [], "warnings": warnings, "notices": []});
        judge(&report(json!([]))).unwrap();
        let bad = report(json!([warning]));
        assert!(judge(&bad).unwrap_err().to_string().contains("1 warnings"));
        assert_eq!(
            report_lines(&bad),
            ["addons-linter: 0 errors, 1 warnings, 0 notices", "  UNSAFE_VAR_ASSIGNMENT popup.js:7 no"]
        );
        assert!(judge(&json!({})).is_err(), "a report of another form says nothing");
    }
}
