//! Places that Lull doesn't go to although everyone may: governments, adult sites, log-ins and payments, what only
//! somebody looking for a way in asks for, and what repeats its visitor's address. By whole labels of a host and whole
//! segments of a path; a word inside a longer slug is an ordinary article's.
//!
//! A page about a log-in is no log-in. Where one is expected (`/wiki/Login`, `/crates/oauth2`), words for log-ins and
//! payments pass; what an intruder looks for passes nowhere but as a file's name in a public repository.

mod adult;
mod echo;
mod entry;
mod government;
mod scanner;
mod word;

use crate::Refusal;
use crate::name::is_under;

use self::word::Word;

/// Judges a name and what is asked of it.
pub(crate) fn judge(host: &str, domain: &str, path: &str, query: &str) -> Result<(), Refusal> {
    if government::host(host, domain) {
        Err(Refusal::Government)
    } else if adult::host(host, domain) || segments(host, path, adult::segment) {
        Err(Refusal::Adult)
    } else if scanner::asks(host, path, query) {
        Err(Refusal::Scanner)
    } else if echo::host(host) || echo::path(path) || segments(host, path, echo::segment) {
        Err(Refusal::ShowsAddress)
    } else if entry::host(host)
        || segments(host, path, |segment, at| entry::segment(segment, at, query))
        || entry::query(query)
    {
        Err(Refusal::Sensitive)
    } else {
        Ok(())
    }
}

/// Where in a path a segment stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// The first, or right after a language.
    First,
    Later,
    /// What a page is about: a package, an entry of documentation, a repository.
    Subject,
    /// What an article or a dictionary explains: `/wiki/Login`.
    Article,
}

/// Segments that the name of an article follows.
const ARTICLES: &str = "define definition dictionary term wiki word";
/// Segments that one name follows: of a package, a tag.
const NAMES: &str = "artifact crate crates formula gem gems library module modules package packages pkg pod project \
                     tag tagged tags topic topics";
/// Segments after which everything says what a text is about.
const TEXTS: &str = "article articles blog dictionary doc docs documentation glossary guide guides kb man man-pages \
                     manpages manual reference tutorial tutorials wiki";
/// First labels of hosts that hold such texts. What stands first in a path may still be the log-in to them.
const TEXT_LABELS: &str = "blog developer developers doc docs documentation manual reference wiki";
/// Sites of packages and manuals that nobody logs in to.
const TEXT_SITES: &str = "cran.r-project.org doc.rust-lang.org docs.python.org docs.rs hexdocs.pm javadoc.io lib.rs \
                          linux.die.net man.openbsd.org man7.org manpages.debian.org manpages.ubuntu.com \
                          packages.debian.org packages.ubuntu.com pkg.go.dev www.javadoc.io www.rubydoc.info";
/// Public repositories: what follows an owner is a repository's name, what follows that are files.
const FORGES: &str = "bitbucket.org codeberg.org framagit.org gitea.com github.com gitlab.com invent.kde.org \
                      raw.githubusercontent.com salsa.debian.org";
/// Segments that end a text: what follows is somebody's own (`/blog/user/login`). In any spelling, for they refuse.
const HOLDERS: &str = "account accounts customer customers member members user users";
/// Segments that names of files in a repository follow, after owner and repository.
const FILES: &str = "blob tree raw blame commits";
/// How many segments stand before those at least.
const FILES_AFTER: usize = 2;

/// Whether any segment is such a place.
fn segments(host: &str, path: &str, is_place: impl Fn(&str, At) -> bool) -> bool {
    let (is_text, is_forge) = (is_one_of(TEXT_SITES, host), is_forge(host));
    let has_texts = is_text || host.split('.').next().is_some_and(|label| is_one_of(TEXT_LABELS, label));
    let mut at = match (is_text, has_texts) {
        (true, _) => At::Subject,
        (_, true) => At::Later,
        _ => At::First,
    };
    let (mut is_about, mut is_start) = (false, true);
    for (index, segment) in path.split('/').filter(|s| !s.is_empty()).enumerate() {
        if index >= FILES_AFTER && is_one_of(FILES, segment) {
            return false;
        }
        if is_place(segment, at) {
            return true;
        }
        is_start &= is_locale(segment);
        if is_start {
            continue;
        }
        is_about =
            (is_about || has_texts || is_forge || is_one_of(TEXTS, segment)) && !Word::of(segment).is_in(HOLDERS);
        at = match segment {
            _ if is_one_of(ARTICLES, segment) => At::Article,
            _ if is_about || is_one_of(NAMES, segment) => At::Subject,
            _ => At::Later,
        };
    }
    false
}

fn is_forge(host: &str) -> bool {
    FORGES.split(' ').any(|forge| is_under(host, forge))
}

/// Whether a list of words, which a space parts, has this one: as it stands, for it lets others pass.
fn is_one_of(list: &str, segment: &str) -> bool {
    list.split(' ').any(|listed| listed.eq_ignore_ascii_case(segment))
}

/// `en`, `de-CH`, `pt_br`: a language in front of everything else.
fn is_locale(segment: &str) -> bool {
    let mut shape = [0; 6];
    let mut len = 0;
    for byte in word::decoded(segment) {
        let Some(place) = shape.get_mut(len) else { return false };
        *place = if byte.is_ascii_alphabetic() { b'a' } else { byte };
        len += 1;
    }
    matches!(shape.get(..len), Some(b"aa" | b"aa-aa" | b"aa_aa"))
}
