//! `POST /v1/projects`: judgments of one type, an item per content.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use lull_market::project::sentences;
use lull_market::{Command, Lessons, Project, RequesterId, Solution, Tasks};
use lull_protocol::item::Picture;
use lull_protocol::statement::AcceptanceRule;
use lull_protocol::task::{Finding, OptionSet, Preference, Verify};
use lull_protocol::warning::Warning;
use lull_protocol::{Answer, ByteCount, Content, Hash, OrderId, TaskKind, WarningSet};
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
    let blobs = look_up(&app, &asked).await?;
    let project = asked.project(order, requester, &blobs)?;
    create(&app, Command::CreateProject(project)).await
}

/// What a content is, before its picture was looked up.
#[derive(Clone, Debug)]
enum Named {
    Text(String),
    Code(String),
    Markdown(String),
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
    lessons: Option<Lessons<Named>>,
    warnings: WarningSet,
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
    let warnings = read_warnings(&mut f);
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
        let (tasks, lessons) = tasks?;
        Some(Asked {
            title: title?,
            guideline_version: guideline_version?,
            guideline: guideline?,
            question: question?,
            tasks,
            lessons,
            warnings: warnings?,
            price: price?,
            rule: rule?,
        })
    })();
    f.finish(whole)
}

/// The fields that some type has.
const FIELDS_OF_TYPES: [&str; 8] = ["options", "least", "most", "steps", "lowest", "highest", "contents", PRACTICE];
const PRACTICE: &str = "practice";

/// What is asked for pay, and what may be practised.
type Read = (Tasks<Named>, Option<Lessons<Named>>);

fn read_tasks(f: &mut Fields) -> Option<Read> {
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
            let lists = read_lists(f, read_content, |f| read_option(f, options.as_deref()))?;
            let options: Vec<String> = options?;
            Some(lists.of(|contents| Tasks::Choice { options: options.clone(), contents }))
        }
        TaskKind::Multi => {
            let options = f.required::<Vec<String>>("options");
            let all = options.as_ref().map_or(1, |options| u8::try_from(options.len()).unwrap_or(u8::MAX));
            let (least, most) = (f.optional("least", 1), f.optional("most", all));
            let lists = read_lists(f, read_content, |f| read_options(f, options.as_deref()))?;
            let (options, least, most) = (options?, least?, most?);
            Some(lists.of(|contents| Tasks::Multi { options: options.clone(), least, most, contents }))
        }
        TaskKind::Compare => {
            let lists = read_lists(f, read_pair, read_preference)?;
            Some(lists.of(|pairs| Tasks::Compare { pairs }))
        }
        TaskKind::Rating => {
            let (steps, lowest, highest) = (f.required("steps"), f.required("lowest"), f.required("highest"));
            let lists = read_lists(f, read_content, |f| f.required("answer").map(Answer::Rating))?;
            let (steps, lowest, highest): (u8, String, String) = (steps?, lowest?, highest?);
            let scale = |contents| Tasks::Rating { steps, lowest: lowest.clone(), highest: highest.clone(), contents };
            Some(lists.of(scale))
        }
        TaskKind::Verify => {
            let lists = read_lists(f, read_claim, read_finding)?;
            Some(lists.of(|claims| Tasks::Verify { claims }))
        }
    }
}

/// Contents, or pairs of them, or claims: those that are paid, and those that are practised.
struct Lists<C> {
    contents: Vec<C>,
    practice: Option<(Vec<C>, Vec<Solution>)>,
}

fn read_lists<C>(
    f: &mut Fields,
    read: fn(&mut Fields) -> Option<C>,
    answer: impl Fn(&mut Fields) -> Option<Answer>,
) -> Option<Lists<C>> {
    let contents = f.list("contents", read);
    let is_practised = f.has(PRACTICE);
    let practice = is_practised.then(|| {
        f.list(PRACTICE, |f| {
            let (content, answer, explanation) = (read(f), answer(f), f.required("explanation"));
            Some((content?, Solution { answer: answer?, explanation: explanation? }))
        })
    });
    let practice = match practice {
        Some(read) => Some(read?.into_iter().unzip()),
        None => None,
    };
    Some(Lists { contents: contents?, practice })
}

impl<C> Lists<C> {
    fn of(self, tasks: impl Fn(Vec<C>) -> Tasks<Named>) -> Read {
        let lessons = self.practice.map(|(contents, solutions)| Lessons { tasks: tasks(contents), solutions });
        (tasks(self.contents), lessons)
    }
}

const NO_OPTION: &str = "must be one of the options";

/// A right answer, as a result says it.
fn read_option(f: &mut Fields, options: Option<&[String]>) -> Option<Answer> {
    let word: String = f.required("answer")?;
    match number(&word, options?) {
        Some(option) => Some(Answer::Choice(option)),
        None => f.wrong("answer", NO_OPTION),
    }
}

fn read_options(f: &mut Fields, options: Option<&[String]>) -> Option<Answer> {
    let words: Vec<String> = f.required("answer")?;
    let options = options?;
    let mut numbers = words.iter().map(|word| number(word, options));
    match numbers.try_fold(OptionSet::default(), |set, option| set.with(option?)) {
        Some(chosen) => Some(Answer::Multi(chosen)),
        None => f.wrong("answer", "must be a list of options"),
    }
}

fn number(word: &str, options: &[String]) -> Option<u8> {
    options.iter().position(|option| option == word).and_then(|at| u8::try_from(at).ok())
}

fn read_preference(f: &mut Fields) -> Option<Answer> {
    let word: String = f.required("answer")?;
    match Preference::ALL.into_iter().find(|preference| preference.as_str() == word) {
        Some(preference) => Some(Answer::Compare(preference)),
        None => f.wrong("answer", &format!("must be one of {}", Preference::ALL.map(Preference::as_str).join(", "))),
    }
}

fn read_finding(f: &mut Fields) -> Option<Answer> {
    let (word, sentence) = (f.required::<String>("answer"), f.optional("sentence", None::<u8>)?);
    let [supported, contradicted, not_enough] = Finding::WORDS;
    let finding = match (word?, sentence) {
        (word, Some(sentence)) if word == supported => Finding::Supported { sentence },
        (word, Some(sentence)) if word == contradicted => Finding::Contradicted { sentence },
        (word, None) if word == not_enough => Finding::NotEnough,
        (word, None) if word == supported || word == contradicted => {
            return f.wrong("sentence", "is missing: the number of the sentence that shows it, from 0");
        }
        (word, Some(_)) if word == not_enough => return f.wrong("sentence", "must not be there: none shows it"),
        _ => return f.wrong("answer", &format!("must be one of {}", Finding::WORDS.join(", "))),
    };
    Some(Answer::Verify(finding))
}

fn read_pair(f: &mut Fields) -> Option<(Named, Named)> {
    let (left, right) = (f.nested("left", read_content), f.nested("right", read_content));
    Some((left?, right?))
}

fn read_warnings(f: &mut Fields) -> Option<WarningSet> {
    let words = f.optional("warnings", Vec::<String>::new())?;
    let mut warnings = WarningSet::NONE;
    for (i, word) in words.iter().enumerate() {
        match Warning::from_word(word) {
            Some(warning) => warnings = warnings.with(warning),
            None => {
                let words = Warning::ALL.map(Warning::as_str).join(", ");
                return f.wrong(&format!("warnings[{i}]"), &format!("must be one of {words}"));
            }
        }
    }
    Some(warnings)
}

fn read_content(f: &mut Fields) -> Option<Named> {
    if f.has("text") {
        return f.required("text").map(Named::Text);
    }
    if f.has("code") {
        return f.required("code").map(Named::Code);
    }
    if f.has("markdown") {
        return f.required("markdown").map(Named::Markdown);
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
async fn look_up(app: &App, asked: &Asked) -> Result<Blobs, Problem> {
    let mut known = Blobs::new();
    for (_, content) in asked.contents() {
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
    /// All contents, each with its name in the API.
    fn contents(&self) -> impl Iterator<Item = (String, &Named)> {
        let practised = self.lessons.iter().flat_map(|lessons| lessons.tasks.contents(PRACTICE));
        self.tasks.contents("contents").into_iter().chain(practised)
    }

    fn project(self, order: OrderId, requester: RequesterId, blobs: &Blobs) -> Result<Project, Problem> {
        let unknown = |(name, content): (String, &Named)| match content {
            Named::Picture { hash, .. } if !blobs.contains_key(hash) => Some(FieldError {
                field: format!("{name}.hash"),
                problem: "no such blob; send it first with PUT /v1/blobs/{hash}".into(),
            }),
            _ => None,
        };
        let errors: Vec<FieldError> = self.contents().filter_map(unknown).collect();
        if !errors.is_empty() {
            return Err(Problem::fields(errors));
        }
        let known = |content| match content {
            Named::Text(text) => Content::Text(text),
            Named::Code(text) => Content::Code(text),
            Named::Markdown(text) => Content::Markdown(text),
            Named::Picture { hash, alt } => {
                let (media_type, bytes) = blobs.get(&hash).cloned().unwrap_or((String::new(), ByteCount::ZERO));
                Content::Picture(Picture { hash, media_type, bytes, alt })
            }
        };
        let Self { title, guideline_version, guideline, question, tasks, lessons, warnings, price, rule } = self;
        let tasks = tasks.map(known);
        let practised = |Lessons { tasks, solutions }| Box::new(Lessons { tasks: Tasks::map(tasks, known), solutions });
        let lessons = lessons.map(practised);
        Ok(Project {
            order,
            requester,
            title,
            guideline_version,
            guideline,
            question,
            tasks,
            lessons,
            warnings,
            price,
            rule,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn asked(more: Value) -> Result<Tasks<Named>, Problem> {
        whole(more).map(|asked| asked.tasks)
    }

    fn whole(more: Value) -> Result<Asked, Problem> {
        let mut body = json!({"title": "t", "guideline": "g", "question": "q", "price": 1,
            "rule": {"agree": 1, "people": 1}});
        if let (Value::Object(fields), Value::Object(more)) = (&mut body, more) {
            fields.extend(more);
        }
        read_project(&Bytes::from(body.to_string()))
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
        let markdown = asked(json!({"options": ["a", "b"], "contents": [{"markdown": "*x*"}]})).unwrap();
        assert!(matches!(markdown.contents("contents")[..], [(_, Named::Markdown(_))]));
        let pair = json!([{"left": {"code": "x"}, "right": {"hash": "ab".repeat(32), "alt": "y"}}]);
        assert_eq!(asked(json!({"type": "compare", "contents": pair})).unwrap().contents("contents").len(), 2);
        let scale = json!({"type": "rating", "steps": 5, "lowest": "l", "highest": "h", "contents": text});
        assert!(matches!(asked(scale).unwrap(), Tasks::Rating { steps: 5, .. }));
        let claims = json!([{"claim": "c", "source": "One. Two."}, {"claim": "c", "source": ["One. Two."]}]);
        let Tasks::Verify { claims } = asked(json!({"type": "verify", "contents": claims})).unwrap() else {
            panic!("a verify")
        };
        assert_eq!(claims.iter().map(|claim| claim.source.len()).collect::<Vec<_>>(), [2, 1]);
    }

    #[test]
    fn practice_is_read_as_results_say_it() {
        let solutions = |more: Value| {
            let lessons = whole(more).unwrap().lessons.unwrap();
            lessons.solutions.into_iter().map(|solution| solution.answer).collect::<Vec<_>>()
        };
        let text = json!([{"text": "x"}]);
        let of = |answer: Value| json!({"text": "y", "answer": answer, "explanation": "e"});
        let choice = json!({"options": ["a", "b"], "contents": text, "practice": [of(json!("b"))]});
        assert_eq!(solutions(choice), [Answer::Choice(1)]);
        let multi = json!({"type": "multi", "options": ["a", "b"], "contents": text,
            "practice": [of(json!(["b", "a"])), of(json!([]))]});
        let both = OptionSet::from_bits(0b11).unwrap();
        assert_eq!(solutions(multi), [Answer::Multi(both), Answer::Multi(OptionSet::default())]);
        let pair = json!({"left": {"text": "l"}, "right": {"text": "r"}});
        let mut solved = pair.clone();
        (solved["answer"], solved["explanation"]) = (json!("both_bad"), json!("e"));
        let compare = json!({"type": "compare", "contents": [pair], "practice": [solved]});
        assert_eq!(solutions(compare), [Answer::Compare(Preference::BothBad)]);
        let rating = json!({"type": "rating", "steps": 5, "lowest": "l", "highest": "h", "contents": text,
            "practice": [of(json!(4))]});
        assert_eq!(solutions(rating), [Answer::Rating(4)]);
        let claim = |answer: &str, sentence: Value| json!({"claim": "c", "source": "One. Two.", "answer": answer, "sentence": sentence, "explanation": "e"});
        let verify = json!({"type": "verify", "contents": [{"claim": "c", "source": "One."}],
            "practice": [claim("supported", json!(1)), claim("not_enough", json!(null))]});
        let found = [Finding::Supported { sentence: 1 }, Finding::NotEnough].map(Answer::Verify);
        assert_eq!(solutions(verify), found);
        assert!(whole(json!({"options": ["a", "b"], "contents": text})).unwrap().lessons.is_none());
    }

    #[test]
    fn every_wrong_field_of_a_practice_is_named() {
        let text = json!([{"text": "x"}]);
        let choice = |practice: Value| wrong(json!({"options": ["a", "b"], "contents": text, "practice": practice}));
        assert_eq!(
            choice(json!([{"text": "y", "answer": "c", "explanation": "e"}, {"answer": 1, "more": 2}, 3])),
            [
                "practice[0].answer",
                "practice[1].hash",
                "practice[1].alt",
                "practice[1].answer",
                "practice[1].explanation",
                "practice[1].more",
                "practice[2]"
            ]
        );
        assert_eq!(choice(json!({})), ["practice"]);
        let multi = json!([{"text": "y", "answer": ["a", "c"], "explanation": "e"}, {"text": "y", "answer": "a"}]);
        assert_eq!(
            wrong(json!({"type": "multi", "options": ["a", "b"], "contents": text, "practice": multi})),
            ["practice[0].answer", "practice[1].answer", "practice[1].explanation"]
        );
        let claim = |answer: &str, sentence: Value| json!({"claim": "c", "source": "One.", "answer": answer, "sentence": sentence, "explanation": "e"});
        let claims = [claim("maybe", json!(0)), claim("supported", json!(null)), claim("not_enough", json!(0))];
        let contents = json!([{"claim": "c", "source": "One."}]);
        assert_eq!(
            wrong(json!({"type": "verify", "contents": contents, "practice": claims})),
            ["practice[0].answer", "practice[1].sentence", "practice[2].sentence"]
        );
        assert_eq!(
            wrong(json!({"type": "compare", "contents": [], "practice": [{"answer": "best", "explanation": "e"}]})),
            ["practice[0].left", "practice[0].right", "practice[0].answer"]
        );
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
        assert_eq!(wrong(json!({"options": ["a", "b"], "contents": text, "warnings": ["hate", "x"]})), ["warnings[1]"]);
        assert_eq!(wrong(json!({"options": ["a", "b"], "contents": text, "warnings": "hate"})), ["warnings"]);
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
