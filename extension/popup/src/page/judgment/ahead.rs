//! The pictures of the judgment that comes next, decoded before it is shown.

use std::rc::Rc;

use lull_view::{JudgmentContent, JudgmentTask, View};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::HtmlImageElement;
use yew::{hook, use_effect_with, use_mut_ref};

/// Of the judgment on screen, and of the next one.
type Kept = (Vec<HtmlImageElement>, Vec<HtmlImageElement>);

/// Has the browser decode them, and keeps them until the judgment is gone.
#[hook]
pub(super) fn use_decoded(view: Option<&Rc<View>>) {
    let kept = use_mut_ref(Kept::default);
    let view = view.cloned();
    let offer = view.as_ref().and_then(|view| view.next.as_ref()).map(|next| next.offer.clone());
    use_effect_with(offer, move |_| {
        if let Some(next) = view.as_ref().and_then(|view| view.next.as_ref()) {
            let images = pictures(&next.task).into_iter().filter_map(decoded).collect();
            let mut kept = kept.borrow_mut();
            kept.0 = std::mem::replace(&mut kept.1, images);
        }
    });
}

fn decoded(address: &str) -> Option<HtmlImageElement> {
    let image = HtmlImageElement::new().ok()?;
    image.set_src(address);
    let decoding = JsFuture::from(image.decode());
    // One that can't be decoded is shown as such when its turn comes.
    spawn_local(async move { drop(decoding.await) });
    Some(image)
}

/// The addresses of what a task shows.
fn pictures(task: &JudgmentTask) -> Vec<&str> {
    let contents = match task {
        JudgmentTask::Choice { content, .. }
        | JudgmentTask::Multi { content, .. }
        | JudgmentTask::Rating { content, .. } => vec![content],
        JudgmentTask::Compare { left, right } => vec![left, right],
        JudgmentTask::Verify { .. } => vec![],
    };
    contents.into_iter().filter_map(address).collect()
}

fn address(content: &JudgmentContent) -> Option<&str> {
    match content {
        JudgmentContent::Picture { data_url, .. } => Some(data_url),
        JudgmentContent::Text { .. } | JudgmentContent::Code { .. } | JudgmentContent::Markdown { .. } => None,
    }
}
