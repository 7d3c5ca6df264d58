//! The market's rules and the store's promises, on a real database file: one test suite for every backend.

#[cfg(test)]
mod assignment;
#[cfg(test)]
mod bench;
#[cfg(test)]
mod cancel;
#[cfg(test)]
mod clock;
#[cfg(test)]
mod deposits;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod fetch;
#[cfg(test)]
mod flag;
#[cfg(test)]
mod judgment;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod money;
#[cfg(test)]
mod offers;
#[cfg(test)]
mod paid_to;
#[cfg(test)]
mod payouts;
#[cfg(test)]
mod person;
#[cfg(test)]
mod practice;
#[cfg(test)]
mod readers;
#[cfg(test)]
mod requester;
#[cfg(test)]
mod reversal;
#[cfg(test)]
mod review;
#[cfg(test)]
mod submit;
#[cfg(test)]
mod wallet;
