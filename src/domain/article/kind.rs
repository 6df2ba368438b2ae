//! Pages that are not the article: walls, errors, shells and lists.

use url::Url;

use super::Problem;
use super::blocks::blocks;
use super::body::{Body, Sums};
use super::linked::Linked;
use super::meta::{Tags, is_home};
use super::names::Names;
use crate::domain::html::tree::{Page, lower, weight};

/// What a page is judged by.
pub(super) struct Seen<'s, 'a> {
    /// The page.
    pub page: &'s Page<'a>,
    /// What was left out before the body was looked for.
    pub left_out: &'s [bool],
    /// Its meta tags.
    pub tags: &'s Tags,
    /// Its structured data.
    pub linked: &'s Linked,
    /// What was found.
    pub body: &'s Body,
    /// The headline.
    pub title: &'s str,
    /// Bytes of script.
    pub script_bytes: usize,
    /// Where it came from.
    pub url: &'s Url,
}

/// More reading than this is an article, whatever else the page says.
const ARTICLE: usize = 1_500;
/// Less than this is no article by itself.
const STUB: usize = 200;

type Rule = fn(&Seen<'_, '_>) -> bool;

/// Says what is wrong with a page, if anything is.
pub(super) fn problem(seen: &Seen<'_, '_>) -> Option<Problem> {
    let weight = seen.body.weight;
    if weight > ARTICLE {
        return None;
    }
    let rules: [(Rule, Problem); 7] = [
        (is_challenge, Problem::Challenge),
        (is_not_found, Problem::NotFound),
        (is_consent, Problem::Consent),
        (is_paywall, Problem::Paywall),
        (is_login, Problem::Login),
        (is_list, Problem::List),
        (is_script_only, Problem::ScriptOnly),
    ];
    let found = rules.into_iter().find(|(rule, _)| rule(seen)).map(|(_, problem)| problem);
    found.or((weight == 0).then_some(Problem::Empty))
}

/// Whether a title or heading is, or begins with, one of these.
fn heads(seen: &Seen<'_, '_>, phrases: &[&str]) -> bool {
    let page = seen.page;
    let headings = page
        .elements(0..page.nodes.len())
        .filter(|n| matches!(page.tag(*n), "title" | "h1" | "h2"))
        .take(6)
        .map(|n| page.text(n));
    headings.chain([seen.title.to_owned()]).any(|text| {
        let text = lower(&text);
        weight(&text) < 120
            && phrases.iter().any(|phrase| {
                text.starts_with(phrase) || text.len() < phrase.len() * 3 && text.contains(phrase)
            })
    })
}

/// All the page shows, a little of it, in lower case.
fn shown(seen: &Seen<'_, '_>) -> String {
    let page = seen.page;
    let head =
        page.elements(0..page.nodes.len()).find(|n| page.tag(*n) == "head").map_or(0, |n| page.nodes[n].end);
    let mut text = String::new();
    for node in &page.nodes[head..] {
        if text.len() > 20_000 {
            break;
        }
        text.push_str(node.text.unwrap_or_default());
        text.push(' ');
    }
    lower(&text)
}

fn is_challenge(seen: &Seen<'_, '_>) -> bool {
    const TITLES: &[&str] = &[
        "just a moment",
        "attention required!",
        "access denied",
        "please wait...",
        "ddos-guard",
        "are you a robot",
        "checking your browser",
        "one more step",
        "verify you are human",
        "security check",
        "pardon our interruption",
        "bot verification",
        "robot check",
        "человек или робот",
        "проверка браузера",
        "вы не робот",
        "request unsuccessful",
        "einen moment",
        "nur einen moment",
        "un instant",
        "bir dakika lütfen",
        "bir saniye",
        "antibot",
        "captcha",
        "403 forbidden",
    ];
    const MARKS: &[&str] = &[
        "cf-challenge",
        "challenge-form",
        "cf-browser-verification",
        "cf-error-details",
        "px-captcha",
        "challenge-error-text",
        "challenge-running",
        "ddg-captcha",
    ];
    let page = seen.page;
    let marked = || {
        page.elements(0..page.nodes.len()).any(|node| {
            Names::of(page, node).part(MARKS)
                || page.tag(node) == "iframe"
                    && page.attr(node, "src").is_some_and(|src| {
                        src.contains("_Incapsula_Resource") || src.contains("captcha-delivery")
                    })
        })
    };
    seen.body.weight < 800 && (heads(seen, TITLES) || marked())
}

fn is_not_found(seen: &Seen<'_, '_>) -> bool {
    const TITLES: &[&str] = &[
        "404",
        "error 404",
        "page not found",
        "not found",
        "page could not be found",
        "page doesn't exist",
        "page does not exist",
        "seite nicht gefunden",
        "seite wurde nicht gefunden",
        "page introuvable",
        "página no encontrada",
        "página não encontrada",
        "pagina non trovata",
        "nie znaleziono strony",
        "strona nie istnieje",
        "страница не найдена",
        "сторінку не знайдено",
        "sayfa bulunamadı",
        "səhifə tapılmadı",
        "бет табылмады",
        "барақ табылмады",
        "sahifa topilmadi",
        "бет табылган жок",
        "az oldal nem található",
        "η σελίδα δεν βρέθηκε",
        "الصفحة غير موجودة",
        "صفحه مورد نظر",
        "صفحه یافت نشد",
        "页面不存在",
        "找不到页面",
        "ページが見つかりません",
        "페이지를 찾을 수 없습니다",
    ];
    seen.body.weight < 800 && !seen.linked.article && heads(seen, TITLES)
}

/// The dialog about cookies is all there is to read.
fn is_consent(seen: &Seen<'_, '_>) -> bool {
    const TITLES: &[&str] = &[
        "before you continue",
        "we value your privacy",
        "your privacy",
        "privacy settings",
        "we use cookies",
        "cookie consent",
        "bevor sie fortfahren",
        "ihre privatsphäre",
        "wir verwenden cookies",
        "avant de continuer",
        "antes de continuar",
        "prima di continuare",
        "gizliliğinize önem",
        "мы используем файлы cookie",
        "перед продолжением",
    ];
    const WORDS: &[&str] = &[
        "cookie",
        "куки",
        "çerez",
        "kuki",
        "partners",
        "partner",
        "privacy",
        "datenschutz",
        "einwilligung",
        "consent",
        "accept all",
        "alle akzeptieren",
        "tout accepter",
        "aceptar todo",
        "accetta tutto",
        "zaakceptuj",
        "store and access information",
        "personalise",
        "personalize",
        "gdpr",
        "privatsphäre",
        "vie privée",
        "privacidad",
        "конфиденциальн",
        "gizlilik",
        "məxfilik",
        "құпиялылық",
    ];
    let page = seen.page;
    let consent = page.elements(0..page.nodes.len()).find(|node| {
        !matches!(page.tag(*node), "html" | "body" | "script" | "link" | "head")
            && Names::of(page, *node).consent()
    });
    let text = shown(seen);
    let words = WORDS.iter().filter(|word| text.contains(**word)).count();
    // An article about cookies has words of its own; a wall has hardly any besides.
    let own: usize = blocks(page, 0..page.nodes.len(), seen.left_out)
        .iter()
        .filter(|block| block.link_share() < 50 && block.weight >= 40)
        .filter(|block| !WORDS.iter().any(|word| lower(&block.text).contains(word)))
        .map(|block| block.weight)
        .sum();
    own < STUB && !seen.linked.article && words >= 2 && (consent.is_some() || heads(seen, TITLES))
}

fn is_paywall(seen: &Seen<'_, '_>) -> bool {
    const PHRASES: &[&str] = &[
        "subscribe to read",
        "subscribe to continue",
        "subscribe now to",
        "already a subscriber",
        "to continue reading",
        "continue reading with a",
        "register to continue",
        "this article is for subscribers",
        "subscribers only",
        "exclusive to subscribers",
        "jetzt weiterlesen",
        "weiterlesen mit",
        "bereits abonnent",
        "réservé aux abonnés",
        "déjà abonné",
        "il vous reste",
        "contenido exclusivo para suscriptores",
        "exclusivo para assinantes",
        "riservato agli abbonati",
        "tylko dla prenumeratorów",
        "aboneler için",
        "abone olun",
        "abone olarak",
        "доступно только подписчикам",
        "только для подписчиков",
        "чтобы прочитать полностью",
        "оформите подписку",
        "тек жазылушыларға",
        "yalnız abunəçilər",
        "この記事は有料",
        "会員限定",
        "订阅后继续阅读",
    ];
    if seen.linked.free == Some(false) || seen.tags.first(&["article:content_tier"]) == Some("locked") {
        return true;
    }
    let page = seen.page;
    let walled = page
        .elements(0..page.nodes.len())
        .any(|node| Names::of(page, node).part(&["paywall", "regwall", "piano-offer", "subscriber-only"]));
    let text = shown(seen);
    let asked = PHRASES.iter().any(|phrase| text.contains(phrase));
    asked && (walled || seen.body.weight < 600 && seen.linked.article)
}

fn is_login(seen: &Seen<'_, '_>) -> bool {
    const TITLES: &[&str] = &[
        "log in",
        "login",
        "sign in",
        "sign up",
        "anmelden",
        "einloggen",
        "connexion",
        "se connecter",
        "iniciar sesión",
        "entrar",
        "accedi",
        "zaloguj",
        "войти",
        "вход",
        "авторизация",
        "увійти",
        "giriş yap",
        "giriş",
        "daxil ol",
        "кіру",
        "kirish",
        "кирүү",
        "bejelentkezés",
        "σύνδεση",
        "تسجيل الدخول",
        "ورود",
        "登录",
        "ログイン",
        "로그인",
    ];
    let page = seen.page;
    let password = page
        .elements(0..page.nodes.len())
        .any(|node| page.tag(node) == "input" && page.attr(node, "type") == Some("password"));
    !seen.linked.article
        && (password && seen.body.weight < 400 || seen.body.weight < STUB)
        && heads(seen, TITLES)
}

/// A front page or section: link after link, and no text that is longer than a teaser.
fn is_list(seen: &Seen<'_, '_>) -> bool {
    if seen.linked.article
        || seen.tags.first(&["og:type"]).is_some_and(|kind| kind.eq_ignore_ascii_case("article"))
    {
        return false;
    }
    let page = seen.page;
    let sums = Sums::of(page, seen.left_out);
    let all = || page.elements(0..page.nodes.len());
    let headlines = all()
        .filter(|node| page.tag(*node) == "a" && (25..200).contains(&sums.text(page.range(*node))))
        .count();
    let headings = all()
        .filter(|node| matches!(page.tag(*node), "h2" | "h3" | "h4") && sums.text(page.range(*node)) >= 25);
    let linked = headings.filter(|node| sums.link_share(page.range(*node)) > 80).count();
    let longest = seen.body.paragraphs.iter().map(|text| weight(text)).max().unwrap_or(0);
    let front = is_home(seen.url)
        || seen.tags.first(&["og:type"]).is_some_and(|kind| kind.eq_ignore_ascii_case("website"));
    // Old sites surround a short article with a hundred links: a list has no paragraph worth the name,
    // or is a front page whose headings are links.
    headlines >= 15 && seen.body.weight < ARTICLE && (longest < 100 || longest < 300 && front && linked >= 8)
}

/// A page that a script would fill.
fn is_script_only(seen: &Seen<'_, '_>) -> bool {
    let page = seen.page;
    let shell = page.elements(0..page.nodes.len()).any(|node| {
        matches!(page.attr(node, "id"), Some("root" | "app" | "__next" | "__nuxt" | "___gatsby" | "main-app"))
            && page.range(node).len() < 8
            || page.tag(node) == "app-root"
    });
    let told = || {
        let wanted = ["javascript", "java script"];
        page.elements(0..page.nodes.len()).filter(|node| page.tag(*node) == "noscript").any(|node| {
            let text = lower(&page.text(node));
            wanted.iter().any(|word| text.contains(word))
        })
    };
    seen.body.weight < STUB && (shell || told() || seen.body.weight < 40 && seen.script_bytes > 2_000)
}
