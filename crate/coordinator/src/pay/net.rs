//! RPCs over HTTP: several are asked at once, and what each says stays apart.

use std::time::Duration;

use futures_util::future::join_all;
use lull_payout::address::Address;
use lull_payout::batch::Terms;
use lull_payout::facts::{Preparation, Seen, Sight};
use lull_payout::lane::{Lane, LaneSight};
use lull_payout::rpc::{self, ANSWER_BYTES_MAX, Call, Commitment, HISTORY_MAX, RpcError};
use lull_payout::token;
use lull_payout::units::{LaneId, Nonce, Signature};
use reqwest::header::CONTENT_TYPE;
use thiserror::Error;
use url::Url;

/// Time for a whole answer, milliseconds.
const ANSWER_MS_MAX: u64 = 15_000;
/// Time for a connection to open, milliseconds.
const CONNECT_MS_MAX: u64 = 5_000;
/// Pages of a history; a treasury with more transactions than these is reconciled from an archive of its own.
const PAGES_MAX: usize = 1_000;
/// Pages of a deposit's history since it was last looked at.
const DEPOSIT_PAGES_MAX: usize = 20;

/// Why an RPC gave no answer. Its address is left out: it may hold a key.
#[derive(Debug, Error)]
pub enum NetError {
    /// Not over HTTP.
    #[error("{0} can't be asked: {1}")]
    Http(&'static str, reqwest::Error),
    /// A larger answer than any can be.
    #[error("the answer to {0} is too long")]
    TooLong(&'static str),
    /// It is no answer.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// Nobody answered, or they differ.
    #[error("the RPCs differ, or too few of them answer")]
    Disagreement,
}

/// The RPCs.
#[derive(Clone, Debug)]
pub(crate) struct Net {
    http: reqwest::Client,
    urls: Vec<Url>,
}

impl Net {
    pub(crate) fn new(urls: Vec<Url>) -> Result<Self, NetError> {
        // reqwest takes the process's provider of cryptography; a second call finds it set, which is fine.
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_millis(CONNECT_MS_MAX))
            .timeout(Duration::from_millis(ANSWER_MS_MAX))
            .build()
            .map_err(|error| NetError::Http("the RPC", error.without_url()))?;
        Ok(Self { http, urls })
    }

    async fn ask_one<T>(&self, url: &Url, call: &Call<T>) -> Result<T, NetError> {
        let method = call.method();
        let failed = |error: reqwest::Error| NetError::Http(method, error.without_url());
        let post = self.http.post(url.clone()).header(CONTENT_TYPE, "application/json").body(call.body(1));
        let mut answer = post.send().await.map_err(failed)?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(NetError::TooLong(method));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(call.answer(1, &body)?)
    }

    /// What each of so many says, where what they say may differ in what doesn't matter.
    pub(crate) async fn several<T>(&self, call: &Call<T>, agree_min: usize) -> Result<Vec<T>, NetError> {
        let said = self.each(|url| self.ask_one(url, call)).await;
        if said.is_empty() || said.len() < agree_min { Err(NetError::Disagreement) } else { Ok(said) }
    }

    /// What the first one says that answers: of what does no harm if it is wrong.
    pub(crate) async fn ask<T>(&self, call: &Call<T>) -> Result<T, NetError> {
        let mut last = NetError::Disagreement;
        for url in &self.urls {
            match self.ask_one(url, call).await {
                Ok(answer) => return Ok(answer),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// What so many say, and none differently.
    pub(crate) async fn agreed<T: PartialEq>(&self, call: &Call<T>, agree_min: usize) -> Result<T, NetError> {
        let mut answers = join_all(self.urls.iter().map(|url| self.ask_one(url, call))).await.into_iter();
        let (mut said, mut failed) = (Vec::new(), None);
        for answer in answers.by_ref() {
            match answer {
                Ok(answer) => said.push(answer),
                Err(error) => failed = Some(error),
            }
        }
        let is_enough = said.len() >= agree_min;
        match said.pop() {
            Some(one) if is_enough && said.iter().all(|other| *other == one) => Ok(one),
            Some(_) => Err(NetError::Disagreement),
            None => Err(failed.unwrap_or(NetError::Disagreement)),
        }
    }

    /// Of each RPC that gives all of it.
    async fn each<'a, T, F: Future<Output = Result<T, NetError>>>(&'a self, ask: impl Fn(&'a Url) -> F) -> Vec<T> {
        let answers = join_all(self.urls.iter().map(ask)).await;
        let failed = |error: &NetError| tracing::debug!(%error, "an RPC gave no answer");
        answers.into_iter().filter_map(|answer| answer.inspect_err(failed).ok()).collect()
    }

    /// To each of them; what they answer tells nothing.
    pub(crate) async fn send(&self, transaction: &[u8]) {
        self.each(|url| self.ask_one_owned(url, rpc::send(transaction))).await;
    }

    async fn ask_one_owned<T>(&self, url: &Url, call: Call<T>) -> Result<T, NetError> {
        self.ask_one(url, &call).await
    }

    pub(crate) async fn prepare(
        &self,
        lane: LaneId,
        transaction: &[u8],
        writes_to: &[Address],
        terms: &Terms,
    ) -> Vec<Preparation> {
        self.each(async |url| {
            let nonce = self.nonce(url, lane, terms).await?;
            let simulated = self.ask_one(url, &rpc::simulation(transaction)).await?;
            let prices = self.ask_one(url, &rpc::recent_prices(writes_to)).await?;
            Ok(Preparation { nonce, simulated, prices })
        })
        .await
    }

    pub(crate) async fn sights(
        &self,
        lane: LaneId,
        payment: Signature,
        cancel: Option<Signature>,
        terms: &Terms,
    ) -> Vec<Sight> {
        self.each(async |url| {
            // First: what has moved it is seen by those who look afterwards.
            let nonce = self.nonce(url, lane, terms).await?;
            let payment = self.seen(url, payment, terms).await?;
            let cancel = match cancel {
                Some(cancel) => self.seen(url, cancel, terms).await?,
                None => Seen::Nothing,
            };
            Ok(Sight { payment, cancel, nonce })
        })
        .await
    }

    async fn nonce(&self, url: &Url, lane: LaneId, terms: &Terms) -> Result<Option<Nonce>, NetError> {
        let account = self.ask_one(url, &rpc::account(&lane.0, Commitment::Finalized)).await?;
        Ok(account.and_then(|account| token::nonce(&account, &terms.treasury.owner)))
    }

    async fn seen(&self, url: &Url, signature: Signature, terms: &Terms) -> Result<Seen, NetError> {
        let status = self.ask_one(url, &rpc::statuses(&[signature])).await?.into_iter().flatten().next();
        let landing = match status {
            Some(status) if status.commitment == Commitment::Finalized => {
                let transaction = self.ask_one(url, &rpc::transaction(&signature)).await?;
                transaction.and_then(|transaction| transaction.landing(&terms.treasury.mint))
            }
            _ => None,
        };
        Ok(rpc::seen(status, landing))
    }

    pub(crate) async fn lane_sights(&self, lane: &Lane, terms: &Terms) -> Vec<LaneSight> {
        self.each(async |url| {
            let nonce = self.nonce(url, lane.id, terms).await?;
            let mut newer = vec![];
            for signature in self.history_of(url, &lane.id.0, Some(&lane.last), PAGES_MAX).await? {
                let transaction = self.ask_one(url, &rpc::transaction(&signature)).await?;
                let read = transaction.and_then(|transaction| transaction.read(&terms.treasury.mint));
                if read.is_some_and(|read| read.advanced == Some((lane.id, terms.treasury.owner))) {
                    newer.push(signature);
                }
            }
            Ok(LaneSight { nonce, newer })
        })
        .await
    }

    /// All finalized transactions that name an address, the newest first, back to one; the same from so many RPCs.
    pub(crate) async fn history(&self, address: &Address, agree_min: usize) -> Result<Vec<Signature>, NetError> {
        let all = self.each(|url| self.history_of(url, address, None, PAGES_MAX)).await;
        match all.first() {
            Some(first) if all.len() >= agree_min && all.iter().all(|other| other == first) => Ok(first.clone()),
            _ => Err(NetError::Disagreement),
        }
    }

    /// Finalized transactions that name an address, after one, the oldest first: those that so many RPCs tell of in the
    /// same order, and whether one of them tells of others. None of several is believed alone, and one that is behind
    /// keeps back only what it doesn't know yet.
    pub(crate) async fn common_history(
        &self,
        address: &Address,
        after: Option<&Signature>,
        agree_min: usize,
    ) -> Result<(Vec<Signature>, bool), NetError> {
        let all = self.each(|url| self.history_of(url, address, after, DEPOSIT_PAGES_MAX)).await;
        if all.len() < agree_min {
            return Err(NetError::Disagreement);
        }
        Ok(common(&all))
    }

    async fn history_of(
        &self,
        url: &Url,
        address: &Address,
        until: Option<&Signature>,
        pages_max: usize,
    ) -> Result<Vec<Signature>, NetError> {
        let mut all = Vec::<Signature>::new();
        for _ in 0..pages_max {
            let before = all.last().copied();
            let page = self.ask_one(url, &rpc::history(address, before.as_ref(), until)).await?;
            let is_last = page.len() < HISTORY_MAX;
            all.extend(page);
            if is_last {
                return Ok(all);
            }
        }
        Err(NetError::TooLong("getSignaturesForAddress"))
    }
}

/// What several lists, the newest first, have in common from their oldest on; and whether one of them has more.
fn common(lists: &[Vec<Signature>]) -> (Vec<Signature>, bool) {
    let Some((first, others)) = lists.split_first() else { return (Vec::new(), false) };
    let is_everywhere =
        |(place, one): &(usize, &Signature)| others.iter().all(|other| other.iter().rev().nth(*place) == Some(one));
    let common: Vec<Signature> =
        first.iter().rev().enumerate().take_while(is_everywhere).map(|(_, one)| *one).collect();
    let has_more = lists.iter().any(|list| list.len() > common.len());
    (common, has_more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_all_tell_of_is_common() {
        let list = |numbers: &[u8]| numbers.iter().rev().map(|number| Signature([*number; 64])).collect::<Vec<_>>();
        let check = |lists: &[&[u8]], expected: &[u8], has_more| {
            let lists: Vec<_> = lists.iter().map(|numbers| list(numbers)).collect();
            let (mut common, more) = common(&lists);
            common.reverse();
            assert_eq!((common, more), (list(expected), has_more), "{lists:?}");
        };
        check(&[], &[], false);
        check(&[&[1, 2]], &[1, 2], false);
        check(&[&[1, 2], &[1, 2]], &[1, 2], false);
        check(&[&[1, 2, 3], &[1, 2]], &[1, 2], true);
        check(&[&[1, 2], &[1, 2, 3], &[1]], &[1], true);
        check(&[&[1, 3], &[1, 2, 3]], &[1], true);
        check(&[&[1, 2], &[]], &[], true);
        check(&[&[9, 1], &[1]], &[], true);
    }
}
