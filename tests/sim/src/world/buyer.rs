//! Buyers: each asks for one thing at a time, and again until it is answered. Asking twice must change
//! nothing.

use std::collections::VecDeque;

use fastrand::Rng;
use lull_market::session::Answer;
use lull_market::{Command, FetchOrder, Lessons, Project, RequesterId, Solution, Tasks};
use lull_protocol::item::Picture;
use lull_protocol::statement::{AcceptanceRule, Price};
use lull_protocol::task::Verify;
use lull_protocol::{Amount, ByteCount, Content, Hash, Method, OrderId, TaskKind, WarningSet};

use super::house::Asker;
use super::{Event, World, lies, web};
use crate::mix::{bytes, chance, stream};
use crate::plan::{HOUR, MINUTE, OrderPlan, SECOND, WorkPlan};

/// What each buyer pays in first, base units.
const FIRST_DEPOSIT: u64 = 1_000_000_000_000;

/// A buyer.
#[derive(Debug)]
pub(crate) struct Buyer {
    pub(crate) id: RequesterId,
    pub(crate) wants: VecDeque<Command>,
    /// The number of the question under way; an answer to an older one is nobody's.
    turn: Option<u64>,
    turns: u64,
}

impl Buyer {
    pub(crate) fn new(number: u8) -> Self {
        let id = RequesterId([number + 1; 16]);
        let name = format!("Buyer {number}");
        let reference = format!("buyer {number}, first");
        let wants = VecDeque::from([
            Command::AddRequester { requester: id, name, key_hash: Hash([number + 1; 32]) },
            Command::Deposit { requester: id, amount: amount(FIRST_DEPOSIT), reference },
        ]);
        Self { id, wants, turn: None, turns: 0 }
    }

    /// Its public name.
    pub(crate) fn name(number: u8) -> String {
        format!("Buyer {number}")
    }
}

fn amount(units: u64) -> Amount {
    Amount::new(units).expect("an amount of a plan is small")
}

fn count(bytes: u64) -> ByteCount {
    ByteCount::new(bytes).expect("a size of a plan is small")
}

impl World {
    /// A buyer wants one more thing.
    pub(crate) fn order(&mut self, number: usize, plan: &OrderPlan) {
        let mut rng = stream(self.plan.seed, "work", number as u64);
        let Some(buyer) = self.buyers.get_mut(usize::from(plan.buyer)) else { return };
        let requester = buyer.id;
        let mut order = [0; 16];
        order[..8].copy_from_slice(&(number as u64 + 1).to_be_bytes());
        let order = OrderId(order);
        let reference = format!("order {number}");
        let mut wants = vec![Command::Deposit { requester, amount: amount(rng.u64(1..1_000_000)), reference }];
        match plan.work {
            WorkPlan::Fetches { count: pages, bytes_max, head, http } => {
                let scheme = if http { "http" } else { "https" };
                let mut urls: Vec<String> = (0..pages).map(|_| web::page(&mut rng, scheme)).collect();
                urls.sort();
                urls.dedup();
                wants.push(Command::CreateFetchOrder(FetchOrder {
                    order,
                    requester,
                    purpose: "a link check".into(),
                    urls,
                    method: if head { Method::Head } else { Method::Get },
                    bytes_max: count(bytes_max),
                    http_allowed: http,
                    price: Price { per_item: amount(rng.u64(1..5_000)), per_mib: amount(rng.u64(..9_000)) },
                }));
            }
            WorkPlan::Judgments { task, count, people, pictures, review } => {
                let (tasks, blobs) = tasks(&mut rng, task, count, pictures, requester);
                wants.extend(blobs);
                let lessons =
                    lessons(&mut stream(self.plan.seed, "practice", number as u64), task, pictures, requester);
                let warnings = if chance(&mut rng, 200) { some_warnings(number) } else { WarningSet::NONE };
                // What is practised isn't covered, and shows pictures only where the project does.
                let fits = |lessons: &Lessons| has_pictures(&tasks) || !has_pictures(&lessons.tasks);
                let lessons = lessons.filter(|(lessons, _)| warnings.is_empty() && fits(lessons));
                let (lessons, blobs) = lessons.unzip();
                wants.extend(blobs.into_iter().flatten());
                wants.push(Command::CreateProject(Project {
                    order,
                    requester,
                    title: format!("Signs {number}"),
                    guideline_version: 1,
                    guideline: "Look closely.".into(),
                    question: "What is it?".into(),
                    tasks,
                    lessons: lessons.map(Box::new),
                    warnings,
                    price: amount(rng.u64(1..9_000)),
                    rule: rule(rng.u8(people / 2 + 1..=people), people, review.is_some()),
                }));
                if review.is_some() {
                    let after_ms = rng.u64(5 * MINUTE..HOUR);
                    self.queue.after(after_ms, Event::Review(number));
                }
            }
        }
        if chance(&mut rng, 300) {
            // The same once more, word for word.
            wants.extend(wants.last().cloned());
        }
        buyer.wants.extend(wants);
        self.buyer_acts(usize::from(plan.buyer));
    }

    /// Asks for what is wanted next, if nothing is asked already.
    pub(crate) fn buyer_acts(&mut self, number: usize) {
        let is_up = self.is_serving();
        let Some(buyer) = self.buyers.get_mut(number) else { return };
        let (None, Some(command)) = (buyer.turn, buyer.wants.front().cloned()) else { return };
        buyer.turns += 1;
        let turn = buyer.turns;
        buyer.turn = Some(turn);
        if is_up {
            self.model.buyer_asks(&command);
            self.ask_writer(command, Asker::Buyer(number, turn));
        } else {
            self.queue.after(5 * SECOND, Event::Buyer(number, turn));
        }
    }

    /// It is time to ask again.
    pub(crate) fn buyer_asks_again(&mut self, number: usize, turn: u64) {
        if let Some(buyer) = self.buyers.get_mut(number).filter(|buyer| buyer.turn == Some(turn)) {
            buyer.turn = None;
            self.buyer_acts(number);
        }
    }

    pub(crate) fn buyer_hears(&mut self, number: usize, turn: u64, answer: Answer) {
        let Some(buyer) = self.buyers.get_mut(number).filter(|buyer| buyer.turn == Some(turn)) else { return };
        let Some(command) = buyer.wants.front().cloned() else { return };
        let checked = match answer {
            Answer::Reply(reply) => self.model.buyer_hears(&command, &reply),
            Answer::Refused(refusal) => self.model.buyer_is_refused(&command, &refusal),
            _ => return self.queue.after(5 * SECOND, Event::Buyer(number, turn)),
        };
        buyer.wants.pop_front();
        buyer.turn = None;
        self.check(checked);
        self.buyer_acts(number);
    }

    /// The coordinator went away in the middle of whatever was asked.
    pub(crate) fn buyers_lose_touch(&mut self) {
        for number in 0..self.buyers.len() {
            if let Some(turn) = self.buyers.get(number).and_then(|buyer| buyer.turn) {
                let after_ms = self.rng.u64(SECOND..10 * SECOND);
                self.queue.after(after_ms, Event::Buyer(number, turn));
            }
        }
    }

    /// Whether every buyer has got an answer to everything but its last look at answers.
    pub(crate) fn buyers_are_content(&self) -> bool {
        let is_review = |command: &Command| matches!(command, Command::Review { .. });
        self.buyers.iter().all(|buyer| buyer.wants.iter().all(is_review))
    }
}

fn rule(agree: u8, people: u8, is_reviewed: bool) -> AcceptanceRule {
    match is_reviewed {
        true => AcceptanceRule::Review { agree, people },
        false => AcceptanceRule::Agreement { agree, people },
    }
}

fn has_pictures(tasks: &Tasks) -> bool {
    tasks.contents("contents").iter().any(|(_, content)| matches!(content, Content::Picture(_)))
}

/// A few classes of sensitive content.
fn some_warnings(number: usize) -> WarningSet {
    let bits = [1, 2, 5, 32].get(number % 4).copied().unwrap_or_default();
    WarningSet::from_bits(bits).unwrap_or_default()
}

/// Tasks of a type, and the blobs they need.
fn tasks(rng: &mut Rng, kind: TaskKind, count: usize, pictures: u32, requester: RequesterId) -> (Tasks, Vec<Command>) {
    let sides = if kind == TaskKind::Compare { 2 * count } else { count };
    let (contents, blobs) = contents(rng, sides, pictures, requester);
    let options: Vec<String> = (1..=rng.u8(2..=9)).map(|n| format!("option {n}")).collect();
    let tasks = match kind {
        TaskKind::Choice => Tasks::Choice { options, contents },
        TaskKind::Multi => {
            let most = rng.u8(1..=options.len() as u8);
            Tasks::Multi { options, least: rng.u8(..=most), most, contents }
        }
        TaskKind::Compare => {
            let (pairs, _) = contents.as_chunks::<2>();
            Tasks::Compare { pairs: pairs.iter().cloned().map(|[left, right]| (left, right)).collect() }
        }
        TaskKind::Rating => {
            Tasks::Rating { steps: rng.u8(2..=10), lowest: "dull".into(), highest: "bright".into(), contents }
        }
        TaskKind::Verify => {
            let mut claim = |number| {
                let source = (1..=rng.usize(1..=6)).map(|n| format!("Sentence {n} of {}.", rng.u32(..))).collect();
                Verify { claim: format!("claim {number} of {}", rng.u32(..)), source }
            };
            return (Tasks::Verify { claims: (0..count).map(&mut claim).collect() }, Vec::new());
        }
    };
    (tasks, blobs)
}

/// What people may practise first, if anything, and the blobs it needs.
fn lessons(rng: &mut Rng, kind: TaskKind, pictures: u32, requester: RequesterId) -> Option<(Lessons, Vec<Command>)> {
    if !chance(rng, 400) {
        return None;
    }
    let (tasks, blobs) = tasks(rng, kind, rng.clone().usize(1..=3), pictures, requester);
    let mut solve =
        |task| Solution { answer: lies::answer(rng, &task), explanation: format!("Because of {}.", rng.u32(..)) };
    let solutions = tasks.each().into_iter().map(&mut solve).collect();
    let lessons = Lessons { tasks, solutions };
    // Three comparisons of large pictures are more than a practice may show.
    lessons.practice().check().is_ok().then_some((lessons, blobs))
}
/// The head of a PNG of one pixel, up to its data.
const PNG_HEAD: &[u8; 41] = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0\0\0\0\0\0\0\0\x01IDAT";

/// What is judged, and the blobs it needs.
fn contents(rng: &mut Rng, count: usize, pictures: u32, requester: RequesterId) -> (Vec<Content>, Vec<Command>) {
    let (mut contents, mut blobs) = (Vec::new(), Vec::new());
    for number in 0..count {
        if rng.u32(..100) >= pictures {
            let words = format!("sign {number} of {}", rng.u32(..));
            contents.push(match number % 4 {
                3 => Content::Code(words),
                2 => Content::Markdown(words),
                _ => Content::Text(words),
            });
            continue;
        }
        let size = if chance(rng, 200) { rng.usize(70_000..300_000) } else { rng.usize(100..20_000) };
        let mut file = vec![0; size];
        rng.fill(&mut file);
        file.splice(..PNG_HEAD.len(), *PNG_HEAD);
        file.extend(bytes::<8>(rng));
        let (hash, bytes) = (Hash::of(&file), self::count(file.len() as u64));
        let media_type = "image/png".to_owned();
        contents.push(Content::Picture(Picture { hash, media_type: media_type.clone(), bytes, alt: "A road".into() }));
        blobs.push(Command::PutBlob { requester, media_type, bytes: file });
    }
    (contents, blobs)
}
