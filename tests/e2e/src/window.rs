//! `cargo xtask run` with a window: a person tries the demonstration by hand.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tokio::process::Command;

use crate::chain::{Chain, DISPUTE};
use crate::job::say;
use crate::market::Demo;
use crate::world::{Paths, World};

/// Runs until the browser is closed or Ctrl-C. With `fetch` the real network is used, else the local site.
pub(crate) async fn open(paths: &Paths, data: &Path, fetch: &[String]) -> Result<()> {
    let demo = Demo::load(&paths.repo)?;
    let chain = Chain::start(data).await?;
    let paths = &paths.that_pay(chain.settings(DISPUTE));
    let mut world =
        if fetch.is_empty() { World::start(paths, data).await? } else { World::start_online(paths, data).await? };
    let documents = world.sites.iter().flat_map(|s| &s.documents).map(|(path, _)| World::url(path));
    let urls: Vec<String> = if fetch.is_empty() { documents.collect() } else { fetch.to_vec() };
    if !world.goes_on {
        world.buyer.judgments(&paths.repo, &demo).await?;
    }
    if !world.goes_on || !fetch.is_empty() {
        world.buyer.order("A library's link check", &urls).await?;
    }
    world.start_crowd()?;
    say(&format!("coordinator at {}, {} pages to fetch, demo crowd at work", world.ready.listening, urls.len()));
    let seconds = DISPUTE.as_secs();
    say(&format!("a chain of this machine at {} pays in test money, {seconds} s after a verdict", chain.rpc()));
    say(&format!("data folder {}", data.display()));
    let arguments = arguments(&world, data);
    if !has_display() {
        say("no display here: the coordinator runs on; with a display (DISPLAY, ssh -X or xvfb-run) open it by");
        println!("\n  {}{} {}\n", crate::network::from_outside(), chromium().display(), arguments.join(" "));
        say("or prove the main job without a window: cargo xtask run --headless");
        say("Ctrl-C stops");
        tokio::signal::ctrl_c().await?;
        return world.stop().await;
    }
    // What Chromium says to itself is of use only when it does not start.
    let log = std::fs::File::create(data.join("chromium.log"))?;
    let mut browser =
        Command::new(chromium()).args(&arguments).stderr(log).kill_on_drop(true).spawn().context("Chromium")?;
    say("Chromium is open; close it or press Ctrl-C to stop");
    tokio::select! {
        ended = browser.wait() => { ended?; }
        stopped = tokio::signal::ctrl_c() => { stopped?; browser.kill().await?; }
    }
    world.stop().await
}

fn chromium() -> PathBuf {
    std::env::var_os("LULL_CHROMIUM").map_or_else(|| "chromium".into(), PathBuf::from)
}

fn has_display() -> bool {
    ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some_and(|v| !v.is_empty()))
}

fn arguments(world: &World, data: &Path) -> Vec<String> {
    let mut arguments = vec![
        format!("--load-extension={}", world.extension().display()),
        format!("--user-data-dir={}", data.join("profile").display()),
        "--no-first-run".to_owned(),
        "--disable-quic".to_owned(),
    ];
    if let Some(sites) = &world.sites {
        // The namespace has no way out, and its sites have a certificate of their own.
        arguments.push("--disable-background-networking".to_owned());
        arguments.push("--disable-component-update".to_owned());
        arguments.push(format!("--ignore-certificate-errors-spki-list={}", sites.spki));
    }
    if crate::network::as_root() {
        arguments.push("--no-sandbox".to_owned());
    }
    arguments
}
