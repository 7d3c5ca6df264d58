//! The payouts so far, the newest first, each beside the work it pays for; older ones on demand.

use lull_view::{Amount, Chain, Command, OlderPayouts, Payout, PayoutStage, WalletPage as Told};
use web_sys::{Event, HtmlSelectElement};
use yew::{Callback, Html, Properties, TargetCast, component, hook, html, use_effect_with, use_state_eq};

use super::connect::Copied;
use super::files::Files;
use crate::format;
use crate::model::Lull;
use crate::route::Route;
use crate::single_keys::storage;
use crate::text;
use crate::words::wallet::{self as words, Explorer};

/// Where the choice of an explorer is remembered.
const EXPLORER_KEY: &str = "explorer";

#[derive(PartialEq, Properties)]
pub(super) struct HistoryProps {
    pub(super) lull: Lull,
    pub(super) newest: Vec<Payout>,
    /// There are older ones than the newest.
    pub(super) has_older: bool,
    /// Those that were asked for last.
    pub(super) older: Option<OlderPayouts>,
    pub(super) chain: Chain,
    /// How far this browser's clock is ahead of the coordinator's.
    pub(super) ahead_ms: i64,
    pub(super) is_connected: bool,
}

/// All that is known of payouts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Known {
    /// The newest first, without gaps.
    pub(super) payouts: Vec<Payout>,
    pub(super) has_older: bool,
}

impl Known {
    /// The newest as they are now, before those that were known already. If there is a gap between them, the latter are
    /// fetched again.
    fn with_newest(&self, newest: &[Payout], has_older: bool) -> Self {
        let Some(oldest) = newest.last() else { return Self::default() };
        let reaches = self.payouts.first().is_some_and(|first| first.number >= oldest.number);
        let older = self.payouts.iter().filter(|payout| reaches && payout.number < oldest.number);
        let older: Vec<Payout> = older.copied().collect();
        let has_older = if older.is_empty() { has_older } else { self.has_older };
        Self { payouts: newest.iter().copied().chain(older).collect(), has_older }
    }

    /// With older ones that follow what is known.
    fn with_older(mut self, older: &OlderPayouts) -> Self {
        if self.payouts.last().is_some_and(|last| last.number == older.before) {
            self.payouts.extend(&older.payouts);
            // An answer without one would be asked for again and again.
            self.has_older = older.has_older && !older.payouts.is_empty();
        }
        self
    }

    /// What is to be asked for next.
    pub(super) fn next(&self) -> Option<Command> {
        let last = self.payouts.last().filter(|_| self.has_older)?;
        Some(Command::FindPayouts { before: last.number })
    }
}

/// The list, and the files of it.
#[component]
pub(super) fn History(props: &HistoryProps) -> Html {
    let known = use_known(props);
    let explorer = use_state_eq(remembered);
    let setter = explorer.setter();
    let choose = Callback::from(move |event: Event| {
        let Some(field) = event.target_dyn_into::<HtmlSelectElement>() else { return };
        if let Some(chosen) = Explorer::ALL.into_iter().find(|explorer| explorer.code() == field.value()) {
            // Without storage the choice lasts as long as the page.
            let _ = storage().map(|storage| storage.set_item(EXPLORER_KEY, chosen.code()));
            setter.set(chosen);
        }
    });
    let has_transaction = known.payouts.iter().any(|payout| payout.transaction.is_some());
    html! {
        <section class="card payouts" data-testid="payouts" aria-labelledby="payouts-title">
            <h2 id="payouts-title">{ text::payouts() }</h2>
            if known.payouts.is_empty() {
                <p class="quiet">{ text::payouts_none() }</p>
            } else {
                <ul>{ for known.payouts.iter().map(|payout| row(props, payout, *explorer)) }</ul>
                { more(props, &known) }
                if has_transaction && props.chain != Chain::Localnet {
                    { explorers(*explorer, choose) }
                }
                <Files lull={props.lull.clone()} {known} ahead_ms={props.ahead_ms} is_connected={props.is_connected} />
            }
        </section>
    }
}

/// Puts together what is told bit by bit.
#[hook]
fn use_known(props: &HistoryProps) -> Known {
    let known = use_state_eq(Known::default);
    let (setter, before) = (known.setter(), (*known).clone());
    let told = (props.newest.clone(), props.has_older, props.older.clone());
    use_effect_with(told, move |(newest, has_older, older)| {
        let now = before.with_newest(newest, *has_older);
        setter.set(older.iter().fold(now, Known::with_older));
    });
    (*known).clone()
}

fn more(props: &HistoryProps, known: &Known) -> Html {
    let Some(next) = known.next() else { return html! {} };
    if !props.is_connected {
        return html! { <p class="quiet">{ text::payouts_offline() }</p> };
    }
    html! {
        <button class="button wide" data-testid="payouts-more" onclick={props.lull.on_click(next)}>
            { text::payouts_more() }
        </button>
    }
}

fn explorers(chosen: Explorer, choose: Callback<Event>) -> Html {
    html! {
        <>
            <label class="select-row">
                <span>{ text::payouts_explorer() }</span>
                <select data-testid="explorer" onchange={choose}>
                    { for Explorer::ALL.into_iter().map(|explorer| html! {
                        <option value={explorer.code()} selected={explorer == chosen}>{ explorer.name() }</option>
                    }) }
                </select>
            </label>
            <p class="quiet">{ text::payouts_explorer_text() }</p>
        </>
    }
}

fn remembered() -> Explorer {
    let code = storage().and_then(|storage| storage.get_item(EXPLORER_KEY).ok().flatten());
    let known = Explorer::ALL.into_iter().find(|explorer| Some(explorer.code()) == code.as_deref());
    known.unwrap_or(Explorer::Solana)
}

fn row(props: &HistoryProps, payout: &Payout, explorer: Explorer) -> Html {
    let (class, icon, word) = words::stage(payout.stage);
    let local = |at| Told::local(at, props.ahead_ms);
    let (since, until) = (local(payout.since), local(payout.made_at));
    html! {
        <li key={payout.number.to_string()}>
            <details class="payout" data-testid="payout" data-state={class} data-number={payout.number.to_string()}>
                <summary>
                    <span class="payout-words">
                        <span class="payout-state">{ icon.draw() }{ word }</span>
                        <span class="quiet" dir="auto">{ format::day_time(until) }</span>
                    </span>
                    <span class="payout-amount">{ format::amount_of(payout.share.get(), props.lull.asset()) }</span>
                </summary>
                <div class="payout-more">
                    if let PayoutStage::Held(why) = payout.stage {
                        <p class="denied">{ words::hold(why) }</p>
                    }
                    { figures(payout, props.lull.asset()) }
                    { transaction(props, payout, explorer) }
                    <p><a href={Route::Between(since, until).href()} data-testid="payout-work">{ text::payout_work() }</a></p>
                </div>
            </details>
        </li>
    }
}

fn figures(payout: &Payout, asset: &str) -> Html {
    let amount = |name: &'static str, units: Amount| {
        html! { <div><dt>{ name }</dt><dd class="number">{ format::amount_of(units.get(), asset) }</dd></div> }
    };
    html! {
        <dl class="pairs counts">
            { amount(text::payout_share(), payout.share) }
            if payout.earnings != payout.share {
                { amount(text::payout_earnings(), payout.earnings) }
            }
            { amount(text::payout_fee(), payout.fee) }
            if payout.account != Amount::ZERO {
                { amount(text::payout_account(), payout.account) }
            }
            { amount(text::payout_arrives(), payout.arrives) }
            <div><dt>{ text::payout_wallet() }</dt><dd class="code" dir="ltr">{ payout.wallet.short() }</dd></div>
        </dl>
    }
}

/// Where the transaction can be seen; on a chain that nobody shows, its name.
fn transaction(props: &HistoryProps, payout: &Payout, explorer: Explorer) -> Html {
    let Some(id) = payout.transaction.map(|id| id.to_string()) else { return html! {} };
    match explorer.address(&id, props.chain) {
        Some(address) => html! {
            <p><a href={address} target="_blank" rel="noopener noreferrer" data-testid="explorer-link">
                { text::payout_see(explorer.name()) }
            </a></p>
        },
        None => html! {
            <div>
                <p class="quiet">{ text::payout_transaction() }</p>
                <Copied text={id} label={text::payout_copy()} id="transaction" />
            </div>
        },
    }
}

#[cfg(test)]
mod tests {
    use lull_view::{PublicKey, Timestamp, Wallet};

    use super::*;

    /// The key of RFC 8032's first test.
    const KEY: [u8; 32] = [
        0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1,
        0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a,
    ];

    fn payouts(numbers: &[u64]) -> Vec<Payout> {
        let wallet = Wallet::new(PublicKey(KEY)).expect("a key that signs");
        let one = |number: &u64| Payout {
            number: *number,
            made_at: Timestamp::ZERO,
            wallet,
            share: Amount::ZERO,
            earnings: Amount::ZERO,
            arrives: Amount::ZERO,
            fee: Amount::ZERO,
            account: Amount::ZERO,
            stage: PayoutStage::Paid,
            transaction: None,
            paid_at: None,
            since: Timestamp::ZERO,
        };
        numbers.iter().map(one).collect()
    }

    fn numbers(known: &Known) -> Vec<u64> {
        known.payouts.iter().map(|payout| payout.number).collect()
    }

    fn older(before: u64, of: &[u64], has_older: bool) -> OlderPayouts {
        OlderPayouts { before, payouts: payouts(of), has_older }
    }

    #[test]
    fn payouts_come_together_without_gaps() {
        let known = Known::default().with_newest(&payouts(&[9, 8]), true);
        assert_eq!((numbers(&known), known.next()), (vec![9, 8], Some(Command::FindPayouts { before: 8 })));
        let known = known.with_older(&older(8, &[7, 5], true)).with_older(&older(8, &[7, 5], true));
        assert_eq!((numbers(&known), known.next()), (vec![9, 8, 7, 5], Some(Command::FindPayouts { before: 5 })));
        let known = known.with_older(&older(5, &[2], false));
        assert_eq!((numbers(&known), known.next()), (vec![9, 8, 7, 5, 2], None));
        let known = known.with_newest(&payouts(&[10, 9]), true);
        assert_eq!((numbers(&known), known.next()), (vec![10, 9, 8, 7, 5, 2], None), "what was known stays");
        let known = known.with_newest(&payouts(&[40, 39]), true);
        assert_eq!((numbers(&known), known.has_older), (vec![40, 39], true), "between them may be others");
        assert_eq!(known.with_newest(&[], false), Known::default());
    }

    #[test]
    fn an_empty_answer_ends_the_list() {
        let known = Known::default().with_newest(&payouts(&[9]), true).with_older(&older(9, &[], true));
        assert_eq!(known.next(), None);
    }
}
