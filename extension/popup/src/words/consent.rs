//! The words of consent to bandwidth: three questions, and what stands in the way.

use lull_view::{BandwidthState, Statement};

use crate::text;

/// What is still open, for eyes and screen readers.
pub(crate) fn still_open(n: usize) -> String {
    if n == 0 { text::consent_open_none().to_owned() } else { text::consent_open(n as u64) }
}

/// Why bandwidth can't be switched on, where somebody else decides.
pub(crate) fn barrier(state: BandwidthState) -> Option<&'static str> {
    match state {
        BandwidthState::Forbidden => Some(text::consent_forbidden()),
        BandwidthState::NotAllowed => Some(text::consent_not_allowed()),
        _ => None,
    }
}

/// A message.
pub(crate) type Message = fn() -> &'static str;

/// A question that shows whether something was understood.
pub(crate) struct Question {
    /// What the right answer says.
    pub(crate) statement: Statement,
    pub(crate) question: Message,
    /// Answers, each with what is said about it.
    pub(crate) answers: [(Message, Message); 3],
    /// Which one is right.
    pub(crate) right: usize,
}

pub(crate) const QUESTIONS: [Question; 3] = [
    Question {
        statement: Statement::SitesSeeMe,
        question: text::consent_sites_question,
        answers: [
            (text::consent_sites_a, text::consent_sites_a_said),
            (text::consent_sites_b, text::consent_sites_b_said),
            (text::consent_sites_c, text::consent_sites_c_said),
        ],
        right: 1,
    },
    Question {
        statement: Statement::OwnersSeeMe,
        question: text::consent_owners_question,
        answers: [
            (text::consent_owners_a, text::consent_owners_a_said),
            (text::consent_owners_b, text::consent_owners_b_said),
            (text::consent_owners_c, text::consent_owners_c_said),
        ],
        right: 0,
    },
    Question {
        statement: Statement::StopAnyTime,
        question: text::consent_stop_question,
        answers: [
            (text::consent_stop_a, text::consent_stop_a_said),
            (text::consent_stop_b, text::consent_stop_b_said),
            (text::consent_stop_c, text::consent_stop_c_said),
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
                assert_eq!(said().starts_with("Yes."), i == question.right, "{}", said());
            }
        }
    }
}
