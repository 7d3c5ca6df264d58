//! Requesters' commands: every refusal with its field, and asking twice.

use lull_market::project::PEOPLE_MAX;
use lull_market::requester::{NAME_BYTES_MAX, REFERENCE_BYTES_MAX};
use lull_market::{Command, FetchOrder, ITEMS_MAX, Project, Refusal, Reply, RequesterId, Tasks};
use lull_protocol::item::Picture;
use lull_protocol::limits::{
    AMOUNT_MAX, BLOB_BYTES_MAX, BODY_BYTES_MAX, COMPARED_TEXT_BYTES_MAX, CONTENT_TEXT_BYTES_MAX, LABEL_BYTES_MAX,
    OPTION_BYTES_MAX, SENTENCES_MAX, SOURCE_BYTES_MAX, URL_BYTES_MAX,
};
use lull_protocol::statement::AcceptanceRule;
use lull_protocol::{Content, Hash, Item, Method, TaskKind};

use crate::bench::{BUYER, Bench, URL, amount, bytes, fetch_order, key, order_id, project, tasks};

const NOBODY: RequesterId = RequesterId([9; 16]);
pub(crate) const PNG: [u8; 41] =
    *b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0\0\0\0\0\0\0\0\x01IDAT";

fn field(result: Result<Reply, Refusal>) -> String {
    match result {
        Err(Refusal::Field { field, problem }) => {
            assert!(!problem.is_empty());
            field
        }
        other => panic!("no field refused: {other:?}"),
    }
}

#[test]
fn a_requester_is_added_once() {
    let mut bench = Bench::new();
    let add = |id: u8, name: &str, key: &[u8]| Command::AddRequester {
        requester: RequesterId([id; 16]),
        name: name.into(),
        key_hash: Hash::of(key),
    };
    assert_eq!(bench.one(add(1, "Buyer", b"key")), Ok(Reply::Done), "the same again");
    assert_eq!(bench.one(add(1, "Other", b"key")), Err(Refusal::Taken("the requester's id")));
    assert_eq!(bench.one(add(1, "Buyer", b"other")), Err(Refusal::Taken("the requester's id")));
    assert_eq!(bench.one(add(2, "Buyer", b"other")), Err(Refusal::Taken("the name")));
    assert_eq!(bench.one(add(2, "Other", b"key")), Err(Refusal::Taken("the key")));
    for name in ["", " ", " x", "x ", "a\nb", &"x".repeat(NAME_BYTES_MAX + 1)] {
        assert_eq!(field(bench.one(add(2, name, b"other"))), "name");
    }
    assert_eq!(bench.one(add(2, "Other", b"other")), Ok(Reply::Done));
    let found = bench.reader.requester_by_key(&Hash::of(b"other")).unwrap();
    assert_eq!(found, Some((RequesterId([2; 16]), "Other".into())));
    assert_eq!(bench.reader.requester_by_key(&Hash::of(b"no key")).unwrap(), None);
}

#[test]
fn a_deposits_reference_counts_once() {
    let mut bench = Bench::new();
    let pay = |requester, value, reference: &str| Command::Deposit {
        requester,
        amount: amount(value),
        reference: reference.into(),
    };
    assert_eq!(bench.one(pay(BUYER, 100_000_000, "first")), Ok(Reply::Done), "the same again");
    assert_eq!(bench.one(pay(BUYER, 5, "first")), Err(Refusal::Taken("the reference")));
    assert_eq!(bench.one(pay(NOBODY, 5, "second")), Err(Refusal::UnknownRequester));
    assert_eq!(field(bench.one(pay(BUYER, 0, "second"))), "amount");
    assert_eq!(field(bench.one(pay(BUYER, AMOUNT_MAX, "second"))), "amount");
    assert_eq!(field(bench.one(pay(BUYER, 5, ""))), "reference");
    assert_eq!(field(bench.one(pay(BUYER, 5, &"x".repeat(REFERENCE_BYTES_MAX + 1)))), "reference");
    assert_eq!(bench.one(pay(BUYER, AMOUNT_MAX - 100_000_000, "all there is")), Ok(Reply::Done));
    assert_eq!(bench.reader.balance(BUYER).unwrap().available, amount(AMOUNT_MAX));
    bench.checks_out();
}

/// The boxes that an AVIF of one pixel begins with.
const AVIF: &[u8] = b"\0\0\0\x10ftypavif\0\0\0\0\0\0\0\x30meta\0\0\0\0\0\0\0\x24iprp\0\0\0\x1cipco\0\0\0\x14ispe\0\0\0\0\0\0\0\x01\0\0\0\x01";

#[test]
fn a_blob_is_a_picture_of_its_type() {
    let mut bench = Bench::new();
    let put = |requester, media_type: &str, bytes: &[u8]| Command::PutBlob {
        requester,
        media_type: media_type.into(),
        bytes: bytes.to_vec(),
    };
    assert_eq!(bench.one(put(NOBODY, "image/png", &PNG)), Err(Refusal::UnknownRequester));
    assert_eq!(field(bench.one(put(BUYER, "image/gif", b"GIF89a"))), "media_type");
    assert_eq!(field(bench.one(put(BUYER, "image/svg+xml", b"<svg/>"))), "bytes", "of no size, of no namespace");
    let mut huge = PNG.to_vec();
    huge.splice(16..24, [8_000_u32.to_be_bytes(), 5_000_u32.to_be_bytes()].concat());
    let refused = bench.one(put(BUYER, "image/png", &huge)).unwrap_err();
    assert!(
        matches!(&refused, Refusal::Field { problem, .. } if problem.contains("PICTURE_PIXELS_MAX")),
        "{refused:?}"
    );
    let script = b"<svg xmlns='http://www.w3.org/2000/svg' width='1' height='1'><script/></svg>";
    let refused = bench.one(put(BUYER, "image/svg+xml", script)).unwrap_err();
    assert!(matches!(&refused, Refusal::Field { problem, .. } if problem.contains("<script>")), "{refused:?}");
    assert_eq!(field(bench.one(put(BUYER, "image/jpeg", &PNG))), "bytes");
    assert_eq!(field(bench.one(put(BUYER, "image/png", b""))), "bytes");
    let mut big = PNG.to_vec();
    big.resize(BLOB_BYTES_MAX as usize + 1, 0);
    assert_eq!(field(bench.one(put(BUYER, "image/png", &big))), "bytes");
    big.pop();
    for (media_type, bytes) in [
        ("image/png", &big[..]),
        ("image/png", &PNG),
        ("image/png", &PNG),
        ("image/jpeg", b"\xff\xd8\xff\xc0\0\x11\x08\0\x01\0\x01"),
        ("image/webp", b"RIFF\x01\x02\x03\x04WEBPVP8X\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        ("image/avif", AVIF),
        ("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg' width='1' height='1'/>"),
    ] {
        assert_eq!(bench.one(put(BUYER, media_type, bytes)), Ok(Reply::Blob(Hash::of(bytes))));
        assert_eq!(bench.reader.blob(&Hash::of(bytes)).unwrap(), Some((media_type.into(), bytes.to_vec())));
    }
    assert_eq!(bench.reader.blob(&Hash::of(b"none")).unwrap(), None);
}

#[test]
fn each_field_of_a_fetch_order_is_judged() {
    let mut bench = Bench::new();
    let mut wrong = |change: &dyn Fn(&mut FetchOrder)| {
        let mut order = fetch_order(1, &[URL, URL, URL, URL]);
        change(&mut order);
        field(bench.one(Command::CreateFetchOrder(order)))
    };
    assert_eq!(wrong(&|o| o.purpose = " ".into()), "purpose");
    assert_eq!(wrong(&|o| o.purpose = "a\nHOLDS".into()), "purpose");
    assert_eq!(wrong(&|o| o.purpose = "x".repeat(LABEL_BYTES_MAX + 1)), "purpose");
    assert_eq!(wrong(&|o| o.urls.clear()), "urls");
    assert_eq!(wrong(&|o| o.urls = vec![URL.into(); ITEMS_MAX + 1]), "urls");
    assert_eq!(wrong(&|o| o.urls[3] = "http://www.rust-lang.org/".into()), "urls[3]");
    assert_eq!(wrong(&|o| o.urls[2] = "https://192.0.2.1/".into()), "urls[2]");
    assert_eq!(wrong(&|o| o.urls[1] = "not a URL".into()), "urls[1]");
    assert_eq!(wrong(&|o| o.urls[0] = format!("{URL}?{}", "x".repeat(URL_BYTES_MAX))), "urls[0]");
    assert_eq!(wrong(&|o| o.bytes_max = bytes(0)), "bytes_max");
    assert_eq!(wrong(&|o| o.bytes_max = bytes(BODY_BYTES_MAX + 1)), "bytes_max");
    assert_eq!(wrong(&|o| (o.price.per_item, o.price.per_mib) = (amount(0), amount(0))), "price");
    assert_eq!(wrong(&|o| o.price.per_item = amount(AMOUNT_MAX)), "price");
    assert_eq!(wrong(&|o| o.price.per_item = amount(AMOUNT_MAX / 2)), "price");
    let policy = bench.one(Command::CreateFetchOrder(fetch_order(1, &["http://www.rust-lang.org/"])));
    let words = lull_policy_words("http://www.rust-lang.org/");
    assert_eq!(policy, Err(Refusal::Field { field: "urls[0]".into(), problem: words }));
    assert_eq!(bench.reader.statistics().unwrap().orders, 0);
}

fn lull_policy_words(url: &str) -> String {
    lull_policy::judge_url(url, false).unwrap_err().to_string()
}

fn options(project: &mut Project) -> &mut Vec<String> {
    match &mut project.tasks {
        Tasks::Choice { options, .. } | Tasks::Multi { options, .. } => options,
        other => panic!("no options: {other:?}"),
    }
}

fn contents(project: &mut Project) -> &mut Vec<Content> {
    match &mut project.tasks {
        Tasks::Choice { contents, .. } | Tasks::Multi { contents, .. } | Tasks::Rating { contents, .. } => contents,
        other => panic!("no contents: {other:?}"),
    }
}

#[test]
fn each_field_of_a_project_is_judged() {
    let mut bench = Bench::new();
    bench.does(Command::PutBlob { requester: BUYER, media_type: "image/png".into(), bytes: PNG.to_vec() });
    let picture = || Picture {
        hash: Hash::of(&PNG),
        media_type: "image/png".into(),
        bytes: bytes(PNG.len() as u64),
        alt: "a digit".into(),
    };
    let mut wrong = |change: &dyn Fn(&mut Project)| {
        let mut project = project(1, 3, 2, 3);
        change(&mut project);
        field(bench.one(Command::CreateProject(project)))
    };
    let long = "x".repeat(LABEL_BYTES_MAX + 1);
    assert_eq!(wrong(&|p| p.title = "".into()), "title");
    assert_eq!(wrong(&|p| p.guideline = long.clone()), "guideline");
    assert_eq!(wrong(&|p| p.question = "\n".into()), "question");
    assert_eq!(wrong(&|p| options(p).truncate(1)), "options");
    assert_eq!(wrong(&|p| *options(p) = (0..10).map(|i| i.to_string()).collect()), "options");
    assert_eq!(wrong(&|p| options(p)[2] = "yes".into()), "options[2]");
    assert_eq!(wrong(&|p| options(p)[1] = "".into()), "options[1]");
    assert_eq!(wrong(&|p| options(p)[1] = "x".repeat(OPTION_BYTES_MAX + 1)), "options[1]");
    assert_eq!(wrong(&|p| contents(p).clear()), "contents");
    assert_eq!(wrong(&|p| contents(p)[2] = contents(p)[0].clone()), "contents[2]");
    assert_eq!(wrong(&|p| contents(p)[1] = Content::Text(" ".into())), "contents[1]");
    let text = "x".repeat(CONTENT_TEXT_BYTES_MAX);
    assert_eq!(wrong(&|p| contents(p)[1] = Content::Text(format!("{text}x"))), "contents[1]");
    let with = |p: &mut Project, picture| contents(p)[0] = Content::Picture(picture);
    assert_eq!(wrong(&|p| with(p, Picture { hash: Hash::of(b"none"), ..picture() })), "contents[0].hash");
    assert_eq!(wrong(&|p| with(p, Picture { media_type: "image/webp".into(), ..picture() })), "contents[0].media_type");
    assert_eq!(wrong(&|p| with(p, Picture { bytes: bytes(3), ..picture() })), "contents[0].bytes");
    assert_eq!(wrong(&|p| with(p, Picture { alt: "".into(), ..picture() })), "contents[0].alt");
    assert_eq!(wrong(&|p| p.price = amount(0)), "price");
    assert_eq!(wrong(&|p| p.price = amount(AMOUNT_MAX)), "price");
    let rule = |agree, people| AcceptanceRule::Agreement { agree, people };
    assert_eq!(wrong(&|p| p.rule = AcceptanceRule::FetchChecks { bytes_max: bytes(1) }), "rule");
    assert_eq!(wrong(&|p| p.rule = rule(0, 0)), "rule.people");
    assert_eq!(wrong(&|p| p.rule = rule(PEOPLE_MAX, PEOPLE_MAX + 1)), "rule.people");
    assert_eq!(wrong(&|p| p.rule = rule(4, 3)), "rule.agree");
    assert_eq!(wrong(&|p| p.rule = rule(2, 4)), "rule.agree", "two answers could both win");
    let mut good = project(1, 3, 2, 3);
    contents(&mut good)[0] = Content::Picture(picture());
    bench.ask(good);
    let full = "x".repeat(LABEL_BYTES_MAX);
    let mut fullest = project(2, 1, 1, 1);
    (fullest.title, fullest.guideline, fullest.question) = (full.clone(), full.clone(), full);
    *options(&mut fullest) = (0..9).map(|i| format!("{i}{}", "x".repeat(OPTION_BYTES_MAX - 1))).collect();
    contents(&mut fullest)[0] = Content::Text(text);
    bench.ask(fullest);
    let lease = bench.claim(&key(1), 0, 4).pop().unwrap();
    assert!(Item::from_bytes(&lease.item).is_ok(), "the longest item there can be");
}

type Pairs = Vec<(Content, Content)>;

#[test]
fn each_field_of_each_type_is_judged() {
    let mut bench = Bench::new();
    let mut wrong = |kind, change: &dyn Fn(&mut Project)| {
        let mut project = Project { tasks: tasks(kind, 3), ..project(1, 0, 2, 3) };
        change(&mut project);
        field(bench.one(Command::CreateProject(project)))
    };
    use TaskKind::{Compare, Multi, Rating, Verify};
    let multi = |p: &mut Project, (l, m): (u8, u8)| {
        let Tasks::Multi { least, most, .. } = &mut p.tasks else { panic!("a multi") };
        (*least, *most) = (l, m);
    };
    assert_eq!(wrong(Multi, &|p| options(p)[2] = "yes".into()), "options[2]");
    assert_eq!(wrong(Multi, &|p| multi(p, (0, 0))), "most");
    assert_eq!(wrong(Multi, &|p| multi(p, (0, 4))), "most");
    assert_eq!(wrong(Multi, &|p| multi(p, (3, 2))), "least");
    assert_eq!(wrong(Multi, &|p| contents(p).clear()), "contents");
    let pairs = |p: &mut Project, change: &dyn Fn(&mut Pairs)| {
        let Tasks::Compare { pairs } = &mut p.tasks else { panic!("a compare") };
        change(pairs);
    };
    let long = |bytes| Content::Text("x".repeat(bytes));
    assert_eq!(wrong(Compare, &|p| pairs(p, &|p| p.clear())), "contents");
    assert_eq!(wrong(Compare, &|p| pairs(p, &|p| p[1].0 = Content::Code("\n".into()))), "contents[1].left");
    assert_eq!(wrong(Compare, &|p| pairs(p, &|p| p[1].1 = long(COMPARED_TEXT_BYTES_MAX + 1))), "contents[1].right");
    assert_eq!(wrong(Compare, &|p| pairs(p, &|p| p[2].1 = p[2].0.clone())), "contents[2].right");
    assert_eq!(wrong(Compare, &|p| pairs(p, &|p| p[2] = p[0].clone())), "contents[2]");
    let scale = |p: &mut Project, change: &dyn Fn(&mut u8, &mut String, &mut String)| {
        let Tasks::Rating { steps, lowest, highest, .. } = &mut p.tasks else { panic!("a rating") };
        change(steps, lowest, highest);
    };
    assert_eq!(wrong(Rating, &|p| scale(p, &|steps, _, _| *steps = 1)), "steps");
    assert_eq!(wrong(Rating, &|p| scale(p, &|steps, _, _| *steps = 11)), "steps");
    assert_eq!(wrong(Rating, &|p| scale(p, &|_, lowest, _| lowest.clear())), "lowest");
    assert_eq!(wrong(Rating, &|p| scale(p, &|_, _, high| *high = "x".repeat(OPTION_BYTES_MAX + 1))), "highest");
    assert_eq!(wrong(Rating, &|p| contents(p)[0] = Content::Code("".into())), "contents[0]");
    let claims = |p: &mut Project, change: &dyn Fn(&mut lull_protocol::task::Verify)| {
        let Tasks::Verify { claims } = &mut p.tasks else { panic!("a verify") };
        change(&mut claims[1]);
    };
    assert_eq!(wrong(Verify, &|p| claims(p, &|c| c.claim = " ".into())), "contents[1].claim");
    assert_eq!(wrong(Verify, &|p| claims(p, &|c| c.source.clear())), "contents[1].source");
    assert_eq!(
        wrong(Verify, &|p| claims(p, &|c| c.source = vec!["s".into(); SENTENCES_MAX + 1])),
        "contents[1].source"
    );
    assert_eq!(wrong(Verify, &|p| claims(p, &|c| c.source[1] = "".into())), "contents[1].source[1]");
    let sentence = "s".repeat(LABEL_BYTES_MAX);
    assert_eq!(wrong(Verify, &|p| claims(p, &|c| c.source = vec![sentence.clone(); 7])), "contents[1].source");
    assert_eq!(bench.reader.statistics().unwrap().orders, 0);
}

#[test]
fn the_longest_tasks_are_items() {
    let mut bench = Bench::new();
    let text = |bytes: usize| "x".repeat(bytes);
    let content = |bytes: usize| Content::Code(text(bytes));
    let options = || (0..9).map(|i| format!("{i}{}", text(OPTION_BYTES_MAX - 1))).collect();
    let contents = || vec![content(CONTENT_TEXT_BYTES_MAX)];
    let (lowest, highest) = (text(OPTION_BYTES_MAX), text(OPTION_BYTES_MAX));
    let left = Content::Text(text(COMPARED_TEXT_BYTES_MAX));
    let sentence = text(SOURCE_BYTES_MAX / SENTENCES_MAX);
    let source = vec![sentence; SENTENCES_MAX];
    let longest = [
        Tasks::Multi { options: options(), least: 9, most: 9, contents: contents() },
        Tasks::Compare { pairs: vec![(left, content(COMPARED_TEXT_BYTES_MAX))] },
        Tasks::Rating { steps: 10, lowest, highest, contents: contents() },
        Tasks::Verify { claims: vec![lull_protocol::task::Verify { claim: text(LABEL_BYTES_MAX), source }] },
    ];
    for (number, tasks) in (1..).zip(longest) {
        let mut fullest = Project { tasks, ..project(number, 0, 1, 1) };
        let full = text(LABEL_BYTES_MAX);
        (fullest.title, fullest.guideline, fullest.question) = (full.clone(), full.clone(), full);
        bench.ask(fullest);
    }
    let leases = bench.claim(&key(1), 0, 4);
    assert_eq!(leases.len(), 4);
    assert!(leases.iter().all(|lease| Item::from_bytes(&lease.item).is_ok()));
}

#[test]
fn an_order_needs_its_full_price() {
    let mut bench = Bench::new();
    let order = |count: usize| Command::CreateFetchOrder(fetch_order(1, &vec![URL; count]));
    // 9,900 each: 10,101 would cost more than 100 million, so does any price above.
    let mut dear = fetch_order(1, &[URL]);
    dear.price.per_item = amount(100_000_000);
    let refusal = bench.one(Command::CreateFetchOrder(dear));
    assert_eq!(refusal, Err(Refusal::Funds { needed: amount(110_008_800), available: amount(100_000_000) }));
    let reply = bench.one(order(ITEMS_MAX));
    assert_eq!(reply, Ok(Reply::Order { order: order_id(1), held: amount(99_000_000) }));
    let balance = bench.reader.balance(BUYER).unwrap();
    assert_eq!((balance.available.get(), balance.held.get()), (1_000_000, 99_000_000));
    bench.checks_out();
}

#[test]
fn an_order_again_is_no_error_and_another_under_its_id_is() {
    let mut bench = Bench::new();
    let held = Ok(Reply::Order { order: order_id(1), held: amount(9_900) });
    let order = || fetch_order(1, &[URL]);
    assert_eq!(bench.one(Command::CreateFetchOrder(order())), held);
    bench.cx.terms.fee_bp = 2_000;
    assert_eq!(bench.one(Command::CreateFetchOrder(order())), held, "the fee of its own time");
    let taken = Err(Refusal::Taken("the order's id"));
    let mut change = |change: &dyn Fn(&mut FetchOrder)| {
        let mut order = order();
        change(&mut order);
        assert_eq!(bench.one(Command::CreateFetchOrder(order)), taken);
    };
    change(&|o| o.price.per_item = amount(1));
    change(&|o| o.price.per_mib = amount(1));
    change(&|o| o.urls.push(URL.into()));
    change(&|o| o.purpose = "another".into());
    change(&|o| o.method = Method::Head);
    change(&|o| o.http_allowed = true);
    change(&|o| o.bytes_max = bytes(7));
    assert_eq!(bench.one(Command::CreateProject(project(1, 1, 1, 1))), taken);
    bench.ask(project(2, 1, 2, 3));
    let mut other = project(2, 1, 2, 3);
    other.rule = AcceptanceRule::Agreement { agree: 3, people: 3 };
    assert_eq!(bench.one(Command::CreateProject(other)), taken);
    let mut stranger = order();
    stranger.requester = NOBODY;
    assert_eq!(bench.one(Command::CreateFetchOrder(stranger)), Err(Refusal::UnknownRequester));
    assert_eq!(bench.reader.orders(BUYER).unwrap(), [order_id(1), order_id(2)]);
}
