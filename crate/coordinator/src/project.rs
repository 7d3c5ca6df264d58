//! `POST /v1/projects`: judgments of one type, an item per content.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use lull_market::project::sentences;
use lull_market::{Command, Project, RequesterId, Tasks};
use lull_protocol::item::Picture;
use lull_protocol::statement::AcceptanceRule;
use lull_protocol::task::Verify;
use lull_protocol::{ByteCount, Content, Hash, OrderId, TaskKind};
use serde_json::Value;

use crate::App;
use crate::api::Requester;
use crate::buy::{Body, amount, create, order_id, whole};
use crate::fields::Fields;
use crate::limits::PROJECT_BYTES_MAX;
use crate::problem::{FieldError, Problem};

/// `POST /v1/projects`.
pub(crate) async fn post_project(
    State(app): State<Arc<App>>,
    Requester(requester): Requester,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let body = whole(body, PROJECT_BYTES_MAX)?;
    let order = order_id(&requester, &headers)?;
    let asked = read_project(&body)?;
    let blobs = look_up(&app, &asked.tasks).await?;
    let project = asked.project(order, requester, &blobs)?;
    create(&app, Command::CreateProject(project)).await
}

/// What a content is, before its picture was looked up.
#[derive(Clone, Debug)]
enum Named {
    Text(String),
    Code(String),
    Picture { hash: Hash, alt: String },
}

/// A request whose fields have the right types.
#[derive(Debug)]
struct Asked {
    title: String,
    guideline_version: u32,
    guideline: String,
    question: String,
    tasks: Tasks<Named>,
    price: lull_protocol::Amount,
    rule: AcceptanceRule,
}

fn read_project(body: &Bytes) -> Result<Asked, Problem> {
    let mut f = Fields::parse(body)?;
    let title = f.required("title");
    let guideline_version = f.optional("guideline_version", 1);
    let guideline = f.required("guideline");
    let question = f.required("question");
    let tasks = read_tasks(&mut f);
    let price = amount(&mut f, "price");
    let is_reviewed = f.optional("review", false);
    let rule = f.nested("rule", |r| {
        let (agree, people) = (r.required("agree"), r.required("people"));
        let (agree, people) = (agree?, people?);
        Some(match is_reviewed? {
            true => AcceptanceRule::Review { agree, people },
            false => AcceptanceRule::Agreement { agree, people },
        })
    });
    let whole = (|| {
        Some(Asked {
            title: title?,
            guideline_version: guideline_version?,
            guideline: guideline?,
            question: question?,
            tasks: tasks?,
            price: price?,
            rule: rule?,
        })
    })();
    f.finish(whole)
}

/// The fields that some type has.
const FIELDS_OF_TYPES: [&str; 7] = ["options", "least", "most", "steps", "lowest", "highest", "contents"];

fn read_tasks(f: &mut Fields) -> Option<Tasks<Named>> {
    let word = f.optional("type", TaskKind::Choice.as_str().to_owned());
    let Some(kind) = word.as_deref().and_then(TaskKind::from_word) else {
        // Of which type they should be nobody knows.
        FIELDS_OF_TYPES.iter().for_each(|name| f.ignore(name));
        let words = TaskKind::ALL.map(TaskKind::as_str).join(", ");
        return word.and_then(|_| f.wrong("type", &format!("must be one of {words}")));
    };
    match kind {
        TaskKind::Choice => {
            let options = f.required("options");
            let contents = f.list("contents", read_content);
            Some(Tasks::Choice { options: options?, contents: contents? })
        }
        TaskKind::Multi => {
            let options = f.required::<Vec<String>>("options");
            let all = options.as_ref().map_or(1, |options| u8::try_from(options.len()).unwrap_or(u8::MAX));
            let (least, most) = (f.optional("least", 1), f.optional("most", all));
            let contents = f.list("contents", read_content);
            Some(Tasks::Multi { options: options?, least: least?, most: most?, contents: contents? })
        }
        TaskKind::Compare => {
            let pairs = f.list("contents", |pair| {
                let (left, right) = (pair.nested("left", read_content), pair.nested("right", read_content));
                Some((left?, right?))
            });
            Some(Tasks::Compare { pairs: pairs? })
        }
        TaskKind::Rating => {
            let (steps, lowest, highest) = (f.required("steps"), f.required("lowest"), f.required("highest"));
            let contents = f.list("contents", read_content);
            Some(Tasks::Rating { steps: steps?, lowest: lowest?, highest: highest?, contents: contents? })
        }
        TaskKind::Verify => Some(Tasks::Verify { claims: f.list("contents", read_claim)? }),
    }
}

fn read_content(f: &mut Fields) -> Option<Named> {
    if f.has("text") {
        return f.required("text").map(Named::Text);
    }
    if f.has("code") {
        return f.required("code").map(Named::Code);
    }
    let hash = f.required::<String>("hash").and_then(|text| match Hash::from_hex(&text) {
        Some(hash) => Some(hash),
        None => f.wrong("hash", "must be 64 lower-case hex digits"),
    });
    let alt = f.required("alt");
    Some(Named::Picture { hash: hash?, alt: alt? })
}

/// The source is its sentences, or one text.
fn read_claim(f: &mut Fields) -> Option<Verify> {
    let claim = f.required("claim");
    let source = match f.required("source") {
        Some(Value::String(text)) => Some(sentences(&text)),
        Some(Value::Array(values)) => read_sentences(f, values),
        Some(_) => f.wrong("source", "must be a text, or a list of sentences"),
        None => None,
    };
    Some(Verify { claim: claim?, source: source? })
}

fn read_sentences(f: &mut Fields, values: Vec<Value>) -> Option<Vec<String>> {
    let read = values.into_iter().enumerate().map(|(i, value)| match value {
        Value::String(sentence) => Some(sentence),
        _ => f.wrong(&format!("source[{i}]"), "must be a text"),
    });
    let read: Vec<Option<String>> = read.collect();
    read.into_iter().collect()
}

/// Media type and size of blobs.
type Blobs = BTreeMap<Hash, (String, ByteCount)>;

/// What the store knows of the pictures.
async fn look_up(app: &App, tasks: &Tasks<Named>) -> Result<Blobs, Problem> {
    let mut known = Blobs::new();
    for (_, content) in tasks.contents() {
        let Named::Picture { hash, .. } = content else { continue };
        if known.contains_key(hash) {
            continue;
        }
        let hash = *hash;
        if let Some((media_type, bytes)) = app.readers.read(move |r| r.blob(&hash)).await? {
            let size = ByteCount::new(bytes.len() as u64).unwrap_or(ByteCount::ZERO);
            known.insert(hash, (media_type, size));
        }
    }
    Ok(known)
}

impl Asked {
    fn project(self, order: OrderId, requester: RequesterId, blobs: &Blobs) -> Result<Project, Problem> {
        let unknown = |(name, content): (String, &Named)| match content {
            Named::Picture { hash, .. } if !blobs.contains_key(hash) => Some(FieldError {
                field: format!("{name}.hash"),
                problem: "no such blob; send it first with PUT /v1/blobs/{hash}".into(),
            }),
            _ => None,
        };
        let errors: Vec<FieldError> = self.tasks.contents().into_iter().filter_map(unknown).collect();
        if !errors.is_empty() {
            return Err(Problem::fields(errors));
        }
        let tasks = self.tasks.map(|content| match content {
            Named::Text(text) => Content::Text(text),
            Named::Code(text) => Content::Code(text),
            Named::Picture { hash, alt } => {
                let (media_type, bytes) = blobs.get(&hash).cloned().unwrap_or((String::new(), ByteCount::ZERO));
                Content::Picture(Picture { hash, media_type, bytes, alt })
            }
        });
        let Self { title, guideline_version, guideline, question, price, rule, .. } = self;
        Ok(Project { order, requester, title, guideline_version, guideline, question, tasks, price, rule })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn asked(more: Value) -> Result<Tasks<Named>, Problem> {
        let mut body = json!({"title": "t", "guideline": "g", "question": "q", "price": 1,
            "rule": {"agree": 1, "people": 1}});
        if let (Value::Object(fields), Value::Object(more)) = (&mut body, more) {
            fields.extend(more);
        }
        read_project(&Bytes::from(body.to_string())).map(|asked| asked.tasks)
    }

    fn wrong(more: Value) -> Vec<String> {
        asked(more).unwrap_err().fields_named()
    }

    #[test]
    fn a_project_names_its_type() {
        let text = json!([{"text": "x"}]);
        let choice = asked(json!({"options": ["a", "b"], "contents": text})).unwrap();
        assert_eq!(choice.kind(), TaskKind::Choice, "the one there was before there were others");
        let multi = asked(json!({"type": "multi", "options": ["a", "b", "c"], "contents": text})).unwrap();
        assert!(matches!(multi, Tasks::Multi { least: 1, most: 3, .. }));
        let pair = json!([{"left": {"code": "x"}, "right": {"hash": "ab".repeat(32), "alt": "y"}}]);
        assert_eq!(asked(json!({"type": "compare", "contents": pair})).unwrap().contents().len(), 2);
        let scale = json!({"type": "rating", "steps": 5, "lowest": "l", "highest": "h", "contents": text});
        assert!(matches!(asked(scale).unwrap(), Tasks::Rating { steps: 5, .. }));
        let claims = json!([{"claim": "c", "source": "One. Two."}, {"claim": "c", "source": ["One. Two."]}]);
        let Tasks::Verify { claims } = asked(json!({"type": "verify", "contents": claims})).unwrap() else {
            panic!("a verify")
        };
        assert_eq!(claims.iter().map(|claim| claim.source.len()).collect::<Vec<_>>(), [2, 1]);
    }

    /// What `lull project --help` and `docs/api.md` show is taken.
    #[test]
    fn the_examples_are_projects() {
        let help = include_str!("../../cli/src/projects.txt").lines().filter(|line| line.starts_with("  {"));
        let help: Vec<String> = help.map(|line| line.replace("\"file\": \"street.jpg\"", HASH)).collect();
        let page = include_str!("../../../docs/api.md");
        let (_, section) = page.split_once("### `POST /v1/projects`").unwrap();
        let (section, _) = section.split_once("\n### ").unwrap();
        let blocks = section.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap());
        for examples in [help, blocks.map(|block| block.replace("\"hash\": \"…\"", HASH)).collect()] {
            let read =
                |text: &String| read_project(&Bytes::from(text.clone())).map(|asked| asked.tasks.kind()).unwrap();
            assert_eq!(examples.iter().map(read).collect::<Vec<_>>(), TaskKind::ALL);
        }
    }

    const HASH: &str = "\"hash\": \"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"";

    #[test]
    fn every_wrong_field_of_a_type_is_named() {
        let text = json!([{"text": "x"}]);
        assert_eq!(wrong(json!({"type": "grid", "rows": 3, "contents": text, "steps": 1})), ["type", "rows"]);
        assert_eq!(wrong(json!({"type": 3, "contents": text})), ["type"]);
        assert_eq!(wrong(json!({"contents": text})), ["options"]);
        assert_eq!(wrong(json!({"options": ["a"], "contents": text, "least": 1})), ["least"]);
        assert_eq!(
            wrong(json!({"type": "multi", "least": -1, "most": "2", "contents": [{"code": 1}, {"text": "x", "a": 1}]})),
            ["options", "least", "most", "contents[0].code", "contents[1].a"]
        );
        assert_eq!(
            wrong(json!({"type": "compare", "options": [], "contents": [{"left": {"hash": "00", "alt": "y"}}]})),
            ["contents[0].left.hash", "contents[0].right", "options"]
        );
        assert_eq!(wrong(json!({"type": "rating", "contents": text})), ["steps", "lowest", "highest"]);
        let claims = json!([{"source": ["One.", 2]}, {"claim": "c", "source": 3}, {"claim": "c"}]);
        assert_eq!(
            wrong(json!({"type": "verify", "contents": claims})),
            ["contents[0].claim", "contents[0].source[1]", "contents[1].source", "contents[2].source"]
        );
    }
}
