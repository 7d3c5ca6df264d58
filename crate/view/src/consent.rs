//! Consent to bandwidth: what a person says, and how it stands.

use lull_protocol::{codes, fields};

/// What a person says before bandwidth is switched on. All of them are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Statement {
    /// "I am 18 or older."
    Adult,
    /// "I may share this connection."
    MayShare,
    /// Understood: sites see my address.
    SitesSeeMe,
    /// Understood: a buyer who owns the site sees it, too.
    OwnersSeeMe,
    /// Understood: I can stop at any time.
    StopAnyTime,
}
codes!(Statement { 0 Adult, 1 MayShare, 2 SitesSeeMe, 3 OwnersSeeMe, 4 StopAnyTime });

impl Statement {
    /// All of them, in the order in which they are asked.
    pub const ALL: [Self; 5] = [Self::Adult, Self::MayShare, Self::SitesSeeMe, Self::OwnersSeeMe, Self::StopAnyTime];
}

/// How consent to bandwidth stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// When it was given, the browser's own clock; `None`: it never was, or was taken back.
    pub given_at: Option<u64>,
    /// Whether it covers all that this version of Lull may do. Without it bandwidth stands still.
    pub is_current: bool,
}
fields!(Consent { 0 given_at, 1 is_current });
