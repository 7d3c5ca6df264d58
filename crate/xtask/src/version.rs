//! Versions as tools print them.

/// The first dotted number in a tool's `--version` output, without what follows it: `wasm-pack 0.15.1` is
/// `[0, 15, 1]`, `v20.20.2` is `[20, 20, 2]`, `Chromium 156.0.8078.79 built on …` is `[156, 0, 8078, 79]`.
/// Versions compare as these lists do.
pub(crate) fn parse(text: &str) -> Option<Vec<u32>> {
    text.split_whitespace().find_map(|word| {
        let word = word.trim_start_matches('v');
        let end = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
        let numbers = word.get(..end)?.trim_end_matches('.');
        numbers.split('.').map(|part| part.parse().ok()).collect()
    })
}

/// The version's first number.
pub(crate) fn major(text: &str) -> Option<u32> {
    parse(text)?.first().copied()
}

/// A version as text.
pub(crate) fn show(version: &[u32]) -> String {
    version.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_tools_print() {
        let check = |text: &str, expected: &[u32]| assert_eq!(parse(text).as_deref(), Some(expected), "{text}");
        check("wasm-pack 0.15.1", &[0, 15, 1]);
        check("v20.20.2", &[20, 20, 2]);
        check("wasm-opt version 132 (version_132)", &[132]);
        check("Chromium 156.0.8078.79 built on Debian GNU/Linux 12 (bookworm)", &[156, 0, 8078, 79]);
        check("rustc 1.97.0-nightly (abc 2026-05-01)", &[1, 97, 0]);
        assert_eq!(parse("no version here"), None);
        assert_eq!(parse("99999999999.1"), None);
        assert_eq!(major("ChromeDriver 156.0.8078.79 (abc)"), Some(156));
    }

    #[test]
    fn compares_by_number_not_by_text() {
        assert!(parse("1.10.0") > parse("1.9.9"));
        assert!(parse("156") < parse("156.0.1"));
        assert!(parse("0.15.1") == parse("v0.15.1"));
        assert_eq!(show(&[0, 15, 1]), "0.15.1");
    }
}
