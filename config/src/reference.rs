//! The reference of the settings, from the types that read them: one place for what a key means.

use super::Config;
use serde_json::{Map, Value};

/// The tables of `agent.toml` as Markdown.
#[must_use]
pub fn markdown() -> String {
    let schema = schemars::schema_for!(Config).to_value();
    let mut out = String::new();
    table(&schema, &schema, "", &mut out);
    out
}

/// What a `$ref` stands for; `Option` is one of two.
fn resolved<'a>(root: &'a Value, value: &'a Value) -> &'a Value {
    if let Some(name) = value["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
        return resolved(root, &root["$defs"][name]);
    }
    let some = value["anyOf"].as_array().and_then(|any| any.iter().find(|one| one["type"] != "null"));
    some.map_or(value, |some| resolved(root, some))
}

/// A table, and those inside it after it.
fn table(root: &Value, schema: &Value, name: &str, out: &mut String) {
    let none = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&none);
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !name.is_empty() {
        *out += &format!("\n### `[{name}]`\n\n{}\n", sentence(schema));
    }
    *out += "\n| key | is | default | meaning |\n|---|---|---|---|\n";
    let mut inside = Vec::new();
    for (key, property) in properties {
        let is = resolved(root, property);
        if is["properties"].is_object() {
            inside.push((key.clone(), is));
            continue;
        }
        let entries = resolved(root, &is["additionalProperties"]);
        if entries["properties"].is_object() {
            inside.push((format!("{key}.NAME"), entries));
            continue;
        }
        let default = match property.get("default").filter(|default| !default.is_null()) {
            Some(Value::String(text)) if text.is_empty() => "–".to_owned(),
            Some(Value::String(text)) => format!("`{text}`"),
            Some(default) => format!("`{default}`"),
            None if required.contains(&key.as_str()) => "required".to_owned(),
            None => "–".to_owned(),
        };
        *out += &format!("| `{key}` | {} | {default} | {} |\n", kind(is), sentence(property));
    }
    for (key, is) in inside {
        let name = if name.is_empty() { key } else { format!("{name}.{key}") };
        table(root, is, &name, out);
    }
}

/// The words beside a field, in one line.
fn sentence(value: &Value) -> String {
    value["description"].as_str().unwrap_or_default().replace('\n', " ").replace('|', "\\|")
}

/// What a value is, in a word.
fn kind(is: &Value) -> String {
    let choices = |list: &Value, key: &str| -> Vec<String> {
        let each = list.as_array().into_iter().flatten();
        each.filter_map(|one| Some(format!("`{}`", if key.is_empty() { one } else { &one[key] }.as_str()?))).collect()
    };
    let listed = [choices(&is["enum"], ""), choices(&is["oneOf"], "const")].concat();
    if !listed.is_empty() {
        return listed.join(", ");
    }
    let name = match &is["type"] {
        Value::Array(types) => types.iter().find_map(|one| one.as_str().filter(|one| *one != "null")),
        name => name.as_str(),
    };
    match name.unwrap_or_default() {
        "string" => "text".to_owned(),
        "boolean" => "`true`, `false`".to_owned(),
        "array" => format!("list of {}", kind(&is["items"])),
        "integer" => "number".to_owned(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const BEGIN: &str = "<!-- settings: `UPDATE_DOCS=1 cargo test -p config reference` writes this -->\n";
    const END: &str = "<!-- end of settings -->\n";

    /// The document says what the types say; with `UPDATE_DOCS` it is made to.
    #[test]
    fn the_reference_is_what_the_types_say() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
        let text = std::fs::read_to_string(&path).expect("docs/configuration.md");
        let (before, rest) = text.split_once(BEGIN).expect("the begin of the settings");
        let (shown, after) = rest.split_once(END).expect("their end");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, format!("{before}{BEGIN}{}\n{END}{after}", markdown())).expect("written");
            return;
        }
        assert_eq!(shown.trim_end(), markdown().trim_end(), "write it anew as the comment there says");
    }

    #[test]
    fn every_key_has_words_and_every_table_is_there() {
        let text = markdown();
        for table in ["[kiosk]", "[kiosk.lines]", "[desk.compat]", "[recipient.NAME]", "[update]", "[lodging]"] {
            assert!(text.contains(table), "{table}");
        }
        let empty: Vec<&str> = text.lines().filter(|line| line.ends_with("|  |")).collect();
        assert!(empty.is_empty(), "{empty:?}");
        assert!(text.contains("| `key_store` | text | `file` |"), "{text}");
        assert!(text.contains("`webhook`, `fhir`, `hl7-v2`, `checkin-xml`, `kiosk-his`"), "{text}");
    }
}
