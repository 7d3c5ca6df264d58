//! Tasks of every type, and answers of every type, to any task or to a given one.

use lull_protocol::item::Picture;
use lull_protocol::limits::*;
use lull_protocol::picture::PICTURE_TYPES;
use lull_protocol::task::*;
use lull_protocol::{ByteCount, Content, Hash};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::sample::select;

pub(crate) fn label() -> impl Strategy<Value = String> {
    "[a-zé水]\\PC{0,300}"
}

fn content() -> impl Strategy<Value = Content> {
    let picture = (any::<[u8; 32]>(), select(&PICTURE_TYPES), 1..=BLOB_BYTES_MAX, label());
    prop_oneof![
        label().prop_map(Content::Text),
        label().prop_map(Content::Code),
        label().prop_map(Content::Markdown),
        picture.prop_map(|(hash, media_type, size, alt)| {
            let bytes = ByteCount::new(size).expect("at most BLOB_BYTES_MAX");
            Content::Picture(Picture { hash: Hash(hash), media_type: media_type.into(), bytes, alt })
        }),
    ]
}

fn options() -> impl Strategy<Value = Vec<String>> {
    btree_set("[a-zé]{1,20}", OPTIONS_COUNT.0..=OPTIONS_COUNT.1).prop_map(|set| set.into_iter().collect())
}

/// A task that may be.
pub(crate) fn task() -> impl Strategy<Value = Task> {
    let option = || "[a-zé]{1,20}";
    prop_oneof![
        (content(), options()).prop_map(|(content, options)| Task::Choice(Choice { content, options })),
        (content(), options(), any::<(u8, u8)>()).prop_map(|(content, options, (a, b))| {
            let count = u8::try_from(options.len()).expect("nine options at most");
            let most = 1 + a % count;
            Task::Multi(Multi { content, options, least: b % (most + 1), most })
        }),
        (content(), content())
            .prop_filter("two that differ", |(left, right)| left != right)
            .prop_map(|(left, right)| Task::Compare(Compare { left, right })),
        (content(), RATING_STEPS.0..=RATING_STEPS.1, option(), option())
            .prop_map(|(content, steps, lowest, highest)| Task::Rating(Rating { content, steps, lowest, highest })),
        (label(), vec("[a-zé水]\\PC{0,60}", 1..40)).prop_map(|(claim, source)| Task::Verify(Verify { claim, source })),
    ]
}

/// An answer that some task could take.
pub(crate) fn answer() -> impl Strategy<Value = Answer> {
    let sentence = || 0..u8::try_from(SENTENCES_MAX).expect("an index is one byte");
    prop_oneof![
        any::<u8>().prop_map(Answer::Choice),
        chosen().prop_map(Answer::Multi),
        select(&Preference::ALL).prop_map(Answer::Compare),
        (1..=RATING_STEPS.1).prop_map(Answer::Rating),
        sentence().prop_map(|sentence| Answer::Verify(Finding::Supported { sentence })),
        sentence().prop_map(|sentence| Answer::Verify(Finding::Contradicted { sentence })),
        Just(Answer::Verify(Finding::NotEnough)),
    ]
}

fn chosen() -> impl Strategy<Value = OptionSet> {
    (0..1_u16 << OPTIONS_COUNT.1).prop_map(|bits| OptionSet::from_bits(bits).expect("bits of options"))
}
