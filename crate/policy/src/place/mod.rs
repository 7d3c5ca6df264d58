//! Places that Lull doesn't go to although everyone may: governments, adult sites, log-ins and payments, and what only
//! somebody looking for a way in asks for. By whole labels of a host and whole segments of a path; a word inside a
//! longer slug is an ordinary article's.

mod adult;
mod entry;
mod government;
mod scanner;
mod word;

use crate::Refusal;

/// Judges a name and what is asked of it.
pub(crate) fn judge(host: &str, domain: &str, path: &str, query: &str) -> Result<(), Refusal> {
    if government::host(host) {
        Err(Refusal::Government)
    } else if adult::host(host, domain) || segments(path, adult::segment) {
        Err(Refusal::Adult)
    } else if scanner::asks(path, query) {
        Err(Refusal::Scanner)
    } else if entry::host(host) || segments(path, entry::segment) || entry::query(query) {
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
    /// The subject of an article, a tag, a dictionary: `/wiki/Login`.
    Subject,
}

/// Segments that a subject follows.
const ABOUT: &str = "define definition dictionary docs tag tags term topic topics wiki word";
/// Segments that names of files in a public repository follow, after owner and repository.
const FILES: &str = "blob tree raw blame commits";
/// How many segments stand before those at least.
const FILES_AFTER: usize = 2;

/// Whether any segment is such a place.
fn segments(path: &str, is_place: fn(&str, At) -> bool) -> bool {
    let mut at = At::First;
    for (index, segment) in path.split('/').filter(|s| !s.is_empty()).enumerate() {
        if index >= FILES_AFTER && is_one_of(FILES, segment) {
            return false;
        }
        if is_place(segment, at) {
            return true;
        }
        at = match at {
            _ if is_one_of(ABOUT, segment) => At::Subject,
            At::First if is_locale(segment) => At::First,
            _ => At::Later,
        };
    }
    false
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
