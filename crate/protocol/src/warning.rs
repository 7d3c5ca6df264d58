//! What some people would rather not see: classes of sensitive content, said by the requester, chosen by the person.

use crate::cbor::{Cbor, Reader, Writer};

/// A class of sensitive content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Warning {
    /// Violence, weapons, injuries.
    Violence,
    /// Nudity, sexual acts.
    Sexual,
    /// Hate, slurs, harassment.
    Hate,
    /// Suicide, self-injury, eating disorders.
    SelfHarm,
    /// Wounds, operations, illness.
    Medical,
    /// Whatever else may disturb.
    Disturbing,
}

impl Warning {
    /// All of them, in the order of their bits.
    pub const ALL: [Self; 6] =
        [Self::Violence, Self::Sexual, Self::Hate, Self::SelfHarm, Self::Medical, Self::Disturbing];

    /// The word in requests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Violence => "violence",
            Self::Sexual => "sexual",
            Self::Hate => "hate",
            Self::SelfHarm => "self_harm",
            Self::Medical => "medical",
            Self::Disturbing => "disturbing",
        }
    }

    /// The class of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|warning| warning.as_str() == word)
    }
}

/// Some classes. None of them is what a message or an item leaves out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct WarningSet(u8);

impl WarningSet {
    /// None.
    pub const NONE: Self = Self(0);
    /// All there are.
    pub const ALL: Self = Self((1 << Warning::ALL.len()) - 1);

    /// From its bits; `None` if one is of no class.
    pub fn from_bits(bits: u8) -> Option<Self> {
        (bits & !Self::ALL.0 == 0).then_some(Self(bits))
    }
    /// Its bits: bit i stands for the class of number i.
    pub fn bits(self) -> u8 {
        self.0
    }
    /// With this class as well.
    pub const fn with(self, warning: Warning) -> Self {
        Self(self.0 | 1 << warning as u8)
    }
    /// With this class if it was without, and without it if it was with.
    pub fn toggled(self, warning: Warning) -> Self {
        Self(self.0 ^ 1 << warning as u8)
    }
    /// Whether a class is in it.
    pub fn contains(self, warning: Warning) -> bool {
        self.0 >> warning as u8 & 1 == 1
    }
    /// Whether all of these are in the others.
    pub fn is_within(self, others: Self) -> bool {
        self.0 & !others.0 == 0
    }
    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self == Self::NONE
    }
    /// Those in it.
    pub fn iter(self) -> impl Iterator<Item = Warning> {
        Warning::ALL.into_iter().filter(move |warning| self.contains(*warning))
    }
}

impl Cbor for WarningSet {
    fn write(&self, to: &mut Writer) {
        self.0.write(to);
    }
    fn read(from: &mut Reader<'_>) -> Self {
        Self::from_bits(Cbor::read(from)).unwrap_or_else(|| {
            from.refuse("a class of content that can't be");
            Self::NONE
        })
    }
    fn is_left_out(&self) -> bool {
        self.is_empty()
    }
    fn left_out() -> Option<Self> {
        Some(Self::NONE)
    }
}
