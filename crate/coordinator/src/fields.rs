//! Reads a JSON object field by field, so that every wrong field is named at once.

use axum::body::Bytes;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::problem::{FieldError, Problem};

/// An object whose fields are taken out one by one.
pub(crate) struct Fields {
    prefix: String,
    map: Map<String, Value>,
    errors: Vec<FieldError>,
}

impl Fields {
    /// Reads a request's body.
    pub(crate) fn parse(body: &Bytes) -> Result<Self, Problem> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(map)) => Ok(Self { prefix: String::new(), map, errors: Vec::new() }),
            Ok(_) => Err(Problem::bad_request("a JSON object is expected")),
            Err(error) => Err(Problem::bad_request(format!("not JSON: {error}"))),
        }
    }

    /// Whether a field is still there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.map.contains_key(name)
    }

    /// Says nothing of a field, whatever it is.
    pub(crate) fn ignore(&mut self, name: &str) {
        self.map.remove(name);
    }

    /// Takes a field that must be there.
    pub(crate) fn required<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        match self.map.remove(name) {
            Some(value) => self.read(name, value),
            None => self.wrong(name, "is missing"),
        }
    }

    /// Takes a field that may be left out.
    pub(crate) fn optional<T: DeserializeOwned>(&mut self, name: &str, default: T) -> Option<T> {
        match self.map.remove(name) {
            Some(value) => self.read(name, value),
            None => Some(default),
        }
    }

    /// Takes an object and reads it with `read`.
    pub(crate) fn nested<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        match self.map.remove(name) {
            Some(Value::Object(map)) => self.inside(name, map, read),
            Some(_) => self.wrong(name, "must be an object"),
            None => self.wrong(name, "is missing"),
        }
    }

    /// Takes an array of objects and reads each with `read`.
    pub(crate) fn list<T>(&mut self, name: &str, read: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let values = self.required::<Vec<Value>>(name)?;
        let read_one = |(i, value)| match value {
            Value::Object(map) => self.inside(&format!("{name}[{i}]"), map, &read),
            _ => self.wrong(&format!("{name}[{i}]"), "must be an object"),
        };
        let read: Vec<Option<T>> = values.into_iter().enumerate().map(read_one).collect();
        read.into_iter().collect()
    }

    /// Notes a wrong field.
    pub(crate) fn wrong<T>(&mut self, name: &str, problem: &str) -> Option<T> {
        let field = format!("{}{name}", self.prefix);
        self.errors.push(FieldError { field, problem: problem.to_owned() });
        None
    }

    /// The whole, if every field was right and none is left.
    pub(crate) fn finish<T>(mut self, whole: Option<T>) -> Result<T, Problem> {
        self.no_more();
        match whole {
            Some(whole) if self.errors.is_empty() => Ok(whole),
            _ => Err(Problem::fields(self.errors)),
        }
    }

    fn inside<T>(
        &mut self,
        name: &str,
        map: Map<String, Value>,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let prefix = format!("{}{name}.", self.prefix);
        let mut inner = Self { prefix, map, errors: Vec::new() };
        let whole = read(&mut inner);
        inner.no_more();
        self.errors.append(&mut inner.errors);
        whole
    }

    fn no_more(&mut self) {
        let left: Vec<String> = self.map.keys().cloned().collect();
        for name in left {
            self.wrong::<()>(&name, "is not a field of this request");
        }
    }

    fn read<T: DeserializeOwned>(&mut self, name: &str, value: Value) -> Option<T> {
        match serde_json::from_value(value) {
            Ok(read) => Some(read),
            Err(error) => self.wrong(name, &error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_field_is_named() {
        let body = Bytes::from_static(br#"{"a":"x","list":[{"n":1},{"n":"2","m":3},4],"extra":0}"#);
        let mut fields = Fields::parse(&body).unwrap();
        let a: Option<u8> = fields.required("a");
        let b: Option<u8> = fields.required("b");
        let list = fields.list("list", |inner| inner.required::<u8>("n"));
        assert_eq!((a, b, &list), (None, None, &None));
        let problem = format!("{:?}", fields.finish(list).unwrap_err());
        for field in ["\"a\"", "\"b\"", "list[1].n", "list[1].m", "list[2]", "extra"] {
            assert!(problem.contains(field), "{field} in {problem}");
        }
    }
}
