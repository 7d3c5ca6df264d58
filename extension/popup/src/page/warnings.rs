//! Which sensitive content the person wants to see, and how much of it.

use lull_view::{Command, SENSITIVE_DAY_MAX, Warning, Warnings};
use web_sys::HtmlInputElement;
use yew::{Event, Html, TargetCast, html};

use crate::model::Lull;
use crate::parts::switch;
use crate::text;
use crate::words::content as words;

/// The choices.
pub(super) fn warnings_card(lull: &Lull, warnings: Warnings) -> Html {
    let Warnings { chosen, day_max, seen_today } = warnings;
    let class = |warning: Warning| {
        let command = Command::SetWarnings { chosen: chosen.toggled(warning), day_max };
        let (id, label, says, _) = words::class(warning);
        switch(lull, id, label, says, chosen.contains(warning), command)
    };
    let wire = lull.wire.clone();
    let change = move |event: Event| {
        let Some(field) = event.target_dyn_into::<HtmlInputElement>() else { return };
        match field.value().parse::<u16>() {
            Ok(number) if number <= SENSITIVE_DAY_MAX => wire.send(Command::SetWarnings { chosen, day_max: number }),
            // What stands there is what holds.
            _ => field.set_value(&day_max.to_string()),
        }
    };
    html! {
        <section class="card" data-testid="warnings">
            <h2>{ text::sensitive() }</h2>
            <p class="quiet">{ text::sensitive_text() }</p>
            { for Warning::ALL.into_iter().map(class) }
            if !chosen.is_empty() {
                <div class="select-row">
                    <label for="warnings-day">{ text::sensitive_a_day() }</label>
                    <input id="warnings-day" data-testid="warnings-day" type="number" inputmode="numeric" min="0"
                        max={SENSITIVE_DAY_MAX.to_string()} value={day_max.to_string()} onchange={change} />
                </div>
                <p class="quiet" data-testid="warnings-seen" data-value={seen_today.to_string()}>
                    { words::seen_today(seen_today, day_max) }
                </p>
            }
        </section>
    }
}
