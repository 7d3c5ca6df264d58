//! Every limit of the protocol: a name, a unit, a value. A peer that exceeds one gets a typed error.

/// The WebSocket subprotocol's name (RFC 6455 §1.9).
pub const SUBPROTOCOL: &str = "lull.v1";
/// The lowest and highest protocol version this build speaks.
pub const VERSIONS: (u16, u16) = (1, 1);

/// One WebSocket message, bytes.
pub const FRAME_BYTES_MAX: usize = 160 * 1024;
/// The payload of one body or blob chunk, bytes.
pub const CHUNK_BYTES_MAX: usize = 64 * 1024;
/// How many body bytes a coordinator asks for at a time (its receive window), bytes.
pub const BODY_WINDOW_BYTES: u64 = 512 * 1024;
/// A fetched body, decoded, bytes.
pub const BODY_BYTES_MAX: u64 = 10 * 1024 * 1024;
/// A picture or other content of a judgment, bytes.
pub const BLOB_BYTES_MAX: u64 = 512 * 1024;
/// A picture, pixels: decoded, it takes four bytes for each.
pub const PICTURE_PIXELS_MAX: u64 = 16 * 1024 * 1024;
/// The longer side of a picture, pixels.
pub const PICTURE_SIDE_PX_MAX: u32 = 16_384;
/// A picture in SVG, bytes.
pub const SVG_BYTES_MAX: usize = 128 * 1024;
/// Elements of a picture in SVG.
pub const SVG_ELEMENTS_MAX: usize = 5_000;
/// One signed statement, bytes.
pub const STATEMENT_BYTES_MAX: usize = 64 * 1024;
/// One item as CBOR, bytes.
pub const ITEM_BYTES_MAX: usize = 48 * 1024;
/// A URL, bytes of ASCII.
pub const URL_BYTES_MAX: usize = 2_048;
/// An origin: scheme, a host name of at most 253 bytes, port; bytes of ASCII.
pub const ORIGIN_BYTES_MAX: usize = "wss://".len() + 253 + ":65535".len();
/// The text of a judgment's content, bytes of UTF-8.
pub const CONTENT_TEXT_BYTES_MAX: usize = 32 * 1024;
/// A guideline, question, purpose or name, bytes of UTF-8.
pub const LABEL_BYTES_MAX: usize = 4 * 1024;
/// One option of a `choice` or `multi`, or what an end of a `rating` means, bytes of UTF-8.
pub const OPTION_BYTES_MAX: usize = 256;
/// Options of a `choice` or `multi`: at least, at most.
pub const OPTIONS_COUNT: (usize, usize) = (2, 9);
/// Each of the two texts of a `compare`, bytes of UTF-8.
pub const COMPARED_TEXT_BYTES_MAX: usize = 16 * 1024;
/// Steps of a `rating`: at least, at most.
pub const RATING_STEPS: (u8, u8) = (2, 10);
/// Sentences of the source of a `verify`.
pub const SENTENCES_MAX: usize = 200;
/// All sentences of the source of a `verify` together, bytes of UTF-8.
pub const SOURCE_BYTES_MAX: usize = 24 * 1024;
/// What a person says of an item that they flag, bytes of UTF-8.
pub const FLAG_NOTE_BYTES_MAX: usize = 1_500;
/// A judgment that was stopped is paid to whoever had it on screen for this long, milliseconds.
pub const SEEN_MS_MIN: u64 = 5_000;
/// Items of a practice.
pub const PRACTICE_ITEMS_MAX: usize = 8;
/// All pictures of a practice together, bytes: as much as one judgment can show, for a view shows them at once.
pub const PRACTICE_PICTURES_BYTES_MAX: u64 = 2 * BLOB_BYTES_MAX;
/// Why a result is rejected, bytes of UTF-8.
pub const REJECTION_EVIDENCE_BYTES_MAX: usize = 2 * 1024;
/// What a person says in an appeal, bytes of UTF-8.
pub const APPEAL_BYTES_MAX: usize = 2 * 1024;
/// Requests a single fetch may send: the first one and its redirects.
pub const HOPS_MAX: usize = 6;
/// Response headers a result carries.
pub const HEADERS_MAX: usize = 32;
/// One response header value, bytes.
pub const HEADER_VALUE_BYTES_MAX: usize = 1_024;
/// Fetch assignments one worker may hold at once.
pub const FETCH_LEASES_MAX: u8 = 2;
/// Judgment assignments one worker may hold at once.
pub const JUDGMENT_LEASES_MAX: u8 = 4;
/// How often a judgment's lease may be extended, each time by its first length (WCAG 2.2.1 asks for ten at least).
pub const EXTENSIONS_MAX: u8 = 10;
/// Requesters that a worker's filter names.
pub const FILTER_NEVER_MAX: usize = 16;
/// Outcomes of a project below which its pace is not known yet.
pub const PACE_OUTCOMES_MIN: u64 = 20;
/// Signed results a worker keeps until they are acknowledged.
pub const OUTBOX_MAX: usize = 64;
/// Verdicts sent per message batch after a reconnect.
pub const VERDICTS_RESENT_MAX: usize = 256;
/// A sign-in as it is stored, bytes.
pub const SIGN_IN_BYTES_MAX: usize = 1_024;
/// The last moment that RFC 3339 has a text for: the end of the year 9999, milliseconds.
pub const SIGN_IN_AT_MAX_MS: u64 = 253_402_300_799_999;
/// How long after its end a reversal is told again on each connection, milliseconds: 30 days.
pub const REVERSALS_TOLD_MS: u64 = 30 * 86_400_000;
/// Reversals read at once to be told, each with its receipt; all are told.
pub const REVERSALS_RESENT_MAX: usize = 16;
/// Open rejections read at once to be told after a reconnect; all are told.
pub const REJECTIONS_RESENT_MAX: usize = 256;
/// Verdicts a coordinator leaves unconfirmed on one socket.
pub const VERDICTS_IN_FLIGHT_MAX: usize = 256;
/// Time between heartbeats, milliseconds. Chrome keeps a service worker whose socket had traffic
/// inside 30 s.
pub const HEARTBEAT_MS: u64 = 20_000;
/// Silence after which a connection counts as lost, milliseconds.
pub const SILENCE_MS_MAX: u64 = 60_000;
/// Time a peer has to finish the handshake, milliseconds.
pub const HANDSHAKE_MS_MAX: u64 = 10_000;
/// How far a result's times may lie outside its lease, milliseconds (clocks differ).
pub const CLOCK_SKEW_MS_MAX: u64 = 120_000;
/// The largest amount, base units: what a CBOR reader in JavaScript still holds exactly (2^53 − 1).
pub const AMOUNT_MAX: u64 = (1 << 53) - 1;
/// News of its wallet that a worker is told of at once; the rest follows when it knows these.
pub const WALLET_NEWS_MAX: usize = 16;
/// Browsers that are paid to one wallet, and re-bindings of them that a worker is told of.
pub const WALLET_WORKERS_MAX: usize = 64;
/// Payouts that a worker is told of at once.
pub const PAYOUTS_TOLD_MAX: usize = 50;
