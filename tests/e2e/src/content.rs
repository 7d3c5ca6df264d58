//! Content that means harm, and content that not everyone wants to see.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::axe::{axe_script, no_violations};
use crate::browser::Browser;
use crate::market::Demo;
use crate::network::NEWS;
use crate::person::{HOME, Person, SETTINGS};
use crate::scenarios::begun;
use crate::world::{Paths, World};

/// Texts from the well-known cheat sheets: each would run something, load something or look like something else if
/// anything took it for more than text.
const HOSTILE: &str = include_str!("../xss.json");
/// Options of one judgment.
const OPTIONS: usize = 9;

/// What the card of a judgment is made of; `img` only where a picture is part of it.
const ELEMENTS: [&str; 31] = [
    "section",
    "div",
    "p",
    "span",
    "button",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "kbd",
    "dl",
    "dt",
    "dd",
    "strong",
    "em",
    "code",
    "pre",
    "ul",
    "ol",
    "li",
    "blockquote",
    "table",
    "tbody",
    "tr",
    "th",
    "td",
    "hr",
    "bdi",
    "figure",
    "figcaption",
];

/// Counts what the page's policy had to block, from now on.
const WATCH: &str = "if (!window.blocked) { window.blocked = []; \
    document.addEventListener('securitypolicyviolation', e => window.blocked.push(e.blockedURI)); }";

/// What is wrong with the card: elements and attributes that no text may make, a script that ran, a blocked request.
const WRONG: &str = "const card = document.querySelector('[data-testid=judgment]'), wrong = []; \
    for (const e of card.querySelectorAll('*')) { \
        if (e.matches('details.judgment-more, details.judgment-more > summary')) continue; \
        const picture = e.matches('.content > img.content-picture'); \
        if (!ELEMENTS.includes(e.localName) && !picture) wrong.push(e.outerHTML.slice(0, 200)); \
        for (const a of e.attributes) { \
            const data = picture && a.name === 'src' && a.value.startsWith('data:image/'); \
            if (/^on|^(href|src|srcset|srcdoc|style|action|ping|formaction|background|data)$/i.test(a.name) && !data) \
                wrong.push(`${e.localName} ${a.name}=${a.value.slice(0, 80)}`); } } \
    if ('xss' in window) wrong.push('a script ran'); \
    return wrong.concat(window.blocked);";

/// A project for each type of judgment and content, so that each text is an option, and all of them are in every other
/// field.
fn projects(texts: &[String], picture: &str) -> Vec<Value> {
    let all = texts.join("\n\n");
    let half = texts.len() / 2;
    let (first, second) = texts.split_at(half);
    let (first, second) = (first.join("\n\n"), second.join("\n\n"));
    let text = |at: usize| texts.get(at % texts.len()).cloned().unwrap_or_default();
    let common = |at: usize, more: Value| {
        let mut project = json!({"title": text(at), "guideline": if at.is_multiple_of(2) { &first } else { &second },
            "question": text(at + 1), "price": 4_000, "rule": {"agree": 1, "people": 1}});
        if let (Value::Object(fields), Value::Object(more)) = (&mut project, more) {
            fields.extend(more);
        }
        project
    };
    let options = texts.chunks(OPTIONS).enumerate().map(|(at, options)| {
        let content = match at % 3 {
            0 => json!({"text": all}),
            1 => json!({"markdown": all}),
            _ => json!({"code": all}),
        };
        common(at, json!({"options": options, "contents": [content]}))
    });
    let several = json!({"type": "multi", "options": texts.get(..OPTIONS), "least": 0,
        "contents": [{"hash": picture, "alt": first}]});
    let compare =
        json!({"type": "compare", "contents": [{"left": {"markdown": second}, "right": {"markdown": first}}]});
    let rating = json!({"type": "rating", "steps": 3, "lowest": text(9), "highest": text(16),
        "contents": [{"markdown": second}]});
    let verify = json!({"type": "verify", "contents": [{"claim": first, "source": texts}]});
    let others = [several, compare, rating, verify].into_iter().enumerate();
    options.chain(others.map(|(at, more)| common(20 + 3 * at, more))).collect()
}

/// Hostile texts in every field of every type are shown as the texts that they are: nothing runs, nothing is loaded,
/// nothing but the card's own elements is there.
pub(crate) async fn hostile_content(paths: &Paths, data: &Path) -> Result<()> {
    let axe = axe_script()?;
    let texts: Vec<String> = serde_json::from_str(HOSTILE)?;
    let world = World::start(paths, data).await?;
    refused_by_name(&world).await?;
    let digit = std::fs::read(paths.repo.join("tests/demo/pictures/digit-001.png"))?;
    let picture = world.buyer.blob("image/png", digit).await?;
    let mut ordered = projects(&texts, &picture);
    for project in &ordered {
        world.buyer.create("projects", project).await?;
    }
    let browser = world.browser("profile").await?;
    let demo = Demo::load(&paths.repo)?;
    let person = begun(paths, &browser, &demo).await?;
    svg_is_a_picture(&browser).await?;
    no_network(&browser).await?;
    browser.open(HOME).await?;
    browser.js(WATCH).await?;
    let elements = json!(ELEMENTS).to_string();
    while !ordered.is_empty() {
        browser.find("judgment").await?;
        let project = shown(&browser, &mut ordered).await?;
        let wrong = browser.js(&format!("const ELEMENTS = {elements}; {WRONG}")).await?;
        ensure!(wrong == json!([]), "{}: {wrong}", project.get("title").unwrap_or(&Value::Null));
        if project.get("options").is_none() || ordered.len().is_multiple_of(4) {
            no_violations(&browser, &axe, "hostile content").await?;
        }
        person.skip().await?;
    }
    let sites = world.sites.as_ref().context("sites")?;
    ensure!(sites.log(NEWS.0).is_empty(), "a request left: {:?}", sites.log(NEWS.0).len());
    let asked = world.names.as_ref().context("a name server")?.questions(NEWS.0);
    ensure!(asked == 0, "its name was looked up {asked} times");
    browser.close().await?;
    world.stop().await
}

/// The project whose judgment is on screen, by its options or what else is its own: each text reads as it was sent.
async fn shown(browser: &Browser, ordered: &mut Vec<Value>) -> Result<Value> {
    let script = "const q = s => document.querySelector(s)?.textContent ?? ''; \
        const of = s => [...document.querySelectorAll(s)].map(e => e.textContent); \
        return {type: document.querySelector('.options').dataset.type, title: q('.judgment-title'), \
            question: q('[data-testid=question]'), options: of('.option > span'), claim: q('.claim'), \
            source: of('.source > button'), ends: of('.scale-ends > span'), plain: q('.content > blockquote, .content > pre')}";
    let seen = browser.js(script).await?;
    let field = |name: &str| seen.get(name).cloned().unwrap_or_default();
    let is_it = |project: &Value| {
        let is = |name: &str, seen: Value| project.get(name).is_none_or(|sent| *sent == seen);
        let kind = project.get("type").cloned().unwrap_or(json!("choice"));
        let content = project.pointer("/contents/0").cloned().unwrap_or_default();
        let plain = content.get("text").or(content.get("code"));
        let of = |name: &str| content.get(name).is_none_or(|sent| *sent == field(name));
        let ends = json!([project.get("lowest"), project.get("highest")]);
        kind == field("type")
            && is("title", field("title"))
            && is("question", field("question"))
            && is("options", field("options"))
            && (project.get("lowest").is_none() || ends == field("ends"))
            && plain.is_none_or(|plain| *plain == field("plain"))
            && of("claim")
            && of("source")
    };
    let at = ordered.iter().position(is_it).with_context(|| format!("no project reads like this: {seen}"))?;
    Ok(ordered.remove(at))
}

/// What can't be shown well is not taken, and each field that is wrong is named.
async fn refused_by_name(world: &World) -> Result<()> {
    let many: Vec<String> = (0..500).map(|n| n.to_string()).collect();
    let long = "x".repeat(1_000_000);
    let wrong = [
        (json!({"options": []}), "options"),
        (json!({"options": many}), "options"),
        (json!({"options": ["yes", "yes"]}), "options[1]"),
        (json!({"options": ["yes", "ye\u{200b}s"]}), "options[1]"),
        (json!({"options": ["yes", "\u{200b}\u{2060}"]}), "options[1]"),
        (json!({"title": "\u{200b}\u{202e}"}), "title"),
        (json!({"question": "\u{61c}\u{2060}"}), "question"),
        (json!({"contents": [{"text": long}]}), "contents[0]"),
        (json!({"contents": [{"markdown": long}]}), "contents[0]"),
        (json!({"contents": [{"hash": "00".repeat(32), "alt": "gone"}]}), "contents[0].hash"),
        (json!({"warnings": ["spoilers"]}), "warnings[0]"),
    ];
    for (more, named) in wrong {
        let mut project = json!({"title": "t", "guideline": "g", "question": "q", "options": ["yes", "no"],
            "contents": [{"text": "x"}], "price": 4_000, "rule": {"agree": 1, "people": 1}});
        if let (Value::Object(fields), Value::Object(more)) = (&mut project, more) {
            fields.extend(more);
        }
        let refused = world.buyer.create("projects", &project).await.err().context("it was taken")?;
        ensure!(format!("{refused:#}").contains(&format!("\"{named}\"")), "{named} isn't named: {refused:#.300}");
    }
    let mut huge = std::fs::read(world.paths.repo.join("tests/demo/pictures/digit-001.png"))?;
    huge.splice(16..24, [8_000_u32.to_be_bytes(), 5_000_u32.to_be_bytes()].concat());
    ensure!(world.buyer.blob("image/png", huge).await.is_err(), "a picture of 40 megapixels was taken");
    let script = b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><script>1</script></svg>".to_vec();
    ensure!(world.buyer.blob("image/svg+xml", script).await.is_err(), "an SVG with a script was taken");
    Ok(())
}

/// Even an SVG that no check has seen does nothing in an `<img>` of this package, and the page itself loads no picture
/// from anywhere.
async fn svg_is_a_picture(browser: &Browser) -> Result<()> {
    let load = |source: &str| {
        format!(
            "const done = arguments[0], picture = new Image(); picture.onload = () => setTimeout(() => done(['shown', \
             'xss' in window]), 300); picture.onerror = () => done(['not shown', 'xss' in window]); picture.src = {source};"
        )
    };
    let svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9' onload='top.xss=1'><script>top.xss=1;parent.xss=1\
         </script><image href='https://{0}/xss.png' width='9' height='9'/><style>@import url(https://{0}/xss.css);</style>\
         <foreignObject width='9' height='9'><img xmlns='http://www.w3.org/1999/xhtml' src='https://{0}/xss.png'/>\
         </foreignObject><rect width='9' height='9'/></svg>",
        NEWS.0
    );
    let data = format!("'data:image/svg+xml,' + encodeURIComponent({})", json!(svg));
    let shown = browser.js_async(&load(&data)).await?;
    ensure!(shown == json!(["shown", false]), "the SVG: {shown}");
    let outside = browser.js_async(&load(&format!("'https://{}/xss.png'", NEWS.0))).await?;
    ensure!(outside == json!(["not shown", false]), "a picture from outside: {outside}");
    Ok(())
}

/// Should something run in the page all the same: the page's own policy lets it reach nobody, and takes no text for HTML.
async fn no_network(browser: &Browser) -> Result<()> {
    let script = "const done = arguments[0], blocked = []; \
        document.addEventListener('securitypolicyviolation', e => blocked.push(e.effectiveDirective)); \
        const tried = [fetch('https://HOST/xss').then(() => 'fetched', () => 'refused')]; \
        for (const url of ['wss://HOST/xss', 'ws://127.0.0.1:1/xss']) tried.push(new Promise(end => { \
            try { const socket = new WebSocket(url); socket.onopen = () => end('opened'); socket.onerror = () => end('refused'); } \
            catch { end('refused'); } })); \
        try { document.createElement('p').innerHTML = '<b>x</b>'; tried.push('parsed'); } catch { tried.push('refused'); } \
        Promise.all(tried).then(tried => setTimeout(() => done([...tried, ...blocked.sort()]), 300));";
    let tried = browser.js_async(&script.replace("HOST", NEWS.0)).await?;
    let blocked = ["connect-src", "connect-src", "connect-src", "require-trusted-types-for"];
    let expected: Vec<&str> = ["refused"; 4].into_iter().chain(blocked).collect();
    ensure!(tried == json!(expected), "what the page could do: {tried}");
    Ok(())
}

/// Sensitive content: none unless chosen, covered until asked for, counted; two windows agree, and one answer counts.
pub(crate) async fn sensitive_content(paths: &Paths, data: &Path) -> Result<()> {
    let axe = axe_script()?;
    let world = World::start(paths, data).await?;
    let digit = std::fs::read(paths.repo.join("tests/demo/pictures/digit-001.png"))?;
    let picture = world.buyer.blob("image/png", digit).await?;
    let order = world.buyer.create("projects", &sensitive(json!([{"hash": picture, "alt": "a hurt hand"}]))).await?;
    let plain = json!({"title": "Words", "guideline": "g", "question": "q", "options": ["yes", "no"],
        "contents": [{"text": "sunshine"}], "price": 4_000, "rule": {"agree": 1, "people": 1}});
    world.buyer.create("projects", &plain).await?;
    let browser = world.browser("profile").await?;
    let demo = Demo::load(&paths.repo)?;
    let person = begun(paths, &browser, &demo).await?;
    browser.until_text("judgment", &["sunshine"]).await?;
    person.skip().await?;
    ensure!(!browser.has("judgment").await?, "it came though nobody chose it");
    browser.open(SETTINGS).await?;
    browser.click("warn-medical").await?;
    browser.until_attribute("warn-medical", "aria-checked", "true").await?;
    no_violations(&browser, &axe, "settings with sensitive content").await?;
    browser.open(HOME).await?;
    browser.until_text("covered", &["medical"]).await?;
    no_violations(&browser, &axe, "a covered judgment").await?;
    answered_once_in_two_windows(&browser, &person, &axe).await?;
    let results = world.buyer.results(&order).await?;
    ensure!(results.len() == 1 && results.iter().all(|r| r.get("option") == Some(&json!(0))), "{results:?}");
    browser.open(SETTINGS).await?;
    browser.until_attribute("warnings-seen", "data-value", "1").await?;
    browser.close().await?;
    world.stop().await
}

pub(crate) fn sensitive(contents: Value) -> Value {
    json!({"title": "Wounds", "guideline": "Look at the hand.", "question": "Is it hurt?", "options": ["yes", "no"],
        "contents": contents, "warnings": ["medical"], "price": 4_000, "rule": {"agree": 1, "people": 1}})
}

async fn answered_once_in_two_windows(browser: &Browser, person: &Person<'_>, axe: &str) -> Result<()> {
    // What is covered is not answered.
    person.touch_keys(&['1', '1']).await?;
    ensure!(browser.has("covered").await? && !browser.has("option-1").await?, "it can be answered unseen");
    let first = browser.second_tab().await?;
    browser.open(HOME).await?;
    browser.find("covered").await?;
    person.touch_keys(&['b']).await?;
    browser.find("option-1").await?;
    no_violations(browser, axe, "an uncovered judgment").await?;
    // The other window has seen that, too.
    let second = browser.go_to_tab(first).await?;
    browser.find("option-1").await?;
    let offer = person.offer().await?;
    browser.click("option-1").await?;
    person.settled(&offer, &["accepted"]).await?;
    browser.go_to_tab(second).await?;
    browser.until("the question leaves the second window", async || Ok(!browser.has("judgment").await?)).await?;
    person.settled(&offer, &["accepted"]).await
}
