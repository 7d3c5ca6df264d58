//! What buyers asked for and were told.

use lull_market::{Command, FetchOrder, Lessons, Project, Refusal, Reply, RequesterId, Solution, Tasks};
use lull_protocol::item::JudgmentItem;
use lull_protocol::statement::AcceptanceRule;
use lull_protocol::task::{Choice, Compare, Multi, Rating};
use lull_protocol::{
    BlobRef, ByteCount, Content, FetchItem, Hash, Item, Method, OrderId, Practice, PracticeItem, Task, Timestamp,
};

use super::{Holds, Model, Order, Work, broken, must, rules};

impl Model {
    fn name(&self, requester: RequesterId) -> String {
        let [first, ..] = requester.0;
        self.names.get(usize::from(first).saturating_sub(1)).cloned().unwrap_or_default()
    }

    /// A buyer asks: from here on it may be so.
    pub(crate) fn buyer_asks(&mut self, command: &Command) {
        match command {
            Command::Deposit { requester, amount, reference } => {
                self.deposits.entry(reference.clone()).or_insert((*requester, amount.get(), false));
            }
            Command::CreateFetchOrder(order) => {
                let per_result = most_of_fetch(order);
                self.note_order(command, order.order, order.requester, per_result, order.urls.len() as u64);
            }
            Command::CreateProject(project) => {
                let results = project.tasks.count() as u64 * u64::from(people(project.rule));
                self.note_order(command, project.order, project.requester, project.price.get(), results);
            }
            _ => {}
        }
    }

    fn note_order(&mut self, command: &Command, order: OrderId, requester: RequesterId, each: u64, results: u64) {
        let full_price = results * (each + rules::fee(each, self.terms.fee_bp));
        let new = Order {
            requester,
            command: command.clone(),
            full_price,
            is_certain: false,
            review: (0, 0),
            is_paused: false,
        };
        self.orders.entry(order).or_insert(new);
    }

    /// What a buyer was told is so.
    pub(crate) fn buyer_hears(&mut self, command: &Command, reply: &Reply) -> Holds {
        let is_answer = match (command, reply) {
            (Command::AddRequester { .. } | Command::Deposit { .. }, Reply::Done) => true,
            (Command::Review { .. }, Reply::Reviewed(_)) => true,
            (Command::PutBlob { bytes, .. }, Reply::Blob(hash)) => *hash == Hash::of(bytes),
            (Command::CreateFetchOrder(FetchOrder { order: asked, .. }), Reply::Order { order, held })
            | (Command::CreateProject(Project { order: asked, .. }), Reply::Order { order, held }) => {
                order == asked && self.orders.get(order).is_some_and(|o| o.full_price == held.get())
            }
            _ => false,
        };
        must(is_answer, "orders hold their price", || format!("{command:?} was answered with {reply:?}"))
    }

    /// The buyers of this world ask for nothing that may be refused, but for a review that comes too late.
    pub(crate) fn buyer_is_refused(&mut self, command: &Command, refusal: &Refusal) -> Holds {
        if let Command::Review { accept, reject, .. } = command {
            return self.review_is_refused(accept, reject, refusal);
        }
        Err(broken("buyers are served", format!("{command:?} was refused: {refusal}")))
    }

    /// A deposit is committed.
    pub(super) fn deposited(&mut self, reference: &str) {
        let Some((requester, amount, is_certain)) = self.deposits.get_mut(reference) else { return };
        if !std::mem::replace(is_certain, true) {
            *self.available.entry(*requester).or_default() += i128::from(*amount);
        }
    }

    /// An order is committed: its money is held, its items are there.
    pub(super) fn ordered(&mut self, id: OrderId, _at: Timestamp) {
        let Some(order) = self.orders.get_mut(&id).filter(|order| !order.is_certain) else { return };
        order.is_certain = true;
        *self.available.entry(order.requester).or_default() -= i128::from(order.full_price);
        let (command, full_price, requester) = (order.command.clone(), order.full_price, order.requester);
        let (items, needed) = items_of(&command, &self.name(requester));
        let held = full_price / (items.len() as u64).max(1);
        for item in items {
            let work = Work {
                order: id,
                needed,
                tries: 0,
                is_closed: false,
                held,
                leases: Vec::new(),
                flags: Vec::new(),
                flaggers: 0,
                item: item.clone(),
            };
            self.items.insert(item.hash(), work);
        }
    }
}

fn people(rule: AcceptanceRule) -> u8 {
    match rule {
        AcceptanceRule::Agreement { people, .. } | AcceptanceRule::Review { people, .. } => people,
        AcceptanceRule::FetchChecks { .. } => 1,
    }
}

fn most_of_fetch(order: &FetchOrder) -> u64 {
    let bytes = if order.method == Method::Head { 0 } else { order.bytes_max.get() };
    rules::price(&order.price, bytes)
}

/// What each item of a project asks.
fn tasks_of(tasks: &Tasks) -> Vec<Task> {
    let contents = |contents: &[Content], ask: &dyn Fn(Content) -> Task| contents.iter().cloned().map(ask).collect();
    match tasks.clone() {
        Tasks::Choice { options, contents: all } => {
            contents(&all, &|content| Task::Choice(Choice { content, options: options.clone() }))
        }
        Tasks::Multi { options, least, most, contents: all } => {
            contents(&all, &|content| Task::Multi(Multi { content, options: options.clone(), least, most }))
        }
        Tasks::Compare { pairs } => {
            pairs.into_iter().map(|(left, right)| Task::Compare(Compare { left, right })).collect()
        }
        Tasks::Rating { steps, lowest, highest, contents: all } => contents(&all, &|content| {
            Task::Rating(Rating { content, steps, lowest: lowest.clone(), highest: highest.clone() })
        }),
        Tasks::Verify { claims } => claims.into_iter().map(Task::Verify).collect(),
    }
}

/// The practice that each item of a project names.
fn practice_of(Lessons { tasks, solutions }: &Lessons) -> BlobRef {
    let solved = tasks_of(tasks).into_iter().zip(solutions.clone());
    let item = |(task, Solution { answer, explanation })| PracticeItem { task, answer, explanation };
    let bytes = Practice { items: solved.map(item).collect() }.to_bytes();
    BlobRef { hash: Hash::of(&bytes), bytes: ByteCount::new(bytes.len() as u64).unwrap_or(ByteCount::ZERO) }
}

/// The items of an order, and how many results each needs.
fn items_of(command: &Command, name: &str) -> (Vec<Item>, u8) {
    match command {
        Command::CreateFetchOrder(order) => {
            let item = |url: &String| {
                Item::Fetch(FetchItem {
                    order: order.order,
                    requester: name.to_owned(),
                    purpose: order.purpose.clone(),
                    url: url.clone(),
                    method: order.method,
                    bytes_max: order.bytes_max,
                    http_allowed: order.http_allowed,
                })
            };
            (order.urls.iter().map(item).collect(), 1)
        }
        Command::CreateProject(project) => {
            let item = |task: Task| {
                Item::Judgment(JudgmentItem {
                    order: project.order,
                    requester: name.to_owned(),
                    title: project.title.clone(),
                    guideline_version: project.guideline_version,
                    warnings: project.warnings,
                    guideline: project.guideline.clone(),
                    question: project.question.clone(),
                    task,
                    practice: project.lessons.as_deref().map(practice_of),
                })
            };
            (tasks_of(&project.tasks).into_iter().map(item).collect(), people(project.rule))
        }
        _ => (vec![], 0),
    }
}
