//! The frame around every page: the line to the background, the model, routes, notices.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gloo::events::EventListener;
use gloo::timers::callback::Timeout;
use lull_view::{Command, View};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Document, MutationObserver, MutationObserverInit};
use yew::{
    Callback, Html, MouseEvent, NodeRef, Properties, UseReducerHandle, component, hook, html, use_effect_with,
    use_node_ref, use_reducer, use_ref, use_state_eq,
};

use crate::icons::Icon;
use crate::link::Wire;
use crate::model::{Action, Lull, Model};
use crate::page::{
    Alibi, BackupPage, Cover, Entry, ErasePage, Log, Receipt, WalletPage, YouPage, bandwidth, consent, facts, home,
    limits, settings, welcome,
};
use crate::parts::{Skeleton, focus, focus_in_place};
use crate::route::{Route, is_popped, use_route};
use crate::text;
use crate::words;

thread_local! {
    /// What was known when this module's pages gave way to the other's: what was chosen, and the view until a newer comes.
    static LAST: RefCell<Model> = RefCell::default();
}

#[derive(PartialEq, Properties)]
pub(crate) struct AppProps {
    /// Nothing of Lull was in this document before.
    pub(crate) is_first: bool,
}

/// The whole popup.
#[component]
pub(crate) fn App(props: &AppProps) -> Html {
    let is_first = props.is_first;
    let model = use_reducer(|| LAST.with_borrow(Model::clone));
    use_effect_with((*model).clone(), |model| LAST.set(model.clone()));
    let wire = {
        let dispatcher = model.dispatcher();
        use_ref(move || Wire::open(Callback::from(move |reply| dispatcher.dispatch(Action::Heard(reply)))))
    };
    use_painted(&model);
    let route = use_route();
    let main = use_node_ref();
    use_focus_kept(&main);
    use_focus_on_page(&main, &route, is_first);
    use_title(&route);
    let is_asleep = use_state_eq(|| is_first && is_popped());
    let wake = {
        let setter = is_asleep.setter();
        Callback::from(move |()| setter.set(false))
    };
    let lull = Lull { model, wire: (*wire).clone() };
    html! {
        <div class="frame">
            if !*is_asleep {
                { notices(&lull) }
            }
            <main ref={main} tabindex="-1">
                if cfg!(not(feature = "pages")) && *is_asleep {
                    <Cover lull={lull} wake={wake} />
                } else {
                    <div key={route.href()}>{ page(&lull, &route) }</div>
                }
            </main>
        </div>
    }
}

/// The page of a route, if this module has it.
fn page(lull: &Lull, route: &Route) -> Html {
    let Some(view) = lull.model.view.as_ref() else { return html! { <Skeleton /> } };
    if cfg!(feature = "pages") { seldom(lull, view, route) } else { at_hand(lull, view, route) }
}

/// What a person who answers needs.
fn at_hand(lull: &Lull, view: &View, route: &Route) -> Html {
    match route {
        Route::Home if view.settings.first_run_done => home(lull, view),
        Route::Home | Route::Welcome => welcome(lull, view),
        _ => html! {},
    }
}

/// All else; `popup.js` has the same names.
fn seldom(lull: &Lull, view: &View, route: &Route) -> Html {
    match route {
        Route::Home | Route::Welcome => html! {},
        Route::Receipt(offer) => html! { <Receipt lull={lull.clone()} offer={offer.clone()} /> },
        Route::Log => html! { <Log lull={lull.clone()} /> },
        Route::Between(since, until) => html! { <Log lull={lull.clone()} between={(*since, *until)} /> },
        Route::Entry(number) => html! { <Entry lull={lull.clone()} number={*number} /> },
        Route::Alibi(number) => html! { <Alibi lull={lull.clone()} number={*number} /> },
        Route::Bandwidth => bandwidth(lull, view),
        Route::Consent => consent(lull, view),
        Route::Facts => facts(lull, view),
        Route::Limits => limits(lull, view),
        Route::You => html! { <YouPage lull={lull.clone()} /> },
        Route::Wallet => html! { <WalletPage lull={lull.clone()} /> },
        Route::Settings => settings(lull, view),
        Route::Backup => html! { <BackupPage lull={lull.clone()} /> },
        Route::Erase => html! { <ErasePage lull={lull.clone()} /> },
    }
}

/// Tells the model once the first view was painted.
#[hook]
fn use_painted(model: &UseReducerHandle<Model>) {
    let dispatcher = model.dispatcher();
    use_effect_with(model.view.is_some(), move |&has_view| {
        if has_view {
            after_paint(move || dispatcher.dispatch(Action::Painted));
        }
    });
}

/// Calls back when what is in the document by now was painted; not before the page can be seen.
fn after_paint(then: impl FnOnce() + 'static) {
    // The callback of a frame comes right before its painting, a timer's after that.
    let frame = Closure::once_into_js(move || Timeout::new(0, then).forget());
    if let Some(window) = web_sys::window() {
        // A function is what it takes.
        let _ = window.request_animation_frame(frame.unchecked_ref());
    }
}

/// Each page has a title of its own, for the tab and for screen readers.
#[hook]
fn use_title(route: &Route) {
    use_effect_with(route.clone(), |route| {
        if let Some(document) = web_sys::window().and_then(|window| window.document()) {
            document.set_title(&words::document_title(match route {
                Route::Home => None,
                Route::Welcome => Some(text::welcome()),
                Route::Receipt(_) => Some(text::receipt()),
                Route::Log | Route::Between(..) => Some(text::log_page()),
                Route::Entry(_) => Some(text::log_entry()),
                Route::Alibi(_) => Some(text::log_alibi()),
                Route::Bandwidth => Some(text::lend()),
                Route::Consent => Some(text::consent_page()),
                Route::Facts => Some(text::facts_page()),
                Route::Limits => Some(text::limits_page()),
                Route::You => Some(text::you_page()),
                Route::Wallet => Some(text::wallet()),
                Route::Settings => Some(text::settings()),
                Route::Backup => Some(text::backup_page()),
                Route::Erase => Some(text::backup_erase_page()),
            }));
        }
    });
}

/// A new page takes the focus, so that a screen reader starts at its top; the first page does not.
#[hook]
fn use_focus_on_page(main: &NodeRef, route: &Route, is_first: bool) {
    let arrived = use_ref(|| Cell::new(!is_first));
    let main = main.clone();
    use_effect_with(route.clone(), move |_| {
        if arrived.replace(true) {
            focus(&main);
        }
    });
}

/// When what has the focus leaves the page, the page takes it: a keyboard never starts over from nowhere.
#[hook]
fn use_focus_kept(main: &NodeRef) {
    let main = main.clone();
    use_effect_with((), move |()| {
        let document = web_sys::window().and_then(|window| window.document());
        let focused = Rc::new(Cell::new(false));
        let listener = document.as_ref().map(|document| {
            let focused = focused.clone();
            EventListener::new(document, "focusin", move |_| focused.set(true))
        });
        let watched = main.clone();
        let changed = Closure::<dyn FnMut()>::new(move || {
            let active = document.as_ref().and_then(Document::active_element);
            if focused.get() && active.is_none_or(|element| element.tag_name() == "BODY") {
                focus_in_place(&main);
            }
        });
        let observer = MutationObserver::new(changed.as_ref().unchecked_ref()).ok();
        if let (Some(observer), Some(node)) = (&observer, watched.get()) {
            let options = MutationObserverInit::new();
            options.set_child_list(true);
            options.set_subtree(true);
            // Options that name what to observe are always accepted.
            let _ = observer.observe_with_options(&node, &options);
        }
        move || {
            if let Some(observer) = observer {
                observer.disconnect();
            }
            drop((listener, changed));
        }
    });
}

/// What the person should know: the background's notice, and a command that failed.
fn notices(lull: &Lull) -> Html {
    let dispatcher = lull.model.dispatcher();
    let read = Callback::from(move |_| dispatcher.dispatch(Action::FailureRead));
    let notice = lull.model.view.as_ref().and_then(|view| view.notice.as_ref()).map(words::notice);
    html! {
        <div class="notices" role="alert">
            if let Some(text) = notice {
                { notice_bar("notice", html! { <p>{ text }</p> }, lull.on_click(Command::DismissNotice)) }
            }
            if let Some(text) = lull.model.failure.clone() {
                { notice_bar("failure", html! { <p dir="auto">{ text }</p> }, read) }
            }
        </div>
    }
}

fn notice_bar(id: &'static str, text: Html, dismiss: Callback<MouseEvent>) -> Html {
    html! {
        <div class="notice" data-testid={id}>
            { Icon::Warning.draw() }
            { text }
            <button class="icon-button" aria-label={text::dismiss()} onclick={dismiss}>{ Icon::Cross.draw() }</button>
        </div>
    }
}
