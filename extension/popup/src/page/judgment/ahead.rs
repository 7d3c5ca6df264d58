//! The pictures of the judgment on screen and of the one that comes next, decoded: the next one is there at once, and
//! what no browser can show goes back, for what is signed is what was seen.

use lull_view::{Command, Judgment, JudgmentContent, JudgmentTask};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::HtmlImageElement;
use yew::{hook, use_effect_with, use_mut_ref};

use crate::model::Lull;

/// A browser short of memory may fail at a sound picture once: it is no judge of it before this many tries.
const TRIES: u8 = 2;

/// A judgment's offer and its pictures.
type Kept = (String, Vec<HtmlImageElement>);

/// Has the browser decode them, and keeps them until their judgment is gone.
#[hook]
pub(super) fn use_decoded(lull: &Lull) {
    let kept = use_mut_ref(Vec::<Kept>::new);
    let lull = lull.clone();
    let view = lull.model.view.clone();
    let of = |judgment: &Option<Judgment>| judgment.as_ref().map(|judgment| judgment.offer.clone());
    let offers = view.as_ref().map(|view| (of(&view.judgment), of(&view.next)));
    use_effect_with(offers, move |_| {
        let mut kept = kept.borrow_mut();
        let mut before = std::mem::take(&mut *kept);
        for judgment in view.iter().flat_map(|view| [&view.judgment, &view.next]).flatten() {
            let known = before.iter().position(|(offer, _)| *offer == judgment.offer);
            kept.push(known.map_or_else(|| decoded(&lull, judgment), |at| before.swap_remove(at)));
        }
    });
}

/// Begins to decode a judgment's pictures; says so if one can't be.
fn decoded(lull: &Lull, judgment: &Judgment) -> Kept {
    let images = pictures(&judgment.task).filter_map(|address| {
        let image = HtmlImageElement::new().ok()?;
        let (lull, offer, first) = (lull.clone(), judgment.offer.clone(), image.clone());
        let address = address.to_owned();
        spawn_local(async move {
            if !is_shown(&first, &address).await {
                lull.wire.send(Command::Broken { offer });
            }
        });
        Some(image)
    });
    (judgment.offer.clone(), images.collect())
}

/// Whether the browser can decode what is at this address.
async fn is_shown(image: &HtmlImageElement, address: &str) -> bool {
    for _ in 0..TRIES {
        image.set_src(address);
        if JsFuture::from(image.decode()).await.is_ok() {
            return true;
        }
    }
    false
}

/// The addresses of what a task shows.
pub(super) fn pictures(task: &JudgmentTask) -> impl Iterator<Item = &str> {
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
