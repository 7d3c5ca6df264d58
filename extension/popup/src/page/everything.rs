//! Everything that this browser keeps about the person, saved as one file: read piece by piece, with what was read so
//! far; whoever stops it has lost nothing.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use lull_view::{About, Command, Everything, Reply};
use yew::{
    Callback, Html, MouseEvent, Properties, UseStateSetter, component, html, use_effect_with, use_memo, use_state_eq,
};

use crate::format;
use crate::link::Wire;
use crate::model::Lull;
use crate::save::save;
use crate::single_keys::storage;
use crate::text;

/// How far the file is.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Idle,
    Reading {
        entries: u64,
        receipts: u64,
    },
    Saved(String),
    Stopped,
    /// Why, if the background said.
    Failed(String),
}

/// The file in the making.
struct Making {
    wire: Wire,
    file: RefCell<Option<Everything>>,
    said: UseStateSetter<Step>,
    /// The run of the page, and this one's: another number, and it is over.
    run: Rc<Cell<u32>>,
    mine: u32,
}

impl Making {
    fn go_on(self: Rc<Self>, command: Command) {
        let making = Rc::clone(&self);
        self.wire.ask(command, Callback::from(move |reply| Rc::clone(&making).took(&reply)));
    }

    fn took(self: Rc<Self>, reply: &Reply) {
        if self.run.get() != self.mine {
            return;
        }
        let Some(mut file) = self.file.take() else { return };
        match file.take(reply) {
            Ok(Some(next)) => {
                self.said.set(Step::Reading { entries: file.entries(), receipts: file.receipts() });
                self.file.replace(Some(file));
                self.go_on(next);
            }
            Ok(None) => {
                let name = file.name();
                self.said.set(match save(&file.finish(), &name, "application/json") {
                    Ok(()) => Step::Saved(name),
                    Err(error) => Step::Failed(lull_browser::describe(&error)),
                });
            }
            Err(why) => self.said.set(Step::Failed(why)),
        }
    }
}

#[derive(PartialEq, Properties)]
pub(crate) struct SaveEverythingProps {
    pub(crate) lull: Lull,
}

/// The button, and how far the file is.
#[component]
pub(crate) fn SaveEverything(props: &SaveEverythingProps) -> Html {
    let step = use_state_eq(|| Step::Idle);
    let run = use_memo((), |()| Cell::new(0_u32));
    let over = Rc::clone(&run);
    // Whoever leaves the page doesn't want it any more.
    use_effect_with((), move |()| move || next(&over));
    let is_reading = matches!(*step, Step::Reading { .. });
    let (lull, said) = (props.lull.clone(), step.setter());
    // One button, so that the focus stays on it.
    let click = move |_: MouseEvent| {
        next(&run);
        if is_reading {
            said.set(Step::Stopped);
        } else {
            begin(&lull, &said, &run);
        }
    };
    html! {
        <p class="export">
            <button class="button" type="button" data-testid="everything" onclick={click}>
                { if is_reading { text::everything_stop() } else { text::everything_save() } }
            </button>
            <span role="status" data-testid="everything-said">{ says(&step) }</span>
        </p>
    }
}

fn next(run: &Cell<u32>) {
    run.set(run.get().wrapping_add(1));
}

fn begin(lull: &Lull, said: &UseStateSetter<Step>, run: &Rc<Cell<u32>>) {
    let Some(view) = lull.model.view.as_deref() else { return };
    let about = About {
        saved_at: format::now_ms(),
        version: lull_browser::manifest_version(),
        pages: kept_by_pages(),
        local_date: format::local_date,
    };
    let (file, first) = Everything::begin(view, about);
    said.set(Step::Reading { entries: 0, receipts: 0 });
    let making = Making {
        wire: lull.wire.clone(),
        file: RefCell::new(Some(file)),
        said: said.clone(),
        run: Rc::clone(run),
        mine: run.get(),
    };
    Rc::new(making).go_on(first);
}

fn says(step: &Step) -> String {
    match step {
        Step::Idle => String::new(),
        Step::Reading { entries, receipts } => {
            text::everything_reading(&format::count(*entries), &format::count(*receipts))
        }
        Step::Saved(name) => text::everything_saved(name),
        Step::Stopped => text::everything_stopped().to_owned(),
        Step::Failed(why) if why.is_empty() => text::export_failed().to_owned(),
        Step::Failed(why) => text::everything_failed(why),
    }
}

/// What the pages themselves keep, by name.
fn kept_by_pages() -> Vec<(String, String)> {
    let Some(storage) = storage() else { return Vec::new() };
    let names = (0..storage.length().unwrap_or(0)).filter_map(|index| storage.key(index).ok().flatten());
    let mut kept: Vec<(String, String)> =
        names.filter_map(|name| storage.get_item(&name).ok().flatten().map(|value| (name, value))).collect();
    kept.sort();
    kept
}
