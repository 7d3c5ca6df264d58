//! What stands in the place of sensitive content until the person asks to see it.

use lull_view::{Judgment, JudgmentContent, JudgmentTask};
use yew::{Callback, Html, html};

use super::Act;
use crate::single_keys::shortcut;
use crate::text;
use crate::words::content as words;

/// What it may show, the way to see it, and its pictures, blurred.
pub(super) fn covered(judgment: &Judgment, act: &Callback<Act>) -> Html {
    let show = act.reform(|_| Act::Uncover);
    html! {
        <div class="covered" data-testid="covered">
            <div class="blurred" aria-hidden="true">
                { for pictures(&judgment.task).map(|data_url| html! {
                    <img class="content-picture" src={data_url.to_owned()} alt="" />
                }) }
            </div>
            <p class="covered-words">{ words::may_show(judgment.warnings) }</p>
            <button class="button primary" data-testid="uncover" aria-keyshortcuts={shortcut("b")} onclick={show}>
                { text::uncover() }<kbd aria-hidden="true">{ "B" }</kbd>
            </button>
        </div>
    }
}

fn pictures(task: &JudgmentTask) -> impl Iterator<Item = &str> {
    let contents = match task {
        JudgmentTask::Choice { content, .. }
        | JudgmentTask::Multi { content, .. }
        | JudgmentTask::Rating { content, .. } => [Some(content), None],
        JudgmentTask::Compare { left, right } => [Some(left), Some(right)],
        JudgmentTask::Verify { .. } => [None, None],
    };
    contents.into_iter().flatten().filter_map(|content| match content {
        JudgmentContent::Picture { data_url, .. } => Some(data_url.as_str()),
        JudgmentContent::Text { .. } | JudgmentContent::Code { .. } | JudgmentContent::Markdown { .. } => None,
    })
}
