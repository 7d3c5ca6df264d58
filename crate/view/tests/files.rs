//! The log as CSV and JSON: whatever the texts are, an independent reader finds them again, and no spreadsheet
//! finds a formula.

use lull_view::{
    Activity, ActivityEntry, ActivityState, ActivityWork, Amount, CSV_COLUMNS, Hold, PAYOUT_COLUMNS, Payout,
    PayoutStage, PayoutTimes, PublicKey, Timestamp, TransactionId, Wallet, csv_head, csv_line, json_line,
    payout_csv_head, payout_csv_line, payout_json_line, stage_code, state_code,
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

/// The key of RFC 8032's first test.
const KEY: [u8; 32] = [
    0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1, 0x72,
    0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a,
];

fn payout(stage: PayoutStage) -> Payout {
    let at = |ms| Timestamp::new(ms).expect("a time");
    let units = |amount| Amount::new(amount).expect("an amount");
    Payout {
        number: 7,
        made_at: at(2_000),
        wallet: Wallet::new(PublicKey(KEY)).expect("a key that signs"),
        share: units(600_000),
        earnings: units(1_200_300),
        arrives: units(1_200_000),
        fee: units(300),
        account: Amount::ZERO,
        stage,
        transaction: (stage == PayoutStage::Paid).then_some(TransactionId([0; 64])),
        paid_at: None,
        since: at(1_000),
    }
}

#[test]
fn payouts_are_told_in_both_forms_alike() {
    let stages = [PayoutStage::Waiting, PayoutStage::Sent, PayoutStage::Arriving, PayoutStage::Paid];
    for stage in stages.into_iter().chain([Hold::Listed, Hold::Frozen, Hold::Nothing].map(PayoutStage::Held)) {
        let times = PayoutTimes {
            date: "2026-10-05".into(),
            made_at: "2026-10-04T22:00:00.000Z".into(),
            paid_at: String::new(),
            since: "2026-10-04T10:00:00.000Z".into(),
        };
        let payout = payout(stage);
        let rows = read_csv(&format!("{}{}", payout_csv_head(), payout_csv_line(&payout, &times)));
        assert_eq!(rows[0], PAYOUT_COLUMNS);
        let json: serde_json::Value = serde_json::from_str(&payout_json_line(&payout, &times)).unwrap();
        for (name, value) in PAYOUT_COLUMNS.iter().zip(&rows[1]) {
            match &json[name] {
                serde_json::Value::Null => assert_eq!(value, "", "{name}"),
                serde_json::Value::Number(number) => assert_eq!(number.to_string(), *value, "{name}"),
                text => assert_eq!(text.as_str(), Some(value.as_str()), "{name}"),
            }
        }
        assert_eq!((&json["state"], &json["date"]), (&stage_code(stage).into(), &"2026-10-05".into()));
        assert_eq!(json["wallet"], "FVen3X669xLzsi6N2V91DoiyzHzg1uAgqiT8jZ9nS96Z");
        assert_eq!(json.get("transaction").is_some(), stage == PayoutStage::Paid);
        assert_eq!(json["share_base_units"], 600_000);
    }
}
