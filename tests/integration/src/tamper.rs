//! The comparison must be able to fail: each of these changes to a run's own books has to be named.

use anyhow::{Context, Result, ensure};
use lull_native::Line;

use crate::books::{Books, Findings, WorkerBooks, about, compare};

/// Changes the books of one worker in each way there is and requires that the comparison finds it.
pub(crate) fn would_be_found(books: &Books, workers: &[WorkerBooks]) -> Result<()> {
    let worker = workers.first().context("there are no workers")?;
    let (books, workers) = (&about(books, worker), std::slice::from_ref(worker));
    let findings = compare(books, workers);
    ensure!(findings.all().next().is_none(), "one worker's books are wrong before they are changed: {findings:?}");
    let middle = books.receipts.len() / 2;
    let named = |what: &str, part: fn(&Findings) -> &Vec<String>, change: &dyn Fn(&mut Books) -> Option<()>| {
        let mut books = books.clone();
        change(&mut books).with_context(|| format!("{what}: nothing to change"))?;
        ensure!(!part(&compare(&books, workers)).is_empty(), "{what}: the comparison did not notice");
        anyhow::Ok(())
    };
    named("a result that is gone", |f| &f.lost, &|books| {
        (middle < books.receipts.len()).then(|| drop(books.receipts.remove(middle)))
    })?;
    named("a result that is there twice", |f| &f.twice, &|books| {
        let row = books.receipts.get(middle)?.clone();
        books.receipts.push(row);
        Some(())
    })?;
    named("a credit that is there twice", |f| &f.twice, &|books| {
        let entry = books.entries.iter().find(|entry| entry.cause == "verdict")?.clone();
        books.entries.push(entry);
        Some(())
    })?;
    named("a credit that is gone", |f| &f.lost, &|books| {
        let at = books.entries.iter().position(|entry| entry.cause == "verdict")?;
        drop(books.entries.remove(at));
        Some(())
    })?;
    named("a unit too much", |f| &f.wrong, &|books| {
        let entry = books.entries.iter_mut().find(|entry| entry.cause == "verdict")?;
        entry.postings.first_mut()?.delta += 1;
        Some(())
    })?;
    named("a flipped bit of a signed result", |f| &f.wrong, &|books| {
        *books.receipts.get_mut(middle)?.receipt.result.last_mut()? ^= 1;
        Some(())
    })?;
    named("a flipped bit of a verdict", |f| &f.lost, &|books| {
        *books.receipts.get_mut(middle)?.receipt.verdict.last_mut()? ^= 1;
        Some(())
    })?;
    other_acknowledgement(books, workers)
}

/// A worker was told that another result of its offer counts.
fn other_acknowledgement(books: &Books, workers: &[WorkerBooks]) -> Result<()> {
    let mut workers = workers.to_vec();
    let lines = workers.iter_mut().flat_map(|worker| &mut worker.journal);
    let result = lines.into_iter().find_map(|line| match line {
        Line::Acked { result, .. } => Some(result),
        _ => None,
    });
    let result = result.context("nothing was acknowledged")?;
    *result = result.chars().rev().collect();
    ensure!(!compare(books, &workers).lost.is_empty(), "an acknowledgement of another result was not noticed");
    Ok(())
}
