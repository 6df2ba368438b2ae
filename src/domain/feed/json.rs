//! JSON Feed 1.0 and 1.1 (<https://www.jsonfeed.org/version/1.1/>), with numbers for ids, fields left out and fields
//! invented, for each of which feed-rs refuses the document.
//!
//! It is read as it comes: built up as a whole, a hostile document takes a hundred times its own room.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::FeedError;
use super::dates;
use super::draft::{Draft, DraftFeed, Link, MAX_ENTRIES, MAX_FIELD, MAX_PEOPLE};

/// Reads a JSON Feed. Of one that breaks off its whole items are kept.
pub(super) fn read(text: &str) -> Result<DraftFeed, FeedError> {
    let mut feed = Feed::default();
    let mut json = serde_json::Deserializer::from_str(text);
    let read = Into(&mut feed).deserialize(&mut json).and_then(|()| json.end());
    let is_feed = feed.version.contains("jsonfeed.org/version/1") && feed.has_items;
    match read {
        Ok(()) if !is_feed => {
            Err(FeedError::NotAFeed { found: "a JSON document of another kind".to_owned() })
        }
        Ok(()) => Ok(feed.draft),
        Err(error) if error.is_eof() && is_feed && !feed.draft.entries.is_empty() => {
            Ok(DraftFeed { cut_off: true, ..feed.draft })
        }
        Err(error) => {
            Err(FeedError::Broken { line: Some(error.line()), what: format!("it is no valid JSON: {error}") })
        }
    }
}

/// What takes a value of any kind; what it does not want is passed over.
trait Part {
    fn text(&mut self, _: Cow<'_, str>) {}

    fn field<'de, M: MapAccess<'de>>(&mut self, _: &str, map: &mut M) -> Result<(), M::Error> {
        map.next_value::<IgnoredAny>().map(|_| ())
    }

    fn elements<'de, S: SeqAccess<'de>>(&mut self, mut list: S) -> Result<(), S::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

/// Reads the next value into a part.
struct Into<'a, T>(&'a mut T);

impl<'de, T: Part> DeserializeSeed<'de> for Into<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de, T: Part> Visitor<'de> for Into<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.text(text[..text.floor_char_boundary(MAX_FIELD)].into());
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.0.text(number.to_string().into());
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.0.text(number.to_string().into());
        Ok(())
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.0.text(format!("{number:?}").into());
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            self.0.field(&name, &mut map)?;
        }
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'de>>(self, list: S) -> Result<(), S::Error> {
        self.0.elements(list)
    }
}

/// A text, or a number in its place.
impl Part for String {
    fn text(&mut self, text: Cow<'_, str>) {
        *self = text.into_owned();
    }
}

#[derive(Default)]
struct Feed {
    version: String,
    has_items: bool,
    draft: DraftFeed,
}

impl Part for Feed {
    fn field<'de, M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<(), M::Error> {
        let draft = &mut self.draft;
        match name {
            "version" => map.next_value_seed(Into(&mut self.version))?,
            "title" => draft.title = plain(&text(map)?),
            "language" => draft.language = Some(text(map)?),
            "home_page_url" => draft.links = vec![page(text(map)?)],
            "items" => map.next_value_seed(Into(&mut Items { draft, found: &mut self.has_items }))?,
            _ => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}

struct Items<'a> {
    draft: &'a mut DraftFeed,
    found: &'a mut bool,
}

impl Part for Items<'_> {
    fn elements<'de, S: SeqAccess<'de>>(&mut self, mut list: S) -> Result<(), S::Error> {
        *self.found = true;
        loop {
            let mut item = Item::default();
            if list.next_element_seed(Into(&mut item))?.is_none() {
                return Ok(());
            }
            self.draft.items += 1;
            if self.draft.entries.len() < MAX_ENTRIES {
                self.draft.entries.push(item.finish());
            }
        }
    }
}

#[derive(Default)]
struct Item {
    draft: Draft,
    plain: String,
    addresses: [String; 2],
}

impl Part for Item {
    fn field<'de, M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<(), M::Error> {
        let draft = &mut self.draft;
        match name {
            "id" => map.next_value_seed(Into(&mut draft.id))?,
            "title" => draft.title = plain(&text(map)?),
            "summary" => draft.summary = plain(&text(map)?),
            "content_html" => map.next_value_seed(Into(&mut draft.content))?,
            "content_text" => self.plain = plain(&text(map)?),
            "url" => map.next_value_seed(Into(&mut self.addresses[0]))?,
            "external_url" => map.next_value_seed(Into(&mut self.addresses[1]))?,
            "author" | "authors" => map.next_value_seed(Into(&mut People(&mut draft.people)))?,
            "date_published" => draft.published = dates::read(&text(map)?),
            "date_modified" => draft.updated = dates::read(&text(map)?),
            "language" => draft.language = Some(text(map)?),
            _ => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}

impl Item {
    fn finish(self) -> Draft {
        let mut draft = self.draft;
        if draft.content.is_empty() {
            draft.content = self.plain;
        }
        draft.links = self.addresses.into_iter().filter(|address| !address.is_empty()).map(page).collect();
        draft
    }
}

/// One person or several, each an object or only a name.
struct People<'a>(&'a mut Vec<String>);

impl Part for People<'_> {
    fn text(&mut self, name: Cow<'_, str>) {
        if self.0.len() < MAX_PEOPLE {
            self.0.push(name.into_owned());
        }
    }

    fn field<'de, M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<(), M::Error> {
        let value = text(map)?;
        if name == "name" {
            self.text(value.into());
        }
        Ok(())
    }

    fn elements<'de, S: SeqAccess<'de>>(&mut self, mut list: S) -> Result<(), S::Error> {
        while list.next_element_seed(Into(self))?.is_some() {}
        Ok(())
    }
}

fn text<'de, M: MapAccess<'de>>(map: &mut M) -> Result<String, M::Error> {
    let mut text = String::new();
    map.next_value_seed(Into(&mut text))?;
    Ok(text)
}

fn page(href: String) -> Link {
    Link { href, ..Link::default() }
}

/// Plain text, as HTML.
fn plain(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
