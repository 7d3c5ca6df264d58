//! The extension's wasm modules: built by wasm-pack with the profile `wasm`, made small by wasm-opt.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::package::deflated_len;
use crate::progress::Steps;
use crate::setup::{Tools, WASM_OPT_VERSION};
use crate::shell::{capture, cargo_home, lock, logged, remap, remove_dir, remove_file, repo, target};

/// The wasm modules: the crates of these names under `extension/`, and the popup's with the feature [`PAGES`].
pub(crate) const MODULES: [&str; 4] = ["backup", "background", "popup", PAGES];
/// The module of the popup's pages that are opened seldom, and its feature.
const PAGES: &str = "pages";
/// What the names of modules without bandwidth begin with.
const WITHOUT_BANDWIDTH: &str = "judgments/";
/// The module of the benchmark's page: `tests/bench`.
const BENCH: &str = "bench";
/// The module of the pages that the coordinator serves: `crate/web`.
const WEB: &str = "web";

/// What the header and the trailer of a gzip file add to its deflated content (RFC 1952).
pub(crate) const GZIP_FRAME_BYTES: u64 = 18;

/// Where a module's JavaScript and wasm lie.
pub(crate) fn module_dir(module: &str) -> Result<PathBuf> {
    Ok(target()?.join("extension/pkg").join(module))
}

/// Builds the modules into `target/extension/pkg/<module>` and prints their sizes.
pub(crate) fn build(tools: &Tools) -> Result<()> {
    let _alone = alone()?;
    modules(tools)
}

/// Held while anything is written under `target/extension`.
pub(crate) fn alone() -> Result<File> {
    lock(&target()?.join("extension/lock"), "another build of the extension")
}

/// What [`build`] does, for one who is [`alone`].
pub(crate) fn modules(tools: &Tools) -> Result<()> {
    let mut steps = Steps::new(2 * MODULES.len());
    for module in MODULES {
        one(tools, module, &crate_dir(module), &mut steps)?;
    }
    Ok(())
}

fn crate_dir(module: &str) -> PathBuf {
    repo().join("extension").join(if module == PAGES { "popup" } else { module })
}

/// The same modules without bandwidth, as `judgments/<module>`, for one who is [`alone`].
pub(crate) fn modules_without_bandwidth(tools: &Tools) -> Result<()> {
    let mut steps = Steps::new(2 * MODULES.len());
    for module in MODULES {
        one(tools, &without_bandwidth(module), &crate_dir(module), &mut steps)?;
    }
    Ok(())
}

/// What a module is called when it is built without bandwidth.
pub(crate) fn without_bandwidth(module: &str) -> String {
    format!("{WITHOUT_BANDWIDTH}{module}")
}

/// The benchmark's own module, built like the extension's; gives the folder it is in.
pub(crate) fn bench_module(tools: &Tools) -> Result<PathBuf> {
    let _alone = alone()?;
    one(tools, BENCH, &repo().join("tests").join(BENCH), &mut Steps::new(2))?;
    module_dir(BENCH)
}

/// The module of the pages that the coordinator serves, built like the extension's; gives the folder it is in.
pub(crate) fn web_module(tools: &Tools) -> Result<PathBuf> {
    let _alone = alone()?;
    one(tools, WEB, &repo().join("crate").join(WEB), &mut Steps::new(2))?;
    module_dir(WEB)
}

fn one(tools: &Tools, module: &str, crate_dir: &Path, steps: &mut Steps) -> Result<()> {
    steps.step(&format!("wasm-pack {module}"), || pack(tools, module, crate_dir))?;
    steps.step(&format!("wasm-opt {module}"), || optimise(tools, module))
}

fn pack(tools: &Tools, module: &str, crate_dir: &Path) -> Result<String> {
    let out = module_dir(module)?;
    remove_dir(&out)?;
    let mut wasm_pack = tools.wasm_command("wasm-pack")?;
    wasm_pack.args(["build", "--target", "web", "--mode", "no-install"]);
    wasm_pack.args(["--no-opt", "--no-pack", "--no-typescript", "--no-gitignore", "--profile", "wasm"]);
    wasm_pack.arg("--out-dir").arg(&out).arg(crate_dir);
    wasm_pack.arg("--");
    if module.starts_with(WITHOUT_BANDWIDTH) {
        wasm_pack.arg("--no-default-features");
    }
    if module.ends_with(PAGES) {
        wasm_pack.args(["--features", PAGES]);
    }
    wasm_pack.env("CARGO_ENCODED_RUSTFLAGS", compiler_flags()?);
    logged(&mut wasm_pack, &log(module)?)?;
    forbid_raw_html(&out)?;
    Ok(format!("{} KB", kilobytes(fs::metadata(find(&out, "wasm")?)?.len())))
}

/// Takes the way to raw HTML out of the generated JavaScript: Yew has one (`Html::from_html_unchecked`), nothing here
/// uses it, and so nothing ever can.
fn forbid_raw_html(dir: &Path) -> Result<()> {
    for file in fs::read_dir(dir)?.flatten().map(|file| file.path()) {
        if file.extension().is_some_and(|e| e == "js") {
            let glue = fs::read_to_string(&file)?;
            let safe = without_raw_html(&glue);
            ensure!(!safe.contains("innerHTML =") && !safe.contains("outerHTML"), "{} sets raw HTML", file.display());
            fs::write(&file, safe)?;
        }
    }
    Ok(())
}

/// wasm-bindgen writes an import as a function of one statement.
fn without_raw_html(glue: &str) -> String {
    const SETTER: &str = "arg0.innerHTML = getStringFromWasm0(arg1, arg2);";
    glue.replace(SETTER, "throw new Error('no raw HTML');")
}

/// Takes most of a minute, so the result is kept beside the module it was made from, and taken again while
/// wasm-pack writes that same module.
fn optimise(tools: &Tools, module: &str) -> Result<String> {
    let file = find(&module_dir(module)?, "wasm")?;
    let kept = target()?.join("extension/opt").join(WASM_OPT_VERSION);
    let [large, small, names] = ["large", "small", "names"].map(|what| kept.join(format!("{module}.{what}")));
    fs::create_dir_all(large.parent().unwrap_or(&kept))?;
    if !small.is_file() || !names.is_file() || fs::read(&large).unwrap_or_default() != fs::read(&file)? {
        remove_file(&small)?;
        fs::copy(&file, &large)?;
        let partial = small.with_extension("partial");
        let mut wasm_opt = tools.command("wasm-opt");
        // It reads in the module itself which features it may use. With `--all-features` it writes what no
        // browser reads (compact imports).
        wasm_opt.args(["-Oz", SHORT_NAMES]).arg(&file).arg("-o").arg(&partial);
        fs::write(&names, capture(&mut wasm_opt)?)?;
        fs::rename(&partial, &small)?;
    }
    fs::copy(&small, &file)?;
    let glue = find(&module_dir(module)?, "js")?;
    let renamed = with_short_names(&fs::read_to_string(&glue)?, &serde_json::from_slice(&fs::read(&names)?)?)?;
    fs::write(&glue, renamed)?;
    let (raw_bytes, gzip_bytes) = sizes(module)?;
    Ok(format!("{} KB, gzip {} KB", kilobytes(raw_bytes), kilobytes(gzip_bytes)))
}

/// Gives imports and exports names of a letter or two, and prints which: wasm-bindgen's end in a hash each, which no
/// compression takes away.
const SHORT_NAMES: &str = "--minify-imports-and-exports-and-modules";

/// What [`SHORT_NAMES`] prints.
#[derive(Deserialize)]
struct Names {
    /// Module, name, short name. The module's own short name is [`IMPORTS`].
    imports: Vec<(String, String, String)>,
    /// Name, short name.
    exports: Vec<(String, String)>,
}

/// The short name of the one module that is imported from.
const IMPORTS: &str = "a";

/// The generated JavaScript, speaking of imports and exports by their short names.
fn with_short_names(glue: &str, names: &Names) -> Result<String> {
    let mut glue = glue.to_owned();
    let mut modules: Vec<&str> = names.imports.iter().map(|(module, ..)| module.as_str()).collect();
    modules.dedup();
    ensure!(modules.len() <= 1, "imports from more than one module: {modules:?}");
    let imports =
        names.imports.iter().map(|(_, name, short)| (format!("\n        {name}: "), format!("\n        {short}: ")));
    let modules = modules.iter().map(|module| (format!("\"{module}\": import0"), format!("\"{IMPORTS}\": import0")));
    for (long, short) in imports.chain(modules) {
        ensure!(glue.matches(&long).count() == 1, "the generated JavaScript doesn't name {} once", long.trim());
        glue = glue.replace(&long, &short);
    }
    for (name, short) in &names.exports {
        let long = format!("wasm.{name}");
        let mut pieces = glue.split(&long);
        let mut renamed = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let is_longer = piece.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$');
            renamed.push_str("wasm.");
            renamed.push_str(if is_longer { name } else { short });
            renamed.push_str(piece);
        }
        glue = renamed;
    }
    Ok(glue)
}

/// A module's bytes, and its bytes after gzip.
pub(crate) fn sizes(module: &str) -> Result<(u64, u64)> {
    let bytes = fs::read(find(&module_dir(module)?, "wasm")?)?;
    Ok((u64::try_from(bytes.len())?, deflated_len(&bytes)? + GZIP_FRAME_BYTES))
}

/// SHA-2 as a loop instead of unrolled: 4 KB (gzip) less to load.
const SMALL_SHA2: [&str; 2] = ["--cfg=sha2_backend=\"soft\"", "--cfg=sha2_backend_soft=\"compact\""];

/// Compiler flags for what is small, and for what keeps the folders of the machine that builds out of the
/// panic messages it ships.
fn compiler_flags() -> Result<String> {
    let given = std::env::var("RUSTFLAGS").unwrap_or_default();
    let mut flags: Vec<String> = given.split_whitespace().chain(SMALL_SHA2).map(ToOwned::to_owned).collect();
    flags.push(remap(&repo(), "lull"));
    flags.push(remap(&cargo_home()?, "cargo"));
    Ok(flags.join("\u{1f}"))
}

/// The one file that wasm-pack wrote of this extension.
fn find(dir: &Path, extension: &str) -> Result<PathBuf> {
    let files = fs::read_dir(dir).with_context(|| format!("can't read {}", dir.display()))?;
    let mut paths = files.flatten().map(|file| file.path());
    let found = paths.find(|path| path.extension().is_some_and(|e| e == extension));
    found.with_context(|| format!("wasm-pack wrote no .{extension}"))
}

fn log(name: &str) -> Result<PathBuf> {
    Ok(target()?.join("xtask/log").join(name))
}

fn kilobytes(bytes: u64) -> u64 {
    bytes.div_ceil(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_and_exports_are_renamed_where_they_are_named_and_only_there() {
        let names = |import: &str| Names {
            imports: vec![("./lull_bg.js".to_owned(), import.to_owned(), "$a".to_owned())],
            exports: vec![("start".to_owned(), "b".to_owned())],
        };
        let glue = "{\n        __wbg_now_12: function() { wasm.start(); wasm.start_2(); }, \"./lull_bg.js\": import0";
        let short = "{\n        $a: function() { wasm.b(); wasm.start_2(); }, \"a\": import0";
        assert_eq!(with_short_names(glue, &names("__wbg_now_12")).unwrap(), short);
        assert!(with_short_names(glue, &names("__wbg_now_1")).is_err());
    }

    #[test]
    fn the_setter_of_raw_html_throws_and_another_form_of_it_is_an_error() {
        let dir = std::env::temp_dir().join(format!("lull-raw-html-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let check = |statement: &str| {
            let glue = format!("f: function(arg0, arg1, arg2) {{\n    {statement}\n}}");
            fs::write(dir.join("glue.js"), &glue).unwrap();
            forbid_raw_html(&dir).map(|()| fs::read_to_string(dir.join("glue.js")).unwrap())
        };
        let safe = check("arg0.innerHTML = getStringFromWasm0(arg1, arg2);").unwrap();
        assert!(!safe.contains("innerHTML") && safe.contains("throw new Error"), "{safe}");
        assert!(check("arg0.innerHTML = arg1;").is_err());
        assert!(check("arg0.textContent = arg1;").is_ok());
        fs::remove_dir_all(&dir).unwrap();
    }
}
