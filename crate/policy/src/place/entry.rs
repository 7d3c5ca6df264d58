//! Places for logins, sign-ups and payments, in the languages of most of the web's pages.

use super::At;
use super::word::Word;
use crate::name::is_under;

/// Whether a host is such a place.
pub(super) fn host(host: &str) -> bool {
    host.rsplit('.').skip(1).any(|label| Word::of(label).is_in(HOST_WORDS))
        || SITES.split(' ').any(|site| is_under(host, site))
}

/// Whether a segment of a path is.
pub(super) fn segment(segment: &str, at: At) -> bool {
    let word = Word::of(segment);
    // `/wiki/Login` is an article about logins; `/wiki/Special:UserLogin` is MediaWiki's own.
    (at != At::Subject || word.contains(b':'))
        && (word.is_in(PATH_WORDS) || (at == At::First && word.is_in(FIRST_WORDS)))
}

/// Whether a query asks for such a page (`?action=login`).
pub(super) fn query(query: &str) -> bool {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (Word::of(key), Word::of(value)))
        // MediaWiki's `title` names an article, unless it has a colon.
        .any(|(key, page)| {
            (key.is_in(PAGE_KEYS) || (key.is_in("title") && page.contains(b':'))) && page.is_in(PATH_WORDS)
        })
}

/// Labels of hosts.
const HOST_WORDS: &str = "account accounts anmelden appleid auth auth0 banking billing checkout ebanking enroll idp \
                          login logon myaccount netbanking oauth okta onlinebanking passport pay payment payments \
                          paypal register secure signin signon signup sso venmo wallet webmail";
/// Sites for payments, with all that lies under them; top-level domains among them.
const SITES: &str = "bank alipay.com cash.app klarna.com neteller.com payoneer.com paypal.me revolut.com skrill.com \
                     wise.com zellepay.com";

/// Words that make any segment of a path such a place.
const PATH_WORDS: &str = "login logon logout signin signon signup signout sso oauth oauth2 checkout checkouts \
                          myaccount createaccount newaccount wpsignup userlogin special:userlogin \
                          special:createaccount forgotpassword lostpassword resetpassword passwordreset \
                          changepassword onlinebanking ebanking registration einloggen meinkonto seconnecter \
                          moncompte iniciarsesion micuenta registrarse minhaconta inloggen loggain logginn logind \
                          zaloguj logowanie prihlaseni";
/// Words that do so only as the first segment, or right after a language.
const FIRST_WORDS: &str = "account accounts auth banking basket billing cart donate pay payment payments register \
                           subscribe wallet anmelden anmeldung registrieren kasse konto warenkorb connexion paiement \
                           panier carrito registro entrar carrinho pagamento carrello accedi registrati afrekenen \
                           winkelwagen varukorg kassa koszyk kosik sepet";
const PAGE_KEYS: &str = "action do mode option page route view";
