//! An answer in the making: what a key or a click adds to it, and when it is whole.

use crate::{Finding, JudgmentTask, OptionSet, Preference, TaskAnswer};

/// What was chosen so far of the answer to one task. One that needs a single touch has nothing to keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// Of several options: which are chosen.
    pub chosen: OptionSet,
    /// Of a source: the sentence that is marked, from 0.
    pub sentence: Option<u8>,
    /// Of a claim: what was found, while no sentence shows it yet.
    pub found: Option<Found>,
}

/// What was found of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// The source supports it.
    Supported,
    /// The source contradicts it.
    Contradicted,
}

/// What the person did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touch {
    /// Took the option of this index, from 0, in the order in which they are shown.
    Option(u8),
    /// Marked the sentence of this index, from 0.
    Sentence(u8),
    /// Went to the next sentence, or to the one before.
    Step {
        /// To the next.
        down: bool,
    },
    /// Said that the answer is whole.
    Done,
}

/// What comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touched {
    /// The answer is whole.
    Answer(TaskAnswer),
    /// It goes on from here.
    Draft(Draft),
    /// It means nothing here.
    Nothing,
}

impl Draft {
    /// What of it can be of an answer to this task: nothing, if something can't.
    pub fn of(self, task: &JudgmentTask) -> Self {
        let can_be = match task {
            JudgmentTask::Multi { options, .. } => {
                let is_option = |option: u8| usize::from(option) < options.len();
                self.chosen.iter().all(is_option) && self.sentence.is_none() && self.found.is_none()
            }
            JudgmentTask::Verify { source, .. } => {
                self.chosen.count() == 0 && self.sentence.is_none_or(|at| usize::from(at) < source.len())
            }
            JudgmentTask::Choice { .. } | JudgmentTask::Compare { .. } | JudgmentTask::Rating { .. } => false,
        };
        if can_be { self } else { Self::default() }
    }

    /// What this touch makes of the draft.
    pub fn touch(self, task: &JudgmentTask, touch: Touch) -> Touched {
        match (task, touch) {
            (_, Touch::Option(option)) if usize::from(option) >= task.options() => Touched::Nothing,
            (JudgmentTask::Choice { .. }, Touch::Option(option)) => Touched::Answer(TaskAnswer::Choice(option)),
            (JudgmentTask::Compare { .. }, Touch::Option(option)) => match Preference::ALL.get(usize::from(option)) {
                Some(preference) => Touched::Answer(TaskAnswer::Compare(*preference)),
                None => Touched::Nothing,
            },
            (JudgmentTask::Rating { .. }, Touch::Option(option)) => Touched::Answer(TaskAnswer::Rating(option + 1)),
            (JudgmentTask::Multi { .. }, Touch::Option(option)) => match self.chosen.toggled(option) {
                Some(chosen) => Touched::Draft(Self { chosen, ..self }),
                None => Touched::Nothing,
            },
            (JudgmentTask::Multi { least, most, .. }, Touch::Done) => {
                let is_whole = (*least..=*most).contains(&self.chosen.count());
                if is_whole { Touched::Answer(TaskAnswer::Multi(self.chosen)) } else { Touched::Nothing }
            }
            (JudgmentTask::Verify { source, .. }, touch) => self.find(source.len(), touch),
            _ => Touched::Nothing,
        }
    }

    fn find(self, sentences: usize, touch: Touch) -> Touched {
        let mark = |at: usize| u8::try_from(at).ok().filter(|_| at < sentences);
        // Of a single sentence there is nothing to choose.
        let sentence = self.sentence.or((sentences == 1).then_some(0));
        let conclude = |found: Option<Found>, sentence: Option<u8>| match (found, sentence) {
            (Some(Found::Supported), Some(sentence)) => {
                Touched::Answer(TaskAnswer::Verify(Finding::Supported { sentence }))
            }
            (Some(Found::Contradicted), Some(sentence)) => {
                Touched::Answer(TaskAnswer::Verify(Finding::Contradicted { sentence }))
            }
            (found, sentence) => Touched::Draft(Self { sentence, found, ..self }),
        };
        match touch {
            Touch::Option(0) => conclude(Some(Found::Supported), sentence),
            Touch::Option(1) => conclude(Some(Found::Contradicted), sentence),
            Touch::Option(_) => Touched::Answer(TaskAnswer::Verify(Finding::NotEnough)),
            Touch::Sentence(at) => match mark(usize::from(at)) {
                Some(at) => conclude(self.found, Some(at)),
                None => Touched::Nothing,
            },
            // Going through the sentences is reading, not answering.
            Touch::Step { down } => {
                let at = match self.sentence.map(usize::from) {
                    None => 0,
                    Some(at) if down => at + 1,
                    Some(at) => at.saturating_sub(1),
                };
                let sentence = mark(at).or(self.sentence);
                Touched::Draft(Self { sentence, ..self })
            }
            Touch::Done if self.found.is_some() && sentence.is_some() => conclude(self.found, sentence),
            Touch::Done => Touched::Nothing,
        }
    }
}

impl JudgmentTask {
    /// How many options it is answered by: those that a number key takes.
    pub fn options(&self) -> usize {
        match self {
            Self::Choice { options, .. } | Self::Multi { options, .. } => options.len(),
            Self::Compare { .. } => Preference::ALL.len(),
            Self::Rating { steps, .. } => usize::from(*steps),
            Self::Verify { .. } => Finding::WORDS.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JudgmentContent;

    fn text() -> JudgmentContent {
        JudgmentContent::Text { text: "a".to_owned() }
    }

    fn words(count: usize) -> Vec<String> {
        (0..count).map(|at| format!("option {at}")).collect()
    }

    fn set(options: &[u8]) -> OptionSet {
        options.iter().fold(OptionSet::default(), |set, option| set.with(*option).expect("an option"))
    }

    /// What comes of these touches: the answer, or the draft that is left.
    fn answer(task: &JudgmentTask, touches: &[Touch]) -> Result<TaskAnswer, Draft> {
        touches
            .iter()
            .try_fold(Draft::default(), |draft, touch| match draft.touch(task, *touch) {
                Touched::Answer(answer) => Err(answer),
                Touched::Draft(draft) => Ok(draft),
                Touched::Nothing => Ok(draft),
            })
            .map_or_else(Ok, Err)
    }

    #[test]
    fn one_touch_answers_a_choice_a_comparison_and_a_rating() {
        let choice = JudgmentTask::Choice { content: text(), options: words(3) };
        assert_eq!(answer(&choice, &[Touch::Option(2)]), Ok(TaskAnswer::Choice(2)));
        assert_eq!(answer(&choice, &[Touch::Option(3)]), Err(Draft::default()), "there is no fourth");
        assert_eq!(answer(&choice, &[Touch::Done]), Err(Draft::default()));
        let compare = JudgmentTask::Compare { left: text(), right: text() };
        assert_eq!(answer(&compare, &[Touch::Option(3)]), Ok(TaskAnswer::Compare(Preference::BothBad)));
        let rating =
            JudgmentTask::Rating { content: text(), steps: 10, lowest: "bad".to_owned(), highest: "good".to_owned() };
        assert_eq!(answer(&rating, &[Touch::Option(9)]), Ok(TaskAnswer::Rating(10)));
        assert_eq!(answer(&rating, &[Touch::Option(10)]), Err(Draft::default()));
    }

    #[test]
    fn several_options_are_taken_and_taken_back_until_they_are_done() {
        let multi = JudgmentTask::Multi { content: text(), options: words(4), least: 1, most: 2 };
        let [a, b, c] = [0, 1, 2].map(Touch::Option);
        assert_eq!(answer(&multi, &[a, b, Touch::Done]), Ok(TaskAnswer::Multi(set(&[0, 1]))));
        assert_eq!(answer(&multi, &[a, b, a, Touch::Done]), Ok(TaskAnswer::Multi(set(&[1]))));
        let none = Draft::default();
        assert_eq!(answer(&multi, &[Touch::Done]), Err(none), "one is the least");
        let three = Draft { chosen: set(&[0, 1, 2]), ..none };
        assert_eq!(answer(&multi, &[a, b, c, Touch::Done]), Err(three), "two is the most");
    }

    #[test]
    fn a_claim_needs_the_sentence_that_shows_it_in_either_order() {
        let verify = JudgmentTask::Verify { claim: "it floats".to_owned(), source: words(3) };
        let supported = Ok(TaskAnswer::Verify(Finding::Supported { sentence: 1 }));
        let (yes, no, unknown, mark) = (Touch::Option(0), Touch::Option(1), Touch::Option(2), Touch::Sentence(1));
        assert_eq!(answer(&verify, &[mark, yes]), supported);
        assert_eq!(answer(&verify, &[yes, mark]), supported);
        assert_eq!(answer(&verify, &[no, yes, mark]), supported, "the last finding counts");
        let (down, up) = (Touch::Step { down: true }, Touch::Step { down: false });
        assert_eq!(answer(&verify, &[down, down, down, down, up, yes]), supported);
        assert_eq!(answer(&verify, &[yes, down, down, Touch::Done]), supported, "reading on answers nothing");
        assert_eq!(answer(&verify, &[unknown]), Ok(TaskAnswer::Verify(Finding::NotEnough)));
        let waits = Draft { found: Some(Found::Supported), ..Draft::default() };
        assert_eq!(answer(&verify, &[yes, Touch::Done]), Err(waits), "nothing is marked");
        assert_eq!(answer(&verify, &[Touch::Sentence(3)]), Err(Draft::default()), "there is no fourth");
    }

    #[test]
    fn a_draft_of_another_task_is_none() {
        let multi = JudgmentTask::Multi { content: text(), options: words(4), least: 1, most: 2 };
        let verify = JudgmentTask::Verify { claim: "it floats".to_owned(), source: words(3) };
        let choice = JudgmentTask::Choice { content: text(), options: words(3) };
        let ticked = |options| Draft { chosen: set(options), ..Draft::default() };
        let marked = |at| Draft { sentence: Some(at), found: Some(Found::Supported), ..Draft::default() };
        assert_eq!((ticked(&[0, 3]).of(&multi), ticked(&[4]).of(&multi)), (ticked(&[0, 3]), Draft::default()));
        assert_eq!((marked(2).of(&verify), marked(3).of(&verify)), (marked(2), Draft::default()));
        for (draft, task) in [(ticked(&[0]), &verify), (marked(0), &multi), (ticked(&[0]), &choice)] {
            assert_eq!(draft.of(task), Draft::default());
        }
    }

    #[test]
    fn a_single_sentence_is_marked_by_itself() {
        let verify = JudgmentTask::Verify { claim: "it floats".to_owned(), source: words(1) };
        let contradicted = TaskAnswer::Verify(Finding::Contradicted { sentence: 0 });
        assert_eq!(answer(&verify, &[Touch::Option(1)]), Ok(contradicted));
    }
}
