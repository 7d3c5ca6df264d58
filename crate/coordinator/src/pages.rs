//! The page `/connect` and its files: a fixed list, read when the server starts, in memory from then on. What a request
//! names is compared with the list and never becomes a path.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use thiserror::Error;

use crate::limits::PAGE_FILE_BYTES_MAX;
use crate::problem::Problem;

/// Address, file, type. `cargo xtask build` writes the files.
const FILES: [(&str, &str, &str); 9] = [
    ("/connect", "connect.html", "text/html; charset=utf-8"),
    ("/connect/connect.js", "connect.js", "text/javascript; charset=utf-8"),
    ("/connect/lull_web.js", "lull_web.js", "text/javascript; charset=utf-8"),
    ("/connect/lull_web_bg.wasm", "lull_web_bg.wasm", "application/wasm"),
    ("/connect/tokens.css", "tokens.css", "text/css; charset=utf-8"),
    ("/connect/ground.css", "ground.css", "text/css; charset=utf-8"),
    ("/connect/contrast.css", "contrast.css", "text/css; charset=utf-8"),
    ("/connect/connect.css", "connect.css", "text/css; charset=utf-8"),
    ("/connect/icon.png", "icon.png", "image/png"),
];

/// Nothing but what this server serves, no inline script, no frame around it. Wallets bring their icons as `data:`.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What every one of these answers says. Nothing is kept: the page's address came with a ticket, and an update is whole.
const HEADERS: [(HeaderName, &str); 7] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (CACHE_CONTROL, "no-store"),
    (REFERRER_POLICY, "no-referrer"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin-allow-popups"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Why the pages can't be served.
#[derive(Debug, Error)]
pub enum PagesError {
    /// One of the files.
    #[error(
        "pages: can't read {0}; `cargo xtask build` writes the folder target/web, and without pages none are served"
    )]
    File(PathBuf, #[source] io::Error),
    /// Not such a file.
    #[error("pages: {0} is over {PAGE_FILE_BYTES_MAX} bytes, so it is none of Lull's")]
    Large(PathBuf),
}

/// The files, as they are served.
#[derive(Clone, Debug)]
pub(crate) struct Pages(Arc<Vec<(&'static str, &'static str, Bytes)>>);

impl Pages {
    /// Reads the folder.
    pub(crate) fn open(folder: &Path) -> Result<Self, PagesError> {
        let read = |(address, name, kind)| Ok((address, kind, file(folder.join(name))?));
        Ok(Self(Arc::new(FILES.into_iter().map(read).collect::<Result<_, _>>()?)))
    }
}

fn file(path: PathBuf) -> Result<Bytes, PagesError> {
    match fs::metadata(&path).and_then(|about| Ok((about.len(), fs::read(&path)?))) {
        Ok((len, _)) if len > PAGE_FILE_BYTES_MAX => Err(PagesError::Large(path)),
        Ok((_, bytes)) => Ok(bytes.into()),
        Err(error) => Err(PagesError::File(path, error)),
    }
}

/// The addresses of the pages; without a folder, `/connect` says what is missing.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(pages: Option<&Pages>) -> Router<S> {
    let Some(Pages(files)) = pages else {
        return Router::new().route("/connect", get(|| async { Problem::no_pages() }));
    };
    files.iter().cloned().fold(Router::new(), |router, (address, kind, bytes)| {
        router.route(address, get(async move || answer(kind, bytes.clone())))
    })
}

fn answer(kind: &'static str, bytes: Bytes) -> Response {
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
