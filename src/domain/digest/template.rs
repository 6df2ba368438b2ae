//! The templates of a mail's two parts, and what they may use.
//!
//! Names that end in `.html` escape everything; an unknown name is an error, not an empty place; and
//! fuel bounds the work, so that no template runs for ever.

use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Error, Output, State, UndefinedBehavior, Value, escape_formatter};
use serde::Serialize;

use super::wrap::wrap;

/// Columns of the text part: what a terminal mail reader shows without breaking lines itself.
const COLUMNS: usize = 72;

/// A mail's two parts.
pub(super) struct Rendered {
    /// The plain text.
    pub text: String,
    /// The HTML.
    pub html: String,
}

/// Renders `name.txt` and `name.html`; `size` counts the items in `view`, each of which brings its own fuel.
pub(super) fn render<V: Serialize>(name: &str, view: &V, size: usize) -> Result<Rendered, Error> {
    let shipped = SHIPPED.as_ref().map_err(|error| Error::new(error.kind(), error.to_string()))?;
    let mut environment = shipped.clone();
    let items = u64::try_from(size).unwrap_or(u64::MAX);
    environment.set_fuel(Some(items.saturating_mul(2_000).saturating_add(50_000)));
    let view = Value::from(Serde(view));
    let text = environment.get_template(&format!("{name}.txt"))?.render(view.clone())?;
    let html = environment.get_template(&format!("{name}.html"))?.render(view)?;
    Ok(Rendered { text, html })
}

const TEMPLATES: [(&str, &str); 7] = [
    ("base.html", include_str!("templates/base.html")),
    ("alert.txt", include_str!("templates/alert.txt")),
    ("alert.html", include_str!("templates/alert.html")),
    ("notice.txt", include_str!("templates/notice.txt")),
    ("notice.html", include_str!("templates/notice.html")),
    ("test.txt", include_str!("templates/test.txt")),
    ("test.html", include_str!("templates/test.html")),
];

static SHIPPED: LazyLock<Result<Environment<'static>, Error>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_formatter(format);
    environment.add_filter("wrap", wrapped);
    for (name, source) in TEMPLATES {
        environment.add_template(name, source)?;
    }
    Ok(environment)
});

/// Escapes for HTML as the default does, but leaves `/` alone, which only makes links longer.
fn format(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    match value.as_str() {
        Some(text) if matches!(state.auto_escape(), AutoEscape::Html) && !value.is_safe() => {
            let mut rest = text;
            while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
                let (plain, special) = rest.split_at(at);
                out.write_str(plain)?;
                out.write_str(match special.as_bytes().first() {
                    Some(b'&') => "&amp;",
                    Some(b'<') => "&lt;",
                    Some(b'>') => "&gt;",
                    Some(b'"') => "&quot;",
                    _ => "&#39;",
                })?;
                rest = special.get(1..).unwrap_or_default();
            }
            out.write_str(rest)?;
            Ok(())
        }
        _ => escape_formatter(out, state, value),
    }
}

/// `text | wrap("first indent", "rest indent")`.
fn wrapped(text: &str, first: Option<&str>, rest: Option<&str>) -> String {
    let first = first.unwrap_or_default();
    wrap(text, COLUMNS, first, rest.unwrap_or(first))
}
