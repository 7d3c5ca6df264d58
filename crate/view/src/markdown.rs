//! Safe Markdown: text becomes a small tree of blocks, and nothing in it can do anything.
//!
//! It is CommonMark's everyday part with GitHub's tables: headings, emphasis, code, lists, quotes, rules. HTML and
//! entities are the text that they are; a link is its text and its address; a picture is its description. A line's end
//! stays one. What nests deeper, or has more parts, than the limits allow is shown as it was written, so the tree is
//! shallow and reading takes time in proportion to the text.

/// Quotes and lists within one another, and emphasis, code and links within one another.
pub const MARKDOWN_DEPTH_MAX: usize = 8;
/// Parts of the tree: blocks, items, cells, and pieces of text.
pub const MARKDOWN_PARTS_MAX: usize = 4_000;
/// An address of a link, bytes.
const ADDRESS_BYTES_MAX: usize = 2_048;
/// Columns by which a line is indented to be code.
const CODE_INDENT: usize = 4;

/// A block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// A paragraph.
    Paragraph(Vec<Inline>),
    /// A heading of level 1 to 6.
    Heading(u8, Vec<Inline>),
    /// Code, and what it is written in, if that was said.
    Code {
        /// It.
        text: String,
        /// The language's name.
        language: String,
    },
    /// A quote.
    Quote(Vec<Block>),
    /// A list.
    List {
        /// The first number; `None` if it isn't numbered.
        first: Option<u32>,
        /// What is in it.
        items: Vec<Vec<Block>>,
    },
    /// A table: its first row is the head.
    Table(Vec<Vec<Vec<Inline>>>),
    /// A line between two parts.
    Rule,
    /// What is beyond the limits, as it was written.
    AsWritten(String),
}

/// A piece of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inline {
    /// Text.
    Text(String),
    /// Code.
    Code(String),
    /// Emphasis.
    Emphasis(Vec<Inline>),
    /// Strong emphasis.
    Strong(Vec<Inline>),
    /// A link, which leads nowhere: its text, and the address to be seen.
    Link(Vec<Inline>, String),
    /// A picture, which isn't loaded: its description, and the address to be seen.
    Picture(Vec<Inline>, String),
}

/// Reads Markdown. Every text is some.
pub fn markdown(text: &str) -> Vec<Block> {
    let lines: Vec<&str> = text.lines().collect();
    Parser { parts_left: MARKDOWN_PARTS_MAX }.blocks(&lines, 0)
}

/// All that can be read in it, as one text.
pub fn markdown_words(blocks: &[Block]) -> String {
    let mut words = String::new();
    blocks.iter().for_each(|block| add_block(&mut words, block));
    words
}

fn add_block(words: &mut String, block: &Block) {
    match block {
        Block::Paragraph(inlines) | Block::Heading(_, inlines) => add_line(words, inlines),
        Block::Code { text, language } => {
            for part in [language, text] {
                words.push_str(part);
                words.push('\n');
            }
        }
        Block::Quote(blocks) => blocks.iter().for_each(|block| add_block(words, block)),
        Block::List { items, .. } => items.iter().flatten().for_each(|block| add_block(words, block)),
        Block::Table(rows) => rows.iter().flatten().for_each(|cell| add_line(words, cell)),
        Block::Rule => {}
        Block::AsWritten(text) => words.push_str(text),
    }
}

fn add_line(words: &mut String, inlines: &[Inline]) {
    add_inlines(words, inlines);
    words.push('\n');
}

fn add_inlines(words: &mut String, inlines: &[Inline]) {
    for inline in inlines {
        match inline {
            Inline::Text(text) | Inline::Code(text) => words.push_str(text),
            Inline::Emphasis(inner) | Inline::Strong(inner) => add_inlines(words, inner),
            Inline::Link(inner, address) | Inline::Picture(inner, address) => {
                add_inlines(words, inner);
                words.push_str(&format!(" ({address})"));
            }
        }
    }
}

/// A line without its indentation, and how many columns that had.
fn unindented(line: &str) -> (usize, &str) {
    let rest = line.trim_start_matches([' ', '\t']);
    let indent = line.get(..line.len() - rest.len()).unwrap_or_default();
    let columns = indent.bytes().fold(0, |at, byte| if byte == b'\t' { at + 4 - at % 4 } else { at + 1 });
    (columns, rest)
}

/// A line with at most this many columns of its indentation taken away.
fn outdented(line: &str, columns: usize) -> &str {
    let mut at = 0;
    for (i, byte) in line.bytes().enumerate() {
        if at >= columns || !matches!(byte, b' ' | b'\t') {
            return line.get(i..).unwrap_or_default();
        }
        at += if byte == b'\t' { 4 - at % 4 } else { 1 };
    }
    ""
}

fn is_blank(line: &str) -> bool {
    line.trim().is_empty()
}

/// What begins on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start<'t> {
    Heading(u8, &'t str),
    Fence { mark: char, count: usize, language: &'t str },
    Quote(&'t str),
    Item(Item<'t>),
    Rule,
    Text,
}

/// An item of a list: `indent` columns before its mark, `inside` columns before its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Item<'t> {
    mark: char,
    number: Option<u32>,
    indent: usize,
    inside: usize,
    text: &'t str,
}

fn start(line: &str) -> Start<'_> {
    let (indent, rest) = unindented(line);
    let Some(mark) = rest.chars().next().filter(|_| indent < CODE_INDENT) else { return Start::Text };
    let count = rest.chars().take_while(|c| *c == mark).count();
    let after = rest.get(count * mark.len_utf8()..).unwrap_or_default();
    let is_apart = after.is_empty() || after.starts_with([' ', '\t']);
    match mark {
        '#' if count <= 6 && is_apart => {
            let text = after.trim();
            let closed = text.trim_end_matches('#');
            let text = if closed.is_empty() || closed.ends_with([' ', '\t']) { closed.trim_end() } else { text };
            Start::Heading(count as u8, text)
        }
        '`' | '~' if count >= 3 && !(mark == '`' && after.contains('`')) => {
            Start::Fence { mark, count, language: after.trim() }
        }
        '>' => Start::Quote(rest.get(1..).map(|text| text.strip_prefix(' ').unwrap_or(text)).unwrap_or_default()),
        '*' | '-' | '_' if is_rule(rest, mark) => Start::Rule,
        '*' | '-' | '+' if count == 1 && is_apart => Start::Item(item(indent, mark, None, 1, after)),
        '0'..='9' => numbered(indent, rest).map_or(Start::Text, Start::Item),
        _ => Start::Text,
    }
}

fn is_rule(rest: &str, mark: char) -> bool {
    rest.chars().filter(|c| *c == mark).count() >= 3 && rest.chars().all(|c| c == mark || matches!(c, ' ' | '\t'))
}

fn numbered(indent: usize, rest: &str) -> Option<Item<'_>> {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let number = rest.get(..digits).filter(|_| digits <= 9)?.parse().ok()?;
    let mark = rest.get(digits..)?.chars().next().filter(|c| matches!(c, '.' | ')'))?;
    let after = rest.get(digits + 1..)?;
    let is_apart = after.is_empty() || after.starts_with([' ', '\t']);
    is_apart.then(|| item(indent, mark, Some(number), digits + 1, after))
}

fn item(indent: usize, mark: char, number: Option<u32>, width: usize, after: &str) -> Item<'_> {
    let (spaces, text) = unindented(after);
    // Text that stands far off is code in the item.
    let (spaces, text) = if spaces > CODE_INDENT { (1, outdented(after, 1)) } else { (spaces.max(1), text) };
    Item { mark, number, indent, inside: indent + width + spaces, text }
}

struct Parser {
    parts_left: usize,
}

impl Parser {
    /// Whether one part more is allowed.
    fn part(&mut self) -> bool {
        self.parts_left = self.parts_left.saturating_sub(1);
        self.parts_left > 0
    }

    fn blocks(&mut self, lines: &[&str], depth: usize) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut rest = lines;
        while let [line, after @ ..] = rest {
            if is_blank(line) {
                rest = after;
                continue;
            }
            if !self.part() {
                blocks.push(as_written(rest));
                break;
            }
            let (block, taken) = self.block(line, rest, depth);
            blocks.push(block);
            rest = rest.get(taken..).unwrap_or_default();
        }
        blocks
    }

    /// The block that begins with this line, the first of these, and how many lines it has.
    fn block(&mut self, line: &str, lines: &[&str], depth: usize) -> (Block, usize) {
        match start(line) {
            Start::Heading(level, text) => (Block::Heading(level, self.inlines(text)), 1),
            Start::Fence { mark, count, language } => fenced(mark, count, language, lines),
            Start::Rule => (Block::Rule, 1),
            Start::Quote(_) => {
                let quoted = lines.iter().map_while(|line| match start(line) {
                    Start::Quote(text) => Some(text),
                    _ => None,
                });
                let quoted: Vec<&str> = quoted.collect();
                let taken = quoted.len();
                (self.within(depth, &quoted, Block::Quote), taken)
            }
            Start::Item(_) if depth >= MARKDOWN_DEPTH_MAX => {
                let taken = lines.iter().take_while(|line| !is_blank(line)).count();
                (as_written(lines.get(..taken).unwrap_or_default()), taken)
            }
            Start::Item(first) => self.list(first, lines, depth),
            Start::Text if unindented(line).0 >= CODE_INDENT => indented(lines),
            Start::Text => self.table(lines).unwrap_or_else(|| self.paragraph(lines)),
        }
    }

    /// What is inside of a quote, if it may nest so deep.
    fn within(&mut self, depth: usize, lines: &[&str], outer: impl FnOnce(Vec<Block>) -> Block) -> Block {
        if depth < MARKDOWN_DEPTH_MAX { outer(self.blocks(lines, depth + 1)) } else { as_written(lines) }
    }

    fn list(&mut self, first: Item<'_>, lines: &[&str], depth: usize) -> (Block, usize) {
        let (mut items, mut taken) = (Vec::new(), 0);
        while let Some(line) = lines.get(taken) {
            let Start::Item(item) = start(line) else { break };
            if item.mark != first.mark || item.number.is_some() != first.number.is_some() || !self.part() {
                break;
            }
            let rest = lines.get(taken + 1..).unwrap_or_default();
            let more = lines_of_item(item, rest);
            let inner = rest.iter().take(more).map(|line| outdented(line, item.inside));
            let inner: Vec<&str> = std::iter::once(item.text).chain(inner).collect();
            items.push(self.blocks(&inner, depth + 1));
            taken += 1 + more;
            let blank = lines.iter().skip(taken).take_while(|line| is_blank(line)).count();
            if matches!(lines.get(taken + blank).map(|line| start(line)), Some(Start::Item(_))) {
                taken += blank;
            }
        }
        if items.is_empty() {
            return (as_written(lines), lines.len());
        }
        (Block::List { first: first.number, items }, taken)
    }

    fn table(&mut self, lines: &[&str]) -> Option<(Block, usize)> {
        let [head, line, rows @ ..] = lines else { return None };
        let columns = cells(head).len();
        let is_line = |cell: &str| cell.contains('-') && cell.chars().all(|c| matches!(c, '-' | ':'));
        let dashes = cells(line);
        if !head.contains('|') || dashes.len() != columns || !dashes.iter().all(|cell| is_line(cell)) {
            return None;
        }
        let rows = rows.iter().take_while(|row| row.contains('|') && start(row) == Start::Text);
        let (mut table, mut taken) = (Vec::new(), 1);
        for row in std::iter::once(head).chain(rows) {
            if self.parts_left <= columns {
                break;
            }
            taken += 1;
            let row = cells(row);
            table.push(row.into_iter().map(|cell| self.inlines(&cell)).collect());
        }
        (!table.is_empty()).then_some((Block::Table(table), taken))
    }

    /// A paragraph, or a heading that is underlined.
    fn paragraph(&mut self, lines: &[&str]) -> (Block, usize) {
        let mut text = String::new();
        for (taken, line) in lines.iter().enumerate() {
            let bare = line.trim();
            let is_line_of = |mark| !text.is_empty() && !bare.is_empty() && bare.chars().all(|c| c == mark);
            if unindented(line).0 < CODE_INDENT && (is_line_of('=') || is_line_of('-')) {
                let level = if bare.starts_with('=') { 1 } else { 2 };
                return (Block::Heading(level, self.inlines(&text)), taken + 1);
            }
            let goes_on = match start(line) {
                Start::Text => !bare.is_empty(),
                // A number at a line's start is seldom a list.
                Start::Item(item) => item.number.is_some_and(|number| number != 1) || item.text.is_empty(),
                _ => false,
            };
            if taken > 0 && !goes_on {
                return (Block::Paragraph(self.inlines(&text)), taken);
            }
            if taken > 0 {
                text.push('\n');
            }
            text.push_str(bare.strip_suffix('\\').filter(|_| taken + 1 < lines.len()).unwrap_or(bare));
        }
        (Block::Paragraph(self.inlines(&text)), lines.len())
    }

    fn inlines(&mut self, text: &str) -> Vec<Inline> {
        Line { parser: self, frames: vec![Frame { mark: Mark::Line, inlines: Vec::new() }], text: String::new() }
            .read(text)
    }
}

fn as_written(lines: &[&str]) -> Block {
    Block::AsWritten(lines.join("\n"))
}

/// How many of these lines belong to the item before them.
fn lines_of_item(item: Item<'_>, lines: &[&str]) -> usize {
    let (mut count, mut is_after_blank) = (0, item.text.is_empty());
    for (i, line) in lines.iter().enumerate() {
        let (indent, _) = unindented(line);
        if is_blank(line) {
            is_after_blank = true;
            continue;
        }
        // Two columns are enough, for that is what people write under any mark.
        let is_inside = indent >= item.inside.min(item.indent + 2);
        let goes_on = !is_after_blank && start(line) == Start::Text;
        if !is_inside && !goes_on {
            break;
        }
        (count, is_after_blank) = (i + 1, false);
    }
    count
}

fn fenced(mark: char, count: usize, language: &str, lines: &[&str]) -> (Block, usize) {
    let indent = lines.first().map_or(0, |line| unindented(line).0);
    let ends = |line: &&str| matches!(start(line), Start::Fence { mark: m, count: c, language: "" } if m == mark && c >= count);
    let inside: Vec<&str> =
        lines.iter().skip(1).take_while(|line| !ends(line)).map(|line| outdented(line, indent)).collect();
    let taken = (inside.len() + 2).min(lines.len());
    (Block::Code { text: inside.join("\n"), language: language.to_owned() }, taken)
}

fn indented(lines: &[&str]) -> (Block, usize) {
    let is_code = |line: &&&str| is_blank(line) || unindented(line).0 >= CODE_INDENT;
    let inside: Vec<&str> = lines.iter().take_while(is_code).map(|line| outdented(line, CODE_INDENT)).collect();
    let text = inside.join("\n");
    (Block::Code { text: text.trim_end().to_owned(), language: String::new() }, inside.len())
}

/// The cells of a table's row.
fn cells(row: &str) -> Vec<String> {
    let row = row.trim();
    let row = row.strip_prefix('|').unwrap_or(row);
    let row = row.strip_suffix('|').filter(|row| !row.ends_with('\\')).unwrap_or(row);
    let mut cells = vec![String::new()];
    let mut is_escaped = false;
    for c in row.chars() {
        if let Some(cell) = cells.last_mut().filter(|_| c != '|' || is_escaped) {
            if c == '|' {
                cell.pop();
            }
            cell.push(c);
        } else {
            cells.push(String::new());
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    cells.into_iter().map(|cell| cell.trim().to_owned()).collect()
}

/// What opened a piece of text that may be closed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    /// The whole text.
    Line,
    /// `*` or `_`, once.
    Emphasis(char),
    /// `*` or `_`, twice.
    Strong(char),
    /// `[`
    Link,
    /// `![`
    Picture,
}

impl Mark {
    fn as_written(self) -> String {
        match self {
            Self::Line => String::new(),
            Self::Emphasis(mark) => mark.to_string(),
            Self::Strong(mark) => [mark, mark].iter().collect(),
            Self::Link => "[".to_owned(),
            Self::Picture => "![".to_owned(),
        }
    }
}

struct Frame {
    mark: Mark,
    inlines: Vec<Inline>,
}

/// Reads the text of one paragraph, heading or cell. What is open is a stack of at most [`MARKDOWN_DEPTH_MAX`] frames
/// above the text's own; when one more opens, the lowest is taken as written.
struct Line<'p> {
    parser: &'p mut Parser,
    frames: Vec<Frame>,
    /// Text that has not become a part yet.
    text: String,
}

impl Line<'_> {
    fn read(mut self, text: &str) -> Vec<Inline> {
        // Lengths of back-tick runs that nothing closes.
        let mut unclosed = [false; 16];
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            if self.parser.parts_left <= MARKDOWN_DEPTH_MAX {
                self.text.push_str(rest);
                break;
            }
            let plain = rest.find(['\\', '`', '*', '_', '[', ']', '!']).unwrap_or(rest.len());
            let before = text.get(..at + plain).and_then(|before| before.chars().next_back());
            let (plain, rest) = rest.split_at(plain);
            self.text.push_str(plain);
            at += plain.len() + self.mark(rest, before, &mut unclosed);
        }
        while self.frames.len() > 1 {
            self.unwind_to(self.frames.len() - 1);
        }
        self.flush();
        self.frames.pop().map(|frame| frame.inlines).unwrap_or_default()
    }

    /// Reads a mark, if this begins with one, and tells its length.
    fn mark(&mut self, rest: &str, before: Option<char>, unclosed: &mut [bool; 16]) -> usize {
        let Some(mark) = rest.chars().next() else { return 0 };
        match mark {
            '\\' => {
                let escaped = rest.get(1..).and_then(|rest| rest.chars().next()).filter(char::is_ascii_punctuation);
                self.text.push(escaped.unwrap_or('\\'));
                1 + escaped.map_or(0, char::len_utf8)
            }
            '`' | '*' | '_' => {
                let count = rest.bytes().take_while(|byte| char::from(*byte) == mark).count();
                let (run, after) = rest.split_at_checked(count).unwrap_or((rest, ""));
                if mark == '`' {
                    return self.code(run, after, unclosed);
                }
                self.emphasis(mark, count, before, after.chars().next());
                count
            }
            '!' if rest.starts_with("![") => {
                self.open(Mark::Picture);
                2
            }
            '[' => {
                self.open(Mark::Link);
                1
            }
            ']' => self.close_link(rest),
            _ => {
                self.text.push(mark);
                1
            }
        }
    }

    fn code(&mut self, run: &str, after: &str, unclosed: &mut [bool; 16]) -> usize {
        let is_unclosed = unclosed.get_mut(run.len());
        if is_unclosed.as_ref().is_some_and(|is_unclosed| !**is_unclosed)
            && let Some(end) = closing_run(after, run.len())
        {
            let code = after.get(..end).unwrap_or_default();
            let inner = code.strip_prefix(' ').and_then(|code| code.strip_suffix(' '));
            let inner = inner.filter(|inner| !is_blank(inner)).unwrap_or(code);
            self.add(Inline::Code(inner.to_owned()));
            return end + 2 * run.len();
        }
        if let Some(is_unclosed) = is_unclosed {
            *is_unclosed = true;
        }
        self.text.push_str(run);
        run.len()
    }

    /// A run of marks closes what it can, and opens the rest.
    fn emphasis(&mut self, mark: char, count: usize, before: Option<char>, after: Option<char>) {
        let is_text = |c: Option<char>| c.is_some_and(|c| !c.is_whitespace());
        // A letter beyond ASCII is in a word, and so is every other such character: no table of letters is needed.
        let in_word = |c: Option<char>| mark == '_' && c.is_some_and(|c| c.is_ascii_alphanumeric() || !c.is_ascii());
        let mut left = count;
        while left > 0 && is_text(before) && !in_word(after) {
            let closes =
                |frame: &Frame| frame.mark == Mark::Emphasis(mark) || (left >= 2 && frame.mark == Mark::Strong(mark));
            let Some(at) = self.frames.iter().rposition(closes) else { break };
            self.unwind_to(at + 1);
            self.flush();
            let Some(frame) = self.frames.pop() else { break };
            let (inline, marks) = match frame.mark {
                Mark::Strong(_) => (Inline::Strong(frame.inlines), 2),
                _ => (Inline::Emphasis(frame.inlines), 1),
            };
            self.add(inline);
            left -= marks;
        }
        let may_open = is_text(after) && !in_word(before);
        if left > 3 || !may_open {
            self.text.extend(std::iter::repeat_n(mark, left));
            return;
        }
        if left % 2 == 1 {
            self.open(Mark::Emphasis(mark));
        }
        if left >= 2 {
            self.open(Mark::Strong(mark));
        }
    }

    fn close_link(&mut self, rest: &str) -> usize {
        let opened = self.frames.iter().rposition(|frame| matches!(frame.mark, Mark::Link | Mark::Picture));
        let Some(at) = opened else {
            self.text.push(']');
            return 1;
        };
        let address = rest.strip_prefix("](").and_then(address);
        self.unwind_to(at + usize::from(address.is_some()));
        let Some(address) = address else {
            self.text.push(']');
            return 1;
        };
        self.flush();
        let Some(frame) = self.frames.pop() else { return 1 };
        let shown = address.trim().to_owned();
        self.add(match frame.mark {
            Mark::Picture => Inline::Picture(frame.inlines, shown),
            _ => Inline::Link(frame.inlines, shown),
        });
        "](".len() + address.len() + ")".len()
    }

    fn open(&mut self, mark: Mark) {
        self.flush();
        if self.frames.len() > MARKDOWN_DEPTH_MAX {
            let lowest = self.frames.remove(1);
            if let Some(line) = self.frames.first_mut() {
                line.inlines.push(Inline::Text(lowest.mark.as_written()));
                line.inlines.extend(lowest.inlines);
            }
        }
        // The mark may become text.
        self.parser.part();
        self.frames.push(Frame { mark, inlines: Vec::new() });
    }

    /// Takes the frames from this one up as written.
    fn unwind_to(&mut self, at: usize) {
        while self.frames.len() > at.max(1) {
            self.flush();
            let Some(frame) = self.frames.pop() else { break };
            if let Some(outer) = self.frames.last_mut() {
                outer.inlines.push(Inline::Text(frame.mark.as_written()));
                outer.inlines.extend(frame.inlines);
            }
        }
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            let text = std::mem::take(&mut self.text);
            self.add(Inline::Text(text));
        }
    }

    fn add(&mut self, inline: Inline) {
        if !self.text.is_empty() {
            self.flush();
        }
        self.parser.part();
        if let Some(frame) = self.frames.last_mut() {
            frame.inlines.push(inline);
        }
    }
}

/// Where the next run of exactly this many back-ticks is.
fn closing_run(text: &str, count: usize) -> Option<usize> {
    let mut at = 0;
    while let Some(found) = text.get(at..)?.find('`') {
        let run = text.bytes().skip(at + found).take_while(|byte| *byte == b'`').count();
        if run == count {
            return Some(at + found);
        }
        at += found + run;
    }
    None
}

/// The address up to its closing bracket; brackets in it come in pairs.
fn address(text: &str) -> Option<&str> {
    let mut open = 0_usize;
    for (at, c) in text.char_indices().take_while(|(at, c)| *at <= ADDRESS_BYTES_MAX && *c != '\n') {
        match c {
            '(' => open += 1,
            ')' if open == 0 => return text.get(..at),
            ')' => open -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests;
