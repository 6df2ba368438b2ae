//! Languages as a mail shows them: a name people know, and the direction their text runs.

/// The English name of a language tag (`kk`, `zh-Hant`), else the tag itself; `None` for what is no tag.
pub(super) fn name(tag: &str) -> Option<&str> {
    let tag = tag.trim();
    let sane = tag.len() <= 35 && tag.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    let primary = primary(tag).to_ascii_lowercase();
    if !sane || !matches!(primary.len(), 2 | 3) || primary == "und" {
        return None;
    }
    Some(NAMES.iter().find(|(code, _)| *code == primary).map_or(tag, |(_, name)| name))
}

/// Whether a block of text runs from right to left: by its letters, with the language as a hint
/// where both kinds of letters stand in it.
pub(super) fn right_to_left(text: &str, language: Option<&str>) -> bool {
    let letters = text.chars().filter(|c| c.is_alphabetic()).take(400);
    let (rtl, all) = letters.fold((0_u32, 0_u32), |(rtl, all), c| (rtl + u32::from(is_rtl(c)), all + 1));
    let known = language.is_some_and(|tag| RTL.contains(&primary(tag).to_ascii_lowercase().as_str()));
    if known { rtl > 0 || all == 0 } else { rtl * 2 > all }
}

fn primary(tag: &str) -> &str {
    tag.split(['-', '_']).next().unwrap_or_default()
}

/// Hebrew to Arabic Extended-A, and the presentation forms of both.
fn is_rtl(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}')
}

const RTL: [&str; 10] = ["ar", "fa", "ug", "he", "ur", "ps", "sd", "ckb", "yi", "dv"];

const NAMES: [(&str, &str); 74] = [
    ("af", "Afrikaans"),
    ("am", "Amharic"),
    ("ar", "Arabic"),
    ("az", "Azerbaijani"),
    ("ba", "Bashkir"),
    ("be", "Belarusian"),
    ("bg", "Bulgarian"),
    ("bn", "Bengali"),
    ("bs", "Bosnian"),
    ("ca", "Catalan"),
    ("ckb", "Central Kurdish"),
    ("crh", "Crimean Tatar"),
    ("cs", "Czech"),
    ("cv", "Chuvash"),
    ("da", "Danish"),
    ("de", "German"),
    ("el", "Greek"),
    ("en", "English"),
    ("es", "Spanish"),
    ("et", "Estonian"),
    ("eu", "Basque"),
    ("fa", "Persian"),
    ("fi", "Finnish"),
    ("fr", "French"),
    ("ga", "Irish"),
    ("gag", "Gagauz"),
    ("he", "Hebrew"),
    ("hi", "Hindi"),
    ("hr", "Croatian"),
    ("hu", "Hungarian"),
    ("hy", "Armenian"),
    ("id", "Indonesian"),
    ("is", "Icelandic"),
    ("it", "Italian"),
    ("ja", "Japanese"),
    ("ka", "Georgian"),
    ("kaa", "Karakalpak"),
    ("kk", "Kazakh"),
    ("ko", "Korean"),
    ("ku", "Kurdish"),
    ("ky", "Kyrgyz"),
    ("lt", "Lithuanian"),
    ("lv", "Latvian"),
    ("mk", "Macedonian"),
    ("mn", "Mongolian"),
    ("ms", "Malay"),
    ("nb", "Norwegian"),
    ("nl", "Dutch"),
    ("no", "Norwegian"),
    ("pl", "Polish"),
    ("ps", "Pashto"),
    ("pt", "Portuguese"),
    ("ro", "Romanian"),
    ("ru", "Russian"),
    ("sah", "Yakut"),
    ("sk", "Slovak"),
    ("sl", "Slovenian"),
    ("sq", "Albanian"),
    ("sr", "Serbian"),
    ("sv", "Swedish"),
    ("sw", "Swahili"),
    ("ta", "Tamil"),
    ("te", "Telugu"),
    ("tg", "Tajik"),
    ("th", "Thai"),
    ("tk", "Turkmen"),
    ("tr", "Turkish"),
    ("tt", "Tatar"),
    ("ug", "Uyghur"),
    ("uk", "Ukrainian"),
    ("ur", "Urdu"),
    ("uz", "Uzbek"),
    ("vi", "Vietnamese"),
    ("zh", "Chinese"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_have_names() {
        for (tag, expected) in [
            ("kk", Some("Kazakh")),
            ("zh-Hant", Some("Chinese")),
            ("PT_br", Some("Portuguese")),
            ("xx", Some("xx")),
            ("und", None),
            ("", None),
            ("english", None),
            ("e\u{7}", None),
            ("<b>", None),
        ] {
            assert_eq!(name(tag), expected, "{tag:?}");
        }
    }

    #[test]
    fn direction_follows_the_letters() {
        for (text, language, expected) in [
            ("قمة منظمة الدول التركية", Some("ar"), true),
            ("OTS: قمة", Some("ar"), true),
            ("تۈركىي دۆلەتلەر", None, true),
            ("ארגון המדינות הטורקיות", None, true),
            ("Kazinform reports سلام", None, false),
            ("OTS summit", Some("ar"), false), // a translated headline
            ("Түркі мемлекеттері", Some("kk"), false),
            ("2026", Some("fa-IR"), true),
            ("", None, false),
        ] {
            assert_eq!(right_to_left(text, language), expected, "{text:?} {language:?}");
        }
    }
}
