//! Connecting a wallet over real HTTP and sockets: the page's side, the worker's side, and what both are refused.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests")]

mod common;

use std::path::PathBuf;

use common::{Server, Worker, key, now, page};
use lull_coordinator::config::Settings;
use lull_coordinator::folder::Folder;
use lull_coordinator::limits::CONNECT_FAILED_BURST_MAX;
use lull_coordinator::start;
use lull_market::connect::SIGN_INS_REFUSED_MAX;
use lull_market::{Command, Context, Reply};
use lull_protocol::connect::{Purpose, WalletAsked, WalletEvent, WalletRefusal, WalletState, WalletVeto, WalletYes};
use lull_protocol::cose::Signed;
use lull_protocol::message::RefusedCode;
use lull_protocol::siws::{Chain, SignIn};
use lull_protocol::units::Ticket;
use lull_protocol::{Hash, PublicKey, ToCoordinator, ToWorker, Wallet};
use lull_store::Store;
use serde_json::{Value, json};

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

async fn paying() -> Server {
    on_a_chain(None).await
}

/// It connects wallets, and has no chain to pay on.
async fn on_a_chain(list: Option<PathBuf>) -> Server {
    Server::adjusted(Settings::default(), |config| {
        (config.chain, config.sanctions) = (Some(Chain::Localnet), list);
    })
    .await
}

fn wallet(seed: u8) -> Wallet {
    Wallet::new(key(seed).public()).unwrap()
}

fn base64(bytes: &[u8]) -> String {
    data_encoding::BASE64URL_NOPAD.encode(bytes)
}

/// A browser's page of `/connect`.
struct Page<'a> {
    server: &'a Server,
}

impl Page<'_> {
    async fn post(&self, path: &str, body: &Value, headers: &[(&str, String)]) -> (u16, Value) {
        let buyer = &self.server.buyer;
        let mut request = buyer.http.post(format!("{}{path}", buyer.base)).json(body);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        buyer.json(request).await
    }

    async fn take(&self, ticket: Ticket) -> Result<SignIn, (u16, String)> {
        let (status, answer) = self.post("/connect/take", &json!({"ticket": ticket.to_string()}), &[]).await;
        let bytes = ok(status, &answer)?["sign_in"].as_str().unwrap().to_owned();
        Ok(SignIn::from_bytes(&data_encoding::BASE64URL_NOPAD.decode(bytes.as_bytes()).unwrap()).unwrap())
    }

    async fn sign(&self, ticket: Ticket, by: u8, text: &str) -> Result<u64, (u16, String)> {
        let body = signed(ticket, by, text);
        let (status, answer) = self.post("/connect/sign-in", &body, &[]).await;
        Ok(ok(status, &answer)?["until"].as_u64().unwrap())
    }

    /// The page's whole part.
    async fn signs(&self, ticket: Ticket, by: u8) {
        let sign_in = self.take(ticket).await.unwrap();
        self.sign(ticket, by, &sign_in.text(&wallet(by))).await.unwrap();
    }
}

fn signed(ticket: Ticket, by: u8, text: &str) -> Value {
    let signature = ed25519_dalek::Signer::sign(&ed25519_dalek::SigningKey::from_bytes(&[by; 32]), text.as_bytes());
    json!({"ticket": ticket.to_string(), "wallet": wallet(by).to_string(), "message": base64(text.as_bytes()),
           "signature": base64(&signature.to_bytes())})
}

fn ok(status: u16, answer: &Value) -> Result<&Value, (u16, String)> {
    if status == 200 { Ok(answer) } else { Err((status, answer["code"].as_str().unwrap_or_default().to_owned())) }
}

fn refused<T: std::fmt::Debug>(answer: Result<T, (u16, String)>) -> (u16, String) {
    answer.unwrap_err()
}

/// A worker that has its first word about its wallet.
async fn worker(server: &Server, seed: u8) -> Worker {
    let mut worker = server.worker(seed).await;
    assert!(matches!(worker.receive().await, ToWorker::Account { .. }));
    told(&mut worker).await;
    worker
}

async fn told(worker: &mut Worker) -> WalletState {
    worker
        .wait("the wallet's state", |m| if let ToWorker::Wallet(state) = m { Some(*state.clone()) } else { None })
        .await
}

/// The next state that fits.
async fn until<T>(worker: &mut Worker, what: &str, fits: impl Fn(&WalletState) -> Option<T>) -> T {
    worker.wait(what, |m| if let ToWorker::Wallet(state) = m { fits(state) } else { None }).await
}

async fn ticket(worker: &mut Worker, purpose: Purpose) -> Ticket {
    worker.send(&ToCoordinator::OpenTicket { purpose }).await;
    let found = |m: &ToWorker| if let ToWorker::Ticket { ticket, .. } = m { Some(*ticket) } else { None };
    let ticket = worker.wait("a ticket", found).await;
    assert_eq!(told(worker).await.asked, None, "what an earlier one asked is over");
    ticket
}

async fn why(worker: &mut Worker) -> (Option<Hash>, WalletRefusal) {
    worker
        .wait("a refusal", |m| if let ToWorker::WalletRefused { about, why } = m { Some((*about, *why)) } else { None })
        .await
}

async fn asked(worker: &mut Worker) -> WalletAsked {
    until(worker, "the question", |state| state.asked.clone()).await
}

async fn says_yes(worker: &mut Worker, asked: &WalletAsked, lost: Option<PublicKey>) -> Hash {
    let WalletAsked { ticket, purpose, wallet, .. } = *asked;
    let yes = WalletYes { coordinator: worker.coordinator, purpose, ticket, wallet, lost, at: now() };
    let yes = Signed::sign(yes, &worker.key);
    worker.send(&ToCoordinator::WalletYes { statement: yes.bytes().to_vec().into() }).await;
    yes.hash()
}

/// All of it; the state that the worker is told then.
async fn connects(server: &Server, worker: &mut Worker, purpose: Purpose, to: u8) -> WalletState {
    let ticket = ticket(worker, purpose).await;
    Page { server }.signs(ticket, to).await;
    let asked = asked(worker).await;
    says_yes(worker, &asked, None).await;
    until(worker, "the yes", |state| state.asked.is_none().then(|| state.clone())).await
}

#[tokio::test]
async fn a_wallet_is_linked_and_changed() {
    let server = paying().await;
    let mut ana = worker(&server, 1).await;
    let state = connects(&server, &mut ana, Purpose::Link, 9).await;
    assert_eq!((state.wallet, state.held_until), (Some(wallet(9)), None));
    let before = now();
    let state = connects(&server, &mut ana, Purpose::Change, 8).await;
    let held_until = state.held_until.unwrap();
    assert!(held_until >= before.plus(DAY_MS) && held_until <= now().plus(DAY_MS), "24 hours");
    let news: Vec<_> = state.news.iter().map(|news| (news.number, news.what)).collect();
    let first = WalletEvent::PaidTo { wallet: wallet(9), before: None, held_until: None };
    let second = WalletEvent::PaidTo { wallet: wallet(8), before: Some(wallet(9)), held_until: Some(held_until) };
    assert_eq!(news, [(1, first), (2, second)]);
    ana.send(&ToCoordinator::WalletNewsKnown { number: 1 }).await;
    assert_eq!(told(&mut ana).await.news.len(), 1);
    // The same after a reconnect, until it is known.
    drop(ana);
    let mut ana = server.worker(1).await;
    let state = told(&mut ana).await;
    assert_eq!((state.wallet, state.held_until, state.news.len()), (Some(wallet(8)), Some(held_until), 1));
    server.stop().await;
}

#[tokio::test]
async fn a_ticket_is_good_once_and_for_its_worker_alone() {
    let server = paying().await;
    let page = Page { server: &server };
    let (mut ana, mut bob) = (worker(&server, 1).await, worker(&server, 2).await);
    let stolen = Ticket([7; 32]);
    assert_eq!(refused(page.take(stolen).await), (404, "unknown".into()));
    assert_eq!(refused(page.sign(stolen, 9, "x").await), (404, "unknown".into()));
    let one = ticket(&mut ana, Purpose::Link).await;
    assert_eq!(refused(page.sign(one, 9, "x").await), (409, "not_yet".into()), "nobody has taken it");
    let sign_in = page.take(one).await.unwrap();
    assert_eq!(sign_in.asked().worker, ana.key.public());
    assert_eq!(refused(page.take(one).await), (410, "used".into()), "a second tab");
    let two = ticket(&mut ana, Purpose::Link).await;
    assert_eq!(refused(page.take(one).await), (410, "replaced".into()));
    assert_eq!(refused(page.sign(one, 9, &sign_in.text(&wallet(9))).await), (410, "replaced".into()));
    let sign_in = page.take(two).await.unwrap();
    page.sign(two, 9, &sign_in.text(&wallet(9))).await.unwrap();
    assert_eq!(refused(page.sign(two, 9, &sign_in.text(&wallet(9))).await), (410, "used".into()), "replayed");
    let question = asked(&mut ana).await;
    assert_eq!((question.ticket, question.wallet), (two.hash(), wallet(9)));
    // Another worker's yes and no, one to another wallet, one to another coordinator, one in another's name.
    says_yes(&mut bob, &question, None).await;
    assert_eq!(why(&mut bob).await, (Some(two.hash()), WalletRefusal::Foreign));
    bob.send(&ToCoordinator::WalletNo { ticket: two.hash() }).await;
    assert_eq!(why(&mut bob).await, (Some(two.hash()), WalletRefusal::Foreign));
    says_yes(&mut ana, &WalletAsked { wallet: wallet(8), ..question.clone() }, None).await;
    assert_eq!(why(&mut ana).await, (Some(two.hash()), WalletRefusal::AccountChanged));
    says_yes(&mut ana, &WalletAsked { purpose: Purpose::Change, ..question.clone() }, None).await;
    assert_eq!(why(&mut ana).await, (Some(two.hash()), WalletRefusal::OtherPurpose));
    let coordinator = ana.coordinator;
    ana.coordinator = bob.key.public();
    says_yes(&mut ana, &question, None).await;
    assert_eq!(why(&mut ana).await, (Some(two.hash()), WalletRefusal::OtherCoordinator));
    (ana.coordinator, bob.key) = (coordinator, key(1));
    let yes = says_yes(&mut bob, &question, None).await;
    assert_eq!(bob.refused().await, (Some(two.hash()), RefusedCode::Signature), "{yes}");
    // None of it changed anything: now the person says no.
    ana.send(&ToCoordinator::WalletNo { ticket: two.hash() }).await;
    assert_eq!(told(&mut ana).await, WalletState::default());
    says_yes(&mut ana, &question, None).await;
    assert_eq!(why(&mut ana).await, (Some(two.hash()), WalletRefusal::Declined));
    server.stop().await;
}

#[tokio::test]
async fn another_text_is_no_sign_in() {
    let server = paying().await;
    let page = Page { server: &server };
    let mut ana = worker(&server, 1).await;
    let ticket = ticket(&mut ana, Purpose::Link).await;
    let sign_in = page.take(ticket).await.unwrap();
    let text = sign_in.text(&wallet(9));
    let nonce = sign_in.input().nonce;
    let changed = [
        text.replace("127.0.0.1", "127.0.0.2"),
        text.replace("Pay what", "Keep what"),
        text.replace(&nonce, &"0".repeat(32)),
        text.replace("Issued At: 2", "Issued At: 3"),
        text.replace(&wallet(9).to_string(), &wallet(8).to_string()),
        text.replace("Chain ID: localnet", "Chain ID: mainnet"),
        text.replace('\n', "\r\n"),
        String::new(),
    ];
    for changed in changed {
        assert_ne!(changed, text);
        assert_eq!(refused(page.sign(ticket, 9, &changed).await), (422, "sign_in".into()), "{changed}");
    }
    let forged = json!({"signature": base64(&[1; 64])});
    let mut body = signed(ticket, 9, &text);
    body.as_object_mut().unwrap().extend(forged.as_object().unwrap().clone());
    let (status, answer) = page.post("/connect/sign-in", &body, &[]).await;
    assert_eq!((status, answer["code"].as_str()), (422, Some("sign_in")));
    assert_eq!(answer["detail"], "the wallet's signature does not hold: sign again, or use another wallet");
    page.sign(ticket, 9, &text).await.expect("none of it has used up anything");
    server.stop().await;
}

#[tokio::test]
async fn ten_refused_sign_ins_are_the_end_of_a_ticket() {
    let server = paying().await;
    let page = Page { server: &server };
    let mut ana = worker(&server, 1).await;
    let first = ticket(&mut ana, Purpose::Link).await;
    let sign_in = page.take(first).await.unwrap();
    let answers = [(); SIGN_INS_REFUSED_MAX as usize].map(|()| page.sign(first, 9, "x"));
    let mut codes = vec![];
    for answer in answers {
        codes.push(refused(answer.await));
    }
    let last = codes.pop();
    assert!(codes.iter().all(|code| *code == (422, "sign_in".into())), "{codes:?}");
    assert_eq!(last, Some((410, "spent".into())), "the tenth says so at once");
    assert_eq!(refused(page.sign(first, 9, &sign_in.text(&wallet(9))).await), (410, "spent".into()));
    assert_eq!(connects(&server, &mut ana, Purpose::Link, 9).await.wallet, Some(wallet(9)), "by a new one");
    server.stop().await;
}

#[tokio::test]
async fn who_is_put_out_is_told_at_once() {
    let server = paying().await;
    let (mut ana, mut bob) = (worker(&server, 1).await, worker(&server, 2).await);
    for worker in [&mut ana, &mut bob] {
        connects(&server, worker, Purpose::Link, 9).await;
    }
    ana.send(&ToCoordinator::WalletBrowsers).await;
    let listed =
        |m: &ToWorker| if let ToWorker::WalletBrowsers { browsers } = m { Some(browsers.clone()) } else { None };
    let browsers = ana.wait("the wallet's browsers", listed).await;
    assert!(browsers.iter().all(|browser| browser.linked_at.is_some() && browser.seen_at.is_some()), "{browsers:?}");
    assert_eq!(browsers.len(), 2);
    let out = ticket(&mut ana, Purpose::PutOut).await;
    Page { server: &server }.signs(out, 9).await;
    let question = asked(&mut ana).await;
    assert_eq!((question.purpose, &question.others[..]), (Purpose::PutOut, &[bob.key.public()][..]));
    says_yes(&mut ana, &question, Some(bob.key.public())).await;
    let told = until(&mut bob, "that it was put out", |state| match (state.wallet, state.news.last()?.what) {
        (None, WalletEvent::PutOut { by, .. }) => Some(by),
        _ => None,
    });
    assert_eq!(told.await, ana.key.public());
    server.stop().await;
}

#[tokio::test]
async fn only_its_own_page_may_ask_and_in_its_form() {
    let server = paying().await;
    let page = Page { server: &server };
    let mut ana = worker(&server, 1).await;
    let ticket = ticket(&mut ana, Purpose::Link).await;
    let body = json!({"ticket": ticket.to_string()});
    let port = server.running.as_ref().unwrap().ready().listening.port();
    for (name, value) in [
        ("origin", "https://elsewhere.example".to_owned()),
        ("origin", "null".into()),
        ("origin", format!("https://127.0.0.1:{port}")),
        ("sec-fetch-site", "cross-site".into()),
        ("sec-fetch-site", "same-site".into()),
        ("sec-fetch-site", "none".into()),
    ] {
        for path in ["/connect/take", "/connect/sign-in"] {
            let (status, answer) = page.post(path, &body, &[(name, value.clone())]).await;
            assert_eq!((status, &answer["type"]), (403, &json!("urn:lull:problem:foreign")), "{name}: {value}");
        }
    }
    for body in [json!({}), json!([]), json!({"ticket": "ab"}), json!({"ticket": ticket.to_string(), "more": 1})] {
        let (status, answer) = page.post("/connect/take", &body, &[]).await;
        assert!(status == 422 || status == 400, "{body}: {answer}");
    }
    let long = json!({"ticket": ticket.to_string(), "message": "a".repeat(20_000)});
    assert_eq!(page.post("/connect/sign-in", &long, &[]).await.0, 413);
    // The page is where the worker's address is; the text names that very address.
    let origin = format!("http://localhost:{port}");
    let own = [("origin", origin), ("sec-fetch-site", "same-origin".into())];
    let (status, answer) = page.post("/connect/take", &body, &own).await;
    let bytes =
        data_encoding::BASE64URL_NOPAD.decode(ok(status, &answer).unwrap()["sign_in"].as_str().unwrap().as_bytes());
    assert_eq!(SignIn::from_bytes(&bytes.unwrap()).unwrap().input().domain, format!("localhost:{port}"));
    let response =
        server.buyer.http.post(format!("{}/connect/take", server.buyer.base)).json(&body).send().await.unwrap();
    assert!(response.headers().keys().all(|name| !name.as_str().starts_with("access-control")), "no CORS");
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    server.stop().await;
}

#[tokio::test]
async fn unlinking_says_what_stays() {
    let server = paying().await;
    let mut ana = worker(&server, 1).await;
    server.buyer.order(&["/a"]).await;
    ana.want(1, 0).await;
    let lease = ana.lease().await;
    let body = page(1, 1_000);
    let result = ana.fetched(&lease, &body);
    ana.deliver(&result, &body).await;
    let (_, verdict) = ana.verdict().await;
    assert!(verdict.amount.get() > 0);
    connects(&server, &mut ana, Purpose::Link, 9).await;
    ana.send(&ToCoordinator::OpenTicket { purpose: Purpose::Unlink }).await;
    let question = asked(&mut ana).await;
    assert_eq!((question.purpose, question.wallet), (Purpose::Unlink, wallet(9)));
    says_yes(&mut ana, &question, None).await;
    let left = until(&mut ana, "the end of it", |state| {
        state.wallet.is_none().then(|| state.news.last().map(|news| news.what))
    });
    let Some(WalletEvent::Left { wallet: left, stays, arrives }) = left.await else { panic!("left") };
    assert_eq!((left, stays, arrives.get()), (wallet(9), verdict.amount, 0));
    ana.send(&ToCoordinator::OpenTicket { purpose: Purpose::Unlink }).await;
    assert_eq!(why(&mut ana).await, (None, WalletRefusal::NotLinked));
    server.stop().await;
}

#[tokio::test]
async fn a_rebinding_is_told_to_all_and_vetoed_by_any() {
    let server = paying().await;
    let (mut ana, mut bob, mut new) = (worker(&server, 1).await, worker(&server, 2).await, worker(&server, 3).await);
    connects(&server, &mut ana, Purpose::Link, 9).await;
    connects(&server, &mut bob, Purpose::Link, 9).await;
    let ticket = ticket(&mut new, Purpose::Rebind).await;
    Page { server: &server }.signs(ticket, 9).await;
    let question = asked(&mut new).await;
    assert_eq!(question.others.len(), 2);
    let yes = says_yes(&mut new, &question, Some(ana.key.public())).await;
    for worker in [&mut ana, &mut bob, &mut new] {
        let rebinding = until(worker, "the rebinding", |state| state.rebinds.first().copied()).await;
        assert_eq!((rebinding.yes, rebinding.lost), (yes, key(1).public()));
    }
    let veto = |by: &Worker| {
        let veto = WalletVeto { coordinator: by.coordinator, yes, at: now() };
        ToCoordinator::WalletVeto { statement: Signed::sign(veto, &by.key).bytes().to_vec().into() }
    };
    let (foreign, good) = (veto(&new), veto(&ana));
    new.send(&foreign).await;
    assert_eq!(why(&mut new).await, (Some(yes), WalletRefusal::Foreign));
    ana.send(&good).await;
    for worker in [&mut ana, &mut bob, &mut new] {
        let by = until(worker, "the veto", |state| match state.news.last().map(|news| news.what) {
            Some(WalletEvent::Vetoed { by, .. }) if state.rebinds.is_empty() => Some(by),
            _ => None,
        });
        assert_eq!(by.await, key(1).public());
    }
    server.stop().await;
}

#[tokio::test]
async fn who_lost_its_place_is_let_in_no_more() {
    let mut server = paying().await;
    let (mut ana, mut new) = (worker(&server, 1).await, worker(&server, 3).await);
    connects(&server, &mut ana, Purpose::Link, 9).await;
    let ticket = ticket(&mut new, Purpose::Rebind).await;
    Page { server: &server }.signs(ticket, 9).await;
    let question = asked(&mut new).await;
    says_yes(&mut new, &question, Some(ana.key.public())).await;
    until(&mut new, "the rebinding", |state| state.rebinds.first().copied()).await;
    server.running.take().unwrap().stop().await.unwrap();
    // A day passes.
    let folder = Folder::open(&server.config.data).unwrap();
    let (key, terms, listed) = (folder.key().unwrap(), server.config.terms.clone(), Default::default());
    let tomorrow = Context { now: now().plus(DAY_MS), key, terms, listed };
    let replies = Store::open(&folder.database()).unwrap().apply(&tomorrow, &[Command::Sweep]).unwrap();
    assert!(matches!(&replies[..], [Ok(Reply::Swept { wallets, .. })] if wallets.len() == 2), "{replies:?}");
    server.running = Some(start(server.config.clone()).await.unwrap());
    assert_eq!(server.worker(1).await.bye().await, RefusedCode::Succeeded);
    let mut new = server.worker(3).await;
    assert_eq!(told(&mut new).await.wallet, Some(wallet(9)));
    server.stop().await;
}

#[tokio::test]
async fn ten_tickets_an_hour_and_sixty_four_workers() {
    let server = paying().await;
    let mut ana = worker(&server, 1).await;
    for _ in 0..10 {
        ticket(&mut ana, Purpose::Link).await;
    }
    ana.send(&ToCoordinator::OpenTicket { purpose: Purpose::Link }).await;
    assert_eq!(why(&mut ana).await, (None, WalletRefusal::TooMany));
    for seed in 100..164 {
        let mut worker = worker(&server, seed).await;
        assert_eq!(connects(&server, &mut worker, Purpose::Link, 9).await.wallet, Some(wallet(9)));
    }
    let mut last = worker(&server, 2).await;
    let ticket = ticket(&mut last, Purpose::Link).await;
    let page = Page { server: &server };
    let sign_in = page.take(ticket).await.unwrap();
    assert_eq!(refused(page.sign(ticket, 9, &sign_in.text(&wallet(9))).await), (409, "wallet_full".into()));
    server.stop().await;
}

#[tokio::test]
async fn who_makes_up_tickets_holds_up_nobody_who_has_one() {
    let server = paying().await;
    let mut ana = worker(&server, 1).await;
    let page = Page { server: &server };
    let ticket = ticket(&mut ana, Purpose::Link).await;
    let made_up = Ticket::from_hex(&"07".repeat(32)).unwrap();
    let mut answers = std::collections::BTreeSet::new();
    for _ in 0..CONNECT_FAILED_BURST_MAX * 2 {
        answers.insert(refused(page.take(made_up).await).0);
    }
    assert_eq!(answers.into_iter().collect::<Vec<_>>(), [404, 429]);
    let sign_in = page.take(ticket).await.unwrap();
    let other = sign_in.text(&wallet(8));
    for _ in 0..3 {
        assert_eq!(refused(page.sign(ticket, 9, &other).await).0, 422, "a wallet that signs wrong tells so each time");
    }
    page.sign(ticket, 9, &sign_in.text(&wallet(9))).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn whom_the_list_names_is_not_linked() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("sanctions.txt");
    std::fs::write(&list, format!("dated 2026-11-30\n{}\n", wallet(9))).unwrap();
    let server = on_a_chain(Some(list)).await;
    let mut ana = worker(&server, 1).await;
    let ticket = ticket(&mut ana, Purpose::Link).await;
    let page = Page { server: &server };
    let sign_in = page.take(ticket).await.unwrap();
    assert_eq!(refused(page.sign(ticket, 9, &sign_in.text(&wallet(9))).await), (403, "listed".into()));
    page.sign(ticket, 8, &sign_in.text(&wallet(8))).await.expect("another account");
    server.stop().await;
}

#[tokio::test]
async fn who_pays_nobody_connects_nobody() {
    let server = Server::start().await;
    let mut ana = server.worker(1).await;
    ana.send(&ToCoordinator::OpenTicket { purpose: Purpose::Link }).await;
    assert_eq!(ana.refused().await, (None, RefusedCode::Unexpected));
    let page = Page { server: &server };
    let (status, _) = page.post("/connect/take", &json!({"ticket": "ab".repeat(32)}), &[]).await;
    assert_eq!(status, 404);
    server.stop().await;
}
