//! How typed values are stored: ids as blobs, amounts and times as integers, states as words.

use lull_market::{ItemState, LeaseState, RequesterId};
use lull_payout::deposit::Uncredited;
use lull_protocol::connect::Purpose;
use lull_protocol::payout::Hold;
use lull_protocol::reversal::Ending;
use lull_protocol::statement::{Decision, JobClass, Outcome, VerdictReason};
use lull_protocol::task::AgreementKey;
use lull_protocol::{Amount, ByteCount, DurationMs, FlagReason, Hash, OrderId, PublicKey, TaskKind, Timestamp, Wallet};
use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};

/// A typed value as a column.
pub(crate) struct Col<T>(pub(crate) T);

macro_rules! blobs {
    ($($name:ident),*) => {$(
        impl ToSql for Col<$name> {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::from(self.0.0.as_slice()))
            }
        }
        impl FromSql for Col<$name> {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let bytes = value.as_blob()?;
                let array = bytes.try_into().map_err(|_| FromSqlError::Other("wrong length".into()))?;
                Ok(Self($name(array)))
            }
        }
    )*};
}
blobs!(Hash, PublicKey, OrderId, RequesterId);

impl ToSql for Col<Wallet> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.0.key().0.to_vec()))
    }
}
impl FromSql for Col<Wallet> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let Col(key) = Col::<PublicKey>::column_result(value)?;
        Wallet::new(key).map(Self).map_err(|error| FromSqlError::Other(error.into()))
    }
}

macro_rules! integers {
    ($($name:ident),*) => {$(
        impl ToSql for Col<$name> {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                let value = i64::try_from(self.0.get()).expect("at most 2^53 − 1");
                Ok(ToSqlOutput::from(value))
            }
        }
        impl FromSql for Col<$name> {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let number = value.as_i64()?;
                let typed = u64::try_from(number).ok().and_then($name::new);
                typed.map(Self).ok_or(FromSqlError::OutOfRange(number))
            }
        }
    )*};
}
integers!(Amount, ByteCount, DurationMs, Timestamp);

impl ToSql for Col<AgreementKey> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.0.0))
    }
}
impl FromSql for Col<AgreementKey> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        u16::column_result(value).map(|key| Self(AgreementKey(key)))
    }
}

macro_rules! words {
    ($($name:ident { $($variant:ident = $word:literal),* $(,)? })*) => {$(
        impl ToSql for Col<$name> {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::from(match self.0 { $($name::$variant => $word),* }))
            }
        }
        impl FromSql for Col<$name> {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                match value.as_str()? {
                    $($word => Ok(Self($name::$variant)),)*
                    _ => Err(FromSqlError::Other("unknown word".into())),
                }
            }
        }
    )*};
}
words! {
    TaskKind {
        Choice = "choice", Multi = "multi", Compare = "compare", Rating = "rating", Verify = "verify",
    }
    Purpose { Link = "link", Change = "change", Rebind = "rebind", Unlink = "unlink", PutOut = "put_out" }
    JobClass { Fetch = "fetch", Judgment = "judgment" }
    ItemState { Open = "open", Done = "done", Ambiguous = "ambiguous", Failed = "failed" }
    LeaseState {
        Open = "open", Answered = "answered", Judged = "judged", Returned = "returned", Expired = "expired",
    }
    Ending {
        Unopposed = "unopposed", Denied = "denied", Upheld = "upheld", Undecided = "undecided",
        TakenBack = "taken_back",
    }
    Decision { Accepted = "accepted", Rejected = "rejected", Ambiguous = "ambiguous" }
    Outcome {
        Ok = "ok", NotFound = "not_found", Blocked = "blocked", Challenge = "challenge", Policy = "policy",
        Network = "network", Timeout = "timeout",
    }
    VerdictReason {
        ChecksPassed = "checks_passed", Agreed = "agreed", OthersAgreed = "others_agreed",
        NobodyAgreed = "nobody_agreed", ApprovedByTime = "approved_by_time", UnpaidOutcome = "unpaid_outcome",
        HopRefused = "hop_refused", HopsDontFit = "hops_dont_fit", BodyTooLarge = "body_too_large",
        TimesOutsideLease = "times_outside_lease", Stopped = "stopped", StoppedUnpaid = "stopped_unpaid",
        FlagNotShared = "flag_not_shared", FlagPassedOn = "flag_passed_on", ApprovedByBuyer = "approved_by_buyer",
        RejectedByBuyer = "rejected_by_buyer", AppealUpheld = "appeal_upheld", AppealDenied = "appeal_denied",
    }
    FlagReason {
        Broken = "broken", Harmful = "harmful", PersonalData = "personal_data", Captcha = "captcha",
        Illegal = "illegal", Unclear = "unclear",
    }
    Hold {
        Listed = "listed", Frozen = "frozen", Foreign = "foreign", AboveLimit = "above_limit", Refused = "refused",
        Nothing = "nothing", NoAccount = "no_account",
    }
    Uncredited {
        Failed = "failed", Nothing = "nothing", OtherMint = "other_mint", OtherRecipient = "other_recipient",
        Dust = "dust", TooMuch = "too_much", TwoRequesters = "two_requesters", Counted = "counted",
        Unreadable = "unreadable",
    }
}
