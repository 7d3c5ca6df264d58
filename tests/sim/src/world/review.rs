//! Buyers who look at answers, and the operator who looks at appeals and paused projects. Both read what is committed,
//! as they would through the API, and may be late.

use lull_market::{Command, Rejected};
use lull_protocol::OrderId;
use lull_store::{Reader, StoreError};

use super::house::Asker;
use super::writer::DATABASE;
use super::{Event, World};
use crate::mix::chance;
use crate::plan::{Element, MINUTE, OrderPlan, Reviewer, WorkPlan};

/// Answers that a buyer looks at, and appeals that the operator looks at, at a time.
const LOOK_MAX: usize = 40;

impl World {
    /// What somebody reads who asks the store; nothing while it can't be asked.
    fn look<T>(&mut self, read: impl FnOnce(&Reader) -> Result<T, StoreError>) -> Option<T> {
        self.house.process.as_ref()?;
        match Reader::open(&self.house.disk.path(DATABASE)).and_then(|reader| read(&reader)) {
            Ok(found) => Some(found),
            Err(error) => {
                self.blame_disk(&error, "reading the store failed");
                None
            }
        }
    }

    /// The buyer of an order looks at what waits for it.
    pub(crate) fn review(&mut self, number: usize) {
        let Some(Element::Order(OrderPlan { buyer, work, .. })) = self.plan.elements.get(number).cloned() else {
            return;
        };
        let WorkPlan::Judgments { review: Some(reviewer), .. } = work else { return };
        let next_ms = if self.is_calm { 10 * MINUTE } else { self.rng.u64(5 * MINUTE..60 * MINUTE) };
        self.queue.after(next_ms, Event::Review(number));
        let mut id = [0; 16];
        id[..8].copy_from_slice(&(number as u64 + 1).to_be_bytes());
        let order = OrderId(id);
        let rows = self.look(|reader| reader.waiting_answers(&order, 0, LOOK_MAX)).unwrap_or_default();
        let (mut accept, mut reject) = (Vec::new(), Vec::new());
        for row in rows {
            let rng = &mut self.rng;
            let (accepts, rejects) = match reviewer {
                _ if self.is_calm => (1_000, 0),
                _ if row.rejection.is_some() => (60, 0),
                Reviewer::Fair => (850, 60),
                Reviewer::Lazy => (150, 20),
                Reviewer::Unfair => (300, 500),
            };
            match rng.u32(..1_000) {
                drawn if drawn < accepts => accept.push(row.offer),
                drawn if drawn < accepts + rejects => {
                    reject.push(Rejected { offer: row.offer, evidence: format!("Item {} is none.", row.item_number) });
                }
                _ => {}
            }
        }
        let Some(buyer_of) = self.buyers.get_mut(usize::from(buyer)) else { return };
        if accept.is_empty() && reject.is_empty() {
            return;
        }
        let command = Command::Review { requester: buyer_of.id, order, accept, reject };
        buyer_of.wants.push_back(command);
        self.buyer_acts(buyer.into());
    }

    /// The operator decides about some appeals, and lets projects go on.
    pub(crate) fn operator_looks(&mut self) {
        let next_ms = if self.is_calm { 10 * MINUTE } else { self.rng.u64(10 * MINUTE..90 * MINUTE) };
        self.queue.after(next_ms, Event::Operator);
        let found = self.look(|reader| Ok((reader.appeals(LOOK_MAX)?, reader.paused()?)));
        let Some((appeals, paused)) = found else { return };
        for (rejection, _) in appeals.into_iter().filter_map(|row| row.rejection) {
            if chance(&mut self.rng, 600) {
                let is_upheld = self.rng.bool();
                self.ask_writer(Command::DecideAppeal { rejection, is_upheld }, Asker::Operator);
            }
        }
        for project in paused {
            if self.is_calm || chance(&mut self.rng, 500) {
                self.ask_writer(Command::Resume { order: project.order }, Asker::Operator);
            }
        }
    }
}
