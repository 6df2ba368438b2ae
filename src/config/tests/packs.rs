//! The packs that are shipped: what they hold, and what the watch finds.

use super::*;
use crate::domain::watch::{Matcher, Text};

#[test]
fn every_pack_is_shipped_and_loads_without_a_warning_on_its_own() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let mut there = Vec::new();
    for kind in ["sources", "watches"] {
        for file in std::fs::read_dir(folder.join(kind)).unwrap() {
            there.push(format!("{kind}/{}", file.unwrap().file_name().to_str().unwrap()));
        }
    }
    there.sort();
    assert_eq!(there, PACKS.map(|(name, _)| name));
    for (name, text) in PACKS {
        let idle = if name.starts_with("sources") {
            "[[watch]]\nname = 'A'\nkeywords = ['summit']"
        } else {
            "[[source]]\nurl = 'https://example.org/'"
        };
        assert!(TEMPLATE.contains(&format!("    {name:?},")), "{name} is not included");
        // A source that is there twice, or a keyword, is a warning.
        let (loaded, _) =
            load_files(&[("habar.toml", &format!("include = ['{name}']\n{idle}")), (name, text)]);
        assert_eq!(loaded.unwrap().warnings, [], "{name}");
    }
}

#[test]
fn a_shipped_source_tells_its_name_country_language_and_kind() {
    const KINDS: [&str; 6] = ["agency", "newspaper", "magazine", "broadcaster", "site", "government"];
    const COUNTRIES: [&str; 19] = [
        "az", "cn", "cy", "fr", "gb", "hu", "intl", "kg", "kz", "lv", "qa", "ru", "tj", "tm", "tr", "trnc",
        "ua", "us", "uz",
    ];
    const OTHERS: [&str; 2] = ["business", "tatarstan"];
    let shipped = with_packs(TEMPLATE);
    let mut names: Vec<&str> = Vec::new();
    for source in &shipped.sources {
        let tags: Vec<&str> = source.tags.iter().map(String::as_str).collect();
        let name = source.name.as_deref().unwrap_or_default();
        assert!(
            !name.is_empty() && !names.contains(&name),
            "{}: the name {name:?} is there twice",
            source.url
        );
        names.push(name);
        assert!(COUNTRIES.contains(&tags[0]), "{name}: no country stands first in {tags:?}");
        assert!(tags.iter().any(|tag| tag.starts_with("lang-")), "{name}: no language in {tags:?}");
        assert_eq!(tags.iter().filter(|tag| KINDS.contains(tag)).count(), 1, "{name}: one kind in {tags:?}");
        let known =
            |tag: &&str| [&COUNTRIES[..], &KINDS, &OTHERS].concat().contains(tag) || tag.starts_with("lang-");
        assert!(tags.iter().all(known), "{name}: {tags:?}");
    }
    for country in ["tr", "az", "kz", "kg", "uz", "hu", "tm", "trnc"] {
        let told =
            shipped.sources.iter().filter(|source| source.tags.iter().any(|tag| tag == country)).count();
        assert!(told >= 2, "{country}: {told} sources");
    }
}

#[test]
fn the_shipped_watch_finds_the_organization_in_running_text() {
    let shipped = with_packs(TEMPLATE);
    let [watch] = &shipped.watches[..] else { panic!("{} watches", shipped.watches.len()) };
    let matcher = Matcher::new([watch.keywords.as_slice()]).unwrap();
    let mut missed = Vec::new();
    for (language, body) in FOUND {
        // What a page says of its language may be missing.
        for language in [Some(language), None] {
            if matcher.hits(&Text { title: "", body, language }).is_empty() {
                missed.push((language, body));
            }
        }
    }
    assert!(missed.is_empty(), "not found: {missed:#?}");
    for body in PASSED_BY {
        let hits = matcher.hits(&Text { title: "", body, language: None });
        assert!(hits.is_empty(), "{body}: {hits:?}");
    }
}

#[test]
fn no_keyword_of_the_shipped_watch_is_found_by_another() {
    let shipped = with_packs(TEMPLATE);
    let keywords = &shipped.watches[0].keywords;
    let matcher = Matcher::new(keywords.iter().map(std::slice::from_ref)).unwrap();
    for keyword in keywords {
        let hits = matcher.hits(&Text { title: "", body: keyword, language: None });
        let by: Vec<_> = hits.iter().map(|hit| &hit.term).collect();
        assert_eq!(by, [keyword], "{keyword} is superfluous, or not found");
    }
}

const PASSED_BY: [&str; 8] = [
    "Turkish Council of State",
    "Organization of American States",
    "states of the Turkic world organized",
    "OTS release; TDT; ОТГ; ТМУ",
    "Türk devletlerinin teşkilatı",
    "Организация турецких государственных банков",
    "Совет турецких компаний",
    "türk devletleri arasındaki iş birliği",
];

const FOUND: [(&str, &str); 85] = [
    ("tr", "Kırgızistan'da düzenlenen Türk Devletleri Teşkilatının 12. zirvesi"),
    ("tr", "Turk Devletleri Teskilati'nin toplantisi"),
    ("tr", "TÜRK DEVLETLERİ TEŞKİLATI ZİRVESİ"),
    ("tr", "Türk Devletleri Teşkilatı’na üye ülkeler"),
    ("tr", "Türk Konseyi'nden yapılan açıklamada"),
    ("tr", "TDT+ formatı ele alındı"),
    ("tr", "liderler “TDT+”yı onayladı"),
    ("az", "Türk Dövlətləri Təşkilatının Qəbələ sammiti"),
    ("az", "Türk Dövlətləri Təşkilatına üzv"),
    ("az", "Türk Şurasının sədri"),
    ("tk", "Türki döwletleriň guramasynyň sammiti"),
    ("tk", "Türki Döwletleriň Guramasyna agza"),
    ("kk", "Түркі мемлекеттері ұйымының саммиті"),
    ("kk", "Түркі мемлекеттері ұйымына мүше елдер"),
    ("kk", "Түркі мемлекеттерінің ұйымында"),
    ("kk", "Túrki memleketteri uıymynyń sammiti"),
    ("kk", "Түркі кеңесінің отырысы"),
    ("kk", "Türkı memleketterı ūiymynyñ sammitı"),
    ("kk", "Túrki memleketteri uıymyna múshe"),
    ("kk", "Túrki memleketteri uıymymen"),
    ("ky", "Түрк мамлекеттер уюмунун саммити"),
    ("ky", "Түрк мамлекеттеринин уюмуна мүчө"),
    ("ky", "Түрк кеңешинин жыйыны"),
    ("uz", "Turkiy davlatlar tashkilotining sammiti"),
    ("uz", "Turkiy davlatlar tashkilotiga aʼzo"),
    ("uz", "Туркий давлатлар ташкилотининг саммити"),
    ("uz", "Turkiy kengashning yigʻilishi"),
    ("kaa", "Túrkiy mámleketler shólkeminiń sammiti"),
    ("tt", "Төрки дәүләтләр оешмасының саммиты"),
    ("ba", "Төрки дәүләттәр ойошмаһының саммиты"),
    ("ug", "تۈركىي دۆلەتلەر تەشكىلاتىنىڭ باشلىقلار يىغىنى"),
    ("hu", "a Türk Államok Szervezetének csúcstalálkozóján"),
    ("hu", "a Türk Államok Szervezetében"),
    ("hu", "a Türk Tanács ülésén"),
    ("ru", "на саммите Организации тюркских государств в Габале"),
    ("ru", "Организацией тюркских государств"),
    ("ru", "В формате «ОТГ плюс»"),
    ("ru", "формат ОТГ+ одобрен"),
    ("ru", "Тюркского совета"),
    ("ru", "в Совете сотрудничества тюркоязычных государств"),
    ("uk", "на саміті Організації тюркських держав"),
    ("uk", "Тюркської ради"),
    ("de", "der Organisation der Turkstaaten (OTS)"),
    ("de", "die Organisation Türkischer Staaten"),
    ("fr", "l'Organisation des États turciques"),
    ("fr", "L’Organisation des Etats turciques"),
    ("es", "la Organización de Estados Túrquicos"),
    ("es", "la Organizacion de Estados Turquicos"),
    ("it", "dell'Organizzazione degli Stati turchi"),
    ("pt", "da Organização dos Estados Túrquicos"),
    ("en", "the Organization of Turkic States (OTS)"),
    ("en", "the Organization of Turkic States+ format"),
    ("en", "the OTS+ format"),
    ("en", "in the OTS Plus format"),
    ("en", "the Turkic Council's meeting"),
    ("en", "the Cooperation Council of Turkic-Speaking States"),
    ("en", "the Cooperation Council of Turkic Speaking States"),
    ("ar", "قمة منظمة الدول التركية في إسطنبول"),
    ("ar", "لمنظمة الدول التركية"),
    ("ar", "بمنظمة الدول التركية"),
    ("ar", "ومنظمة الدول التركية"),
    ("fa", "نشست سازمان کشورهای ترک در استانبول"),
    ("fa", "سازمان کشورهای ترک زبان"),
    ("fa", "سازمان کشورهای ترک‌زبان"),
    ("fa", "سازمان دولتهای ترک"),
    ("zh", "出席突厥国家组织峰会"),
    ("zh", "突厥國家組織第十二屆峰會"),
    ("zh", "突厥语国家组织元首会议"),
    ("ja", "テュルク諸国機構首脳会議が開かれた"),
    ("ja", "テュルク諸国機構+の枠組み"),
    ("ja", "第8回チュルク諸国機構サミット"),
    ("ko", "튀르크국가기구는 21일"),
    ("ko", "튀르크국가기구에서 열린"),
    ("ko", "튀르크 국가기구(OTS) 정상회의"),
    ("el", "του Οργανισμού Τουρκικών Κρατών"),
    ("el", "ΟΡΓΑΝΙΣΜΟΣ ΤΟΥΡΚΙΚΩΝ ΚΡΑΤΩΝ"),
    ("hy", "Թյուրքական պետությունների կազմակերպության գագաթնաժողով"),
    ("ka", "თურქული სახელმწიფოების ორგანიზაციის სამიტი"),
    ("pl", "szczyt Organizacji Państw Turkijskich"),
    ("cs", "v Organizaci turkických států"),
    ("sr", "Организације туркијских држава"),
    ("ro", "summitul Organizației Statelor Turcice"),
    ("he", "בפסגת ארגון המדינות הטורקיות"),
    ("ur", "ترک ریاستوں کی تنظیم کے سربراہی اجلاس"),
    ("tg", "дар саммити Созмони давлатҳои туркӣ"),
];
