//! The log as CSV and JSON: whatever the texts are, an independent reader finds them again, and no spreadsheet
//! finds a formula.

use lull_view::{
    Activity, ActivityEntry, ActivityState, ActivityWork, CSV_COLUMNS, csv_head, csv_line, json_line, state_code,
};
use proptest::prelude::*;

const STATES: [ActivityState; 6] = [
    ActivityState::Sending,
    ActivityState::Waiting,
    ActivityState::Accepted,
    ActivityState::Ambiguous,
    ActivityState::Rejected,
    ActivityState::Refused,
];

fn entry(texts: [String; 4], is_fetch: bool, reason: Option<String>, numbers: [u64; 4], state: usize) -> ActivityEntry {
    let [subject, detail, requester, outcome] = texts;
    let [number, received, sent, amount] = numbers;
    let work = if is_fetch {
        ActivityWork::Fetch { site: subject, purpose: detail, outcome, reason, bytes: received.wrapping_add(sent) }
    } else {
        ActivityWork::Judgment { title: subject, answer: detail }
    };
    let state = STATES.into_iter().cycle().nth(state % STATES.len()).expect("it goes round");
    let activity = Activity { offer: "ab".repeat(32), at: 1, requester, work, state, amount };
    ActivityEntry { number, activity, order: "cd".repeat(16), received, sent }
}

/// A reader of RFC 4180, character by character; not the writer turned around.
fn read_csv(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut field) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut chars) = (false, text.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => field.extend(chars.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut field)),
            '\r' if !quoted && chars.peek() == Some(&'\n') => {
                chars.next();
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            c => field.push(c),
        }
    }
    assert!(row.is_empty() && field.is_empty() && !quoted, "the last line has its end");
    rows
}

/// What a spreadsheet with any of these separators takes for a cell, quotes or not.
fn has_formula(field: &str) -> bool {
    let cells = field.split([',', ';', '|', '\t', '\r', '\n']);
    cells
        .map(|cell| cell.trim_matches(['"', ' ']))
        .any(|cell| cell.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']))
}

/// The field without the apostrophes that stand where a cell could begin.
fn plain(field: &str) -> String {
    let mut plain = String::new();
    let mut begins = true;
    for c in field.chars() {
        if !(begins && c == '\'') {
            plain.push(c);
        }
        begins = [',', ';', '|', '\t', '\r', '\n'].contains(&c);
    }
    plain
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[=+@\t\r\n\",;|＝ a-]{0,8}", Just(String::new())]
}

proptest! {
    #[test]
    fn csv_comes_back_as_it_was_and_holds_no_formula(
        texts in [text(), text(), text(), text()],
        is_fetch: bool,
        reason in proptest::option::of(text()),
        numbers: [u64; 4],
        state in 0_usize..6,
    ) {
        let entry = entry(texts.clone(), is_fetch, reason, numbers, state);
        let rows = read_csv(&format!("{}{}", csv_head(), csv_line(&entry, "2026-10-05T10:00:00.000Z")));
        prop_assert_eq!(rows.len(), 2);
        prop_assert_eq!(&rows[0], &CSV_COLUMNS);
        prop_assert_eq!(rows[1].len(), CSV_COLUMNS.len());
        let of = |name: &str| rows[1][CSV_COLUMNS.iter().position(|column| *column == name).unwrap()].clone();
        prop_assert!(rows[1].iter().all(|field| !has_formula(field)), "{:?}", rows[1]);
        // Nothing else is added to a text.
        for (name, text) in [
            ("requester", &texts[2]),
            (if is_fetch { "domain" } else { "title" }, &texts[0]),
            (if is_fetch { "purpose" } else { "answer" }, &texts[1]),
        ] {
            prop_assert_eq!(plain(&of(name)), plain(text));
        }
        prop_assert_eq!(of("verdict"), state_code(STATES[state]));
        prop_assert_eq!(of("bytes_received"), numbers[1].to_string());
        prop_assert_eq!(of("amount_base_units"), numbers[3].to_string());
    }

    #[test]
    fn json_is_read_by_others_and_says_the_same(
        texts in [text(), text(), text(), text()],
        is_fetch: bool,
        reason in proptest::option::of(text()),
        numbers: [u64; 4],
        state in 0_usize..6,
    ) {
        let entry = entry(texts.clone(), is_fetch, reason, numbers, state);
        let line = json_line(&entry, "2026-10-05T10:00:00.000Z");
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        prop_assert_eq!(read["requester"].as_str().unwrap_or_default(), &texts[2]);
        prop_assert_eq!(read[if is_fetch { "domain" } else { "title" }].as_str().unwrap_or_default(), &texts[0]);
        prop_assert_eq!(read["bytes_sent"].as_u64(), Some(numbers[2]));
        prop_assert_eq!(read["number"].as_u64(), Some(numbers[0]));
        let breaks = line.contains(['\n', '\r', '\u{2028}']);
        prop_assert!(!breaks);
    }
}

#[test]
fn policy_passed_unless_policy_refused() {
    let of = |outcome: &str, reason: Option<&str>| {
        let texts = ["example.org".into(), "index".into(), "Buyer".into(), outcome.to_owned()];
        let entry = entry(texts, true, reason.map(str::to_owned), [1, 2, 3, 4], 2);
        let read: serde_json::Value = serde_json::from_str(&json_line(&entry, "t")).unwrap();
        read["policy"].as_str().unwrap().to_owned()
    };
    assert_eq!(of("ok", None), "passed");
    assert_eq!(of("network", Some("dns")), "passed");
    assert_eq!(of("policy", Some("never_domain")), "never_domain");
}

#[test]
fn a_formula_is_none_wherever_a_spreadsheet_splits() {
    let line = |purpose: &str| {
        let texts = ["harbour-library.org".into(), purpose.to_owned(), "Buyer".into(), "ok".into()];
        csv_line(&entry(texts, true, None, [1, 2, 3, 4], 2), "t")
    };
    for (purpose, field) in [
        ("tides, daily", "\"tides, daily\""),
        ("a \"quoted\" word", "\"a \"\"quoted\"\" word\""),
        ("=1+1", "\"'=1+1\""),
        ("-1", "\"'-1\""),
        ("a;=1+1", "\"a;'=1+1\""),
        ("a;b,@SUM(A1)", "\"a;b,'@SUM(A1)\""),
        ("a\t+1", "\"a\t'+1\""),
        ("a\r\n=1", "\"a\r'\n'=1\""),
        ("a|=1", "\"a|'=1\""),
        ("a;\"=1\"", "\"a;'\"\"=1\"\"\""),
        ("a; =1", "\"a;' =1\""),
        ("a;＝1", "\"a;'＝1\""),
        ("\t=1", "\"'\t'=1\""),
        ("a=b", "\"a=b\""),
    ] {
        assert!(line(purpose).contains(&format!(",{field},")), "{purpose:?}: {}", line(purpose));
    }
}
