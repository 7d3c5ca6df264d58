//! A link as a QR code: for a terminal, of whatever colours, and as a picture.

use qrcode::render::svg;
use qrcode::{Color, EcLevel, QrCode};

/// The margin that readers want, modules (ISO/IEC 18004).
const MARGIN: usize = 4;
/// The picture's smallest size, pixels.
const SVG_PIXELS_MIN: u32 = 320;
/// Black on white by the numbers that no theme changes, and back.
const BLACK_ON_WHITE: &str = "\x1b[38;5;16;48;5;231m";
const RESET: &str = "\x1b[0m";

/// A code.
pub(crate) struct Qr(QrCode);

impl Qr {
    /// The code of a text; `None` if it is too long for any.
    pub(crate) fn new(text: &str) -> Option<Self> {
        QrCode::with_error_correction_level(text, EcLevel::L).ok().map(Self)
    }

    /// Modules in a row, with the margin.
    pub(crate) fn width(&self) -> usize {
        self.0.width() + 2 * MARGIN
    }

    fn is_dark(&self, x: usize, y: usize) -> bool {
        let inside = |at: usize| at.checked_sub(MARGIN).filter(|at| *at < self.0.width());
        match (inside(x), inside(y)) {
            (Some(x), Some(y)) => self.0[(x, y)] == Color::Dark,
            _ => false,
        }
    }

    /// Two rows of modules in each line.
    pub(crate) fn for_terminal(&self) -> String {
        let mut text = String::new();
        for y in (0..self.width()).step_by(2) {
            text.push_str(BLACK_ON_WHITE);
            text.extend((0..self.width()).map(|x| match (self.is_dark(x, y), self.is_dark(x, y + 1)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            }));
            text.push_str(RESET);
            text.push('\n');
        }
        text
    }

    /// A picture of its own.
    pub(crate) fn svg(&self) -> String {
        let dimension = SVG_PIXELS_MIN;
        self.0.render::<svg::Color<'_>>().min_dimensions(dimension, dimension).quiet_zone(true).build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a reader makes of what a terminal shows, four pixels a module.
    fn read(shown: &str) -> String {
        let lines = shown.lines().map(|line| {
            line.strip_prefix(BLACK_ON_WHITE).and_then(|line| line.strip_suffix(RESET)).expect("its own colours")
        });
        let rows: Vec<Vec<bool>> = lines
            .flat_map(|line| {
                let upper = line.chars().map(|c| matches!(c, '█' | '▀')).collect();
                [upper, line.chars().map(|c| matches!(c, '█' | '▄')).collect()]
            })
            .collect();
        let is_dark = |x: usize, y: usize| rows.get(y / 4).and_then(|row| row.get(x / 4)).copied().unwrap_or_default();
        let (width, height) = (rows.first().map_or(0, Vec::len) * 4, rows.len() * 4);
        let grey = |x, y| if is_dark(x, y) { 0 } else { 255 };
        let mut picture = rqrr::PreparedImage::prepare_from_greyscale(width, height, grey);
        let (_, text) = picture.detect_grids().pop().expect("a code").decode().expect("readable");
        text
    }

    #[test]
    fn a_reader_sees_the_link_on_any_background() {
        let address = "9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin";
        let link = format!(
            "solana:{address}?amount=0.000001&spl-token={address}&reference={address}&label=Lull&message=Deposit%20to"
        );
        let qr = Qr::new(&link).expect("short");
        assert!(qr.width() <= 79, "{} columns", qr.width());
        assert_eq!(read(&qr.for_terminal()), link);
        let svg = qr.svg();
        assert!(svg.contains("<svg") && svg.contains("#fff") && svg.contains("#000"), "{svg}");
        assert!(Qr::new(&"x".repeat(3_000)).is_none());
    }
}
