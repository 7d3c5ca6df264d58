//! Markdown as elements: nothing in it is a way to somewhere else, and nothing is loaded.

use lull_view::{Block, Inline, markdown};
use yew::virtual_dom::VTag;
use yew::{Html, html};

use crate::text;

/// The headings that HTML has.
const HEADINGS: [&str; 6] = ["h1", "h2", "h3", "h4", "h5", "h6"];

/// All of a text, which stands under a heading of this level.
pub(super) fn formatted(text: &str, under: usize) -> Html {
    Outline { under, open: Vec::new() }.blocks(&markdown(text))
}

/// Headings that are above the next one, so that no level is left out, whichever ones the text uses.
struct Outline {
    under: usize,
    open: Vec<u8>,
}

impl Outline {
    fn blocks(&mut self, blocks: &[Block]) -> Html {
        blocks.iter().map(|block| self.block(block)).collect()
    }

    fn block(&mut self, block: &Block) -> Html {
        match block {
            Block::Paragraph(text) => element("p", inlines(text)),
            Block::Heading(level, text) => {
                self.open.retain(|above| above < level);
                self.open.push(*level);
                let at = (self.under + self.open.len()).min(HEADINGS.len()) - 1;
                element(HEADINGS.get(at).copied().unwrap_or("p"), inlines(text))
            }
            Block::Code { language, text } if language.is_empty() => code("pre", text),
            // It is part of what was asked: a listener hears it, too.
            Block::Code { language, text } => html! { <>{ element("p", language.into()) }{ code("pre", text) }</> },
            Block::Quote(inner) => element("blockquote", self.blocks(inner)),
            Block::List { first, items } => {
                let items = items.iter().map(|item| element("li", self.blocks(item))).collect();
                let mut list = tag(if first.is_some() { "ol" } else { "ul" }, "auto", items);
                if let Some(first) = first {
                    list.add_attribute("start", first.to_string());
                }
                list.into()
            }
            Block::Table(rows) => element("table", element("tbody", rows.iter().enumerate().map(row).collect())),
            Block::Rule => element("hr", Html::default()),
            Block::AsWritten(text) => element("p", text.into()),
        }
    }
}

fn row((number, cells): (usize, &Vec<Vec<Inline>>)) -> Html {
    let name = if number == 0 { "th" } else { "td" };
    element("tr", cells.iter().map(|text| element(name, inlines(text))).collect())
}

fn inlines(text: &[Inline]) -> Html {
    text.iter().map(inline).collect()
}

fn inline(inline: &Inline) -> Html {
    match inline {
        Inline::Text(text) => text.into(),
        Inline::Code(text) => code("code", text),
        Inline::Emphasis(inner) => element("em", inlines(inner)),
        Inline::Strong(inner) => element("strong", inlines(inner)),
        Inline::Link(inner, address) => with_address(inner, None, address),
        Inline::Picture(inner, address) => with_address(inner, Some(text::picture_not_loaded()), address),
    }
}

/// What has an address, which is to be seen and leads nowhere.
fn with_address(inner: &[Inline], what: Option<&'static str>, address: &str) -> Html {
    html! { <>{ inlines(inner) }{ " (" }{ what.unwrap_or_default() }{ what.map(|_| " ").unwrap_or_default() }<bdi class="address" dir="ltr">{ address }</bdi>{ ")" }</> }
}

fn code(name: &'static str, text: &str) -> Html {
    tag(name, "ltr", text.into()).into()
}

/// An element that takes its direction from its text.
fn element(name: &'static str, inner: Html) -> Html {
    tag(name, "auto", inner).into()
}

/// One of few elements, all harmless: there is no other way from a text to one.
fn tag(name: &'static str, direction: &'static str, inner: Html) -> VTag {
    let mut tag = VTag::new(name);
    tag.add_attribute("dir", direction);
    tag.add_child(inner);
    tag
}
