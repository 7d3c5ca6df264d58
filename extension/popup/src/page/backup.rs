//! The backup page: makes a file of this browser's key that a passphrase opens, and goes on with the key of such a
//! file.

use gloo::timers::callback::Timeout;
use js_sys::Uint8Array;
use lull_view::{BACKUP_FILE_BYTES_MAX, BackupSaid, BackupTrouble, Command, PASSPHRASE_CHARS_MIN, View};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::{Blob, Event, HtmlInputElement, InputEvent, SubmitEvent};
use yew::{
    Callback, Html, MouseEvent, NodeRef, Properties, TargetCast, component, html, use_effect_with, use_node_ref,
    use_state_eq,
};

use crate::backup;
use crate::format;
use crate::model::Lull;
use crate::parts::title_bar;
use crate::route::Route;
use crate::save::save_bytes;
use crate::text;
use crate::words;

/// Passphrases hold the page up for a second; before that it is painted once more.
const PAINT_MS: u32 = 60;

#[derive(PartialEq, Properties)]
pub(crate) struct BackupProps {
    pub(crate) lull: Lull,
}

/// The page.
#[component]
pub(crate) fn BackupPage(props: &BackupProps) -> Html {
    let Some(view) = props.lull.model.view.clone() else { return html! {} };
    use_effect_with((), |()| || spawn_local(backup::forget()));
    html! {
        <div class="page backup" data-testid="backup-page">
            { title_bar(text::backup_page()) }
            <p>{ text::backup_lead() }</p>
            <Make worker={view.worker.clone()} />
            <Restore lull={props.lull.clone()} />
        </div>
    }
}

/// How far something is that takes a moment.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Idle,
    Working,
    Saved(String),
    Failed(BackupTrouble),
}

impl Step {
    fn says(&self) -> Html {
        match self {
            Self::Idle => html! {},
            Self::Working => html! { <span class="quiet">{ text::backup_working() }</span> },
            Self::Saved(name) => html! { <span class="done">{ text::backup_saved(name) }</span> },
            Self::Failed(why) => html! { <span class="wrong">{ words::backup::trouble(why) }</span> },
        }
    }
}

#[derive(PartialEq, Properties)]
struct MakeProps {
    worker: String,
}

#[component]
fn Make(props: &MakeProps) -> Html {
    let [first, again] = [use_state_eq(String::new), use_state_eq(String::new)];
    let is_shown = use_state_eq(|| false);
    let step = use_state_eq(|| Step::Idle);
    let suggest = {
        let (first, again, is_shown, step) = (first.setter(), again.setter(), is_shown.setter(), step.setter());
        Callback::from(move |_: MouseEvent| {
            let (first, again, is_shown, step) = (first.clone(), again.clone(), is_shown.clone(), step.clone());
            spawn_local(async move {
                match backup::suggest().await {
                    Ok(passphrase) => {
                        first.set(passphrase.clone());
                        again.set(passphrase);
                        is_shown.set(true);
                        step.set(Step::Idle);
                    }
                    Err(error) => {
                        let why = lull_browser::describe(&error);
                        step.set(Step::Failed(BackupTrouble::Browser { why }));
                    }
                }
            });
        })
    };
    let is_long_enough = first.chars().count() >= PASSPHRASE_CHARS_MIN;
    let is_agreed = *first == *again;
    let may_save = is_long_enough && is_agreed && *step != Step::Working;
    let submit = {
        let (passphrase, step) = ((*first).clone(), step.setter());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            if !may_save {
                return;
            }
            step.set(Step::Working);
            let (passphrase, step) = (passphrase.clone(), step.clone());
            soon(async move {
                step.set(match backup::make(&passphrase).await {
                    BackupSaid::Made { name, file } => match save_bytes(&file, &name, "application/octet-stream") {
                        Ok(()) => Step::Saved(name),
                        Err(error) => Step::Failed(BackupTrouble::Browser { why: lull_browser::describe(&error) }),
                    },
                    BackupSaid::Failed { why } => Step::Failed(why),
                    _ => Step::Idle,
                });
            });
        })
    };
    let hint = match (first.is_empty(), is_long_enough, again.is_empty() || is_agreed) {
        (false, false, _) => text::backup_short(&format::count(PASSPHRASE_CHARS_MIN as u64)),
        (false, true, false) => text::backup_differ().to_owned(),
        _ => String::new(),
    };
    html! {
        <section class="card" aria-labelledby="backup-make">
            <h2 id="backup-make">{ text::backup_make() }</h2>
            <p class="quiet">{ text::backup_make_text() }</p>
            <p class="code key" dir="ltr" data-testid="backup-worker">{ &props.worker }</p>
            <form onsubmit={submit}>
                { passphrase("backup-first", text::backup_passphrase(), "new-password", &first, *is_shown) }
                { passphrase("backup-again", text::backup_again(), "new-password", &again, *is_shown) }
                <p class="quiet" id="backup-hint" role="status" data-testid="backup-hint">{ hint }</p>
                <p class="backup-acts">
                    <button class="button small" type="button" data-testid="backup-suggest" onclick={suggest}>
                        { text::backup_suggest() }
                    </button>
                    { show_toggle("backup-show", &is_shown) }
                </p>
                <p class="quiet">{ text::backup_keep() }</p>
                <p class="export">
                    <button class="button primary" data-testid="backup-save"
                        aria-disabled={(!may_save).then_some("true")}>{ text::backup_save() }</button>
                    <span role="status" data-testid="backup-said">{ step.says() }</span>
                </p>
            </form>
        </section>
    }
}

fn passphrase(
    id: &'static str,
    label: &'static str,
    autocomplete: &'static str,
    state: &yew::UseStateHandle<String>,
    is_shown: bool,
) -> Html {
    let setter = state.setter();
    let input = Callback::from(move |event: InputEvent| {
        if let Some(field) = event.target_dyn_into::<HtmlInputElement>() {
            setter.set(field.value());
        }
    });
    html! {
        <label class="backup-field">
            <span>{ label }</span>
            <input type={if is_shown { "text" } else { "password" }} dir="ltr" spellcheck="false" autocapitalize="off"
                autocomplete={autocomplete} data-testid={id} value={(**state).clone()} oninput={input} />
        </label>
    }
}

fn show_toggle(id: &'static str, is_shown: &yew::UseStateHandle<bool>) -> Html {
    let (on, setter) = (**is_shown, is_shown.setter());
    html! {
        <button class="button small" type="button" aria-pressed={on.to_string()} data-testid={id}
            onclick={move |_| setter.set(!on)}>{ text::backup_show() }</button>
    }
}

/// After the page was painted.
fn soon(work: impl Future<Output = ()> + 'static) {
    Timeout::new(PAINT_MS, move || spawn_local(work)).forget();
}

/// A backup that was opened.
#[derive(Clone, Debug, PartialEq)]
struct Found {
    worker: String,
    made_at: u64,
    is_same: bool,
}

#[component]
fn Restore(props: &BackupProps) -> Html {
    let lull = &props.lull;
    let file = use_node_ref();
    let typed = use_state_eq(String::new);
    let is_shown = use_state_eq(|| false);
    let step = use_state_eq(|| Step::Idle);
    let found = use_state_eq(|| None::<Found>);
    let is_working = *step == Step::Working;
    let submit = {
        let (file, passphrase, step, found) = (file.clone(), (*typed).clone(), step.setter(), found.setter());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            if is_working {
                return;
            }
            found.set(None);
            let Some(chosen) = chosen(&file) else { return step.set(Step::Failed(BackupTrouble::NotAge)) };
            step.set(Step::Working);
            let (passphrase, step, found) = (passphrase.clone(), step.clone(), found.clone());
            soon(async move {
                match opened(&chosen, &passphrase).await {
                    Ok(backup) => {
                        found.set(Some(backup));
                        step.set(Step::Idle);
                    }
                    Err(why) => step.set(Step::Failed(why)),
                }
            });
        })
    };
    let changed = {
        let (step, found) = (step.setter(), found.setter());
        Callback::from(move |_: Event| {
            step.set(Step::Idle);
            found.set(None);
        })
    };
    html! {
        <section class="card" aria-labelledby="backup-restore">
            <h2 id="backup-restore">{ text::backup_restore() }</h2>
            <p class="quiet">{ text::backup_restore_text() }</p>
            <form onsubmit={submit}>
                <label class="backup-field">
                    <span>{ text::backup_file() }</span>
                    <input type="file" ref={file} accept=".age" data-testid="backup-file" onchange={changed} />
                </label>
                { passphrase("backup-open-passphrase", text::backup_passphrase(), "off", &typed, *is_shown) }
                <p class="backup-acts">{ show_toggle("backup-open-show", &is_shown) }</p>
                <p class="export">
                    <button class="button" data-testid="backup-open">{ text::backup_open() }</button>
                    <span role="status" data-testid="backup-open-said">{ step.says() }</span>
                </p>
            </form>
            if let Some(found) = &*found {
                <Adopt lull={lull.clone()} found={found.clone()} />
            }
        </section>
    }
}

fn chosen(field: &NodeRef) -> Option<Blob> {
    let file = field.cast::<HtmlInputElement>()?.files()?.get(0)?;
    Some(file.unchecked_into())
}

async fn opened(file: &Blob, passphrase: &str) -> Result<Found, BackupTrouble> {
    // Not read before it is known to be small.
    if file.size() > BACKUP_FILE_BYTES_MAX as f64 {
        return Err(BackupTrouble::TooLarge);
    }
    let unreadable = |error| BackupTrouble::Browser { why: lull_browser::describe(&error) };
    let bytes = file.array_buffer().await.map_err(unreadable)?;
    match backup::open(&Uint8Array::new(&bytes), passphrase).await {
        BackupSaid::Opened { worker, made_at, is_same } => Ok(Found { worker, made_at, is_same }),
        BackupSaid::Failed { why } => Err(why),
        _ => Err(BackupTrouble::Damaged),
    }
}

#[derive(PartialEq, Properties)]
struct AdoptProps {
    lull: Lull,
    found: Found,
}

/// Whose backup it is, what goes here, and the yes.
#[component]
fn Adopt(props: &AdoptProps) -> Html {
    let AdoptProps { lull, found } = props;
    let is_sure = use_state_eq(|| false);
    let step = use_state_eq(|| Step::Idle);
    let Some(view) = lull.model.view.as_deref() else { return html! {} };
    if found.is_same {
        return html! { <p data-testid="backup-same">{ text::backup_same() }</p> };
    }
    if view.worker == found.worker {
        return html! {
            <div class="backup-found" data-testid="backup-adopted">
                <p role="status">{ text::backup_adopted(&found.worker) }</p>
                <p><a href={Route::Home.href()}>{ text::backup_go_on() }</a></p>
            </div>
        };
    }
    let has_something = has_something(view);
    let may = (!has_something || *is_sure) && (*step != Step::Working || lull.model.failure.is_some());
    let adopt = {
        let (wire, step) = (lull.wire.clone(), step.setter());
        Callback::from(move |_: MouseEvent| {
            if !may {
                return;
            }
            step.set(Step::Working);
            let (wire, step) = (wire.clone(), step.clone());
            spawn_local(async move {
                match backup::ready().await {
                    BackupSaid::Failed { why } => step.set(Step::Failed(why)),
                    _ => wire.send(Command::AdoptKey),
                }
            });
        })
    };
    let sure = {
        let setter = is_sure.setter();
        Callback::from(move |event: Event| {
            if let Some(field) = event.target_dyn_into::<HtmlInputElement>() {
                setter.set(field.checked());
            }
        })
    };
    html! {
        <div class="backup-found" data-testid="backup-found">
            <p role="status">{ text::backup_found(&found.worker, &format::day(found.made_at)) }</p>
            <p>{ text::backup_replaces() }</p>
            if has_something {
                <p class="public" data-testid="backup-has">{ own(view, lull.asset()) }</p>
                <label class="choice">
                    <input type="checkbox" data-testid="backup-sure" checked={*is_sure} onchange={sure} />
                    <span>{ text::backup_sure() }</span>
                </label>
            }
            <p class="export">
                <button class="button primary" data-testid="backup-adopt" aria-disabled={(!may).then_some("true")}
                    onclick={adopt}>{ text::backup_adopt() }</button>
                <span role="status">{ step.says() }</span>
            </p>
        </div>
    }
}

/// Whether this browser's own key has anything to lose.
fn has_something(view: &View) -> bool {
    view.account.earned > 0 || view.outbox > 0
}

fn own(view: &View, asset: &str) -> String {
    let earned = format::amount_of(view.account.earned, asset);
    if view.outbox > 0 {
        text::backup_own_unsent(&earned, &format::count(view.outbox.into()))
    } else {
        text::backup_own(&earned)
    }
}
