//! Every page in every variant, on sheets that a person can read and a review can show: `snapshots/PAGE.LANGUAGE.snap`.
//!
//! A sheet holds what each variant has of its own: its title, what its head asks for, and `<main>`. What surrounds that is the
//! same for many pages and has sheets of its own, so that a change of the layout changes those few. Nothing on a sheet may be
//! another one tomorrow: samples have fixed numbers, and the hashes of assets are left out.
//! `tests/it/tidy.rs` demands a sheet for each page, and a page for each sheet.
//!
//! A page that changed on purpose is written anew by `INSTA_UPDATE=always cargo test -p api`, and the difference reviewed.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::language::Language;

/// Shorter sections are shown again.
const LINES_REPEATED_MAX: usize = 4;

pub(crate) struct Sheet {
    page: &'static str,
    text: String,
    /// Sections and the variant that showed each first: what many variants have alike is shown once.
    shown: BTreeMap<String, String>,
    /// What surrounds its variants, by name.
    layouts: BTreeMap<String, String>,
}

/// Draws the sheets of a page, one for each language, and compares them with those that are kept.
pub(crate) fn draw(page: &'static str, variants: impl Fn(&mut Sheet, Language)) {
    for language in [Language::Korean, Language::English] {
        let mut sheet = Sheet { page, text: String::new(), shown: BTreeMap::new(), layouts: BTreeMap::new() };
        variants(&mut sheet, language);
        for (name, layout) in &sheet.layouts {
            compare(&format!("{name}.{}", language.tag()), layout);
        }
        compare(&format!("{page}.{}", language.tag()), &sheet.text);
    }
}

impl Sheet {
    pub(crate) fn add(&mut self, variant: &str, html: &str) {
        let html = tidied(html);
        let (before_title, rest) = split(&html, "<title>");
        let (title, rest) = split(rest, "</title>");
        let (before_head, rest) = split(rest, "rel=\"stylesheet\"");
        let (stylesheet, rest) = split(rest, "\n");
        let (head, rest) = split(rest, "</head>");
        let (before_main, rest) = split(rest, "<main id=\"main\">\n");
        let (main, after_main) = split(rest, "</main>");
        writeln!(self.text, "=== {variant}\n{title}\n{}", head.trim_end()).unwrap();
        for section in sections(main) {
            match self.shown.get(&section) {
                Some(before) => writeln!(self.text, "{} … as in {before}", name_of(&section)).unwrap(),
                None => self.text.push_str(&section),
            }
            if section.lines().count() > LINES_REPEATED_MAX {
                self.shown.entry(section).or_insert_with(|| variant.to_owned());
            }
        }
        self.text.push('\n');
        let layout = format!(
            "{before_title}<title>…</title>{before_head}rel=\"stylesheet\"{stylesheet}\n…\n</head>{before_main}<main \
             id=\"main\">\n…\n</main>{after_main}"
        );
        let before = self.layouts.insert(layout_name(self.page, &layout), layout.clone());
        assert!(before.is_none_or(|before| before == layout), "{} has two layouts of one name: {layout}", self.page);
    }
}

/// The parts of `<main>` that begin a line each.
fn sections(main: &str) -> Vec<String> {
    let mut sections: Vec<String> = Vec::new();
    for line in main.lines() {
        let begins = line.starts_with("<section") || line.starts_with("<p class=\"small\"");
        match sections.last_mut().filter(|_| !begins) {
            Some(section) => section.push_str(line),
            None => sections.push(line.to_owned()),
        }
        sections.last_mut().unwrap().push('\n');
    }
    sections
}

/// Its first line, and its heading.
fn name_of(section: &str) -> String {
    let heading = section.split_once("<h2").and_then(|(_, rest)| rest.split_once("</h2>"));
    let heading = heading.map(|(heading, _)| format!("<h2{heading}</h2>")).unwrap_or_default();
    format!("{} {heading}", section.lines().next().unwrap_or_default())
}

fn split<'a>(html: &'a str, mark: &str) -> (&'a str, &'a str) {
    html.split_once(mark).unwrap_or_else(|| panic!("a page without {mark}: {html}"))
}

/// A layout differs by who looks, and by the width of what is looked at.
fn layout_name(page: &str, layout: &str) -> String {
    let whose = match page {
        "login" => "-login",
        _ if layout.contains("class=\"session\"") => "-operator",
        _ => "",
    };
    let wide = if layout.contains("<body class=\"wide\">") { "-wide" } else { "" };
    format!("layout{whose}{wide}")
}

/// Without empty lines and the hashes of assets.
fn tidied(html: &str) -> String {
    let lines = html.lines().map(str::trim_end).filter(|line| !line.is_empty());
    let mut text = String::new();
    for line in lines {
        let mut parts = line.split("?v=");
        text.push_str(parts.next().unwrap_or_default());
        for part in parts {
            text.push_str("?v=…");
            text.push_str(part.trim_start_matches(|c: char| c.is_ascii_hexdigit()));
        }
        text.push('\n');
    }
    text
}

fn compare(name: &str, text: &str) {
    let mut settings = insta::Settings::new();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}
