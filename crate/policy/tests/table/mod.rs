//! The tables that hold policy: ordinary destinations that pass, and each class of refusal in its
//! spellings. Run natively and on wasm32.

mod addresses;
mod forms;
mod names;
mod ordinary;
mod places;

use lull_policy::Refusal::{self, *};
use lull_policy::{judge_address, judge_media_type, judge_url};

pub(crate) use addresses::{PRIVATE, PUBLIC};
pub(crate) use ordinary::ORDINARY;

/// Refused URLs: reason, URL, and the source of the rule. Plain http is not allowed here.
pub(crate) fn refused() -> impl Iterator<Item = (Refusal, &'static str, &'static str)> {
    [forms::FORMS, names::NAMES, places::PLACES].into_iter().flatten().copied()
}

/// Content types that are read.
const READ: [&str; 24] = [
    "text/html",
    "text/html; charset=utf-8",
    "TEXT/HTML;charset=utf-8",
    "text/html, text/html; charset=utf-8",
    "text/plain",
    "text/css",
    "text/csv",
    "text/markdown",
    "application/xhtml+xml",
    "application/xml",
    "application/json",
    "Application/JSON; charset=utf-8",
    "application/ld+json",
    "application/rss+xml",
    "application/atom+xml; charset=utf-8",
    "application/feed+json",
    "application/x-ndjson",
    "application/javascript",
    "application/pdf",
    "image/png",
    "image/jpeg",
    "image/svg+xml",
    "image/webp",
    "image/vnd.microsoft.icon",
];
/// Content types that aren't, and why.
const UNREAD: [(&str, &str); 32] = [
    ("application/octet-stream", "anything"),
    ("application/x-msdownload", "Windows program"),
    ("application/vnd.microsoft.portable-executable", "Windows program"),
    ("application/x-executable", "program"),
    ("application/x-mach-binary", "macOS program"),
    ("application/vnd.android.package-archive", "Android program"),
    ("application/java-archive", "Java program"),
    ("application/wasm", "program"),
    ("application/x-sh", "shell script"),
    ("application/zip", "archive"),
    ("application/gzip", "archive"),
    ("application/x-tar", "archive"),
    ("application/x-7z-compressed", "archive"),
    ("application/vnd.rar", "archive"),
    ("application/x-bittorrent", "torrent"),
    ("application/x-iso9660-image", "disk image"),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "archive with macros"),
    ("application/vnd.apple.mpegurl", "stream"),
    ("audio/mpeg", "sound"),
    ("video/mp4", "film"),
    ("video/mp2t", "stream"),
    ("text/event-stream", "a stream without an end"),
    ("Text/Event-Stream; charset=utf-8", "a stream without an end"),
    ("multipart/x-mixed-replace; boundary=a", "a stream without an end"),
    ("font/woff2", "font"),
    ("text/html, application/zip", "two headers in one"),
    ("text", "no type (RFC 9110 §8.3.1)"),
    ("text/", "no type (RFC 9110 §8.3.1)"),
    ("/html", "no type (RFC 9110 §8.3.1)"),
    ("text/ht ml", "no type (RFC 9110 §8.3.1)"),
    ("", "no type (RFC 9110 §8.3.1)"),
    ("application/zip+xmlx", "no suffix of RFC 6839"),
];

/// Every row of every table.
pub(crate) fn check_all() {
    let mut wrong = Vec::new();
    for url in ORDINARY {
        let plain = url.replacen("https", "http", 1);
        for (url, http_allowed, expected) in [(url, false, None), (&plain, true, None), (&plain, false, Some(Scheme))] {
            let judged = judge_url(url, http_allowed).err();
            if judged != expected {
                wrong.push(format!("{url}: {judged:?}, an ordinary destination"));
            }
        }
    }
    for (reason, url, source) in refused() {
        // What the order says about http changes nothing else.
        for http_allowed in [false, reason != Scheme] {
            let judged = judge_url(url, http_allowed).err();
            if judged != Some(reason) {
                wrong.push(format!("{url}: {judged:?} instead of {reason:?} ({source})"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for address in PUBLIC {
        assert_eq!(judge_address(Some(address)), Ok(()), "{address}");
    }
    for (reason, address, source) in PRIVATE {
        assert_eq!(judge_address(Some(address)), Err(*reason), "{address} ({source})");
    }
    assert_eq!(judge_address(None), Err(NoAddress));
    for content_type in READ {
        assert_eq!(judge_media_type(Some(content_type)), Ok(()), "{content_type}");
    }
    for (content_type, what) in UNREAD {
        assert_eq!(judge_media_type(Some(content_type)), Err(MediaType), "{content_type} ({what})");
    }
    assert_eq!(judge_media_type(None), Err(MediaType));
}
