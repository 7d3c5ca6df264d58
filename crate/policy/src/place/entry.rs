//! Places for logins, sign-ups and payments, in the languages of most of the web's pages.

use super::At;
use super::word::Word;
use crate::name::is_under;

/// Whether a host is such a place.
pub(super) fn host(host: &str) -> bool {
    (host.rsplit('.').skip(1).any(|label| Word::of(label).is_in(HOST_WORDS)) && !is_vendor(host))
        || SITES.split(' ').any(|site| is_under(host, site))
}

/// Whether a host is a page about log-ins by who makes them: its customers' log-ins have other names.
fn is_vendor(host: &str) -> bool {
    let before = |vendor| host.strip_suffix(vendor).and_then(|before| before.strip_suffix('.'));
    let is_label = |label| VENDOR_LABELS.split(' ').any(|own| own == label);
    VENDORS.split(' ').any(|vendor| host == vendor || before(vendor).is_some_and(is_label))
}

/// Whether a segment of a path is. What a page is about is none (`/wiki/Login`), unless it is MediaWiki's own
/// (`/wiki/Special:UserLogin`) or the query says where to go on afterwards (`/docs/login?next=/`).
pub(super) fn segment(segment: &str, at: At, query: &str) -> bool {
    let word = Word::of(segment);
    let is_about = matches!(at, At::Subject | At::Article) && !word.contains(b':');
    (word.is_in(PATH_WORDS) && (!is_about || goes_on(query))) || (at == At::First && word.is_in(FIRST_WORDS))
}

/// Whether a query says where somebody goes who has logged in.
fn goes_on(query: &str) -> bool {
    query.split('&').any(|pair| Word::of(pair.split('=').next().unwrap_or_default()).is_in(NEXT_KEYS))
}

/// Whether a query asks for such a page (`?action=login`), or is itself the request of one (RFC 6749 §3.1.1, SAML).
pub(super) fn query(query: &str) -> bool {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (Word::of(key), Word::of(value)))
        // MediaWiki's `title` names an article, unless it has a colon.
        .any(|(key, page)| {
            ((key.is_in(PAGE_KEYS) || (key.is_in("title") && page.contains(b':'))) && page.is_in(PATH_WORDS))
                || (key.is_in("responsetype") && page.is_in("code token idtoken"))
                || key.is_in("samlrequest")
        })
}

/// Labels of hosts.
const HOST_WORDS: &str = "account accounts anmelden appleid auth auth0 banking billing checkout ebanking enroll idp \
                          login logon myaccount netbanking oauth okta onlinebanking passport pay payment payments \
                          paypal register secure signin signon signup sso venmo wallet webmail";
/// Sites for payments, with all that lies under them; top-level domains among them.
const SITES: &str = "bank alipay.com cash.app klarna.com neteller.com payoneer.com paypal.me revolut.com skrill.com \
                     wise.com zellepay.com";

/// Who makes log-ins, or writes about them, at their own pages.
const VENDORS: &str = "auth0.com oauth.com oauth.net okta.com";
/// What stands before such a name at most.
const VENDOR_LABELS: &str = "www blog community developer docs support";

/// Words that make any segment of a path such a place.
const PATH_WORDS: &str = "login logon logout signin signon signup signout sso oauth oauth2 checkout checkouts \
                          myaccount createaccount newaccount wpsignup userlogin special:userlogin \
                          special:createaccount forgotpassword lostpassword resetpassword passwordreset \
                          changepassword onlinebanking ebanking registration einloggen meinkonto seconnecter \
                          moncompte iniciarsesion micuenta registrarse minhaconta inloggen loggain logginn logind \
                          zaloguj logowanie prihlaseni opacuser opacmemberentry opacpasswordrecovery";
/// Words that do so only as the first segment, or right after a language.
const FIRST_WORDS: &str = "account accounts auth banking basket billing cart donate pay payment payments register \
                           subscribe wallet anmelden anmeldung registrieren kasse konto warenkorb connexion paiement \
                           panier carrito registro entrar carrinho pagamento carrello accedi registrati afrekenen \
                           winkelwagen varukorg kassa koszyk kosik sepet";
/// Keys of queries that say where to go on.
const NEXT_KEYS: &str = "clientid continue destination next redirect redirectto redirecturi redirecturl relaystate \
                         return returnto returnurl";
/// Keys of queries that name a page.
const PAGE_KEYS: &str = "action do mode option page route view";
