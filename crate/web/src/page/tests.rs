//! The page, event by event, with keys that really sign.

use ed25519_dalek::{Signer, SigningKey};
use lull_protocol::connect::Purpose;
use lull_protocol::siws::{Asked, Chain, Problem};
use lull_protocol::units::Nonce;
use lull_protocol::{Hash, PublicKey, Timestamp};

use super::*;

const HOST: &str = "lull.harbour-library.org";
const TICKET: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn sign_in() -> SignIn {
    let time = |ms| Timestamp::new(ms).expect("in range");
    SignIn::new(Asked {
        origin: format!("wss://{HOST}"),
        chain: Chain::Devnet,
        purpose: Purpose::Link,
        worker: PublicKey([0x17; 32]),
        ticket: Hash::of(b"a ticket"),
        nonce: Nonce([0x0f; 16]),
        issued_at: time(1_790_604_801_500),
        expires_at: time(1_790_605_101_500),
    })
    .expect("it can be")
}

fn account(seed: u8) -> Wallet {
    Wallet::new(PublicKey(SigningKey::from_bytes(&[seed; 32]).verifying_key().to_bytes())).expect("a key's")
}

fn proof(seed: u8) -> Proof {
    let wallet = account(seed);
    let message = sign_in().text(&wallet).into_bytes();
    let signature = SigningKey::from_bytes(&[seed; 32]).sign(&message).to_bytes();
    Proof { wallet, message, signature }
}

fn wallet(id: u32, way: Option<Way>) -> Found {
    Found { id, name: format!("Wallet {id}"), icon: None, way }
}

/// A page that has its sign-in and two wallets, of which the second can't sign in.
fn chooses() -> Page {
    let (mut page, effects) = Page::open(HOST.into(), TICKET.into());
    assert_eq!(effects, [Effect::Take(TICKET.into())]);
    page.handle(Event::Registered(vec![wallet(0, Some(Way::SignIn)), wallet(1, None)]));
    assert_eq!(page.handle(Event::Taken(Ok(sign_in().to_bytes()))), [Effect::Clock(300_000)]);
    assert_eq!(*page.step(), Step::Choosing(None));
    page
}

/// One whose wallet was asked to sign with an account.
fn signs(seed: u8) -> Page {
    let mut page = chooses();
    assert_eq!(page.handle(Event::Chosen(0)), [Effect::Connect { attempt: 1, wallet: 0 }]);
    let effects = page.handle(Event::Connected(1, Ok(vec![account(seed).to_string()])));
    let asked = Effect::Sign { attempt: 1, wallet: 0, way: Way::SignIn, account: account(seed), sign_in: sign_in() };
    assert_eq!(effects, [asked]);
    page
}

/// One that has sent its proof.
fn sends(seed: u8) -> Page {
    let mut page = signs(seed);
    assert_eq!(page.handle(Event::Signed(1, Ok(proof(seed)))), [Effect::Send(TICKET.into(), proof(seed))]);
    page
}

fn problem(word: &str) -> Failure {
    Failure::Problem(Code::from_word(word), "detail".into())
}

#[test]
fn from_a_ticket_to_the_workers_yes() {
    let mut page = sends(9);
    page.handle(Event::Sent(Ok(1_790_605_400_000)));
    assert_eq!(*page.step(), Step::Done(account(9), 1_790_605_400_000));
    page.handle(Event::TimeIsUp);
    page.handle(Event::AccountsNow(1, vec![]));
    assert!(matches!(page.step(), Step::Done(..)), "what is signed stays signed");
}

#[test]
fn only_sixty_four_digits_are_a_ticket() {
    let ends = |fragment: &str| Page::open(HOST.into(), fragment.into()).0.step;
    assert_eq!(ends(""), Step::Over(End::NoTicket));
    for bad in ["0", &TICKET.to_uppercase(), &TICKET.replace('0', "g"), &format!("{TICKET}0"), "<script>"] {
        assert_eq!(ends(bad), Step::Over(End::BadTicket), "{bad}");
    }
}

#[test]
fn a_sign_in_for_another_site_is_not_shown_to_a_wallet() {
    let (mut page, _) = Page::open("lull.harbour-library.org:8443".into(), TICKET.into());
    assert_eq!(page.handle(Event::Taken(Ok(sign_in().to_bytes()))), []);
    assert_eq!(*page.step(), Step::Over(End::OtherSite));
    assert!(page.sign_in().is_none());
    for garbage in [vec![], vec![0xff; 40]] {
        let (mut page, _) = Page::open(HOST.into(), TICKET.into());
        page.handle(Event::Taken(Ok(garbage)));
        assert_eq!(*page.step(), Step::Over(End::Unreadable));
    }
}

#[test]
fn what_a_wallet_answers_is_not_believed() {
    let check = |answer: Result<Proof, Trouble>, expected: Trouble| {
        let mut page = signs(9);
        assert_eq!(page.handle(Event::Signed(1, answer)), [], "nothing is sent: {expected:?}");
        assert_eq!(*page.step(), Step::Choosing(Some(expected)));
        // The ticket is still good for another try.
        assert_eq!(page.handle(Event::Chosen(0)).len(), 1);
    };
    check(Ok(proof(8)), Trouble::OtherAccount);
    let mut changed = proof(9);
    changed.message = String::from_utf8(changed.message).expect("text").replace("0f0f", "0f1f").into_bytes();
    check(Ok(changed), Trouble::Proof(Problem::Replayed));
    check(Ok(Proof { message: vec![], ..proof(9) }), Trouble::Proof(Problem::OtherDomain));
    check(Ok(Proof { signature: proof(8).signature, ..proof(9) }), Trouble::Proof(Problem::Signature));
    check(Err(Trouble::Refused), Trouble::Refused);
}

#[test]
fn accounts_are_addresses_and_one_of_several_is_chosen() {
    let connected = |shown: &[String]| {
        let mut page = chooses();
        page.handle(Event::Chosen(0));
        page.handle(Event::Connected(1, Ok(shown.to_vec())));
        page
    };
    assert_eq!(*connected(&[]).step(), Step::Choosing(Some(Trouble::Locked)));
    assert_eq!(*connected(&["<b>".into()]).step(), Step::Choosing(Some(Trouble::Garbage)));
    let mut page = connected(&[account(1).to_string(), "no address".into(), account(2).to_string()]);
    assert_eq!(*page.step(), Step::Accounts(0, vec![account(1), account(2)]));
    assert_eq!(page.handle(Event::AccountChosen(account(3))), [], "not one of them");
    assert_eq!(page.handle(Event::AccountChosen(account(2))).len(), 1);
    assert_eq!(*page.step(), Step::Signing(0, account(2)));
}

#[test]
fn an_account_that_changes_ends_the_attempt_and_what_comes_of_it_is_too_late() {
    let mut page = signs(9);
    page.handle(Event::AccountsNow(1, vec![account(9).to_string(), account(8).to_string()]));
    assert_eq!(*page.step(), Step::Signing(0, account(9)), "it is still there");
    page.handle(Event::AccountsNow(1, vec![account(8).to_string()]));
    assert_eq!(*page.step(), Step::Choosing(Some(Trouble::AccountChanged)));
    assert_eq!(page.handle(Event::Signed(1, Ok(proof(9)))), []);
    page.handle(Event::Chosen(0));
    page.handle(Event::Connected(1, Ok(vec![account(9).to_string()])));
    assert_eq!(*page.step(), Step::Connecting(0), "the first attempt's answer is not the third's");
}

#[test]
fn a_wallet_can_be_left_and_one_that_cannot_sign_in_is_not_asked() {
    let mut page = chooses();
    assert_eq!(page.handle(Event::Chosen(1)), []);
    assert_eq!(page.handle(Event::Chosen(7)), []);
    page.handle(Event::Chosen(0));
    assert_eq!(page.handle(Event::Chosen(0)), [], "a second click");
    page.handle(Event::Back);
    assert_eq!(*page.step(), Step::Choosing(None));
    assert_eq!(page.handle(Event::Connected(1, Err(Trouble::Refused))), []);
    assert_eq!(*page.step(), Step::Choosing(None));
}

#[test]
fn a_proof_is_kept_until_the_coordinator_has_it() {
    let mut page = sends(9);
    page.handle(Event::Sent(Err(Failure::Unreachable)));
    assert_eq!(*page.step(), Step::Unreachable(Request::Send(proof(9))));
    assert_eq!(page.handle(Event::Again), [Effect::Send(TICKET.into(), proof(9))]);
    page.handle(Event::Sent(Err(problem("used"))));
    assert_eq!(*page.step(), Step::Over(End::SentTwice));
    let mut page = sends(9);
    page.handle(Event::Sent(Err(problem("used"))));
    assert!(matches!(page.step(), Step::Over(End::Problem(Code::Used, _))));
}

#[test]
fn another_account_can_put_right_what_is_about_the_account() {
    for word in ["wrong_account", "same_wallet", "listed", "wallet_full", "sign_in", "account_changed"] {
        let mut page = sends(9);
        page.handle(Event::Sent(Err(problem(word))));
        let trouble = Trouble::Account(Code::from_word(word), "detail".into());
        assert_eq!(*page.step(), Step::Choosing(Some(trouble)), "{word}");
        assert_eq!(page.handle(Event::Chosen(0)).len(), 1);
    }
    for word in ["unknown", "expired", "used", "replaced", "declined", "foreign", "linked", "brand_new"] {
        let mut page = sends(9);
        page.handle(Event::Sent(Err(problem(word))));
        assert_eq!(*page.step(), Step::Over(End::Problem(Code::from_word(word), "detail".into())));
    }
}

#[test]
fn time_ends_what_waits_for_a_person() {
    for mut page in [chooses(), signs(9)] {
        page.handle(Event::TimeIsUp);
        assert!(matches!(page.step(), Step::Over(End::Problem(Code::Expired, _))));
        assert_eq!(page.handle(Event::Chosen(0)), []);
    }
    let mut page = sends(9);
    page.handle(Event::TimeIsUp);
    assert!(matches!(page.step(), Step::Sending(_)), "the coordinator's clock decides about what is on its way");
}
