//! What a feed says of how often it wants to be asked: `ttl`, `skipHours`, `skipDays`, and the syndication module of
//! RSS 1.0 (<https://web.resource.org/rss/1.0/modules/syndication/>), which WordPress writes into every feed.

use std::time::Duration;

use crate::domain::schedule::skip::Skip;
use crate::time::{DAY, HOUR};

/// As they stand in the feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hints {
    /// In minutes.
    ttl: Option<u64>,
    period: Option<Duration>,
    frequency: Option<u32>,
    /// Hours and days.
    pub skip: Skip,
}

impl Hints {
    /// Reads an element of the feed itself, by its name in lower case and without its prefix.
    pub fn read(&mut self, name: &str, text: &str) {
        let text = text.trim();
        match name {
            "ttl" => self.ttl = text.parse().ok(),
            "updateperiod" => self.period = period(text),
            "updatefrequency" => self.frequency = text.parse().ok(),
            "hour" => self.skip.add_hour(text),
            "day" => self.skip.add_day(text),
            _ => {}
        }
    }

    /// How long it asks to be left alone after it was read.
    pub fn pause(&self) -> Option<Duration> {
        let ttl = self.ttl.map(|minutes| Duration::from_secs(minutes.saturating_mul(60)));
        let period = match (self.period, self.frequency) {
            (None, None) => None,
            // Each of the two has a default.
            (period, frequency) => Some(period.unwrap_or(DAY) / frequency.unwrap_or(1).max(1)),
        };
        ttl.max(period).filter(|pause| !pause.is_zero())
    }
}

fn period(text: &str) -> Option<Duration> {
    Some(match text.to_ascii_lowercase().as_str() {
        "hourly" => HOUR,
        "daily" => DAY,
        "weekly" => 7 * DAY,
        "monthly" => 30 * DAY,
        "yearly" => 365 * DAY,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::feed::{Reader, parse};

    #[test]
    fn the_pause_is_the_longest_that_is_asked_for() {
        type Elements = &'static [(&'static str, &'static str)];
        let cases: [(Elements, Option<u64>); 13] = [
            (&[], None),
            (&[("ttl", "30")], Some(30)),
            (&[("ttl", " 30\n")], Some(30)),
            (&[("ttl", "0")], None),
            (&[("ttl", "soon")], None),
            (&[("ttl", "99999999999999999999")], None),
            (&[("updateperiod", "hourly")], Some(60)),
            (&[("updateperiod", "Hourly "), ("updatefrequency", "2")], Some(30)),
            (&[("updateperiod", "daily"), ("updatefrequency", "0")], Some(24 * 60)),
            (&[("updatefrequency", "4")], Some(6 * 60)),
            (&[("updateperiod", "whenever")], None),
            (&[("ttl", "90"), ("updateperiod", "hourly")], Some(90)),
            (&[("ttl", "30"), ("updateperiod", "weekly")], Some(7 * 24 * 60)),
        ];
        for (elements, minutes) in cases {
            let mut hints = Hints::default();
            for (name, text) in elements {
                hints.read(name, text);
            }
            assert_eq!(hints.pause(), minutes.map(Duration::from_mins), "{elements:?}");
        }
    }

    #[test]
    fn both_readers_see_them_in_the_feed_and_not_in_its_entries() {
        let feed = |more: &str| {
            format!(
                "<rss version=\"2.0\" xmlns:sy=\"http://purl.org/rss/1.0/modules/syndication/\"><channel>\
                 <title>News</title><sy:updatePeriod>\n hourly </sy:updatePeriod>\
                 <sy:updateFrequency>2</sy:updateFrequency><skipHours><hour>1</hour><hour>2</hour></skipHours>\
                 <skipDays><day>Sunday</day></skipDays>\
                 <item><title>One</title><link>https://example.org/1</link><hour>7</hour>{more}</item>\
                 </channel></rss>"
            )
        };
        let mut skip = Skip::default();
        skip.add_hour("1");
        skip.add_hour("2");
        skip.add_day("sun");
        for (more, reader) in [("", Reader::Strict), ("<dc:title>x</dc:title>", Reader::Lenient)] {
            let document = parse(feed(more).as_bytes(), None, None).unwrap();
            assert_eq!(document.reader, reader);
            assert_eq!(document.ttl, Some(Duration::from_mins(30)), "{reader}");
            assert_eq!(document.skip, skip, "{reader}");
        }
    }
}
