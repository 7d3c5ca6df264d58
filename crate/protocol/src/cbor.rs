//! Deterministic CBOR (RFC 8949 §4.2): one value has one encoding, and only that one is read.
//!
//! A type says its form once, by [`fields!`], [`variants!`], [`choices!`] or [`codes!`], and is written and
//! read by it. The reader stops at the first fault: what follows reads as blanks (zero, nothing, the first
//! variant) that [`decode`] lets nobody see. So no field has an error path of its own, which in the browser
//! would be most of the code to load.

use thiserror::Error;

/// Why bytes were not read.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
pub enum CborError {
    /// More bytes than this place allows.
    #[error("{len} bytes, but at most {max} are allowed here")]
    TooLong {
        /// How many came.
        len: usize,
        /// How many may come.
        max: usize,
    },
    /// Not CBOR of the expected shape, or a field out of its bounds.
    #[error("malformed: {0}")]
    Malformed(&'static str),
    /// Not the deterministic encoding: order, length, a duplicate, a missing or an unknown key, trailing bytes.
    #[error("not the deterministic encoding")]
    NotDeterministic,
}

/// The deterministic encoding.
pub fn encode<T: Cbor>(value: &T) -> Vec<u8> {
    let mut to = Writer::default();
    value.write(&mut to);
    to.into_bytes()
}

/// Reads a value of at most `bytes_max` bytes and refuses every encoding but the deterministic one:
/// what was read is encoded again and must give the same bytes.
pub fn decode<T: Cbor>(bytes: &[u8], bytes_max: usize) -> Result<T, CborError> {
    if bytes.len() > bytes_max {
        return Err(CborError::TooLong { len: bytes.len(), max: bytes_max });
    }
    let mut from = Reader::new(bytes);
    let value = T::read(&mut from);
    from.finish()?;
    if encode(&value) == bytes { Ok(value) } else { Err(CborError::NotDeterministic) }
}

/// Reads what this program wrote itself a moment ago, so that any encoding will do.
pub fn read<T: Cbor>(bytes: &[u8]) -> Result<T, CborError> {
    let mut from = Reader::new(bytes);
    let value = T::read(&mut from);
    from.finish()?;
    Ok(value)
}

/// What has one encoding.
pub trait Cbor: Sized {
    /// Writes it.
    fn write(&self, to: &mut Writer);
    /// Reads it; a blank if it isn't there.
    fn read(from: &mut Reader<'_>) -> Self;
    /// Whether a map leaves this value out.
    fn is_left_out(&self) -> bool {
        false
    }
    /// What it means that a map leaves it out; `None` if none may.
    fn left_out() -> Option<Self> {
        None
    }
}

/// Major types (RFC 8949 §3.1).
const UINT: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;
const SIMPLE: u8 = 7;
/// Simple values (RFC 8949 §3.3).
const FALSE: u64 = 20;
const TRUE: u64 = 21;
const NULL: u64 = 22;

/// The place of a map's head, whose count grows with each field.
#[derive(Clone, Copy, Debug)]
pub struct MapHead(usize);

/// Writes CBOR in its shortest form.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
    fn head(&mut self, major: u8, argument: u64) {
        let big = argument.to_be_bytes();
        let (info, skipped) = match argument {
            0..=23 => (argument as u8, 8),
            24..=0xff => (24, 7),
            0x100..=0xffff => (25, 6),
            0x1_0000..=0xffff_ffff => (26, 4),
            _ => (27, 0),
        };
        self.bytes.push(major << 5 | info);
        self.bytes.extend_from_slice(big.get(skipped..).unwrap_or_default());
    }
    /// An unsigned number.
    pub fn uint(&mut self, number: u64) {
        self.head(UINT, number);
    }
    /// A signed number.
    pub fn int(&mut self, number: i64) {
        if number < 0 { self.head(NEGATIVE, !number as u64) } else { self.head(UINT, number as u64) }
    }
    /// A byte string.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.head(BYTES, bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
    }
    /// A text string.
    pub fn text(&mut self, text: &str) {
        self.head(TEXT, text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
    }
    /// The head of an array; its elements follow.
    pub fn array(&mut self, count: usize) {
        self.head(ARRAY, count as u64);
    }
    /// A tag; what it tags follows.
    pub fn tag(&mut self, tag: u64) {
        self.head(TAG, tag);
    }
    /// The head of a map of at most 23 fields, which follow by [`Writer::field`] with ascending keys.
    pub fn map(&mut self) -> MapHead {
        self.head(MAP, 0);
        MapHead(self.bytes.len() - 1)
    }
    /// One field of a map; its key is at most 23.
    pub fn field<T: Cbor>(&mut self, map: MapHead, key: u8, value: &T) {
        if !value.is_left_out() {
            self.key(map, key);
            value.write(self);
        }
    }
    /// The key of a field whose value follows.
    pub fn key(&mut self, MapHead(at): MapHead, key: u8) {
        if let Some(head) = self.bytes.get_mut(at) {
            *head += 1;
        }
        self.head(UINT, key.into());
    }
    /// Which variant: an array of its number and what it carries, which follows.
    pub fn variant(&mut self, number: u64) {
        self.array(2);
        self.uint(number);
    }
}

/// Reads CBOR up to the first fault.
#[derive(Debug)]
pub struct Reader<'b> {
    rest: &'b [u8],
    len: usize,
    fault: Option<CborError>,
}

/// How many fields of a map are still to be read.
#[derive(Clone, Copy, Debug)]
pub struct FieldsLeft(u64);

impl<'b> Reader<'b> {
    /// At the beginning.
    pub fn new(bytes: &'b [u8]) -> Self {
        Self { rest: bytes, len: bytes.len(), fault: None }
    }
    /// How many bytes were read; `None` after a fault.
    pub fn position(&self) -> Option<usize> {
        self.fault.is_none().then_some(self.len - self.rest.len())
    }
    /// The first fault, which trailing bytes are too.
    pub fn finish(mut self) -> Result<(), CborError> {
        if !self.rest.is_empty() {
            self.fault(CborError::NotDeterministic);
        }
        self.fault.map_or(Ok(()), Err)
    }
    /// What was read last is not what belongs here.
    pub fn refuse(&mut self, why: &'static str) {
        self.fault(CborError::Malformed(why));
    }
    fn fault(&mut self, fault: CborError) {
        self.fault.get_or_insert(fault);
        self.rest = &[];
    }
    fn take(&mut self, count: u64) -> &'b [u8] {
        let taken = usize::try_from(count).ok().and_then(|count| self.rest.split_at_checked(count));
        let Some((taken, rest)) = taken else {
            self.refuse("it ends too early");
            return &[];
        };
        self.rest = rest;
        taken
    }
    /// Major type and argument. Forms that are too long are refused by [`decode`].
    fn any_head(&mut self) -> (u8, u64) {
        let first = self.take(1).first().copied().unwrap_or_default();
        let argument = match first & 0x1f {
            info @ 0..=23 => info.into(),
            info @ 24..=27 => self.take(1 << (info - 24)).iter().fold(0, |n, byte| n << 8 | u64::from(*byte)),
            _ => {
                self.fault(CborError::NotDeterministic);
                0
            }
        };
        (first >> 5, argument)
    }
    fn head(&mut self, wanted: u8) -> u64 {
        let (major, argument) = self.any_head();
        if major == wanted {
            return argument;
        }
        self.refuse("a value of another type");
        0
    }
    /// An unsigned number.
    pub fn uint(&mut self) -> u64 {
        self.head(UINT)
    }
    /// A signed number.
    pub fn int(&mut self) -> i64 {
        let (major, argument) = self.any_head();
        match (major, i64::try_from(argument)) {
            (UINT, Ok(number)) => number,
            (NEGATIVE, Ok(number)) => !number,
            _ => {
                self.refuse("not a number that fits");
                0
            }
        }
    }
    /// A byte string.
    pub fn bytes(&mut self) -> &'b [u8] {
        let count = self.head(BYTES);
        self.take(count)
    }
    /// A byte string of this length.
    pub fn bytes_of<const LEN: usize>(&mut self) -> [u8; LEN] {
        self.bytes().try_into().unwrap_or_else(|_| {
            self.refuse("a byte string of another length");
            [0; LEN]
        })
    }
    /// A text string.
    pub fn text(&mut self) -> &'b str {
        let count = self.head(TEXT);
        std::str::from_utf8(self.take(count)).unwrap_or_else(|_| {
            self.refuse("text that is not UTF-8");
            ""
        })
    }
    /// The head of an array: how many elements it claims to have.
    pub fn array(&mut self) -> u64 {
        self.head(ARRAY)
    }
    /// The head of an array of this many elements.
    pub fn array_of(&mut self, count: u64) {
        if self.array() != count {
            self.refuse("an array of another length");
        }
    }
    /// A tag.
    pub fn tag(&mut self) -> u64 {
        self.head(TAG)
    }
    /// The head of a map. Its fields follow by [`Reader::field`] with ascending keys, and [`Reader::end`].
    pub fn map(&mut self) -> FieldsLeft {
        FieldsLeft(self.head(MAP))
    }
    /// One field of a map; its key is at most 23.
    pub fn field<T: Cbor>(&mut self, left: &mut FieldsLeft, key: u8) -> T {
        if !self.key(left, key) {
            if let Some(value) = T::left_out() {
                return value;
            }
            self.fault(CborError::NotDeterministic);
        }
        T::read(self)
    }
    fn key(&mut self, FieldsLeft(left): &mut FieldsLeft, key: u8) -> bool {
        let is_next = *left > 0 && self.rest.first() == Some(&key);
        if is_next {
            *left -= 1;
            self.take(1);
        }
        is_next
    }
    /// The end of a map.
    pub fn end(&mut self, left: FieldsLeft) {
        if left.0 > 0 {
            self.fault(CborError::NotDeterministic);
        }
    }
    /// Which variant; what it carries follows.
    pub fn variant(&mut self) -> u64 {
        self.array_of(2);
        self.uint()
    }
    fn skip_null(&mut self) -> bool {
        let is_null = self.rest.first() == Some(&(SIMPLE << 5 | NULL as u8));
        if is_null {
            self.take(1);
        }
        is_null
    }
    /// Whatever value is next.
    pub fn skip(&mut self) {
        let mut left: u64 = 1;
        while left > 0 && self.fault.is_none() {
            let (major, argument) = self.any_head();
            let inside = match major {
                BYTES | TEXT => {
                    self.take(argument);
                    0
                }
                ARRAY => argument,
                MAP => argument.saturating_mul(2),
                TAG => 1,
                _ => 0,
            };
            left = (left - 1).saturating_add(inside);
        }
    }
}

/// A struct as a map: `fields!(Hop { 0 url, 1 address, 2 status });`, keys ascending, at most 23. An
/// `Option` that is `None` is left out.
#[macro_export]
macro_rules! fields {
    ($type:ty { $($key:literal $field:ident),+ $(,)? }) => {
        impl $crate::cbor::Cbor for $type {
            fn write(&self, to: &mut $crate::cbor::Writer) {
                let map = to.map();
                $(to.field(map, $key, &self.$field);)+
            }
            fn read(from: &mut $crate::cbor::Reader<'_>) -> Self {
                const { $(assert!($key < 24, "a key is at most 23");)+ }
                let mut left = from.map();
                let value = Self { $($field: from.field(&mut left, $key)),+ };
                from.end(left);
                value
            }
        }
    };
}

/// An enum as an array of the variant's number and a map of its fields:
/// `variants!(Message { 0 Ask { 0 what, 1 from }, 1 Stop {}, 2 Say { 0 (0) what } });`, where `Stop` may be a unit
/// and `Say` a tuple.
#[macro_export]
macro_rules! variants {
    ($type:ident {
        $number0:literal $variant0:ident { $($key0:literal $(($place0:tt))? $field0:ident),* }
        $(, $number:literal $variant:ident { $($key:literal $(($place:tt))? $field:ident),* })* $(,)?
    }) => {
        impl $crate::cbor::Cbor for $type {
            fn write(&self, to: &mut $crate::cbor::Writer) {
                match self {
                    Self::$variant0 { $($($place0:)? $field0),* } => {
                        to.variant($number0);
                        let _map = to.map();
                        $(to.field(_map, $key0, $field0);)*
                    }
                    $(Self::$variant { $($($place:)? $field),* } => {
                        to.variant($number);
                        let _map = to.map();
                        $(to.field(_map, $key, $field);)*
                    })*
                }
            }
            fn read(from: &mut $crate::cbor::Reader<'_>) -> Self {
                let number = from.variant();
                let mut _left = from.map();
                let value = match number {
                    $($number => {
                        $(let $field = from.field(&mut _left, $key);)*
                        Self::$variant { $($($place:)? $field),* }
                    })*
                    _ => {
                        if number != $number0 {
                            from.refuse("an unknown variant");
                        }
                        $(let $field0 = from.field(&mut _left, $key0);)*
                        Self::$variant0 { $($($place0:)? $field0),* }
                    }
                };
                from.end(_left);
                value
            }
        }
    };
}

/// An enum of variants that carry one value each, as an array of the variant's number and an array of that
/// value: `choices!(Item { 0 Fetch, 1 Judgment });`
#[macro_export]
macro_rules! choices {
    ($type:ident { $number0:literal $variant0:ident $(, $number:literal $variant:ident)* }) => {
        impl $crate::cbor::Cbor for $type {
            fn write(&self, to: &mut $crate::cbor::Writer) {
                match self {
                    Self::$variant0(value) => {
                        to.variant($number0);
                        to.array(1);
                        value.write(to);
                    }
                    $(Self::$variant(value) => {
                        to.variant($number);
                        to.array(1);
                        value.write(to);
                    })*
                }
            }
            fn read(from: &mut $crate::cbor::Reader<'_>) -> Self {
                let number = from.variant();
                from.array_of(1);
                match number {
                    $($number => Self::$variant($crate::cbor::Cbor::read(from)),)*
                    _ => {
                        if number != $number0 {
                            from.refuse("an unknown variant");
                        }
                        Self::$variant0($crate::cbor::Cbor::read(from))
                    }
                }
            }
        }
    };
}

/// An enum without values as a number: `codes!(Method { 0 Get, 1 Head });`
#[macro_export]
macro_rules! codes {
    ($type:ident { $number0:literal $variant0:ident $(, $number:literal $variant:ident)* $(,)? }) => {
        impl $crate::cbor::Cbor for $type {
            fn write(&self, to: &mut $crate::cbor::Writer) {
                to.uint(match self {
                    Self::$variant0 => $number0,
                    $(Self::$variant => $number,)*
                });
            }
            fn read(from: &mut $crate::cbor::Reader<'_>) -> Self {
                match from.uint() {
                    $number0 => Self::$variant0,
                    $($number => Self::$variant,)*
                    _ => {
                        from.refuse("an unknown code");
                        Self::$variant0
                    }
                }
            }
        }
    };
}

macro_rules! unsigned {
    ($($type:ident),+) => {
        $(impl Cbor for $type {
            fn write(&self, to: &mut Writer) {
                to.uint((*self).into());
            }
            fn read(from: &mut Reader<'_>) -> Self {
                Self::try_from(from.uint()).unwrap_or_else(|_| {
                    from.refuse("a number that is too large");
                    0
                })
            }
        })+
    };
}

unsigned!(u8, u16, u32, u64);

impl Cbor for i64 {
    fn write(&self, to: &mut Writer) {
        to.int(*self);
    }
    fn read(from: &mut Reader<'_>) -> Self {
        from.int()
    }
}

impl Cbor for bool {
    fn write(&self, to: &mut Writer) {
        to.head(SIMPLE, if *self { TRUE } else { FALSE });
    }
    fn read(from: &mut Reader<'_>) -> Self {
        let value = from.head(SIMPLE);
        if value != TRUE && value != FALSE {
            from.refuse("neither true nor false");
        }
        value == TRUE
    }
}

impl Cbor for String {
    fn write(&self, to: &mut Writer) {
        to.text(self);
    }
    fn read(from: &mut Reader<'_>) -> Self {
        from.text().to_owned()
    }
}

impl<T: Cbor> Cbor for Option<T> {
    fn write(&self, to: &mut Writer) {
        match self {
            Some(value) => value.write(to),
            None => to.head(SIMPLE, NULL),
        }
    }
    fn read(from: &mut Reader<'_>) -> Self {
        if from.skip_null() { None } else { Some(T::read(from)) }
    }
    fn is_left_out(&self) -> bool {
        self.is_none()
    }
    fn left_out() -> Option<Self> {
        Some(None)
    }
}

impl<T: Cbor> Cbor for Box<T> {
    fn write(&self, to: &mut Writer) {
        T::write(self, to);
    }
    fn read(from: &mut Reader<'_>) -> Self {
        Self::new(T::read(from))
    }
}

impl<T: Cbor> Cbor for Vec<T> {
    fn write(&self, to: &mut Writer) {
        to.array(self.len());
        self.iter().for_each(|element| element.write(to));
    }
    fn read(from: &mut Reader<'_>) -> Self {
        let mut elements = Self::new();
        let mut left = from.array();
        // The count is only a claim: nothing is set aside for it.
        while left > 0 && from.fault.is_none() {
            elements.push(T::read(from));
            left -= 1;
        }
        elements
    }
}

impl<T: Cbor, const LEN: usize> Cbor for [T; LEN] {
    fn write(&self, to: &mut Writer) {
        to.array(LEN);
        self.iter().for_each(|element| element.write(to));
    }
    fn read(from: &mut Reader<'_>) -> Self {
        from.array_of(LEN as u64);
        std::array::from_fn(|_| T::read(from))
    }
}

impl<A: Cbor, B: Cbor> Cbor for (A, B) {
    fn write(&self, to: &mut Writer) {
        to.array(2);
        self.0.write(to);
        self.1.write(to);
    }
    fn read(from: &mut Reader<'_>) -> Self {
        from.array_of(2);
        (A::read(from), B::read(from))
    }
}

/// Bytes that travel as a byte string.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteVec(Vec<u8>);

impl From<Vec<u8>> for ByteVec {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}
impl From<ByteVec> for Vec<u8> {
    fn from(bytes: ByteVec) -> Self {
        bytes.0
    }
}
impl std::ops::Deref for ByteVec {
    type Target = Vec<u8>;
    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}
impl Cbor for ByteVec {
    fn write(&self, to: &mut Writer) {
        to.bytes(self);
    }
    fn read(from: &mut Reader<'_>) -> Self {
        Self(from.bytes().to_vec())
    }
}
