//! The pages for people: a fixed list of files under strict headers, and words where there are none.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests")]

mod common;

use std::path::Path;

use common::Server;
use lull_coordinator::config::Settings;
use lull_coordinator::{StartError, start};
use serde_json::Value;

const FILES: [(&str, &str); 9] = [
    ("connect.html", "text/html; charset=utf-8"),
    ("connect.js", "text/javascript; charset=utf-8"),
    ("lull_web.js", "text/javascript; charset=utf-8"),
    ("lull_web_bg.wasm", "application/wasm"),
    ("tokens.css", "text/css; charset=utf-8"),
    ("ground.css", "text/css; charset=utf-8"),
    ("contrast.css", "text/css; charset=utf-8"),
    ("connect.css", "text/css; charset=utf-8"),
    ("icon.png", "image/png"),
];

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, _) in FILES {
        std::fs::write(folder.path().join(name), format!("this is {name}")).unwrap();
    }
    std::fs::write(folder.path().join("secret.txt"), "not on the list").unwrap();
    folder
}

fn with_pages(folder: &Path) -> Settings {
    Settings { pages: Some(folder.to_owned()), ..Settings::default() }
}

#[tokio::test]
async fn each_file_has_its_type_and_every_header() {
    let folder = folder();
    let server = Server::with(with_pages(folder.path())).await;
    for (name, kind) in FILES {
        let path = if name == "connect.html" { "/connect".to_owned() } else { format!("/connect/{name}") };
        let answer = server.buyer.http.get(format!("{}{path}", server.buyer.base)).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-type"), kind, "{path}");
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("x-frame-options"), "DENY");
        let policy = header("content-security-policy");
        for part in ["default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{policy}");
        }
        for loose in ["unsafe-inline", "'unsafe-eval'", "http:", "https:", "*", "blob:"] {
            assert!(!policy.contains(loose), "{policy}");
        }
        assert_eq!(answer.text().await.unwrap(), format!("this is {name}"));
    }
    server.stop().await;
}

#[tokio::test]
async fn nothing_but_the_list_is_served_and_nothing_but_read() {
    let folder = folder();
    let server = Server::with(with_pages(folder.path())).await;
    let get = async |path: &str| server.buyer.http.get(format!("{}{path}", server.buyer.base)).send().await.unwrap();
    for path in [
        "/connect/secret.txt",
        "/connect/connect.html",
        "/connect/",
        "/connect/../secret.txt",
        "/connect/%2e%2e/secret.txt",
        "/connect/..%2fsecret.txt",
        "/secret.txt",
        "/",
    ] {
        assert_eq!(get(path).await.status(), 404, "{path}");
    }
    // What is read at the start is served until the end.
    std::fs::write(folder.path().join("connect.js"), "changed").unwrap();
    assert_eq!(get("/connect/connect.js").await.text().await.unwrap(), "this is connect.js");
    for path in ["/connect", "/connect/connect.js"] {
        let answer = server.buyer.http.put(format!("{}{path}", server.buyer.base)).body("x").send().await.unwrap();
        assert_eq!(answer.status(), 405, "{path}");
    }
    server.stop().await;
}

#[tokio::test]
async fn without_pages_it_says_so() {
    let server = Server::start().await;
    let answer = server.buyer.http.get(format!("{}/connect", server.buyer.base)).send().await.unwrap();
    assert_eq!(answer.status(), 404);
    let problem: Value = answer.json().await.unwrap();
    assert!(problem["detail"].as_str().unwrap().contains("cargo xtask build"), "{problem}");
    server.stop().await;
}

#[tokio::test]
async fn a_folder_that_is_not_whole_is_named_at_the_start() {
    let folder = folder();
    std::fs::remove_file(folder.path().join("ground.css")).unwrap();
    let settings = Settings { data: Some(folder.path().join("data")), ..with_pages(folder.path()) };
    let Err(error @ StartError::Pages(_)) = start(settings.finish().unwrap()).await else { panic!("it started") };
    assert!(error.to_string().contains("ground.css"), "{error}");
}
