//! Wallets by the Wallet Standard (github.com/wallet-standard/wallet-standard): who has registered, and asking them.
//!
//! All of it is foreign code in this page's own world: every field can throw, be of another type, or be another one the
//! next time. So each is read once and copied, within limits.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::{Array, Function, Object, Promise, Reflect, Uint8Array};
use lull_protocol::Wallet;
use lull_protocol::siws::{Input, Proof, SignIn};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{CustomEvent, CustomEventInit, EventTarget};
use yew::Callback;

use crate::page::{Found, Trouble, Way};

/// Time a wallet has for one answer, milliseconds: a person unlocks it, reads, and finds a hardware wallet's button.
const WALLET_MS: i32 = 120_000;
/// Wallets that are listed.
const WALLETS_MAX: usize = 32;
/// Accounts of a wallet that are looked at.
const ACCOUNTS_MAX: u32 = 64;
/// Chains of a wallet that are looked at.
const CHAINS_MAX: u32 = 64;
/// A wallet's name, characters; the rest is cut off.
const NAME_CHARS_MAX: usize = 40;
/// A wallet's icon as a `data:` address, bytes; a larger one is left out.
const ICON_BYTES_MAX: usize = 256 * 1024;
/// What a wallet throws, characters; the rest is cut off.
const WORDS_CHARS_MAX: usize = 160;
/// What a wallet says that it signed, bytes: more than any sign-in's text.
const MESSAGE_BYTES_MAX: u32 = 4_096;
/// Bytes of a signature.
const SIGNATURE_BYTES: u32 = 64;
/// The standard's types of icons.
const ICONS: [&str; 4] = ["svg+xml", "webp", "png", "gif"];
/// "The person said no", as wallets number it (EIP-1193, which Solana's wallets follow).
const REFUSED: f64 = 4_001.0;
/// "Not authorised": what a locked one says.
const UNAUTHORISED: f64 = 4_100.0;

/// All that have registered.
#[derive(Clone)]
pub(crate) struct Wallets(Rc<Inner>);

struct Inner {
    registered: RefCell<Vec<Registered>>,
    next_id: Cell<u32>,
    changed: Callback<Vec<Found>>,
}

struct Registered {
    wallet: JsValue,
    found: Found,
    /// The accounts that it has shown last.
    accounts: Vec<JsValue>,
}

impl Wallets {
    /// Listens for wallets and tells those that are there already; `changed` gets the list whenever it is another.
    pub(crate) fn listen(changed: Callback<Vec<Found>>) -> Self {
        let wallets = Self(Rc::new(Inner { registered: RefCell::default(), next_id: Cell::new(0), changed }));
        let Some(window) = web_sys::window() else { return wallets };
        let api = wallets.api();
        let told = api.clone();
        let heard = Closure::<dyn Fn(JsValue)>::new(move |event: JsValue| {
            // Not a CustomEvent's detail, but a getter of the wallet's own kind of event.
            if let Some(callback) = function(&event, "detail") {
                // What it throws is the wallet's own trouble.
                let _ = callback.call1(&JsValue::UNDEFINED, &told);
            }
        });
        let target: &EventTarget = &window;
        // Listening and telling fail only for a window that is gone.
        let _ = target
            .add_event_listener_with_callback("wallet-standard:register-wallet", heard.into_js_value().unchecked_ref());
        let init = CustomEventInit::new();
        init.set_detail(&api);
        if let Ok(ready) = CustomEvent::new_with_event_init_dict("wallet-standard:app-ready", &init) {
            let _ = target.dispatch_event(&ready);
        }
        wallets
    }

    /// `{register}`. It takes any number of wallets; a closure here takes eight, and nobody registers more at once.
    fn api(&self) -> JsValue {
        let wallets = self.clone();
        #[expect(clippy::type_complexity, reason = "arguments of a JavaScript function")]
        let register: Closure<
            dyn Fn(JsValue, JsValue, JsValue, JsValue, JsValue, JsValue, JsValue, JsValue) -> JsValue,
        > = Closure::new(move |a, b, c, d, e, f, g, h| wallets.register(vec![a, b, c, d, e, f, g, h]));
        let api = Object::new();
        // A plain object takes any field.
        let _ = Reflect::set(&api, &"register".into(), &register.into_js_value());
        Object::freeze(&api).into()
    }

    /// Adds wallets; gives the function that takes them out again.
    fn register(&self, given: Vec<JsValue>) -> JsValue {
        let mut added = vec![];
        for wallet in given.into_iter().filter(JsValue::is_object) {
            let known = |one: &Registered| Object::is(&one.wallet, &wallet);
            let registered = self.0.registered.borrow();
            if registered.len() < WALLETS_MAX && !registered.iter().any(known) {
                let id = self.0.next_id.get();
                self.0.next_id.set(id + 1);
                drop(registered);
                // A getter of the wallet may register another one meanwhile.
                if let Some(found) = read(&wallet, id) {
                    self.0.registered.borrow_mut().push(Registered { wallet, found, accounts: vec![] });
                    added.push(id);
                }
            }
        }
        self.tell();
        let wallets = self.clone();
        let unregister = Closure::<dyn Fn()>::new(move || {
            wallets.0.registered.borrow_mut().retain(|one| !added.contains(&one.found.id));
            wallets.tell();
        });
        unregister.into_js_value()
    }

    fn tell(&self) {
        let found = self.0.registered.borrow().iter().map(|one| one.found.clone()).collect();
        self.0.changed.emit(found);
    }

    fn wallet(&self, id: u32) -> Result<JsValue, Trouble> {
        let registered = self.0.registered.borrow();
        registered.iter().find(|one| one.found.id == id).map(|one| one.wallet.clone()).ok_or(Trouble::Garbage)
    }

    /// Asks for its accounts; gives their addresses.
    pub(crate) async fn connect(&self, id: u32) -> Result<Vec<String>, Trouble> {
        let wallet = self.wallet(id)?;
        let connect = feature(&wallet, "standard:connect", "connect").ok_or(Trouble::Garbage)?;
        let answer = answer(connect.ask(&[])).await?;
        let accounts = field(&answer, "accounts").and_then(|accounts| items(&accounts, ACCOUNTS_MAX));
        let accounts = accounts.ok_or(Trouble::Garbage)?;
        let addresses = accounts.iter().map(|account| address(account).unwrap_or_default()).collect();
        if let Some(one) = self.0.registered.borrow_mut().iter_mut().find(|one| one.found.id == id) {
            one.accounts = accounts;
        }
        Ok(addresses)
    }

    /// Tells which addresses it has whenever it says that they changed.
    pub(crate) fn watch(&self, id: u32, changed: Callback<Vec<String>>) {
        let Some(on) = self.wallet(id).ok().and_then(|wallet| feature(&wallet, "standard:events", "on")) else {
            return;
        };
        let heard = Closure::<dyn Fn(JsValue)>::new(move |what: JsValue| {
            let accounts = field(&what, "accounts").and_then(|accounts| items(&accounts, ACCOUNTS_MAX));
            // Chains and features change, too.
            if let Some(accounts) = accounts {
                changed.emit(accounts.iter().map(|account| address(account).unwrap_or_default()).collect());
            }
        });
        // One that can't be listened to is noticed by what it signs.
        let _ = on.ask(&["change".into(), heard.into_js_value()]);
    }

    /// Asks it to sign in with an account.
    pub(crate) async fn sign(&self, id: u32, way: Way, account: Wallet, sign_in: &SignIn) -> Result<Proof, Trouble> {
        let wallet = self.wallet(id)?;
        let asked = match way {
            Way::SignIn => {
                let sign = feature(&wallet, "solana:signIn", "signIn").ok_or(Trouble::Garbage)?;
                sign.ask(&[input(sign_in.input(), account)])
            }
            Way::SignMessage => {
                let sign = feature(&wallet, "solana:signMessage", "signMessage").ok_or(Trouble::Garbage)?;
                let text = Uint8Array::from(sign_in.text(&account).as_bytes());
                let its_account = self.account(id, account).ok_or(Trouble::AccountChanged)?;
                sign.ask(&[object(&[("account", its_account), ("message", text.into())])])
            }
        };
        let answer = answer(asked).await?;
        // One output per input; some give the one alone.
        let outputs = items(&answer, 1).unwrap_or_default();
        let output = outputs.first().unwrap_or(&answer);
        proof(output, way, account).ok_or(Trouble::Garbage)
    }

    /// The wallet's own object for an account that it has shown.
    fn account(&self, id: u32, account: Wallet) -> Option<JsValue> {
        let wanted = account.to_string();
        // A getter of the wallet may register another one, or take itself out, meanwhile.
        let accounts = self.0.registered.borrow().iter().find(|one| one.found.id == id)?.accounts.clone();
        accounts.into_iter().find(|its| address(its).as_ref() == Some(&wanted))
    }
}

/// What the page keeps of a wallet; `None` if it has no name.
fn read(wallet: &JsValue, id: u32) -> Option<Found> {
    let name = plain(&field(wallet, "name")?.as_string()?, NAME_CHARS_MAX);
    let icon = field(wallet, "icon").and_then(|icon| icon.as_string()).filter(|icon| is_icon(icon));
    let chains = field(wallet, "chains").and_then(|chains| items(&chains, CHAINS_MAX)).unwrap_or_default();
    let on_solana = chains.iter().any(|chain| chain.as_string().is_some_and(|chain| chain.starts_with("solana:")));
    let can = |name, method| feature(wallet, name, method).is_some();
    let way = match on_solana && can("standard:connect", "connect") {
        true if can("solana:signIn", "signIn") => Some(Way::SignIn),
        true if can("solana:signMessage", "signMessage") => Some(Way::SignMessage),
        _ => None,
    };
    (!name.is_empty()).then_some(Found { id, name, icon, way })
}

/// Whether it is a picture in the address itself, of one of the standard's types. In an `<img>` none of them runs or loads
/// anything.
fn is_icon(icon: &str) -> bool {
    let data = icon.strip_prefix("data:image/").and_then(|rest| rest.split_once(";base64,"));
    let is_base64 = |b: u8| b.is_ascii_alphanumeric() || b"+/=".contains(&b);
    icon.len() <= ICON_BYTES_MAX
        && data.is_some_and(|(kind, data)| ICONS.contains(&kind) && data.bytes().all(is_base64))
}

/// The input of `solana:signIn`.
fn input(input: Input, account: Wallet) -> JsValue {
    let resources: Array = input.resources.iter().map(|resource| JsValue::from_str(resource)).collect();
    let text = JsValue::from_str;
    object(&[
        ("domain", text(&input.domain)),
        ("address", text(&account.to_string())),
        ("statement", text(&input.statement)),
        ("uri", text(&input.uri)),
        ("version", text(input.version)),
        ("chainId", text(input.chain_id)),
        ("nonce", text(&input.nonce)),
        ("issuedAt", text(&input.issued_at)),
        ("expirationTime", text(&input.expiration_time)),
        ("requestId", text(&input.request_id)),
        ("resources", resources.into()),
    ])
}

/// A wallet's output. With `solana:signMessage` it names no account: it is the one that was asked.
fn proof(output: &JsValue, way: Way, asked: Wallet) -> Option<Proof> {
    let wallet = match way {
        Way::SignIn => address(&field(output, "account")?)?.parse().ok()?,
        Way::SignMessage => asked,
    };
    let message = bytes(&field(output, "signedMessage")?, MESSAGE_BYTES_MAX)?;
    let signature = bytes(&field(output, "signature")?, SIGNATURE_BYTES)?.try_into().ok()?;
    Some(Proof { wallet, message, signature })
}

fn bytes(value: &JsValue, bytes_max: u32) -> Option<Vec<u8>> {
    let bytes = items(value, bytes_max + 1)?;
    let byte = |one: &JsValue| (0..=u8::MAX).find(|byte| one.as_f64() == Some(f64::from(*byte)));
    (bytes.len() <= bytes_max as usize).then(|| bytes.iter().map(byte).collect())?
}

/// The first of what is an array, or like one. Each is read by a call that can fail: behind a name like `length` may
/// stand a wallet's own code.
fn items(value: &JsValue, count_max: u32) -> Option<Vec<JsValue>> {
    let len = field(value, "length")?.as_f64()?;
    let count = (0..count_max).take_while(|n| f64::from(*n) < len).count();
    (0..count_max).take(count).map(|n| Reflect::get_u32(value, n).ok()).collect()
}

fn address(account: &JsValue) -> Option<String> {
    field(account, "address")?.as_string()
}

/// A method, and whose it is.
struct Method {
    owner: JsValue,
    function: Function,
}

impl Method {
    fn ask(&self, arguments: &[JsValue]) -> Result<JsValue, JsValue> {
        self.function.apply(&self.owner, &arguments.iter().collect())
    }
}

/// A method of a wallet's feature.
fn feature(wallet: &JsValue, name: &str, method: &str) -> Option<Method> {
    let owner = field(&field(wallet, "features")?, name)?;
    let function = function(&owner, method)?;
    Some(Method { owner, function })
}

/// Waits for what a wallet answers, no longer than [`WALLET_MS`].
async fn answer(asked: Result<JsValue, JsValue>) -> Result<JsValue, Trouble> {
    let asked = asked.map_err(|error| thrown(&error))?;
    let late: JsValue = Object::new().into();
    let timer = Promise::new(&mut |resolve, _| {
        if let Some(window) = web_sys::window() {
            // Fails only for a window that is gone.
            let _ = window.set_timeout_with_callback_and_timeout_and_arguments_1(&resolve, WALLET_MS, &late);
        }
    });
    let first = Promise::race(&Array::of2(&asked, &timer));
    let answer = JsFuture::from(first).await.map_err(|error| thrown(&error))?;
    if Object::is(&answer, &late) { Err(Trouble::Silent) } else { Ok(answer) }
}

/// What a wallet threw, by its number or its words: there is no standard for either.
fn thrown(error: &JsValue) -> Trouble {
    let text = field(error, "message").and_then(|message| message.as_string()).or_else(|| error.as_string());
    let text = text.unwrap_or_default();
    let code = field(error, "code").and_then(|code| code.as_f64());
    let says = |words: &[&str]| words.iter().any(|word| text.to_ascii_lowercase().contains(word));
    if code == Some(REFUSED) || says(&["reject", "denied", "declined", "cancel"]) {
        Trouble::Refused
    } else if code == Some(UNAUTHORISED) || says(&["locked", "unlock"]) {
        Trouble::Locked
    } else {
        Trouble::Threw(plain(&text, WORDS_CHARS_MAX))
    }
}

/// A wallet's words as part of a sentence: on one line, in the direction of their letters, and not for ever.
fn plain(text: &str, chars_max: usize) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let kept: String = text.chars().filter(|c| !c.is_control() && !turns(*c)).take(chars_max).collect();
    kept.trim_matches(' ').to_owned()
}

fn object(fields: &[(&str, JsValue)]) -> JsValue {
    let object = Object::new();
    for (name, value) in fields {
        // A plain object takes any field.
        let _ = Reflect::set(&object, &JsValue::from_str(name), value);
    }
    object.into()
}

/// A field, if it can be read and is there.
fn field(value: &JsValue, name: &str) -> Option<JsValue> {
    if !value.is_object() && !value.is_function() {
        return None;
    }
    Reflect::get(value, &JsValue::from_str(name)).ok().filter(|field| !field.is_undefined() && !field.is_null())
}

fn function(value: &JsValue, name: &str) -> Option<Function> {
    field(value, name)?.dyn_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_that_turns_nothing() {
        assert_eq!(plain(" Good\u{202e} Wallet\n", NAME_CHARS_MAX), "Good Wallet");
        assert_eq!(plain(&"long ".repeat(60), 9), "long long");
        assert_eq!(plain("\u{2066}\u{0}", NAME_CHARS_MAX), "");
    }

    #[test]
    fn only_pictures_of_the_standards_types_in_the_address_itself() {
        for good in ["data:image/svg+xml;base64,PHN2Zy8+", "data:image/png;base64,", "data:image/webp;base64,AA=="] {
            assert!(is_icon(good), "{good}");
        }
        for bad in [
            "https://wallet.example/icon.png",
            "data:text/html;base64,AA==",
            "data:image/svg+xml,<svg/>",
            "data:image/jpeg;base64,AA==",
            "data:image/png;base64,A A",
            "javascript:alert(1)",
            "",
        ] {
            assert!(!is_icon(bad), "{bad}");
        }
        assert!(!is_icon(&format!("data:image/png;base64,{}", "A".repeat(ICON_BYTES_MAX))));
    }
}
