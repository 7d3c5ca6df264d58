//! Erasing everything: what goes, what must stay and why, and the yes.

use lull_view::{Command, View};
use yew::{Callback, Html, MouseEvent, Properties, component, html, use_effect_with, use_state_eq};

use super::everything::SaveEverything;
use crate::format;
use crate::model::Lull;
use crate::parts::{in_tab, title_bar};
use crate::route::Route;
use crate::single_keys;
use crate::text;

#[derive(PartialEq, Properties)]
pub(crate) struct EraseProps {
    pub(crate) lull: Lull,
}

/// The page.
#[component]
pub(crate) fn ErasePage(props: &EraseProps) -> Html {
    let lull = &props.lull;
    let is_asked = use_state_eq(|| false);
    // The key that was there when it was said.
    let erased = use_state_eq(|| None::<String>);
    let failed = lull.model.failure.clone();
    let setter = erased.setter();
    use_effect_with(failed, move |failed| {
        if failed.is_some() {
            setter.set(None);
        }
    });
    let Some(view) = lull.model.view.as_deref() else { return html! {} };
    if erased.as_ref().is_some_and(|worker| *worker != view.worker) {
        return html! {
            <div class="page backup" data-testid="erased">
                { title_bar(text::backup_erase_page()) }
                <section class="card">
                    <p role="status">{ text::backup_erased() }</p>
                    <p><a href={Route::Welcome.href()} data-testid="erase-start">{ text::backup_erased_start() }</a></p>
                </section>
            </div>
        };
    }
    let erase = {
        let (wire, setter, worker) = (lull.wire.clone(), erased.setter(), view.worker.clone());
        Callback::from(move |_: MouseEvent| {
            setter.set(Some(worker.clone()));
            if let Some(storage) = single_keys::storage() {
                // What the pages themselves keep.
                storage.clear().ok();
            }
            wire.send(Command::EraseAll);
        })
    };
    let ask = |on: bool| {
        let setter = is_asked.setter();
        Callback::from(move |_: MouseEvent| setter.set(on))
    };
    let goes = [
        text::backup_erase_key(),
        text::backup_erase_receipts(),
        text::backup_erase_log(),
        text::backup_erase_choices(),
    ];
    let stays = [
        text::backup_erase_stay_ledger(),
        text::backup_erase_stay_results(),
        text::backup_erase_stay_chain(),
        text::backup_erase_stay_files(),
    ];
    html! {
        <div class="page backup" data-testid="erase-page">
            { title_bar(text::backup_erase_page()) }
            <section class="card" aria-labelledby="erase-goes">
                <h2 id="erase-goes">{ text::backup_erase_goes() }</h2>
                <ul class="backup-list">{ for goes.into_iter().map(|line| html! { <li>{ line }</li> }) }</ul>
            </section>
            <section class="card" aria-labelledby="erase-stays">
                <h2 id="erase-stays">{ text::backup_erase_stays() }</h2>
                <ul class="backup-list">{ for stays.into_iter().map(|line| html! { <li>{ line }</li> }) }</ul>
            </section>
            <section class="card" aria-labelledby="erase-money">
                <h2 id="erase-money">{ text::money() }</h2>
                <p data-testid="erase-balance">{ balance(view, lull.asset()) }</p>
                <p>{ in_tab(&Route::Backup, "erase-backup", text::backup_erase_first()) }</p>
            </section>
            <section class="card" aria-labelledby="erase-keep">
                <h2 id="erase-keep">{ text::backup_erase_keep() }</h2>
                <p class="quiet">{ text::backup_erase_keep_text() }</p>
                <SaveEverything lull={lull.clone()} />
            </section>
            <section class="card backup-last">
                if *is_asked {
                    <p role="alert">{ text::backup_erase_ask() }</p>
                    <p class="backup-acts">
                        <button class="button danger" data-testid="erase-yes" onclick={erase}
                            aria-disabled={erased.is_some().then_some("true")}>{ text::backup_erase_yes() }</button>
                        <button class="button" data-testid="erase-no" onclick={ask(false)}>{ text::backup_erase_no() }</button>
                    </p>
                } else {
                    <p><button class="button" data-testid="erase" onclick={ask(true)}>{ text::backup_erase() }</button></p>
                }
            </section>
        </div>
    }
}

/// What becomes of the money.
fn balance(view: &View, asset: &str) -> String {
    let here = view.account.pending.saturating_add(view.account.payable);
    match (here, view.wallet.is_connected) {
        (0, _) => text::backup_erase_no_money().to_owned(),
        (here, true) => text::backup_erase_with_wallet(&format::amount_of(here, asset)),
        (here, false) => text::backup_erase_without_wallet(&format::amount_of(here, asset)),
    }
}
