//! The log as a file: read page by page, so that neither side holds more than one page more than the file.

use std::rc::Rc;

use lull_view::{ActivityEntry, Command, Find, PAGE_MAX, Reply, csv_head, csv_line, iso_8601, json_line, json_text};
use yew::{Callback, Html, Properties, component, html, use_state_eq};

use crate::format;
use crate::link::Wire;
use crate::save::save;
use crate::text;

#[derive(PartialEq, Properties)]
pub(crate) struct FilesProps {
    pub(crate) wire: Wire,
    /// What is saved.
    pub(crate) find: Find,
    /// The name of the money.
    pub(crate) asset: String,
}

#[derive(Clone, Copy, PartialEq)]
enum Form {
    Json,
    Csv,
}

impl Form {
    fn head(self, asset: &str) -> String {
        match self {
            Self::Csv => csv_head(),
            Self::Json => {
                let mut out = "{\"format\":\"lull-activity-1\",\"saved_at\":".to_owned();
                json_text(&iso_8601(format::now_ms()), &mut out);
                out.push_str(",\"asset\":");
                json_text(asset, &mut out);
                out.push_str(",\"entries\":[");
                out
            }
        }
    }

    fn page(self, entries: &[ActivityEntry], is_first: bool) -> String {
        let line = |entry: &ActivityEntry| {
            let time = iso_8601(entry.activity.at);
            if self == Self::Csv { csv_line(entry, &time) } else { format!("\n{}", json_line(entry, &time)) }
        };
        let lines: Vec<String> = entries.iter().map(line).collect();
        match self {
            Self::Csv => lines.concat(),
            Self::Json if is_first || lines.is_empty() => lines.join(","),
            Self::Json => format!(",{}", lines.join(",")),
        }
    }

    fn save(self, mut pieces: Vec<String>) -> bool {
        let saved = match self {
            Self::Csv => save(&pieces, "lull-activity.csv", "text/csv"),
            Self::Json => {
                pieces.push("\n]}\n".to_owned());
                save(&pieces, "lull-activity.json", "application/json")
            }
        };
        saved.is_ok()
    }
}

/// A file that grows page by page.
struct Growing {
    wire: Wire,
    form: Form,
    find: Find,
    said: Callback<&'static str>,
}

impl Growing {
    fn go_on(self: Rc<Self>, pieces: Vec<String>, before: Option<u64>) {
        let command = Command::FindActivities(Find { before, limit: PAGE_MAX, sum: false, ..self.find.clone() });
        let growing = Rc::clone(&self);
        let done = Callback::from(move |reply| {
            let Reply::Activities { page } = reply else { return growing.said.emit(text::export_failed()) };
            let mut pieces = pieces.clone();
            pieces.push(growing.form.page(&page.entries, pieces.len() == 1));
            if page.next.is_some() {
                return Rc::clone(&growing).go_on(pieces, page.next);
            }
            let is_saved = growing.form.save(pieces);
            growing.said.emit(if is_saved { text::export_done() } else { text::export_failed() });
        });
        self.wire.ask(command, done);
    }
}

/// Saves what fits the search.
#[component]
pub(crate) fn Files(props: &FilesProps) -> Html {
    let said = use_state_eq(|| "");
    let saver = |form: Form| {
        let (wire, find, asset, setter) = (props.wire.clone(), props.find.clone(), props.asset.clone(), said.setter());
        Callback::from(move |_| {
            setter.set(text::log_saving());
            let setter = setter.clone();
            let said = Callback::from(move |word| setter.set(word));
            let growing = Growing { wire: wire.clone(), form, find: find.clone(), said };
            Rc::new(growing).go_on(vec![form.head(&asset)], None);
        })
    };
    html! {
        <section class="card files">
            <p class="quiet">{ text::log_save_text() }</p>
            <p class="export">
                <button class="button small" data-testid="save-json" onclick={saver(Form::Json)}>
                    { text::log_save_json() }
                </button>
                <button class="button small" data-testid="save-csv" onclick={saver(Form::Csv)}>
                    { text::log_save_csv() }
                </button>
                <span role="status" data-testid="save-said">{ *said }</span>
            </p>
        </section>
    }
}
