//! What crosses the message port between a page and the background, as CBOR ([`lull_protocol::cbor`]).

use lull_protocol::{fields, variants};

use crate::{Command, Judgment, Reply, View};

/// A question of a page to the background.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Comes back in the [`Answer`].
    pub id: u32,
    /// What is asked.
    pub command: Command,
}
fields!(Request { 0 id, 1 command });

/// What the background sends to a page.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The request's id; `None` if nobody asked.
    pub id: Option<u32>,
    /// The answer.
    pub reply: Reply,
}
fields!(Answer { 0 id, 1 reply });

/// A view on its way to a page, without the judgments that the page has already: with their pictures they can be a
/// thousand times the rest.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// The view, without judgments.
    pub view: View,
    /// Its judgment.
    pub judgment: Place,
    /// The next one.
    pub next: Place,
}
fields!(Shown { 0 view, 1 judgment, 2 next });

/// Where a page finds a judgment.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// There is none.
    Nowhere,
    /// Here.
    Here(Box<Judgment>),
    /// It was the judgment of the view before.
    Judgment,
    /// It was the next one of the view before.
    Next,
}
variants!(Place { 0 Nowhere {}, 1 Here { 0 (0) judgment }, 2 Judgment {}, 3 Next {} });

/// The judgments of the last view that went over a port: each end keeps them.
#[derive(Clone, Debug, Default)]
pub struct Judgments {
    judgment: Option<Judgment>,
    next: Option<Judgment>,
}

impl Judgments {
    /// What is sent of a view.
    pub fn leave_out(&mut self, mut view: View) -> Shown {
        let (judgment, next) = (view.judgment.take(), view.next.take());
        let shown = Shown { view, judgment: self.place(judgment.as_ref()), next: self.place(next.as_ref()) };
        *self = Self { judgment, next };
        shown
    }

    /// The whole view of what was sent.
    pub fn put_back(&mut self, shown: Shown) -> View {
        let judgment = self.at(shown.judgment);
        let next = self.at(shown.next);
        *self = Self { judgment: judgment.clone(), next: next.clone() };
        View { judgment, next, ..shown.view }
    }

    fn place(&self, judgment: Option<&Judgment>) -> Place {
        match judgment {
            None => Place::Nowhere,
            Some(_) if judgment == self.judgment.as_ref() => Place::Judgment,
            Some(_) if judgment == self.next.as_ref() => Place::Next,
            Some(judgment) => Place::Here(Box::new(judgment.clone())),
        }
    }

    fn at(&self, place: Place) -> Option<Judgment> {
        match place {
            Place::Nowhere => None,
            Place::Here(judgment) => Some(*judgment),
            Place::Judgment => self.judgment.clone(),
            Place::Next => self.next.clone(),
        }
    }
}
