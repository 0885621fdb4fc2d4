//! Label and field selectors.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::json::{parse, text};
use crate::status::Refusal;

/// Which objects a list or a watch is about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<Requirement>,
}

#[derive(Clone, Debug)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Missing,
}

impl Selector {
    /// Reads `labelSelector` and `fieldSelector`.
    pub(crate) fn parse(labels: Option<&str>, fields: Option<&str>) -> Result<Self, Refusal> {
        let read = |text: Option<&str>| {
            split_outside_parentheses(text.unwrap_or_default()).into_iter().map(requirement).collect()
        };
        let selector = Self { labels: read(labels), fields: read(fields) };
        let known = |field: &Requirement| {
            matches!(
                field.key.as_str(),
                "metadata.name" | "metadata.namespace" | "spec.nodeName" | "status.phase"
            )
        };
        match selector.fields.iter().find(|field| !known(field)) {
            Some(field) => Err(Refusal::bad_request(format!("field label not supported: {}", field.key))),
            None => Ok(selector),
        }
    }

    /// Whether an object is meant; without a requirement it need not even be read.
    pub(crate) fn matches(&self, object: &RawValue) -> bool {
        if self.labels.is_empty() && self.fields.is_empty() {
            return true;
        }
        let object = &parse(object);
        let labels = &object["metadata"]["labels"];
        self.labels.iter().all(|label| label.holds(labels.get(&label.key).and_then(Value::as_str)))
            && self
                .fields
                .iter()
                .all(|field| field.holds(Some(text(object, &format!("/{}", field.key.replace('.', "/"))))))
    }
}

impl Requirement {
    fn holds(&self, value: Option<&str>) -> bool {
        let among = |values: &[String]| value.is_some_and(|value| values.iter().any(|one| one == value));
        match &self.test {
            Test::In(values) => among(values),
            Test::NotIn(values) => !among(values),
            Test::Exists => value.is_some(),
            Test::Missing => value.is_none(),
        }
    }
}

fn requirement(text: &str) -> Requirement {
    let values = |list: &str| {
        let list = list.trim().trim_start_matches('(').trim_end_matches(')');
        list.split(',').map(|value| value.trim().to_owned()).collect()
    };
    let (key, test) = if let Some((key, list)) = text.split_once(" notin ") {
        (key, Test::NotIn(values(list)))
    } else if let Some((key, list)) = text.split_once(" in ") {
        (key, Test::In(values(list)))
    } else if let Some((key, value)) = text.split_once("!=") {
        (key, Test::NotIn(values(value)))
    } else if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        (key, Test::In(values(value)))
    } else if let Some(key) = text.strip_prefix('!') {
        (key, Test::Missing)
    } else {
        (text, Test::Exists)
    };
    Requirement { key: key.trim().to_owned(), test }
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    text.split(|character| {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        character == ',' && depth == 0
    })
    .map(str::trim)
    .filter(|part| !part.is_empty())
    .collect()
}
