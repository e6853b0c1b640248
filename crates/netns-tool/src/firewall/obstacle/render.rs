//! A rule out of nft's JSON in nft's own words, as far as they are known here; `…` for the rest.

use serde_json::Value;

/// How many elements of a set are shown.
const ELEMENTS_MAX: usize = 4;
const REST: &str = "…";

pub fn rule(rule: &Value) -> String {
    let statements = rule["expr"].as_array().map_or(&[][..], Vec::as_slice);
    let words: Vec<String> =
        statements.iter().map(statement).filter(|words| !words.is_empty()).collect();
    words.join(" ")
}

fn statement(statement: &Value) -> String {
    let Some((kind, value)) = statement.as_object().and_then(|object| object.iter().next()) else {
        return REST.to_owned();
    };
    match kind.as_str() {
        "match" => {
            let (left, right) =
                (field(&value["left"]), self::value(&value["left"], &value["right"]));
            match value["op"].as_str() {
                Some("==" | "in") => format!("{left} {right}"),
                Some(op) => format!("{left} {op} {right}"),
                None => REST.to_owned(),
            }
        }
        "vmap" => {
            format!("{} vmap {}", field(&value["key"]), self::value(&value["key"], &value["data"]))
        }
        "counter" => String::new(),
        "xt" => value["name"].as_str().unwrap_or(REST).to_owned(),
        "reject" => match (value["type"].as_str(), value["expr"].as_str()) {
            (Some("tcp reset"), _) => "reject with tcp reset".to_owned(),
            (Some(kind), Some(reason)) => format!("reject with {kind} {reason}"),
            _ => "reject".to_owned(),
        },
        _ => verdict(kind, value),
    }
}

fn verdict(kind: &str, value: &Value) -> String {
    match (kind, value["target"].as_str()) {
        ("accept" | "drop" | "return" | "continue", _) => kind.to_owned(),
        ("jump" | "goto", Some(chain)) => format!("{kind} {chain}"),
        ("log" | "limit" | "quota" | "queue" | "ct count", _) => format!("{kind} {REST}"),
        _ => REST.to_owned(),
    }
}

fn field(left: &Value) -> String {
    if let Some(parts) = left["concat"].as_array() {
        return parts.iter().map(field).collect::<Vec<_>>().join(" . ");
    }
    if let Some(key) = left["meta"]["key"].as_str() {
        let is_short = key.starts_with("iif") || key.starts_with("oif");
        return if is_short { key.to_owned() } else { format!("meta {key}") };
    }
    if let Some(key) = left["ct"]["key"].as_str() {
        return format!("ct {key}");
    }
    match (left["payload"]["protocol"].as_str(), left["payload"]["field"].as_str()) {
        (Some(protocol), Some(field)) => format!("{protocol} {field}"),
        _ => REST.to_owned(),
    }
}

/// What a field is compared with.
fn value(left: &Value, right: &Value) -> String {
    let is_name = left["meta"]["key"].as_str().is_some_and(|key| key.contains("if"));
    match right {
        Value::String(text) if is_name && !text.starts_with('@') => format!("\"{text}\""),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        // Bits, or a key of a map and its verdict.
        Value::Array(pair) if matches!(pair.as_slice(), [_, Value::Object(_)]) => {
            format!("{} : {}", value(left, &pair[0]), statement(&pair[1]))
        }
        Value::Array(bits) => list(left, bits, ","),
        Value::Object(object) => match object.iter().next() {
            Some((kind, Value::Array(items))) => match kind.as_str() {
                "set" => format!("{{ {} }}", list(left, items, ", ")),
                "range" => list(left, items, "-"),
                "|" => list(left, items, ","),
                "concat" => concatenation(left, items),
                _ => REST.to_owned(),
            },
            Some((kind, prefix)) if kind == "prefix" => {
                let address = prefix["addr"].as_str().unwrap_or(REST);
                format!("{address}/{}", prefix["len"])
            }
            Some((kind, element)) if kind == "elem" => value(left, &element["val"]),
            _ => REST.to_owned(),
        },
        _ => REST.to_owned(),
    }
}

fn list(left: &Value, items: &[Value], between: &str) -> String {
    let shown = items.iter().take(ELEMENTS_MAX).map(|item| value(left, item));
    let rest = (items.len() > ELEMENTS_MAX).then(|| REST.to_owned());
    shown.chain(rest).collect::<Vec<_>>().join(between)
}

fn concatenation(left: &Value, items: &[Value]) -> String {
    let values = items.iter().enumerate().map(|(at, item)| value(&left["concat"][at], item));
    values.collect::<Vec<_>>().join(" . ")
}
