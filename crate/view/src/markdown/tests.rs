//! What Markdown becomes, and what no text can do.

use proptest::prelude::*;

use super::*;

/// The tree in short: `p(…)`, `h1(…)`, and so on.
fn short(blocks: &[Block]) -> String {
    blocks.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn one(block: &Block) -> String {
    match block {
        Block::Paragraph(inlines) => format!("p({})", line(inlines)),
        Block::Heading(level, inlines) => format!("h{level}({})", line(inlines)),
        Block::Code { text, language } => format!("code[{language}]({text})"),
        Block::Quote(blocks) => format!("quote({})", short(blocks)),
        Block::List { first, items } => {
            let items: Vec<String> = items.iter().map(|item| format!("li({})", short(item))).collect();
            format!("{}({})", first.map_or("ul".to_owned(), |first| format!("ol{first}")), items.join(" "))
        }
        Block::Table(rows) => {
            let row = |row: &Vec<Vec<Inline>>| row.iter().map(|cell| line(cell)).collect::<Vec<_>>().join("|");
            format!("table({})", rows.iter().map(row).collect::<Vec<_>>().join("/"))
        }
        Block::Rule => "rule".to_owned(),
        Block::AsWritten(text) => format!("raw({text})"),
    }
}

fn line(inlines: &[Inline]) -> String {
    let one = |inline: &Inline| match inline {
        Inline::Text(text) => text.clone(),
        Inline::Code(text) => format!("code({text})"),
        Inline::Emphasis(inner) => format!("em({})", line(inner)),
        Inline::Strong(inner) => format!("b({})", line(inner)),
        Inline::Link(inner, address) => format!("a({} → {address})", line(inner)),
        Inline::Picture(inner, address) => format!("img({} → {address})", line(inner)),
    };
    inlines.iter().map(one).collect()
}

fn check(text: &str, expected: &str) {
    assert_eq!(short(&markdown(text)), expected, "of {text:?}");
}

#[test]
fn blocks_are_read() {
    check("", "");
    check(" \n\n", "");
    check("one\ntwo  \nthree\\\nfour", "p(one\ntwo\nthree\nfour)");
    check("# A #\n## B\nText\n====\n#hash\n####### seven", "h1(A) h2(B) h1(Text) p(#hash\n####### seven)");
    check("a\n\n---\n***\n- - -", "p(a) rule rule rule");
    check("> a\n> > b\nc", "quote(p(a) quote(p(b))) p(c)");
    check("```rust\nfn *a*() {\n\n}\n```\nb", "code[rust](fn *a*() {\n\n}) p(b)");
    check("~~~\nopen\n```", "code[](open\n```)");
    check("a\n\n    code\n      more\n\nb", "p(a) code[](code\n  more) p(b)");
}

#[test]
fn lists_are_read() {
    check("- a\n- b\n  - c\n  - d\n- e", "ul(li(p(a)) li(p(b) ul(li(p(c)) li(p(d)))) li(p(e)))");
    check("3. a\n4. b\n   - c", "ol3(li(p(a)) li(p(b) ul(li(p(c)))))");
    check("1. a\n\n   more\n\n2. b", "ol1(li(p(a) p(more)) li(p(b)))");
    check("1. a\n  - b\n2. c", "ol1(li(p(a) ul(li(p(b)))) li(p(c)))");
    check("* a\nb\n\nc", "ul(li(p(a\nb))) p(c)");
    check("- a\n+ b", "ul(li(p(a))) ul(li(p(b)))");
    check("In the year\n1911. It was", "p(In the year\n1911. It was)");
    check("-a\n1.b", "p(-a\n1.b)");
    check("- ```\n  x\n  ```", "ul(li(code[](x)))");
}

#[test]
fn tables_are_read() {
    check("| a | b |\n|---|:-:|\n| *c* | d\\|e |\nf", "table(a|b/em(c)|d|e) p(f)");
    check("a | b\n--|--", "table(a|b)");
    check("a | b\n--", "h2(a | b)");
    check("no | table\nhere", "p(no | table\nhere)");
}

#[test]
fn pieces_of_text_are_read() {
    check("*a* _b_ **c** __d__ ***e***", "p(em(a) em(b) b(c) b(d) em(b(e)))");
    check("*a **b** c*", "p(em(a b(b) c))");
    check("**a *b* c**", "p(b(a em(b) c))");
    check("snake_case_name 2*3*4 5 * 6 a*", "p(snake_case_name 2em(3)4 5 * 6 a*)");
    check("**a and *b", "p(**a and *b)");
    check("\\*a\\* \\a `*b*` ``c`d`` `e", "p(*a* \\a code(*b*) code(c`d) `e)");
    check("[a *b*](https://x.example/(1)) c", "p(a(a em(b) → https://x.example/(1)) c)");
    check("![cat](https://x.example/cat.png)", "p(img(cat → https://x.example/cat.png))");
    check("[a] [b](c d [e](f", "p([a] [b](c d [e](f)");
    check("[a](javascript:alert(1))", "p(a(a → javascript:alert(1)))");
    check("<script>alert(1)</script> &lt;b&gt; <!-- c", "p(<script>alert(1)</script> &lt;b&gt; <!-- c)");
    check("<img src=x onerror=alert(1)>", "p(<img src=x onerror=alert(1)>)");
}

#[test]
fn what_is_too_deep_is_as_it_was_written() {
    let quotes = format!("{}a", "> ".repeat(MARKDOWN_DEPTH_MAX + 2));
    let tree = markdown(&quotes);
    assert_eq!(depth(&tree), MARKDOWN_DEPTH_MAX);
    assert!(short(&tree).contains("raw(> a)"), "{}", short(&tree));
    let stars = "*a **b ".repeat(20) + "*c*";
    assert_eq!(line_depth(&markdown(&stars)), 1, "the last can be closed");
}

#[test]
fn hostile_texts_are_read_in_time() {
    let texts = [">", "[", "*", "**a ", "`", "``` ", "- ", "![a](", "](", "_a_ ", "|-|\n", "1. a\n", "\t- a\n", "\\"];
    for text in texts {
        let text = text.repeat(100_000 / text.len());
        let began = std::time::Instant::now();
        within_limits(&markdown(&text), &text);
        assert!(began.elapsed().as_secs() < 5, "{:?} took {:?}", text.get(..8), began.elapsed());
    }
}

fn depth(blocks: &[Block]) -> usize {
    let inner = |block: &Block| match block {
        Block::Quote(blocks) => 1 + depth(blocks),
        Block::List { items, .. } => 1 + items.iter().map(|item| depth(item)).max().unwrap_or(0),
        _ => 0,
    };
    blocks.iter().map(inner).max().unwrap_or(0)
}

fn line_depth(blocks: &[Block]) -> usize {
    fn of(inlines: &[Inline]) -> usize {
        let inner = |inline: &Inline| match inline {
            Inline::Text(_) | Inline::Code(_) => 0,
            Inline::Emphasis(inner) | Inline::Strong(inner) | Inline::Link(inner, _) | Inline::Picture(inner, _) => {
                1 + of(inner)
            }
        };
        inlines.iter().map(inner).max().unwrap_or(0)
    }
    let inner = |block: &Block| match block {
        Block::Paragraph(inlines) | Block::Heading(_, inlines) => of(inlines),
        Block::Quote(blocks) => line_depth(blocks),
        Block::List { items, .. } => items.iter().map(|item| line_depth(item)).max().unwrap_or(0),
        Block::Table(rows) => rows.iter().flatten().map(|cell| of(cell)).max().unwrap_or(0),
        Block::Code { .. } | Block::Rule | Block::AsWritten(_) => 0,
    };
    blocks.iter().map(inner).max().unwrap_or(0)
}

fn parts(blocks: &[Block]) -> usize {
    fn of(inlines: &[Inline]) -> usize {
        let inner = |inline: &Inline| match inline {
            Inline::Text(_) | Inline::Code(_) => 1,
            Inline::Emphasis(inner) | Inline::Strong(inner) | Inline::Link(inner, _) | Inline::Picture(inner, _) => {
                1 + of(inner)
            }
        };
        inlines.iter().map(inner).sum()
    }
    let inner = |block: &Block| match block {
        Block::Paragraph(inlines) | Block::Heading(_, inlines) => 1 + of(inlines),
        Block::Quote(blocks) => 1 + parts(blocks),
        Block::List { items, .. } => 1 + items.iter().map(|item| 1 + parts(item)).sum::<usize>(),
        Block::Table(rows) => 1 + rows.iter().flatten().map(|cell| of(cell)).sum::<usize>(),
        Block::Code { .. } | Block::Rule | Block::AsWritten(_) => 1,
    };
    blocks.iter().map(inner).sum()
}

/// Within the limits, and no letter is lost, added or moved.
fn within_limits(tree: &[Block], text: &str) {
    assert!(depth(tree) <= MARKDOWN_DEPTH_MAX);
    assert!(line_depth(tree) <= MARKDOWN_DEPTH_MAX);
    // What is open when the last part is used ends as written, level by level.
    let most = MARKDOWN_PARTS_MAX + 4 * MARKDOWN_DEPTH_MAX;
    assert!(parts(tree) <= most, "{} parts", parts(tree));
    let letters = |text: &str| text.chars().filter(|c| c.is_alphabetic()).collect::<String>();
    assert_eq!(letters(&markdown_words(tree)), letters(text), "of {text:?}");
}

proptest! {
    #[test]
    fn any_bytes_give_a_tree_within_the_limits(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let text = String::from_utf8_lossy(&bytes);
        within_limits(&markdown(&text), &text);
    }

    #[test]
    fn any_marks_give_a_tree_within_the_limits(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "a", "bé", " ", "  ", "\n", "\n\n", "\t", "    ", "*", "**", "_", "`", "```", "~~~\n", "> ", "- ", "1. ",
                "2) ", "# ", "---\n", "===\n", "| ", "|-|-|\n", "[", "](", ")", "![", "\\", "<b>", "&amp;", "\u{202e}", "\r",
            ]),
            0..200,
        )
    ) {
        let text = pieces.concat();
        within_limits(&markdown(&text), &text);
    }
}
