//! A page as a browser takes it apart: the elements and attributes it is made of, whatever they hold.

use html5gum::{DefaultEmitter, HtmlString, Token, Tokenizer};

fn text(bytes: &HtmlString) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn tokens(html: &str) -> impl Iterator<Item = Token> {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true); // so that what stands in a script or a title is text
    Tokenizer::new_with_emitter(html, emitter).map(|Ok(token)| token)
}

/// Its tags with the names of their attributes, and its comments, in order.
pub(crate) fn structure(html: &str) -> Vec<String> {
    let mut structure = Vec::new();
    for token in tokens(html) {
        match token {
            Token::StartTag(tag) => {
                let attributes = tag.attributes.keys().map(|name| format!(" {}", text(name)));
                structure.push(format!("<{}{}>", text(&tag.name), attributes.collect::<String>()));
            }
            Token::EndTag(tag) => structure.push(format!("</{}>", text(&tag.name))),
            Token::Comment(_) => structure.push("<!---->".to_owned()),
            Token::Doctype(_) => structure.push("<!doctype>".to_owned()),
            Token::String(_) | Token::Error(_) => {}
        }
    }
    structure
}

/// What no page of ours has, wherever it came from: scripts and handlers within it, and addresses that are no address.
pub(crate) fn dangers(html: &str) -> Vec<String> {
    let mut dangers = Vec::new();
    for token in tokens(html) {
        let Token::StartTag(tag) = token else { continue };
        let name = text(&tag.name);
        let attributes = tag.attributes.iter().map(|(attribute, value)| (text(attribute), text(&value.value)));
        let attributes: Vec<(String, String)> = attributes.collect();
        let has = |wanted: &str| attributes.iter().any(|(attribute, _)| attribute == wanted);
        if name == "script" && !has("src") {
            dangers.push("a script within the page".to_owned());
        }
        for (attribute, value) in &attributes {
            let is_address = ["href", "src", "action", "formaction"].contains(&attribute.as_str());
            let is_ours = value.starts_with('#') || value.starts_with('?') || value.starts_with('/');
            let is_web = value.starts_with("http://") || value.starts_with("https://");
            let leads_astray = !is_ours && !is_web || value.starts_with("//");
            if is_address && leads_astray
                || attribute.starts_with("on")
                || attribute == "srcdoc"
                || attribute == "style"
            {
                dangers.push(format!("<{name} {attribute}={value:?}>"));
            }
        }
    }
    dangers
}

/// What it shows and holds: its texts, and the values of its attributes.
pub(crate) fn holds(html: &str, wanted: &str) -> bool {
    let mut shown = String::new();
    for token in tokens(html) {
        match token {
            Token::StartTag(tag) => tag.attributes.values().for_each(|value| shown.push_str(&text(&value.value))),
            Token::String(string) => shown.push_str(&text(&string.value)),
            Token::EndTag(_) => shown.push('\n'),
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    shown.contains(wanted)
}
