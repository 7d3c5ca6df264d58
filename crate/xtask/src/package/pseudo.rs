//! Pseudo-locales: English made strange enough to show what a translation would break. Both stand in brackets, so that
//! a word that isn't in `messages.json` shows; one has accents and is longer, one runs from right to left. The package
//! holds them in English's place, so that every browser shows them.

use anyhow::{Context, Result};
use clap::ValueEnum;
use serde_json::{Value, json};

use super::Files;
use crate::messages::{self, ENGLISH};

/// A pseudo-locale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Locale {
    /// Accented, some 40 % longer
    Pseudo,
    /// In Arabic letters, from right to left
    PseudoRtl,
}

impl Locale {
    /// Its folder.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pseudo => "pseudo",
            Self::PseudoRtl => "pseudo-rtl",
        }
    }

    /// The tag that CLDR has for such a locale.
    fn tag(self) -> &'static str {
        match self {
            Self::Pseudo => "en-XA",
            Self::PseudoRtl => "ar-XB",
        }
    }

    fn direction(self) -> &'static str {
        match self {
            Self::Pseudo => "ltr",
            Self::PseudoRtl => "rtl",
        }
    }

    fn letter(self, c: char) -> char {
        let (from, to) = match self {
            Self::Pseudo => (ACCENTED_FROM, ACCENTED_TO),
            Self::PseudoRtl => (ARABIC_FROM, ARABIC_TO),
        };
        from.chars().zip(to.chars()).find(|(known, _)| *known == c).map_or(c, |(_, other)| other)
    }
}

const ACCENTED_FROM: &str = "AaBbCcDdEeFfGgHhIiJjKkLlMmNnOoPpQqRrSsTtUuVvWwXxYyZz";
const ACCENTED_TO: &str = "ÅåƁƀÇçÐðÉéƑƒĜĝĤĥÎîĴĵĶķĻļṀɱÑñÖöÞþǪǫŔŕŠšŢţÛûṼṽŴŵẊẋÝýŽž";
const ARABIC_FROM: &str = "AaBbCcDdEeFfGgHhIiJjKkLlMmNnOoPpQqRrSsTtUuVvWwXxYyZz";
const ARABIC_TO: &str = "ااببككددييففغغههييججققللممننووببققررسستتووففووخخييزز";
/// What makes a message longer; about so many characters more, of each hundred.
const FILLER: &str = " one two three four five six seven eight nine ten";
const LONGER_PERCENT: usize = 40;
/// Messages that no page of ours shows: a browser's list of extensions does, and limits their length.
const KEPT: [&str; 2] = ["name", "description"];

/// Puts the pseudo-locale in English's place.
pub(super) fn translate(files: &mut Files, locale: Locale) -> Result<()> {
    let path = format!("_locales/{ENGLISH}/messages.json");
    let english = files.get(&path).with_context(|| format!("no {path}"))?;
    let mut messages = messages::read(english)?;
    for (key, message) in &mut messages {
        let strange = match key.as_str() {
            "language" => locale.tag().to_owned(),
            "direction" => locale.direction().to_owned(),
            key if KEPT.contains(&key) => continue,
            _ => strange(messages::text(message), locale),
        };
        let fields = message.as_object_mut().with_context(|| format!("{key} is no message"))?;
        fields.insert("message".to_owned(), json!(strange));
    }
    files.insert(path, serde_json::to_vec(&Value::Object(messages))?);
    Ok(())
}

/// A message with its placeholders as they were.
fn strange(text: &str, locale: Locale) -> String {
    let is_letter = |part: usize| part.is_multiple_of(2);
    let mut letters = 0;
    let mut out = String::from("⟦");
    for (index, part) in text.split('$').enumerate() {
        if is_letter(index) {
            letters += part.chars().count();
            out.extend(part.chars().map(|c| locale.letter(c)));
        } else {
            out.push_str(&format!("${part}$"));
        }
    }
    if locale == Locale::Pseudo {
        let more = (letters * LONGER_PERCENT).div_ceil(100);
        out.extend(FILLER.chars().cycle().take(more).map(|c| locale.letter(c)));
    }
    out.push('⟧');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_stay_and_all_else_is_strange() {
        assert_eq!(strange("Work for $name$?", Locale::Pseudo), "⟦Ŵöŕķ ƒöŕ $name$? öñé⟧");
        assert_eq!(strange("$a$ of $b$", Locale::PseudoRtl), "⟦$a$ وف $b$⟧");
    }

    #[test]
    fn every_letter_has_another() {
        for locale in [Locale::Pseudo, Locale::PseudoRtl] {
            for c in ('a'..='z').chain('A'..='Z') {
                assert_ne!(locale.letter(c), c, "{locale:?}");
            }
        }
    }

    #[test]
    fn the_file_says_its_language_and_direction() {
        let english = json!({"name": {"message": "Lull"}, "language": {"message": "en"}, "direction": {"message": "ltr"},
            "card": {"message": "$a$!", "placeholders": {"a": {"content": "$1"}}}});
        let path = "_locales/en/messages.json".to_owned();
        let mut files = Files::from([(path.clone(), english.to_string().into_bytes())]);
        translate(&mut files, Locale::PseudoRtl).unwrap();
        let messages = messages::read(&files[&path]).unwrap();
        let text = |key: &str| messages::text(&messages[key]).to_owned();
        assert_eq!(["name", "language", "direction", "card"].map(text), ["Lull", "ar-XB", "rtl", "⟦$a$!⟧"]);
        assert_eq!(messages::placeholders(&messages["card"])["a"], "$1");
    }
}
