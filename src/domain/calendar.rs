//! What months and days of the week are called in the languages of the feeds and pages that are read, the digits
//! that dates are written in, and the calendar of Iran.

use std::borrow::Cow;

use jiff::civil::{Date, Weekday};

use super::text;

/// The month (1 to 12) that a word names, in full, cut short or inflected.
pub fn month(word: &str) -> Option<i8> {
    // Cut short, October in Polish differs from Sunday in Turkish by its mark alone.
    if word.trim_end_matches('.').to_lowercase() == "paź" {
        return Some(10);
    }
    let word = folded(word)?;
    if day_of_week(&word).is_some() {
        return None;
    }
    let whole = SHORT_MONTHS.iter().find(|(name, _)| *name == word).map(|(_, month)| *month);
    whole.or_else(|| {
        let stems = (1..).zip(MONTHS).flat_map(|(month, stems)| stems.iter().map(move |stem| (*stem, month)));
        stems
            .filter(|(stem, _)| word.starts_with(stem))
            .max_by_key(|(stem, _)| stem.len())
            .map(|(_, month)| month)
    })
}

/// The month (1 to 12) of the calendar of Iran that a word names.
pub fn persian_month(word: &str) -> Option<i8> {
    let word = folded(word)?;
    (1..).zip(PERSIAN_MONTHS).find(|(_, name)| *name == word).map(|(month, _)| month)
}

/// The day of the week that a word names.
pub fn weekday(word: &str) -> Option<Weekday> {
    day_of_week(&folded(word)?)
}

/// A day of the calendar of Iran, for years that lie in ours.
pub fn persian(year: i64, month: i64, day: i64) -> Option<Date> {
    let longest = if month <= 6 { 31 } else { 30 };
    if !(1300..1500).contains(&year) || !(1..=12).contains(&month) || !(1..=longest).contains(&day) {
        return None;
    }
    // A leap year comes about every four years; one in 33 is a year late.
    let cycle =
        (year - 1342) * 365 + (year - 1342).div_euclid(33) * 8 + ((year - 1342).rem_euclid(33) + 3) / 4;
    let before = if month <= 7 { (month - 1) * 31 } else { 186 + (month - 7) * 30 };
    let days = i32::try_from(cycle + before + day - 1).ok()?;
    Date::constant(1963, 3, 21).checked_add(jiff::Span::new().try_days(days).ok()?).ok()
}

/// The text with the digits of other scripts as ASCII, and the marks that stand between them in full width.
pub fn ascii_digits(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return text.into();
    }
    text.chars().map(ascii_digit).collect::<String>().into()
}

fn ascii_digit(c: char) -> char {
    match c {
        '：' => return ':',
        '／' => return '/',
        '－' => return '-',
        _ => {}
    }
    // Arabic, Persian, full width.
    for zero in ['\u{660}', '\u{6f0}', '\u{ff10}'] {
        if let Some(digit) = (c as u32).checked_sub(zero as u32).filter(|digit| *digit < 10) {
            return char::from_digit(digit, 10).unwrap_or(c);
        }
    }
    c
}

/// The word as the tables have it: in lower case, without marks, Persian letters as Arabic ones. None for what
/// is too long to be a name.
fn folded(word: &str) -> Option<String> {
    if word.len() > 40 {
        return None;
    }
    let word = word.trim_end_matches('.');
    let folded = if word.is_ascii() { word.to_ascii_lowercase() } else { text::remembered(word) };
    Some(folded.replace('ی', "ي").replace('ک', "ك"))
}

fn day_of_week(word: &str) -> Option<Weekday> {
    let place = WEEKDAYS.iter().position(|names| names.contains(&word))?;
    Weekday::from_monday_one_offset(i8::try_from(place + 1).ok()?).ok()
}

/// Beginnings of the names of the months, as [`folded`] leaves them; the longest that fits counts. By language:
/// en de fr es it pt nl pl cs ro · tr az uz tk hu tt · kk, also in Latin letters · ru uk be kk ky tt · el · ar fa.
#[rustfmt::skip]
const MONTHS: [&[&str]; 12] = [
    &["jan", "ene", "gen", "sty", "ledna", "ian", "oca", "yan", "gıyn", "gıin", "qant",
      "янв", "січ", "студ", "қаң", "үчт", "гыин", "ιαν", "يناير", "جانفي", "ژانوي"],
    &["feb", "fev", "lut", "unor", "sub", "few", "aqpa", "фев", "лют", "ақп", "бирд", "φεβ",
      "فبراير", "فيفري", "شباط", "فوري"],
    &["mar", "mrz", "maa", "brez", "nauri", "naury", "nayr", "мар", "бер", "сак", "нау", "жалг", "μαρ",
      "مارس", "اذار"],
    &["apr", "avr", "abr", "kwi", "dubna", "nis", "saui", "sauı", "sayi", "апр", "кві", "крас", "сәу", "чын", "απρ",
      "ابريل", "افريل", "نيسان", "اوريل"],
    &["may", "mai", "maj", "mag", "mei", "kvet", "mamı", "mamy", "маи", "мая", "тра", "мам", "буг", "μαι",
      "مايو", "ماي", "ايار"],
    &["jun", "juin", "giu", "cze", "cerv", "iun", "haz", "iyn", "iyun", "mausı", "mausy", "maysy", "июн", "чер", "чэр",
      "мау", "кулж", "ιουν", "يونيو", "يونيه", "حزيران", "جوان", "ژوين"],
    &["jul", "juil", "lug", "lip", "cervenc", "iul", "tem", "iyl", "iyul", "shild", "silde", "sılde", "июл", "лип", "ліп",
      "шіл", "тек", "ιουλ", "يوليو", "يوليه", "تموز", "جويلي", "ژويي", "جولاي"],
    &["aug", "aou", "ago", "sie", "srp", "agu", "avq", "avg", "awg", "tamı", "tamy", "авг", "сер", "жні", "там",
      "баш", "αυγ", "اغسطس", "اوت", "اگوست", "اوگوست"],
    &["sep", "sett", "sete", "seti", "wrz", "zari", "eyl", "szep", "sent", "qyrk", "qırk", "сент", "вер", "қыр",
      "аяк", "σεπ", "سبتمبر", "شتنبر", "ايلول", "سپتامبر"],
    &["oct", "okt", "out", "ott", "pazd", "rij", "eki", "qaza", "окт", "жов", "каст", "қаз", "тогуз", "οκτ",
      "اكتوبر", "اكتبر"],
    &["nov", "noi", "lis", "kas", "noy", "qara", "ноя", "лис", "ліс", "қар", "жети", "νοε",
      "نوفمبر", "نونبر", "نوامبر"],
    &["dec", "dez", "dic", "gru", "pros", "aral", "dek", "jelt", "дек", "гру", "снеж", "жел", "бешт", "δεκ",
      "ديسمبر", "دجنبر", "دسامبر"],
];

/// What begins longer words too.
#[rustfmt::skip]
const SHORT_MONTHS: [(&str, i8); 9] = [
    ("sen", 9), ("set", 9), ("сен", 9), ("ara", 12), ("qan", 1), ("qar", 11), ("مه", 5), ("مي", 5), ("اب", 8),
];

#[rustfmt::skip]
const PERSIAN_MONTHS: [&str; 12] = [
    "فروردين", "ارديبهشت", "خرداد", "تير", "مرداد", "شهريور", "مهر", "ابان", "اذر", "دي", "بهمن", "اسفند",
];

/// Days of the week, as [`folded`] leaves them: some begin like months (`szerda`, `martes`, `середа`, `сенбі`).
/// `mar` is Tuesday in three languages and March in ten.
#[rustfmt::skip]
const WEEKDAYS: [&[&str]; 7] = [
    &["mon", "monday", "montag", "lundi", "lunes", "lunedi", "segunda", "poniedziałek", "pazartesi", "pzt",
      "dushanba", "dusenbe", "hetfo", "duisenbi", "понедельник", "пн", "понеділок", "дүисенбі", "дүишөмбү",
      "дүшәмбе", "الاثنين", "دوشنبه"],
    &["tue", "tues", "tuesday", "dienstag", "mardi", "martes", "martedi", "terca", "wtorek", "salı", "sal",
      "seshanba", "sisenbe", "kedd", "seisenbi", "вторник", "вт", "вівторок", "сеисенбі", "шеишемби",
      "сишәмбе", "الثلاثاء"],
    &["wed", "wednesday", "mittwoch", "mercredi", "miercoles", "mercoledi", "quarta", "sroda", "carsamba", "car",
      "cərsənbə", "chorshanba", "carsenbe", "szerda", "sze", "sarsenbi", "среда", "ср", "середа", "сәрсенбі",
      "шаршемби", "чәршәмбе", "الاربعاء", "چهارشنبه"],
    &["thu", "thur", "thurs", "thursday", "donnerstag", "jeudi", "jueves", "giovedi", "quinta", "czwartek",
      "persembe", "per", "payshanba", "pensenbe", "csutortok", "beisenbi", "четверг", "чт", "четвер", "беисенбі",
      "беишемби", "пәнҗешәмбе", "الخميس", "پنجشنبه"],
    &["fri", "friday", "freitag", "vendredi", "viernes", "venerdi", "sexta", "piatek", "cuma", "cum", "cumə",
      "juma", "anna", "pentek", "пятница", "пт", "п ятниця", "пятниця", "жума", "жұма", "җомга", "الجمعة", "جمعه"],
    &["sat", "saturday", "samstag", "sonnabend", "samedi", "sabado", "sabato", "sobota", "subota", "cumartesi",
      "cmt", "sənbə", "shanba", "senbe", "senbi", "szombat", "szo", "суббота", "сб", "субота", "сенбі", "ишемби",
      "шимбә", "السبت", "شنبه"],
    &["sun", "sunday", "sonntag", "dimanche", "domingo", "domenica", "niedziela", "pazar", "paz", "bazar",
      "yakshanba", "yeksenbe", "vasarnap", "jeksenbi", "воскресенье", "вс", "неділя", "жексенбі", "жекшемби",
      "якшәмбе", "الاحد", "يكشنبه"],
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The names as they stand in a date, January first.
    #[rustfmt::skip]
    const NAMES: [(&str, [&str; 12]); 27] = [
        ("en", ["January", "February", "March", "April", "May", "June", "July", "August", "Sept", "October", "November", "DECEMBER"]),
        ("tr", ["Ocak", "Şubat", "Mart", "Nisan", "Mayıs", "Haziran", "Temmuz", "Ağustos", "Eylül", "Ekim", "Kasım", "ARALIK"]),
        ("tr without marks", ["ocak", "subat", "mart", "nisan", "mayis", "haziran", "temmuz", "agustos", "eylul", "ekim", "kasim", "aralik"]),
        ("tr short", ["Oca", "Şub", "Mar", "Nis", "May", "Haz", "Tem", "Ağu", "Eyl", "Eki", "Kas", "Ara"]),
        ("az", ["yanvar", "fevral", "mart", "aprel", "may", "iyun", "iyul", "avqust", "sentyabr", "oktyabr", "noyabr", "dekabr"]),
        ("uz", ["yanvar", "fevral", "mart", "aprel", "may", "iyun", "iyul", "avgust", "sentabr", "oktabr", "noyabr", "dekabr"]),
        ("uz in Cyrillic letters", ["январ", "феврал", "март", "апрел", "май", "июн", "июл", "август", "сентябр", "октябр", "ноябр", "декабр"]),
        ("tk", ["ýanwar", "fewral", "mart", "aprel", "maý", "iýun", "iýul", "awgust", "sentýabr", "oktýabr", "noýabry", "dekabr"]),
        ("tt", ["гыйнвар", "февраль", "март", "апрель", "май", "июнь", "июль", "август", "сентябрь", "октябрь", "ноябрь", "декабрь"]),
        ("kk", ["қаңтар", "ақпан", "наурыз", "сәуір", "мамыр", "маусым", "шілде", "тамыз", "қыркүйек", "қазан", "қараша", "ЖЕЛТОҚСАН"]),
        ("kk short", ["қаң.", "ақп.", "нау.", "сәу.", "мам.", "мау.", "шіл.", "там.", "қыр.", "қаз.", "қар.", "жел."]),
        ("kk in Latin letters", ["qańtar", "aqpan", "naýryz", "säuır", "mamyr", "mausym", "şılde", "tamyz", "qyrkúıek", "qazan", "qarasha", "jeltoqsan"]),
        ("ky", ["январь", "февраль", "март", "апрель", "май", "июнь", "июль", "август", "сентябрь", "октябрь", "ноябрь", "декабрь"]),
        ("ky of old", ["үчтүн", "бирдин", "жалган", "чын", "бугу", "кулжа", "теке", "баш", "аяк", "тогуздун", "жетинин", "бештин"]),
        ("ru", ["января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября", "ноября", "декабря"]),
        ("ru short", ["янв.", "фев.", "мар.", "апр.", "май", "июн.", "июл.", "авг.", "сен.", "окт.", "ноя.", "дек."]),
        ("uk", ["січня", "лютого", "березня", "квітня", "травня", "червня", "липня", "серпня", "вересня", "жовтня", "листопада", "грудня"]),
        ("hu", ["január", "február", "március", "április", "május", "június", "július", "augusztus", "szeptember", "október", "november", "december"]),
        ("de", ["Jänner", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"]),
        ("fr", ["janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"]),
        ("es", ["enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "setiembre", "octubre", "noviembre", "diciembre"]),
        ("it", ["gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto", "settembre", "ottobre", "novembre", "dicembre"]),
        ("pt", ["janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro", "outubro", "novembro", "dezembro"]),
        ("pl", ["stycznia", "lutego", "marca", "kwietnia", "maja", "czerwca", "lipca", "sierpnia", "września", "października", "listopada", "grudnia"]),
        ("ar", ["يناير", "فبراير", "مارس", "أبريل", "مايو", "يونيو", "يوليو", "أغسطس", "سبتمبر", "أكتوبر", "نوفمبر", "ديسمبر"]),
        ("fa", ["ژانویه", "فوریه", "مارس", "آوریل", "مه", "ژوئن", "ژوئیه", "اوت", "سپتامبر", "اکتبر", "نوامبر", "دسامبر"]),
        ("el", ["Ιανουαρίου", "Φεβρουαρίου", "Μαρτίου", "Απριλίου", "Μαΐου", "Ιουνίου", "Ιουλίου", "Αυγούστου", "Σεπτεμβρίου", "Οκτωβρίου", "Νοεμβρίου", "Δεκεμβρίου"]),
    ];

    #[test]
    fn months_have_their_names_in_each_language() {
        for (language, names) in NAMES {
            for (number, name) in (1..).zip(names) {
                assert_eq!(month(name), Some(number), "{name} in {language}");
            }
        }
        for (name, number) in
            [("paź.", 10), ("wrz", 9), ("czerwca", 6), ("července", 7), ("Mrz", 3), ("Sep.", 9)]
        {
            assert_eq!(month(name), Some(number), "{name}");
        }
    }

    #[test]
    fn a_day_of_the_week_is_no_month() {
        for names in [
            ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
            ["Pazartesi", "Salı", "Çarşamba", "Perşembe", "Cuma", "Cumartesi", "Pazar"],
            ["дүйсенбі", "сейсенбі", "сәрсенбі", "бейсенбі", "жұма", "сенбі", "жексенбі"],
            ["дүйшөмбү", "шейшемби", "шаршемби", "бейшемби", "жума", "ишемби", "жекшемби"],
            ["dushanba", "seshanba", "chorshanba", "payshanba", "juma", "shanba", "yakshanba"],
            ["duşenbe", "sişenbe", "çarşenbe", "penşenbe", "anna", "şenbe", "ýekşenbe"],
            ["дүшәмбе", "сишәмбе", "чәршәмбе", "пәнҗешәмбе", "җомга", "шимбә", "якшәмбе"],
            ["понедельник", "вторник", "среда", "четверг", "пятница", "суббота", "воскресенье"],
            ["понеділок", "вівторок", "середа", "четвер", "пʼятниця", "субота", "неділя"],
            ["hétfő", "kedd", "szerda", "csütörtök", "péntek", "szombat", "vasárnap"],
            ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"],
            ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"],
            ["lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"],
            ["lunedì", "martedì", "mercoledì", "giovedì", "venerdì", "sabato", "domenica"],
            ["segunda", "terça", "quarta", "quinta", "sexta", "sábado", "domingo"],
            ["poniedziałek", "wtorek", "środa", "czwartek", "piątek", "sobota", "niedziela"],
            ["الاثنين", "الثلاثاء", "الأربعاء", "الخميس", "الجمعة", "السبت", "الأحد"],
        ] {
            for (number, name) in (1..).zip(names) {
                let found = weekday(name).map(Weekday::to_monday_one_offset);
                assert!(found.is_none_or(|found| found == number), "{name} is {found:?}");
                assert_eq!(month(name), None, "{name}");
            }
        }
        assert_eq!(month("Paz"), None, "Sunday, cut short in Turkish");
    }

    #[test]
    fn the_tables_hold_what_a_word_is_folded_to() {
        let stems = MONTHS.iter().chain(&WEEKDAYS).copied().flatten().chain(&PERSIAN_MONTHS);
        for stem in stems.chain(SHORT_MONTHS.iter().map(|(name, _)| name)) {
            assert_eq!(folded(stem).as_deref(), Some(*stem));
        }
    }

    #[test]
    fn days_of_the_calendar_of_iran() {
        for ((year, month, day), ours) in [
            ((1405, 9, 2), "2026-11-23"),
            ((1405, 1, 1), "2026-03-21"),
            ((1404, 1, 1), "2025-03-21"),
            ((1403, 12, 30), "2025-03-20"),
            ((1403, 1, 1), "2024-03-20"),
            ((1399, 12, 30), "2021-03-20"),
            ((1400, 7, 1), "2021-09-23"),
            ((1358, 1, 1), "1979-03-21"),
            ((1408, 12, 30), "2030-03-20"),
        ] {
            assert_eq!(
                persian(year, month, day).map(|day| day.to_string()).as_deref(),
                Some(ours),
                "{year}/{month}/{day}"
            );
        }
        for (year, month, day) in [(1405, 13, 1), (1405, 7, 31), (1405, 0, 1), (2026, 1, 1), (1405, 1, 0)] {
            assert_eq!(persian(year, month, day), None);
        }
    }

    #[test]
    fn digits_of_other_scripts() {
        assert_eq!(ascii_digits("۲۳ نوامبر ۲۰۲۶, ٢٣/١١, ２３日"), "23 نوامبر 2026, 23/11, 23日");
    }
}
