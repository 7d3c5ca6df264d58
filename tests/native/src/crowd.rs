//! The demonstration's crowd: simulated people that replay recorded answers of real ones.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use data_encoding::BASE64;
use lull_protocol::Hash;
use lull_view::{AnswerInput, Command, Judgment, JudgmentContent, JudgmentTask, TaskAnswer, View};
use serde::Deserialize;

use crate::{Said, Shell};

/// What was recorded: the answers of several people to each content.
pub type Recorded = BTreeMap<Hash, Vec<u8>>;

#[derive(Deserialize)]
struct File {
    projects: Vec<Project>,
}

#[derive(Deserialize)]
struct Project {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    text: Option<String>,
    picture: Option<String>,
    recorded: Vec<u8>,
}

/// Reads recorded answers: `judgments.json` with pictures beside it.
pub fn load_recorded(file: &Path) -> Result<Recorded> {
    let text = std::fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?;
    let parsed: File = serde_json::from_str(&text).with_context(|| format!("can't parse {}", file.display()))?;
    let folder = file.parent().context("the file lies in a folder")?;
    let mut recorded = Recorded::new();
    for item in parsed.projects.into_iter().flat_map(|p| p.items) {
        let content = match (item.text, item.picture) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(picture)) => std::fs::read(folder.join(&picture)).with_context(|| picture)?,
            _ => anyhow::bail!("an item has either a text or a picture"),
        };
        recorded.insert(Hash::of(&content), item.recorded);
    }
    Ok(recorded)
}

/// One simulated person: gives the `person`-th recorded answer, or skips what nobody recorded for it.
pub struct Crowd {
    /// The recorded answers.
    pub recorded: std::sync::Arc<Recorded>,
    /// Which of the recorded people.
    pub person: usize,
}

impl Shell for Crowd {
    fn look(&mut self, view: &View) -> Vec<Said> {
        if !view.settings.judgments {
            return [Command::SetJudgments { on: true }, Command::CardSeen, Command::FirstRunDone]
                .map(Said::now)
                .into();
        }
        if let Some(practice) = &view.practice {
            return vec![Said::now(Command::Practised { practice: practice.practice.clone() })];
        }
        view.judgment.as_ref().map(|judgment| Said::now(self.answer(judgment))).into_iter().collect()
    }
}

impl Crowd {
    fn answer(&self, judgment: &Judgment) -> Command {
        let offer = judgment.offer.clone();
        let answers = content_hash(&judgment.task).and_then(|hash| self.recorded.get(&hash));
        match answers.and_then(|answers| answers.get(self.person)) {
            // The machine knows the time; a replayed answer was shown to nobody.
            Some(option) => {
                let (answer, input) = (TaskAnswer::Choice(*option), AnswerInput::Replay);
                Command::Answer { offer, answer, input, shown_at: 0 }
            }
            None => Command::Skip { offer, shown_at: None },
        }
    }
}

/// What answers were recorded to: the contents of choices.
fn content_hash(task: &JudgmentTask) -> Option<Hash> {
    let JudgmentTask::Choice { content, .. } = task else { return None };
    match content {
        JudgmentContent::Text { text } | JudgmentContent::Code { text } | JudgmentContent::Markdown { text } => {
            Some(Hash::of(text.as_bytes()))
        }
        JudgmentContent::Picture { data_url, .. } => {
            let (_, base64) = data_url.split_once(";base64,")?;
            Some(Hash::of(&BASE64.decode(base64.as_bytes()).ok()?))
        }
    }
}
