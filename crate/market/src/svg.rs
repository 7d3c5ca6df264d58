//! SVG as a picture: what a requester may send. What the elements may be is the protocol's ([`SVG_ELEMENTS`]), for a
//! worker checks that, too; here it is also XML, and its attributes are judged.

use lull_protocol::picture::SVG_ELEMENTS;
use roxmltree::{Document, Node, ParsingOptions};

/// Refuses what could run, load, or look different from what was checked, by the name of what it is.
pub(crate) fn check(bytes: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "are not UTF-8".to_owned())?;
    let document = Document::parse_with_options(text, ParsingOptions::default());
    let document = document.map_err(|e| format!("are not well-formed XML without a DOCTYPE: {e}"))?;
    document.descendants().try_for_each(check_node)
}

fn check_node(node: Node<'_, '_>) -> Result<(), String> {
    if node.is_pi() {
        return Err("have a processing instruction".into());
    }
    if node.is_element() && node.tag_name().namespace() != Some("http://www.w3.org/2000/svg") {
        return Err(format!("have an element <{}> that is not of SVG's namespace", node.tag_name().name()));
    }
    if node.is_element() && !SVG_ELEMENTS.contains(&node.tag_name().name()) {
        return Err(format!("have <{}>, which is none of {}", node.tag_name().name(), SVG_ELEMENTS.join(", ")));
    }
    for attribute in node.attributes() {
        let name = attribute.name();
        if name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("on")) {
            return Err(format!("have an event handler, `{name}`"));
        }
        if matches!(name, "href" | "src" | "base") && !attribute.value().trim_start().starts_with('#') {
            return Err(format!("have a `{name}` that leads outside of the picture"));
        }
        if name == "systemLanguage" {
            return Err("have a `systemLanguage`: a picture is the same for everyone".to_owned());
        }
        check_css(attribute.value()).map_err(|what| format!("have {what} in `{name}`"))?;
    }
    if node.is_element() && node.tag_name().name() == "style" {
        // In one piece, as a browser reads it.
        let css: String = node.descendants().filter(|inner| inner.is_text()).filter_map(|inner| inner.text()).collect();
        check_css(&css).map_err(|what| format!("have {what} in <style>"))
    } else {
        Ok(())
    }
}

/// Style sheets and attributes: nothing is imported, and `url(…)` stays within the picture.
fn check_css(text: &str) -> Result<(), &'static str> {
    let text = text.to_ascii_lowercase();
    // No rule imports, moves anything, or shows one thing to one person and another to the next.
    if text.contains('@') {
        return Err("an `@` rule");
    }
    if text.contains("animation") || text.contains("transition") {
        return Err("what moves");
    }
    // A CSS escape could spell either.
    if text.contains('\\') && text.contains('(') {
        return Err("an escaped `url()`");
    }
    for function in ["url(", "image(", "image-set(", "src("] {
        let mut rest = text.as_str();
        while let Some((_, argument)) = rest.split_once(function) {
            if !argument.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'')).starts_with('#') {
                return Err("a `url()` that leads outside of the picture");
            }
            rest = argument;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inside(more: &str) -> Result<(), String> {
        check(format!("<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:x=\"http://www.w3.org/1999/xlink\" viewBox=\"0 0 9 9\">{more}</svg>").as_bytes())
    }

    #[test]
    fn a_picture_passes() {
        let drawn = "<defs><linearGradient id=\"a\"/><linearGradient id=\"b\" x:href=\"#a\"/></defs><style>path { fill: url(#b) }</style>\
            <path d=\"M0 0h9\" style=\"stroke: url( '#a')\"/><text>a &lt; b \\ c</text><!-- a note -->";
        assert_eq!(inside(drawn), Ok(()));
    }

    #[test]
    fn what_could_do_more_is_refused_by_its_name() {
        let wrong = |more: &str, named: &str| {
            let refused = inside(more).unwrap_err();
            assert!(refused.contains(named), "{more}: {refused}");
        };
        wrong("<path onload=\"alert(1)\"/>", "`onload`");
        wrong("<path ONCLICK=\"alert(1)\"/>", "`ONCLICK`");
        wrong("<g x:href=\"https://evil.example/\"/>", "`href`");
        wrong("<g href=\"javascript:alert(1)\"/>", "`href`");
        wrong("<g href=\"data:text/html,x\"/>", "`href`");
        wrong("<path fill=\"url(https://evil.example/a.svg#b)\"/>", "`url()`");
        wrong("<path style=\"fill: \\75rl(https://evil.example/)\"/>", "escaped");
        wrong("<style>@IMPORT 'https://evil.example/'</style>", "`@`");
        wrong("<style>@im<!-- -->port 'a'</style>", "`@`");
        wrong("<style>@media (prefers-color-scheme: dark) { g { fill: red } }</style>", "`@`");
        wrong("<g style=\"animation: a 1s\"/>", "moves");
        wrong("<g systemLanguage=\"en\"/>", "`systemLanguage`");
        wrong("<style><![CDATA[a { fill: uRl( \"//evil.example\" ) }]]></style>", "`url()`");
        wrong("<?xml-stylesheet href=\"https://evil.example/\"?>", "processing");
        wrong("<b xmlns=\"http://www.w3.org/1999/xhtml\"/>", "<b>");
        for name in ["script", "foreignObject", "use", "image", "animate", "set", "a", "filter", "SCRIPT"] {
            wrong(&format!("<{name}/>"), &format!("<{name}>"));
        }
        wrong(&"<g>".repeat(40_000), "well-formed");
        wrong("<g>", "well-formed");
        wrong("&undefined;", "well-formed");
        let laughs = "<!DOCTYPE svg [<!ENTITY a 'ha'><!ENTITY b '&a;&a;'>]><svg xmlns=\"http://www.w3.org/2000/svg\"><text>&b;</text></svg>";
        assert!(check(laughs.as_bytes()).unwrap_err().contains("DOCTYPE"));
        assert!(check(b"\xff").is_err());
    }
}
