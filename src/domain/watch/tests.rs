//! What is a hit and what is not, language by language.

use super::*;

fn matched(keyword: &str, text: &str, language: Option<&str>) -> Vec<String> {
    let list = [keyword.to_owned()];
    let matcher = Matcher::new([&list[..]]).unwrap();
    let hits = matcher.hits(&Text { title: "", body: text, language });
    hits.into_iter().map(|hit| text[hit.span].to_owned()).collect()
}

/// Each text with what is found in it; an empty string means nothing.
fn check(language: &str, keyword: &str, texts: &[(&str, &str)]) {
    let language = (!language.is_empty()).then_some(language);
    for (text, expected) in texts {
        let expected: Vec<&str> = expected.split('|').filter(|e| !e.is_empty()).collect();
        assert_eq!(matched(keyword, text, language), expected, "{keyword:?} in {text:?} ({language:?})");
    }
}

#[test]
fn turkish() {
    check(
        "tr",
        "Türk Devletleri Teşkilatı",
        &[
            ("Zirve, Türk Devletleri Teşkilatının çağrısıyla toplandı.", "Türk Devletleri Teşkilatının"),
            ("TÜRK DEVLETLERİ TEŞKİLATI'NA ÜYE", "TÜRK DEVLETLERİ TEŞKİLATI"),
            ("Genel sekreter «Türk Devletleri Teşkilatı»nı anlattı.", "Türk Devletleri Teşkilatı"),
            ("Turk Devletleri Teskilatinda yeni dönem", "Turk Devletleri Teskilatinda"),
            ("Türk Devletleri, Teşkilatı kurdu", ""),
            ("Türk Devletleri yeni bir Teşkilatı konuştu", ""),
            ("Teşkilatı Türk Devletleri kurdu", ""),
        ],
    );
    check("tr", "Bakanlar Kurulu", &[("Bakanlar Kurullarının kararları", "Bakanlar Kurullarının")]);
    check(
        "tr",
        "Kars",
        &[
            ("Kars'taki kar", "Kars"),
            ("Karstaki kar, Karsın kışı", "Karstaki|Karsın"),
            ("Karslılar geldi; Karslıoğlu konuştu", ""),
        ],
    );
    check("tr", "kaynak", &[("su kaynağı ve kaynakların payı", "kaynağı|kaynakların"), ("kaynakça", "")]);
    check("tr", "isim", &[("onun ismini bilmiyor", "ismini")]);
    check(
        "tr",
        "İstanbul",
        &[("ISTANBUL ve istanbul'da, İSTANBUL", "ISTANBUL|istanbul|İSTANBUL"), ("İstanbullu", "")],
    );
}

#[test]
fn azerbaijani_turkmen_and_uzbek() {
    check(
        "az",
        "Azərbaycan",
        &[
            ("Azərbaycanda keçirilən sammit", "Azərbaycanda"),
            ("AZƏRBAYCANIN paytaxtı", "AZƏRBAYCANIN"),
            ("azərbaycanlı alim", ""),
        ],
    );
    check("az", "çörək", &[("çörəyi masaya qoydu", "çörəyi")]);
    check(
        "tk",
        "Aşgabat",
        &[("Aşgabadyň köçeleri, Aşgabatda", "Aşgabadyň|Aşgabatda"), ("aşgabatly myhman", "")],
    );
    check("tk", "Türkmenistan", &[("Türkmenistandaky gurluşyk", "Türkmenistandaky")]);
    check(
        "uz",
        "O'zbekiston",
        &[
            ("Oʻzbekistonning poytaxti", "Oʻzbekistonning"),
            ("O‘ZBEKISTONDA yangi qonun", "O‘ZBEKISTONDA"),
            ("o`zbekistonlik sayohatchi", ""),
        ],
    );
    check("uz", "qishloq", &[("qishlogʻimizdan keldi", "qishlogʻimizdan")]);
    check("uz", "san'at", &[("sanʼatning turlari", "sanʼatning")]);
    check("uz", "Тошкент", &[("Тошкентда йиғилиш бўлди", "Тошкентда"), ("тошкентлик", "")]);
}

#[test]
fn kazakh_kyrgyz_tatar_and_bashkir() {
    check(
        "kk",
        "Қазақстан",
        &[("Қазақстандағы жаңалық, ҚАЗАҚСТАННЫҢ", "Қазақстандағы|ҚАЗАҚСТАННЫҢ"), ("қазақстандық ғалым", "")],
    );
    check(
        "kk",
        "Түркі мемлекеттері ұйымы",
        &[
            ("Түркі мемлекеттері ұйымының отырысы", "Түркі мемлекеттері ұйымының"),
            ("Түркі мемлекеттерінің ұйымы", ""),
            ("Турки мемлекеттери уйымына кирди", "Турки мемлекеттери уйымына"),
        ],
    );
    check("kk", "халық", &[("халқымыздың тарихы", "халқымыздың")]);
    // A Latin i and ə inside a Cyrillic word are slips of the keyboard.
    check("kk", "Әділет министрлігі", &[("Əдiлет министрлiгiне", "Əдiлет министрлiгiне")]);
    check("ky", "Бишкек", &[("Бишкектеги жыйын Бишкекке", "Бишкектеги|Бишкекке"), ("бишкектик", "")]);
    check("tt", "Казан", &[("Казанда яңа мәчет", "Казанда"), ("казанлы", "")]);
    check("ba", "Өфө", &[("Өфөләге һәм Өфөнән", "Өфөләге|Өфөнән")]);
}

#[test]
fn russian_and_ukrainian() {
    check(
        "ru",
        "Организация тюркских государств",
        &[
            ("в рамках Организации тюркских государств", "Организации тюркских государств"),
            ("с Организацией тюркских\u{a0}государств", "Организацией тюркских\u{a0}государств"),
            ("Организация государств", ""),
        ],
    );
    check("ru", "Россия", &[("из России с Россией", "России|Россией"), ("российский", "")]);
    check("ru", "Верховный суд", &[("в Верховном суде и Верховному суду", "Верховном суде|Верховному суду")]);
    check("ru", "Орёл", &[("в Орле у орла Орел", "Орле|орла|Орел")]);
    check("ru", "письмо", &[("пять писем", "писем"), ("письменный", "")]);
    check("ru", "Шыңғыс", &[("Шыңғысбаев", "")]);
    check("uk", "Харків", &[("у Харкові та під Харковом", "Харкові|Харковом"), ("харківський", "")]);
    check(
        "uk",
        "Верховна Рада",
        &[("депутати Верховної Ради, у Верховній Раді", "Верховної Ради|Верховній Раді")],
    );
    check("uk", "м'ята", &[("листя м’яти", "м’яти"), ("листя мʼяти", "мʼяти")]);
    check("uk", "область", &[("пишаюся областю", "областю")]);
    check("uk", "Київ", &[("мешканці Ки\u{301}єва", "Ки\u{301}єва")]);
}

#[test]
fn english_french_german_and_hungarian() {
    check("en", "Turkic state", &[("the Turkic states' summit", "Turkic states"), ("Turkic statehood", "")]);
    check("en", "company", &[("two companies", "companies"), ("accompany", "")]);
    check("en", "Kazakhstan", &[("Kazakhstan's president", "Kazakhstan"), ("Kazakhstani", "")]);
    check("fr", "Europe", &[("le Conseil de l’Europe", "Europe"), ("européen", "")]);
    check("fr", "canal", &[("les canaux", "canaux"), ("canaliser", "")]);
    check("de", "Bahn", &[("die Bahnen", "Bahnen"), ("am Bahnhof", "")]);
    check(
        "de",
        "Europäische Zentralbank",
        &[
            ("der Europäischen Zentralbank", "Europäischen Zentralbank"),
            ("der EUROPÄISCHEN ZENTRALBANK", "EUROPÄISCHEN ZENTRALBANK"),
        ],
    );
    check("de", "Land", &[("in den Ländern", "Ländern"), ("Landschaft", "")]);
    check(
        "hu",
        "Budapest",
        &[("Budapesten, Budapesttel", "Budapesten|Budapesttel"), ("budapesti lakos", "")],
    );
    check(
        "hu",
        "Türk Államok Szervezete",
        &[
            ("a Türk Államok Szervezetének ülése", "Türk Államok Szervezetének"),
            ("Türk Államok Szervezetei", "Türk Államok Szervezetei"),
        ],
    );
    check("hu", "étterem", &[("az éttermet", "éttermet")]);
}

#[test]
fn arabic_persian_and_uyghur() {
    check(
        "ar",
        "منظمة",
        &[("وبالمنظمة", "وبالمنظمة"), ("منظمتهم", "منظمتهم"), ("للمنظمة", "للمنظمة"), ("تنظيم", "")],
    );
    check("ar", "تركيا", &[("في تُركيا ولتركيا", "تُركيا|ولتركيا")]);
    check(
        "fa",
        "سازمان",
        &[("سازمان\u{200c}های", "سازمان\u{200c}های"), ("سازمانش", "سازمانش"), ("سازماندهی", "")],
    );
    check("ug", "بالا", &[("بالىلارنىڭ كىتابى", "بالىلارنىڭ")]);
}

#[test]
fn chinese_and_japanese() {
    check(
        "zh",
        "突厥国家组织",
        &[("出席突厥国家组织峰会", "突厥国家组织"), ("突厥国家\n组织", "突厥国家\n组织")],
    );
    check("ja", "イン", &[("インクを買う", ""), ("イン、アウト", "イン")]);
    check("zh", "G20峰会", &[("在G20峰会上", "G20峰会"), ("在AG20峰会上", "")]);
    check("zh", "威廉·莎士比亚", &[("英国的威廉・莎士比亚写道", "威廉・莎士比亚"), ("威廉莎士比亚", "")]);
    check("zh", "欧佩克+", &[("“欧佩克+”会议", "欧佩克+"), ("欧佩克会议", "")]);
    check("zh", "Apple Watch 手表", &[("新的Apple Watch手表", "Apple Watch手表")]);
    // A name in another script stands alone between ideographs.
    check("zh", "OTS", &[("在OTS峰会上", "OTS")]);
}

#[test]
fn an_acronym_wants_its_capitals() {
    check("en", "WHO", &[("who said that WHO said", "WHO"), ("Who", "")]);
    check(
        "tr",
        "OTS",
        &[
            ("OTS'nin OTS-backed OTSnin", "OTS|OTS|OTSnin"),
            ("ots zirvesi, OTSX, NOTS", ""),
            ("OTS+ biçimi", "OTS"),
        ],
    );
    check("kk", "ТМҰ", &[("ТМҰ-ның отырысы, ТМҰның", "ТМҰ|ТМҰның"), ("тмұ", "")]);
    // Its neighbours protect it inside a longer name.
    check(
        "en",
        "NATO Parliamentary Assembly",
        &[("the Nato parliamentary assembly", "Nato parliamentary assembly")],
    );
}

#[test]
fn signs_inside_a_keyword_are_signs_in_the_text() {
    check("en", "C++", &[("in C++, not C or C+", "C++"), ("C+++", ""), ("C++x", "")]);
    check("en", "at&t", &[("AT&T's offer", "AT&T"), ("at & t", ""), ("at t", "")]);
    check("en", "USD/KZT", &[("the USD/KZT rate", "USD/KZT"), ("USD KZT", ""), ("USD-KZT", "")]);
    check("en", "OTS+", &[("the OTS+ format", "OTS+"), ("OTS and ots+", "")]);
    check("tr", "OTS+", &[("OTS+'nın biçimi", "OTS+"), ("OTS+ʼnın", "OTS+")]);
    check("en", ".NET", &[("the .NET platform, ASP.NET", ".NET"), ("net", "")]);
    check(
        "en",
        "Baku-Tbilisi",
        &[("the Baku Tbilisi line", "Baku Tbilisi"), ("Baku–Tbilisi", "Baku–Tbilisi")],
    );
    check(
        "en",
        "Baku Tbilisi",
        &[("Baku-Tbilisi", "Baku-Tbilisi"), ("Baku, Tbilisi", ""), ("Baku. Tbilisi", "")],
    );
}

#[test]
fn an_exact_keyword_is_nothing_else() {
    check(
        "tr",
        "=Şahin",
        &[("Şahin, şahin, Sahin, ŞAHİN, Şahinler", "Şahin"), ("S\u{327}ahin", "S\u{327}ahin")],
    );
    check("en", "=OTS+", &[("OTS+ ots+ OTS", "OTS+")]);
    check("en", "=New York", &[("in New York", "New York"), ("in new york", ""), ("New  York", "")]);
    check("en", "= art", &[("state of the art", "art"), ("party", "")]);
}

#[test]
fn a_long_name_is_also_found_without_its_marks() {
    // Greek capitals carry no accents.
    check("el", "Νέα Αθήνα", &[("Η ΝΕΑ ΑΘΗΝΑ ΜΕΓΑΛΩΝΕΙ", "ΝΕΑ ΑΘΗΝΑ"), ("η νέα αθήνα", "νέα αθήνα")]);
    check("az", "Azərbaycan Respublikası", &[("Azerbaycan Respublikasinin", "Azerbaycan Respublikasinin")]);
    check("hu", "Türk Tanács", &[("a Turk Tanacs", "Turk Tanacs")]);
    check("uz", "O'zbekiston Respublikasi", &[("Ozbekiston Respublikasida", "Ozbekiston Respublikasida")]);
    // One word alone would meet other words.
    check("tr", "şan", &[("san", "")]);
    // Marks that the keyword lacks are not left off but added.
    check("tr", "Turk Devletleri", &[("Türk Devletleri", "")]);
}

#[test]
fn spans_are_of_the_text_as_it_was_written() {
    check(
        "tr",
        "Türk Dünyası",
        &[
            ("Tu\u{308}rk Du\u{308}nyası", "Tu\u{308}rk Du\u{308}nyası"),
            ("yeni Tür\u{ad}k\u{a0}Dünya\u{200b}sında", "Tür\u{ad}k\u{a0}Dünya\u{200b}sında"),
            ("«Türk»\nDünyası", "Türk»\nDünyası"),
            ("ＴÜＲＫ dünyası", "ＴÜＲＫ dünyası"),
        ],
    );
    check("en", "office", &[("the o\u{fb03}ces", "o\u{fb03}ces")]);
}

#[test]
fn without_a_language_every_grammar_of_the_script_may_apply() {
    check("", "Kars", &[("Karsta", "Karsta")]);
    check("", "Ташкент", &[("Тошкент, Ташкенте", "Ташкенте")]);
    // Small words tell the language, and with it that -i is no case ending here.
    check("", "Kazakhstan", &[("The Kazakhstani side of the border and the rest of it", "")]);
    // A language that is written otherwise says nothing about the keyword.
    check("ru", "Bishkek", &[("в отеле Bishkekte", "Bishkekte")]);
    check("sq", "Tirana", &[("Tirana", "Tirana")]);
}

#[test]
fn odd_texts_and_keywords_are_harmless() {
    for text in
        ["", " ", "\u{301}", "'", "''''", "\u{ad}", "\0", "a'", "'a", "--", "\u{1F600}", "ﷺ", "½", "№"]
    {
        for keyword in ["a", "OTS", "C++", "=a", "日本", "o'z", "م"] {
            for language in [None, Some(""), Some("tr"), Some("uz-Latn"), Some("xx")] {
                let _ = matched(keyword, text, language);
            }
        }
    }
    assert!(matched("م", &"م".repeat(100_000), None).is_empty());
    assert!(matched("aa bb", &"aa ".repeat(20_000), None).is_empty());
    assert_eq!(matched("e\u{301}", &format!("e{}", "\u{301}".repeat(5000)), None).len(), 1);
}

#[test]
fn what_cannot_be_a_keyword() {
    let long = "a".repeat(KeywordError::LONGEST + 1);
    for (keyword, expected) in [
        ("OTS", Ok(())),
        ("C++", Ok(())),
        ("", Err(KeywordError::Empty)),
        (" = ", Err(KeywordError::Empty)),
        ("++", Err(KeywordError::NoLetters { keyword: "++".into() })),
        ("=«»", Err(KeywordError::NoLetters { keyword: "=«»".into() })),
        (&long, Err(KeywordError::TooLong { keyword: long.clone() })),
    ] {
        assert_eq!(check_keyword(keyword), expected, "{keyword:?}");
    }
    let lists = [vec!["fine".to_owned()], vec![String::new()]];
    assert_eq!(Matcher::new(lists.iter().map(Vec::as_slice)).err(), Some(KeywordError::Empty));
    assert!(Matcher::new([]).unwrap().hits(&Text::default()).is_empty());
}

#[test]
fn hits_are_ordered_by_watch_field_and_place() {
    let lists = [vec!["summit".to_owned()], vec!["OTS".to_owned(), "summit".to_owned()]];
    let matcher = Matcher::new(lists.iter().map(Vec::as_slice)).unwrap();
    let text = Text { title: "OTS summit", body: "The summit of OTS", language: Some("en") };
    let told: Vec<_> =
        matcher.hits(&text).into_iter().map(|h| (h.watch, h.term, h.field, h.span.start)).collect();
    let hit = |watch, term: &str, field, at| (watch, term.to_owned(), field, at);
    assert_eq!(
        told,
        [
            hit(0, "summit", Field::Title, 4),
            hit(0, "summit", Field::Text, 4),
            hit(1, "OTS", Field::Title, 0),
            hit(1, "summit", Field::Title, 4),
            hit(1, "summit", Field::Text, 4),
            hit(1, "OTS", Field::Text, 14),
        ]
    );
}

#[test]
fn a_watch_tells_twenty_hits_at_most() {
    assert_eq!(matched("summit", &"summit. ".repeat(100), Some("en")).len(), 20);
}

#[test]
fn ten_thousand_keywords_compile_and_each_is_found() {
    let name = |i: usize| {
        let letters = "bdfgklmnrst".as_bytes();
        let word = |mut i: usize| {
            let mut word = String::new();
            for _ in 0..4 {
                word.push(char::from(letters[i % 11]));
                word.push(['a', 'e', 'i'][i % 3]);
                i /= 11;
            }
            word
        };
        format!("Ministry of {} {}", word(i * 7 + 3), word(i))
    };
    let list: Vec<String> = (0..10_000).map(name).collect();
    let matcher = Matcher::new([&list[..]]).unwrap();
    for i in [0, 17, 4_999, 9_999] {
        let body = format!("News of the {} today", name(i).to_uppercase());
        let hits = matcher.hits(&Text { title: "", body: &body, language: Some("en") });
        assert!(hits.iter().any(|hit| hit.term == name(i)), "{}", name(i));
    }
}

#[test]
fn the_sentence_around_a_hit() {
    for (text, hit, expected) in [
        ("One came. The OTS met in Baku. All left.", "OTS", "The OTS met in Baku."),
        ("OTS", "OTS", "OTS"),
        ("He met Dr. Smith of OTS. Then he left.", "OTS", "He met Dr. Smith of OTS."),
        ("А. С. Пушкин приехал в г. Казань. Потом уехал.", "Казань", "А. С. Пушкин приехал в г. Казань."),
        ("Am 24. August tagte die OTS. Ende.", "OTS", "Am 24. August tagte die OTS."),
        ("“Is it OTS?” he asked. No.", "OTS", "“Is it OTS?” he asked."),
        ("A line\nThe OTS line\nAnother", "OTS", "The OTS line"),
        ("他说。突厥国家组织开会。结束。", "突厥", "突厥国家组织开会。"),
    ] {
        let at = text.find(hit).unwrap();
        assert_eq!(&text[sentence(text, &(at..at + hit.len()))], expected);
    }
}

#[test]
fn a_long_sentence_is_cut_around_the_hit() {
    let text = format!("{}OTS {}", "çok uzun ".repeat(500), "ve yine ".repeat(500));
    let at = text.find("OTS").unwrap();
    let told = &text[sentence(&text, &(at..at + 3))];
    assert!(told.contains("OTS") && told.chars().count() <= 400, "{}", told.chars().count());
    assert!(told.starts_with("uzun") || told.starts_with("çok"));

    let run = "語".repeat(5_000);
    assert!(run[sentence(&run, &(3_000..3_006))].chars().count() <= 400);
    for span in [0..0, 5..900, 900..901, 1..2, 4..4] {
        let _ = sentence("çok ğ", &span);
    }
}
