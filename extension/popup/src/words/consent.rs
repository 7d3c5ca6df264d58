//! The words of consent to bandwidth: two statements, three questions, and what stands in the way.

use lull_view::{BandwidthState, Statement};

pub(crate) use super::CONSENT;

pub(crate) const CONSENT_LEAD: &str =
    "Two things only you can know, and three that you should. It takes a minute, and nothing is sent anywhere.";
pub(crate) const CONSENT_AGAIN: &str = "This version of Lull may do more with your connection than what you agreed to. Nothing of it happens until you \
     agree again. Judgments go on meanwhile.";
pub(crate) const SAY: &str = "This is true for me";
pub(crate) const ADULT: &str = "I am 18 or older.";
pub(crate) const ADULT_MORE: &str = "Younger? Judgments may still be for you; lending a connection is not.";
pub(crate) const MAY_SHARE: &str = "I may share this connection.";
pub(crate) const MAY_SHARE_MORE: &str =
    "It is mine, or whoever pays for it agrees. It isn't my work's, school's or dorm's, unless they allow it.";
pub(crate) const KNOW: &str = "Three questions";
pub(crate) const KNOW_MORE: &str = "No trick and no score: pick again as often as you like.";
pub(crate) const AGREE: &str = "I agree; let the browser ask me";
pub(crate) const AGREE_MORE: &str =
    "Next your browser asks whether Lull may reach all sites. You can take all of this back with one click.";
pub(crate) const AGREE_TAB: &str = "This needs a full page, since the browser's own question would close this one.";
pub(crate) const READ_AND_AGREE: &str = "Read and decide";
pub(crate) const TAKE_BACK: &str = "Take my consent back";

pub(crate) fn agreed_on(day: &str) -> String {
    format!("You agreed: {day}.")
}

/// What is still open, for eyes and screen readers.
pub(crate) fn still_open(n: usize) -> String {
    match n {
        0 => "That's all. The rest is your decision.".to_owned(),
        1 => "1 of the five is still open.".to_owned(),
        n => format!("{n} of the five are still open."),
    }
}

/// What comes before the browser's question.
pub(crate) const FIRST: &str =
    "First two statements and three short questions, so that it's your decision and not just a click.";

/// Why bandwidth can't be switched on, where somebody else decides.
pub(crate) fn barrier(state: BandwidthState) -> Option<&'static str> {
    match state {
        BandwidthState::Forbidden => Some(FORBIDDEN),
        BandwidthState::NotAllowed => Some(NOT_ALLOWED),
        _ => None,
    }
}

/// Why bandwidth can't be switched on in a browser that an organisation manages.
pub(crate) const FORBIDDEN: &str =
    "The organisation that manages this browser has switched bandwidth off. Judgments are not affected.";
pub(crate) const NOT_ALLOWED: &str = "The organisation that manages this browser installed Lull, so bandwidth stays off unless it allows it. \
     Judgments are not affected.";
pub(crate) const FOR_ADMINISTRATORS: &str =
    "For who administers it: the managed setting allow_bandwidth of this extension decides.";

/// A question that shows whether something was understood.
pub(crate) struct Question {
    /// What the right answer says.
    pub(crate) statement: Statement,
    pub(crate) question: &'static str,
    /// Answers, each with what is said about it.
    pub(crate) answers: [(&'static str, &'static str); 3],
    /// Which one is right.
    pub(crate) right: usize,
}

pub(crate) const QUESTIONS: [Question; 3] = [
    Question {
        statement: Statement::SitesSeeMe,
        question: "Lull fetches a page over your connection. What does that site see?",
        answers: [
            (
                "Lull's address, not mine",
                "Not quite. Nothing stands between: your own browser asks the site. What does the site see, then?",
            ),
            (
                "My internet address",
                "Yes. To the site it is a visit from your address, without your cookies, log-ins or history.",
            ),
            (
                "My name and my log-ins",
                "No, those never leave: Lull sends no cookies and no log-ins. But something of yours is seen.",
            ),
        ],
        right: 1,
    },
    Question {
        statement: Statement::OwnersSeeMe,
        question: "A buyer orders a page from a site that they own. What can they learn?",
        answers: [
            (
                "My internet address, from their site's log",
                "Yes. Whoever owns the site reads its log, and a buyer may own it.",
            ),
            (
                "Nothing: Lull tells buyers nothing of me",
                "Lull doesn't tell them. But their site is asked by your browser, and sites keep a log of who asked.",
            ),
            ("What else I browse", "No. Lull never sees your own browsing, so it can't tell anybody."),
        ],
        right: 0,
    },
    Question {
        statement: Statement::StopAnyTime,
        question: "A page is on its way, and you change your mind. What do you have to do?",
        answers: [
            ("Wait until it's done", "No need to: what is under way can be stopped, too."),
            ("Ask the buyer or the coordinator", "Nobody has to be asked. It's your connection."),
            (
                "Press Pause or Switch off",
                "Yes. It stops at once, even in the middle of a page, and costs you nothing.",
            ),
        ],
        right: 2,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_is_asked_once_and_the_right_answers_are_in_different_places() {
        let mut asked: Vec<Statement> = QUESTIONS.iter().map(|question| question.statement).collect();
        asked.extend([Statement::Adult, Statement::MayShare]);
        asked.sort_unstable();
        assert_eq!(asked, Statement::ALL);
        let mut places: Vec<usize> = QUESTIONS.iter().map(|question| question.right).collect();
        places.sort_unstable();
        assert_eq!(places, [0, 1, 2]);
        for question in QUESTIONS {
            for (i, (_, said)) in question.answers.iter().enumerate() {
                assert_eq!(said.starts_with("Yes."), i == question.right, "{said}");
            }
        }
    }
}
