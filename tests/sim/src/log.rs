//! What the code under test logs as an error fails a run.

use std::cell::RefCell;
use std::fmt::{self, Write};
use std::sync::Once;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

thread_local! {
    static ERRORS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Records errors per thread; a run is one thread.
struct Recorder;

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().target().to_owned());
        event.record(&mut line);
        ERRORS.with_borrow_mut(|errors| errors.push(line.0));
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string can't fail.
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

/// Starts to record, once per process.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Another subscriber can only be a test's; then errors go there.
        let _ = tracing::subscriber::set_global_default(Recorder);
    });
}

/// The errors of this thread since the last call.
pub(crate) fn take() -> Vec<String> {
    ERRORS.with_borrow_mut(std::mem::take)
}

#[cfg(test)]
mod tests {
    #[test]
    fn errors_are_recorded_and_warnings_are_not() {
        super::install();
        tracing::warn!("an injected fault");
        tracing::error!(code = 7, "a broken invariant");
        assert_eq!(super::take().len(), 1);
        assert_eq!(super::take(), Vec::<String>::new());
    }
}
