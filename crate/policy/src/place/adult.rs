//! Adult sites, by their top-level domains, the best-known names, and words that a label or its parts between hyphens
//! consist of. Not by parts of words: names of people and towns hold many of those.

use super::At;
use super::word::Word;

/// Whether a host is an adult site.
pub(super) fn host(host: &str, domain: &str) -> bool {
    let top = host.rsplit('.').next().unwrap_or_default();
    let name = domain.split('.').next().unwrap_or_default();
    Word::of(top).is_in(TOP)
        || Word::of(name).is_in(SITES)
        || host.rsplit('.').skip(1).flat_map(|label| label.split('-')).any(|part| Word::of(part).is_in(WORDS))
        || PARTS.split(' ').any(|part| host.contains(part))
}

/// Whether a segment of a path is an adult part of a site.
pub(super) fn segment(segment: &str, at: At) -> bool {
    at != At::Article && Word::of(segment).is_in(WORDS)
}

const TOP: &str = "adult porn sex sexy xxx";
/// Whole labels, parts of labels between hyphens, and whole segments.
const WORDS: &str = "camgirls erotik hentai nsfw porn porno pornos pornografia sexcam sexcams sexchat sexshop xxx";
/// Parts that no ordinary name holds.
const PARTS: &str = "camgirl freeporn hentai pornhub pornmovie pornpic pornstar pornvideo sexcam xhamster xvideos \
                     youporn";
/// Names under any suffix.
const SITES: &str = "adultfriendfinder adulttime ashleymadison avgle bangbros beeg bongacams brazzers cam4 camsoda \
                     chaturbate daftsex eporner erome exhentai fansly faphouse fapello fetlife flirt4free hanime \
                     hqporner iafd imagefap jerkmate literotica livejasmin manyvids missav motherless mrskin \
                     myfreecams naughtyamerica nhentai nutaku onlyfans playboy pornhub realitykings redgifs redtube \
                     rule34 spankbang stripchat sxyprn thothub tnaflix tube8 txxx xhamster xnxx xvideos youjizz \
                     youporn";
