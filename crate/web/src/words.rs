//! Every word of the page. It is served by the coordinator, which has no `_locales`: English, in this one file.

use lull_protocol::connect::Purpose;
use lull_protocol::siws::{self, Chain};

use crate::page::{Code, End, Request, Trouble};

/// A headline, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Words {
    pub(crate) title: &'static str,
    pub(crate) text: String,
}

fn words(title: &'static str, text: impl Into<String>) -> Words {
    Words { title, text: text.into() }
}

/// Before anything else.
pub(crate) const PUBLIC: &str = "Payouts are public. Anyone who knows this address sees every amount, for good.";
/// Beside the fingerprint.
pub(crate) const COMPARE: &str = "Compare with the one in Lull's popup: these digits must stand there, too. Somebody sent \
                                  you this link? Then it is their browser's key, not yours: close this page.";
pub(crate) const NO_COST: &str = "Signing in costs nothing and sends nothing. This page never asks for a transaction.";

/// What the page is for.
pub(crate) fn heading(purpose: Option<Purpose>) -> &'static str {
    match purpose {
        Some(Purpose::Change) => "Change your wallet",
        Some(Purpose::Rebind) => "Take a lost browser's place",
        Some(Purpose::PutOut) => "Put a browser out of your wallet",
        Some(Purpose::Link | Purpose::Unlink) | None => "Connect a wallet",
    }
}

/// What follows from signing.
pub(crate) fn action(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Link => "What this browser earns is paid to the wallet that you choose here.",
        Purpose::Change => {
            "What this browser earns is paid to the wallet that you choose here, and no longer to the one before. \
             After a change payouts wait for 24 hours."
        }
        Purpose::Rebind => {
            "This browser takes the place of one of your wallet's browsers whose key is lost. Choose the wallet that \
             the lost one was paid to. For 24 hours each browser of that wallet can say no."
        }
        Purpose::PutOut => {
            "Another browser is no longer paid to this wallet; which one, you choose in Lull. Choose the wallet that this \
             browser is paid to."
        }
        // No wallet signs that, so no sign-in says it.
        Purpose::Unlink => "This browser is paid to no wallet.",
    }
}

/// The chain, and whether what is paid there is money.
pub(crate) fn chain(chain: Chain) -> (&'static str, Option<&'static str>) {
    const TEST: Option<&str> = Some("Test money: it can't be spent, and nobody buys it.");
    match chain {
        Chain::Mainnet => ("Solana", None),
        Chain::Testnet => ("Solana's testnet", TEST),
        Chain::Devnet => ("Solana's devnet", TEST),
        Chain::Localnet => ("A chain on one machine", TEST),
    }
}

/// Where there is no wallet.
pub(crate) fn no_wallet() -> Words {
    words(
        "No wallet answers on this page",
        "Install a Solana wallet in this browser (Phantom, Solflare and Backpack are some), or let the one you have \
         work on this site. Then press the button in Lull again: a wallet that comes later does not see this page.",
    )
}

/// Several wallets that call themselves the same.
pub(crate) fn twins(name: &str) -> String {
    format!(
        "More than one wallet calls itself {name}. If you have installed one, another extension pretends to be it: \
         look at your extensions first."
    )
}

/// What the person waits for.
pub(crate) const TAKING: &str = "Asking the coordinator about this link …";
pub(crate) const CHOOSE: &str = "Choose a wallet. It must be one that you hold the key of, not an exchange's address.";
pub(crate) const ACCOUNTS: &str = "Choose the account to be paid to.";
pub(crate) const SENDING: &str = "Bringing the signature to the coordinator …";

pub(crate) fn connecting(wallet: &str) -> String {
    format!("{wallet} is asked to connect. Its window may be behind this one; if it is locked, unlock it there.")
}

pub(crate) fn signing(wallet: &str, account: &str) -> String {
    format!(
        "{wallet} is asked to sign in with {account}. Read the text in its window: the sixteen digits are those above."
    )
}

/// It is done, as far as this page goes.
pub(crate) fn done(account: &str, until: &str) -> Words {
    let text = format!(
        "Lull's popup asks \u{201c}Pay to {account}?\u{201d}. Nothing is connected before you say yes there, until {until}. \
         You can close this page."
    );
    words("Now say yes in Lull", text)
}

/// What went wrong with a wallet, by what can be done about it.
pub(crate) fn trouble(trouble: &Trouble) -> Words {
    match trouble {
        Trouble::Locked => words(
            "The wallet is locked",
            "Or it has no account yet. Unlock it, or make an account, then choose it again.",
        ),
        Trouble::Refused => {
            words("You said no in the wallet", "Nothing was signed. Choose it again if that was a slip.")
        }
        Trouble::Threw(text) if text.is_empty() => {
            words("The wallet failed", "It does not say why. Choose it again, or take another wallet.")
        }
        Trouble::Threw(text) => words(
            "The wallet failed",
            format!("It says: \u{201c}{text}\u{201d}. Choose it again, or take another wallet."),
        ),
        Trouble::Silent => words(
            "The wallet did not answer in two minutes",
            "Look for its window behind this one, close it, and choose the wallet again; or take another one.",
        ),
        Trouble::Garbage => words(
            "The wallet's answer can't be read",
            "It keeps to no standard that this page knows. Bring it up to date, or take another wallet.",
        ),
        Trouble::OtherAccount => words(
            "The wallet signed with another account",
            "It was not sent. Choose the account in the wallet that you want to be paid to, then choose the wallet again.",
        ),
        Trouble::AccountChanged => words(
            "The account in the wallet has changed",
            "What was under way is dropped. Choose the wallet again: the account it shows now is the one that counts.",
        ),
        Trouble::Proof(problem) => proof(*problem),
        Trouble::Account(code, detail) => account(*code, detail),
    }
}

fn proof(problem: siws::Problem) -> Words {
    const NOT_SENT: &str = "It was not sent. Bring the wallet up to date, or take another one.";
    match problem {
        siws::Problem::Expired => expired(),
        siws::Problem::OtherDomain => words(
            "The wallet signed for another site",
            "It was not sent. Look at this page's address; if it is the right one, take another wallet.",
        ),
        siws::Problem::OtherAccount => words("The text that was signed names another account", NOT_SENT),
        siws::Problem::OtherStatement => words("The wallet signed another statement", NOT_SENT),
        siws::Problem::Replayed => words("The wallet signed for another attempt", NOT_SENT),
        siws::Problem::OtherText => words("The wallet changed the text before it signed", NOT_SENT),
        siws::Problem::Signature => words("The wallet's signature does not hold", NOT_SENT),
    }
}

fn account(code: Code, detail: &str) -> Words {
    match code {
        Code::WrongAccount => words(
            "That is the wrong account",
            "No other browser is paid to it. Choose the account that your lost browser was paid to.",
        ),
        Code::OtherWallet => words(
            "This browser is not paid to that account",
            "Choose the account that it is paid to: Lull shows its address.",
        ),
        Code::SameWallet => words(
            "You are paid to this wallet already",
            "Choose another account in the wallet, or close this page if you want to keep it.",
        ),
        Code::WalletFull => words(
            "64 browsers are paid to this wallet",
            "That is the limit. Unlink one of them in its Lull, or choose another account.",
        ),
        Code::Listed => words(
            "Lull may not pay to this account",
            "It is on a sanctions list. Choose another account. What you have earned stays yours and waits.",
        ),
        Code::AccountChanged => words(
            "The account in the wallet has changed",
            "Choose the wallet again: the account it shows now is the one that counts.",
        ),
        _ => words("The coordinator does not accept what was signed", sentence(detail)),
    }
}

/// Why the page can't go on.
pub(crate) fn end(end: &End) -> Words {
    const ANEW: &str = "Open Lull and press the button there again: it makes a new link.";
    match end {
        End::NoTicket => words(
            "Open this page from Lull",
            format!("Its link works once, and a page that is loaded anew has lost it. {ANEW}"),
        ),
        End::BadTicket => words("This link is not whole", ANEW),
        End::OtherSite => words(
            "This page is not the coordinator's",
            "Its link asks a wallet to sign for another site. Close it, and open it from Lull only.",
        ),
        End::Unreadable => {
            words("The coordinator's answer can't be read", format!("It may be another version. {ANEW}"))
        }
        End::SentTwice => words(
            "Look into Lull",
            format!(
                "The coordinator has had a signature for this link already. If Lull asks for your yes, all is well. \
                     If it does not: {}",
                lower(ANEW)
            ),
        ),
        End::Problem(code, detail) => problem(*code, detail, ANEW),
    }
}

fn problem(code: Code, detail: &str, anew: &str) -> Words {
    match code {
        Code::Expired => expired(),
        Code::Used => words(
            "This link was used already",
            format!(
                "It may be open in another tab: go on there. You opened it only once? Then somebody else has seen \
                     it; nothing is connected without your yes in Lull. {anew}"
            ),
        ),
        Code::Replaced => words("A newer link was opened from Lull", "Go on in that tab. This one can be closed."),
        Code::Spent => words(
            "Ten sign-ins for this link were refused",
            format!("That is the limit, so this link is good for nothing any more. {anew}"),
        ),
        Code::Declined => words("You said no in Lull", format!("Nothing is connected. Was that a slip? {anew}")),
        Code::Unknown => words(
            "This coordinator does not know the link",
            format!("It comes from somewhere else. Close this page if somebody sent it to you. {anew}"),
        ),
        Code::Foreign => {
            words("This link is another browser's", format!("Close this page if somebody sent it. {anew}"))
        }
        Code::Linked => words(
            "This browser is paid to a wallet already",
            "To be paid to another one, press \u{201c}change\u{201d} in Lull; or unlink the wallet there first.",
        ),
        Code::NotLinked => words("This browser is paid to no wallet yet", "Press \u{201c}connect\u{201d} in Lull."),
        Code::NotYet | Code::Other | Code::AccountChanged | Code::SignIn => {
            words("The coordinator says no", sentence(detail))
        }
        Code::SameWallet | Code::WrongAccount | Code::OtherWallet | Code::WalletFull | Code::Listed => {
            account(code, detail)
        }
    }
}

fn expired() -> Words {
    words("This link was good for five minutes", "Open Lull and press the button there again: it makes a new link.")
}

/// Why the coordinator was asked in vain.
pub(crate) fn unreachable(request: &Request) -> Words {
    match request {
        Request::Take => words("The coordinator does not answer", "Look at your connection, then ask again."),
        Request::Send(_) => words(
            "The coordinator does not answer",
            "The wallet has signed, and this page still holds what it signed. Look at your connection, then send it again.",
        ),
    }
}

/// A detail of the coordinator's as a sentence.
fn sentence(detail: &str) -> String {
    let mut letters = detail.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase()).into_iter().collect::<String>();
    let stop = if detail.ends_with('.') { "" } else { "." };
    [&first, letters.as_str(), stop].concat()
}

fn lower(sentence: &str) -> String {
    let mut letters = sentence.chars();
    let first = letters.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().collect::<String>() + letters.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_mainnet_is_money() {
        for (which, is_money) in
            [(Chain::Mainnet, true), (Chain::Testnet, false), (Chain::Devnet, false), (Chain::Localnet, false)]
        {
            assert_eq!(chain(which).1.is_none(), is_money, "{which:?}");
        }
    }

    #[test]
    fn an_unknown_reason_is_said_in_the_coordinators_words() {
        let said = end(&End::Problem(Code::from_word("brand_new"), "the moon is full: wait".into()));
        assert_eq!(said.text, "The moon is full: wait.");
        assert_eq!(sentence(""), ".");
    }

    #[test]
    fn each_known_reason_has_words_of_its_own() {
        for word in
            ["unknown", "expired", "used", "replaced", "spent", "declined", "foreign", "linked", "not_linked", "listed"]
        {
            let code = Code::from_word(word);
            assert_ne!(code, Code::Other, "{word}");
            let said = end(&End::Problem(code, "XXX".into()));
            assert!(!said.text.contains("XXX"), "{word}: {}", said.text);
        }
    }
}
