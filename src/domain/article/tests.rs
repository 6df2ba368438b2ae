//! Whole pages, written for this: what is read from them, and what is seen to be wrong.

use url::Url;

use super::{Extraction, Problem, extract};

fn read(html: &str) -> Extraction {
    let url = Url::parse("https://www.herald.example/2026/bridge").expect("a URL");
    extract(html.as_bytes(), Some("text/html; charset=utf-8"), &url)
}

fn check_text(html: &str, must: &[&str], must_not: &[&str]) {
    let text = read(html).article.text;
    for part in must {
        assert!(text.contains(part), "{part:?} is missing in {text:?}");
    }
    for part in must_not {
        assert!(!text.contains(part), "{part:?} stands in {text:?}");
    }
}

const MENU: &str = "<nav><a href=/>Home</a> <a href=/a>World</a> <a href=/b>Economy</a></nav>";
const TURKISH: &str = "<p>İki kasaba arasındaki köprü pazar günü açıldı, törene iki taraftan yüzlerce kişi katıldı ve uzun süre alkışladı.</p>\
<p>Mühendisler köprünün doksan yıl dayanacağını, ancak pazar günleri kapalı kalacağını söyledi.</p>";
const KAZAKH: &str = "<p>Екі қаланың арасындағы көпір жексенбі күні ашылды, салтанатқа екі жақтан жүздеген адам қатысты, олар ұзақ қол соқты.</p>\
<p>Инженерлер көпір тоқсан жыл тұрады деді, бірақ базар күндері жабық болады.</p>";
const CHINESE: &str = "<p>两镇之间的新桥周日开通，数百人从两岸赶来参加仪式，掌声持续了很久，许多老人第一次见到对岸的亲戚。</p>\
<p>工程师说，这座桥可以使用九十年，但集市的日子里桥面将关闭，以便商贩摆摊。</p>";
const ARABIC: &str = "<p>افتتح الجسر بين البلدتين يوم الأحد، وحضر الاحتفال مئات الأشخاص من الجانبين، وصفقوا طويلا.</p>\
<p>وقال المهندسون إن الجسر سيبقى تسعين عاما، لكنه يغلق أيام السوق.</p>";

#[test]
fn the_text_is_found_in_many_languages_and_kinds_of_markup() {
    let cases = [
        (format!("{MENU}<article><h1>Köprü açıldı</h1>{TURKISH}</article><footer>Künye</footer>"), "köprünün doksan yıl", "Künye"),
        (format!("{MENU}<div class=news-text>{KAZAKH}</div><div class=related><a href=x>Басқа</a></div>"), "тоқсан жыл", "Басқа"),
        (format!("{MENU}<div id=c><div>{CHINESE}</div></div><div class=comments><p>第一个评论，写得很好，我很喜欢。</p></div>"), "九十年", "评论"),
        (format!("<div itemprop=articleBody dir=rtl>{ARABIC}</div><aside>إعلان</aside>"), "تسعين عاما", "إعلان"),
        (
            "<table><tr><td><a href=/>Главная</a><td>Первый абзац старой страницы, в которой нет ни одного тега абзаца, а есть таблица.<br><br>\
             Второй абзац, тоже достаточно длинный, чтобы его можно было прочитать, и с запятыми.</table>"
                .to_owned(),
            "Второй абзац",
            "Главная",
        ),
    ];
    for (html, must, must_not) in &cases {
        check_text(html, &[must], &[must_not]);
    }
}

#[test]
fn share_bars_read_also_lines_and_consent_bars_are_left_out() {
    let html = format!(
        "<div class=cookie-bar><p>We and our partners use cookies to measure what you read and to show advertising.</p></div>{MENU}\
         <article><h1>Köprü</h1><div class=share-buttons><p>Paylaş</p></div>{TURKISH}<p>İlgili haber: <a href=x>Eski köprü</a></p>\
         <ul><li><a href=1>Bir</a><li><a href=2>İki</a></ul></article>"
    );
    check_text(&html, &["doksan yıl"], &["partners", "Paylaş", "Eski köprü", "İki\n"]);
    assert_eq!(read(&html).problem, None);
}

#[test]
fn a_drop_cap_stays_in_its_word() {
    let html =
        format!("<article><p><span class='drop-cap header'>K</span>azakhstan haberi.</p>{TURKISH}</article>");
    check_text(&html, &["Kazakhstan haberi."], &[]);
}

#[test]
fn an_article_inside_a_footer_is_still_read() {
    let html = format!(
        "{MENU}<div><footer id=story>{TURKISH}</footer></div><footer><p>All rights reserved.</p></footer>"
    );
    check_text(&html, &["doksan yıl"], &[]);
}

#[test]
fn what_is_known_about_the_article_is_read_with_it() {
    let html = format!(
        r#"<html lang=tr><head><title>Köprü pazar günü açıldı | Herald</title><link rel=canonical href="/2026/bridge?x=1#top">
        <script type="application/ld+json">{{"@graph":[{{"@type":"WebSite","name":"Herald"}},{{"@type":"NewsArticle","headline":"Köprü pazar günü açıldı",
        "datePublished":"2026-05-13T11:00:00+05:00","dateModified":"2026-05-14T08:00:00+05:00","author":[{{"@type":"Person","name":"Aylin Demir"}}]}}]}}</script>
        </head><body><article><h1>Köprü pazar günü açıldı</h1>{TURKISH}</article></body></html>"#
    );
    let article = read(&html).article;
    assert_eq!(article.title, "Köprü pazar günü açıldı");
    assert_eq!(article.authors, ["Aylin Demir"]);
    assert_eq!(article.date.as_deref(), Some("2026-05-13T11:00:00+05:00"));
    assert_eq!(article.published.map(|at| at.to_string()).as_deref(), Some("2026-05-13T06:00:00Z"));
    assert_eq!(article.language.as_deref(), Some("tr"));
    assert_eq!(article.canonical.as_deref(), Some("https://www.herald.example/2026/bridge?x=1"));
}

#[test]
fn the_byline_names_people_and_comments_do_not() {
    let html = format!(
        "<meta name=author content='Syndication feed 7'><article><h1>Bridge</h1><div class=byline>By <a rel=author>Aylin Demir</a></div>{TURKISH}</article>\
         <div class=comments><span class=author>Gulnara Saparova</span><p>My grandfather swam it.</p></div>"
    );
    assert_eq!(read(&html).article.authors, ["Aylin Demir"]);
}

#[test]
fn pages_that_are_not_the_article_say_what_they_are() {
    let wall = "<title>Before you continue</title><div id=consent-banner class=cmp-wall><h1>We value your privacy</h1><p>We and our 812 partners store \
                cookies on your device to personalise advertising.</p><button>Accept all</button></div>";
    let list = "<h3><a href=/1>Başlık: köprü hakkında kısa haber</a></h3>".repeat(30);
    let free = r#"<script type="application/ld+json">{"@type":"NewsArticle","headline":"K","isAccessibleForFree":false}</script>"#;
    let cases = [
        (wall.to_owned(), Some(Problem::Consent)),
        (
            "<title>Just a moment...</title><div id=challenge-running>Checking your browser</div>".to_owned(),
            Some(Problem::Challenge),
        ),
        (
            "<title>Herald</title><h1>Sayfa bulunamadı</h1><p>Aradığınız sayfa yok.</p>".to_owned(),
            Some(Problem::NotFound),
        ),
        ("<title>404 - Page not found</title><p>Try the search.</p>".to_owned(), Some(Problem::NotFound)),
        (
            "<title>Вход</title><form><input name=u><input type=password></form>".to_owned(),
            Some(Problem::Login),
        ),
        (format!("{free}<article><h1>K</h1>{TURKISH}</article>"), Some(Problem::Paywall)),
        (
            "<div id=root></div><noscript>You need to enable JavaScript to run this app.</noscript>"
                .to_owned(),
            Some(Problem::ScriptOnly),
        ),
        (format!("<title>Herald</title>{list}"), Some(Problem::List)),
        (String::new(), Some(Problem::Empty)),
        (
            format!(
                "<title>404 days in the desert</title><article><h1>404 days in the desert</h1>{}</article>",
                TURKISH.repeat(6)
            ),
            None,
        ),
        (format!("<article><h1>Köprü</h1>{TURKISH}</article>"), None),
    ];
    for (html, problem) in cases {
        assert_eq!(read(&html).problem, problem, "{html}");
    }
}

#[test]
fn a_page_with_a_problem_still_gives_its_text() {
    let html = format!(
        r#"<script type="application/ld+json">{{"@type":"NewsArticle","isAccessibleForFree":"False"}}</script><article>{TURKISH}</article>"#
    );
    let read = read(&html);
    assert_eq!(read.problem, Some(Problem::Paywall));
    assert!(read.article.text.contains("doksan yıl"));
}

#[test]
fn hostile_pages_end() {
    let pages = [
        "<div>".repeat(20_000),
        "<b a=1>".repeat(5_000),
        "<table>".repeat(2_000),
        format!("<p {}>x", "a=1 ".repeat(200_000)),
        "<textarea>".repeat(100_000),
        "<!-- >".repeat(100_000),
        "<ul><li>".repeat(5_000),
        format!("<script type=application/ld+json>{}</script>", "[".repeat(100_000)),
        "<".repeat(20_000),
        "&#xd800;\0\u{feff}<a\u{0}b>".repeat(1_000),
    ];
    for page in pages {
        assert!(read(&page).article.authors.is_empty());
    }
    for bytes in [&b"\xff\xfe<\0p\0>\0a\0"[..], b"\x1f\x8b\x08", b"<p>\xc3", b"<html lang='\xff'>"] {
        let url = Url::parse("https://a.example/").expect("a URL");
        assert_eq!(extract(bytes, None, &url).article.language, None);
    }
}
