//! A person for load: takes everything on, answers after a moment's thought, and doesn't like to wait.

use lull_view::{AnswerInput, BandwidthWhen, Command, JudgmentTask, Link, Notice, Statement, TaskAnswer, View};

use crate::{Said, Shell};

/// One such person.
pub struct Labourer {
    /// Whether bandwidth is lent too.
    pub lends: bool,
    /// The longest thought before an answer, milliseconds.
    pub think_ms_max: u64,
    /// How long a connection may be down before *connect now* is pressed, milliseconds; `None`: never.
    pub patience_ms: Option<u64>,
    /// What its thoughts and answers are drawn from.
    pub rng: fastrand::Rng,
    begun: bool,
    /// The judgment on screen, whose answer is on its way. What storage did not take comes back later and is
    /// answered anew.
    pondered: Option<String>,
}

impl Labourer {
    /// Who draws from `seed`.
    pub fn new(lends: bool, think_ms_max: u64, patience_ms: Option<u64>, seed: u64) -> Self {
        let rng = fastrand::Rng::with_seed(seed);
        Self { lends, think_ms_max, patience_ms, rng, begun: false, pondered: None }
    }

    fn begin(&mut self) -> Vec<Said> {
        self.begun = true;
        let mut commands = vec![Command::SetJudgments { on: true }, Command::CardSeen, Command::FirstRunDone];
        if self.lends {
            commands.push(Command::SetBandwidthWhen { when: BandwidthWhen::Always });
            commands.push(Command::Agree { statements: Statement::ALL.into() });
            commands.push(Command::SetBandwidth { on: true });
        }
        commands.into_iter().map(Said::now).collect()
    }
}

impl Labourer {
    /// An answer to a choice, mostly the first option: people who never agree would decide nothing. What is sold for
    /// load are choices.
    fn thought(&mut self, task: &JudgmentTask) -> Option<TaskAnswer> {
        let JudgmentTask::Choice { options, .. } = task else { return None };
        let options = u8::try_from(options.len()).unwrap_or(u8::MAX);
        Some(TaskAnswer::Choice(if self.rng.u8(0..10) < 8 { 0 } else { self.rng.u8(0..options) }))
    }
}

impl Shell for Labourer {
    fn look(&mut self, view: &View) -> Vec<Said> {
        if !self.begun {
            return self.begin();
        }
        let mut said = Vec::new();
        if let (Link::Waiting { .. }, Some(after_ms)) = (&view.link, self.patience_ms) {
            said.push(Said { command: Command::ConnectNow, after_ms: after_ms.max(1) });
        }
        // Read and put away; that storage fails stands there until it is over.
        if view.notice.as_ref().is_some_and(|notice| *notice != Notice::Storage) {
            said.push(Said::now(Command::DismissNotice));
        }
        said.extend(
            view.practice.iter().map(|shown| Said::now(Command::Practised { practice: shown.practice.clone() })),
        );
        let on_screen = view.judgment.as_ref().map(|judgment| judgment.offer.clone());
        let is_new = on_screen != self.pondered;
        self.pondered = on_screen;
        if let Some(judgment) = view.judgment.as_ref().filter(|_| is_new) {
            let offer = judgment.offer.clone();
            let after_ms = self.rng.u64(0..=self.think_ms_max);
            let command = match self.thought(&judgment.task) {
                Some(answer) => Command::Answer { offer, answer, input: AnswerInput::Replay, shown_at: 0 },
                None => Command::Skip { offer, shown_at: None },
            };
            said.push(Said { command, after_ms });
        }
        said
    }
}
