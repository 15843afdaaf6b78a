//! Operators: who gets in, for how long, what their forms need, and what a guesser gets.

use reqwest::{Method, StatusCode};

use crate::harness::{
    login::{self, Session, field, form, log_in, try_login},
    process,
    shop::{Answered, OPERATOR, SERVER_KEY, Shop, answered},
};

async fn with_cookie(shop: &Shop, path: &str, cookie: &str) -> Answered {
    shop.send(Method::GET, path, None, &[("cookie", cookie)]).await
}

async fn login_of(shop: &Shop, name: &str, password: &str) -> Answered {
    try_login(&shop.http, &shop.api.url(), (name, password), &[]).await
}

async fn new_session(shop: &Shop) -> Session {
    log_in(&shop.http, &shop.api.url()).await
}

async fn log_out(shop: &Shop, cookie: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Answered {
    let request = form(&shop.http, &format!("{}/logout", shop.api.url()), fields, headers);
    answered(request.header("cookie", cookie)).await
}

async fn is_logged_in(shop: &Shop, session: &Session) -> bool {
    let list = with_cookie(shop, "/order", &session.cookie).await;
    assert!(matches!(list.status, StatusCode::OK | StatusCode::SEE_OTHER), "{}", list.text);
    list.status == StatusCode::OK
}

/// As if so much time had passed since the last try.
async fn wait_out_the_lock(shop: &Shop) {
    shop.database.execute("update login_tries set locked_until = now() where locked_until > now()").await;
}

#[tokio::test]
async fn the_list_is_behind_a_login_that_leads_back_to_it() {
    let shop = Shop::start(0).await;
    let refused = shop.get("/order?status=DONE&size=9").await;
    assert_eq!(refused.status, StatusCode::SEE_OTHER);
    assert_eq!(refused.header("location"), "/login?next=%2Forder%3Fstatus%3DDONE%26size%3D9");
    let page = shop.get(refused.header("location")).await;
    assert_eq!(page.status, StatusCode::OK);
    let next = field(&page.text, "next");
    assert_eq!(next, "/order?status=DONE&#38;size=9");
    let next = next.replace("&#38;", "&");
    let fields = [("name", OPERATOR.0), ("password", OPERATOR.1), ("next", &next)];
    let entered = answered(form(&shop.http, &format!("{}/login", shop.api.url()), &fields, &[])).await;
    assert_eq!((entered.status, entered.header("location")), (StatusCode::SEE_OTHER, next.as_str()));
    let cookie = entered.header("set-cookie").split(';').next().unwrap().to_owned();
    assert_eq!(with_cookie(&shop, &next, &cookie).await.status, StatusCode::OK);
    assert_eq!(with_cookie(&shop, "/login", &cookie).await.header("location"), "/order", "once is enough");
    shop.finish().await;
}

#[tokio::test]
async fn a_login_never_leads_elsewhere() {
    let shop = Shop::start(0).await;
    for next in [
        "https://evil.example/",
        "//evil.example/order",
        "/\\evil.example",
        "/order\r\nlocation: https://evil.example",
        "javascript:alert(1)",
        "/order/../..//evil.example\\",
        "\t//evil.example",
        "/checkout",
    ] {
        let fields = [("name", OPERATOR.0), ("password", OPERATOR.1), ("next", next)];
        let entered = answered(form(&shop.http, &format!("{}/login", shop.api.url()), &fields, &[])).await;
        assert_eq!((entered.status, entered.header("location")), (StatusCode::SEE_OTHER, "/order"), "{next}");
        let query = form(&shop.http, "http://x/", &[("next", next)], &[]).build().unwrap();
        let query = String::from_utf8(query.body().unwrap().as_bytes().unwrap().to_vec()).unwrap();
        assert_eq!(field(&shop.get(&format!("/login?{query}")).await.text, "next"), "/order", "{next}");
    }
    shop.finish().await;
}

#[tokio::test]
async fn the_cookie_is_for_our_pages_alone_and_bound_to_tls_where_there_is_tls() {
    let shop = Shop::start(0).await;
    let plain = login_of(&shop, OPERATOR.0, OPERATOR.1).await;
    let cookie = plain.header("set-cookie");
    assert!(cookie.starts_with("hanbeon=") && cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{cookie}");
    assert_eq!(plain.header("cache-control"), "no-store");
    // What a proxy, or anybody, says of the scheme is not believed; the setting is.
    let claimed = [("x-forwarded-proto", "https"), ("forwarded", "proto=https")];
    let claimed = try_login(&shop.http, &shop.api.url(), OPERATOR, &claimed).await;
    assert!(!claimed.header("set-cookie").contains("Secure"));
    let env = shop.env(&[("API_PUBLIC_URL", "https://shop.example")]);
    let behind_tls = devstack::part::Part::api(env).await.unwrap();
    let secure = try_login(&shop.http, &behind_tls.url(), OPERATOR, &[]).await;
    let cookie = secure.header("set-cookie");
    assert!(cookie.starts_with("__Host-hanbeon="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
    behind_tls.stop().await.unwrap();
    shop.finish().await;
}

#[tokio::test]
async fn a_session_outlives_its_api_and_ends_with_its_password() {
    let shop = Shop::start(0).await;
    let session = new_session(&shop).await;
    let list = async |more: &[(&str, &str)]| {
        let api = devstack::part::Part::api(shop.env(more)).await.unwrap();
        let list = answered(shop.http.get(format!("{}/order", api.url())).header("cookie", &session.cookie)).await;
        api.stop().await.unwrap();
        list.status
    };
    assert_eq!(list(&[]).await, StatusCode::OK, "another api knows the session");
    assert_eq!(list(&[("OPERATOR_PASSWORD", "another password")]).await, StatusCode::SEE_OTHER);
    assert_eq!(list(&[("OPERATOR_USER", "another")]).await, StatusCode::SEE_OTHER);
    assert!(is_logged_in(&shop, &session).await, "it is still good where nothing changed");
    shop.finish().await;
}

#[tokio::test]
async fn a_login_begins_a_new_session_and_ends_the_one_before() {
    let shop = Shop::start(0).await;
    // A token that somebody else chose and planted is never taken over.
    let planted = format!("hanbeon={}", "A".repeat(43));
    let entered = try_login(&shop.http, &shop.api.url(), OPERATOR, &[("cookie", &planted)]).await;
    let given = entered.header("set-cookie").split(';').next().unwrap().to_owned();
    assert_ne!(given, planted);
    assert_eq!(with_cookie(&shop, "/order", &planted).await.status, StatusCode::SEE_OTHER);
    let again = try_login(&shop.http, &shop.api.url(), OPERATOR, &[("cookie", &given)]).await;
    let newer = again.header("set-cookie").split(';').next().unwrap().to_owned();
    assert_ne!(newer, given);
    assert_eq!(with_cookie(&shop, "/order", &given).await.status, StatusCode::SEE_OTHER);
    assert_eq!(with_cookie(&shop, "/order", &newer).await.status, StatusCode::OK);
    assert_eq!(shop.database.number("select count(*) from operator_sessions").await, 1);
    shop.finish().await;
}

#[tokio::test]
async fn a_logout_ends_the_session_on_the_server() {
    let shop = Shop::start(0).await;
    let (session, other) = (new_session(&shop).await, new_session(&shop).await);
    let ended = log_out(&shop, &session.cookie, &[("csrf", &session.csrf)], &[]).await;
    assert_eq!((ended.status, ended.header("location")), (StatusCode::SEE_OTHER, "/login"));
    assert!(ended.header("set-cookie").contains("Max-Age=0"), "{}", ended.header("set-cookie"));
    assert!(!is_logged_in(&shop, &session).await, "a copy of the cookie lets nobody in");
    assert!(is_logged_in(&shop, &other).await, "another browser stays");
    shop.finish().await;
}

#[tokio::test]
async fn a_session_ends_by_idling_and_after_half_a_day() {
    let shop = Shop::start(0).await;
    let used = new_session(&shop).await;
    shop.database.execute("update operator_sessions set used_at = now() - interval '29 minutes'").await;
    assert!(is_logged_in(&shop, &used).await);
    let fresh = "select count(*) from operator_sessions where used_at > now() - interval '1 minute'";
    assert_eq!(shop.database.number(fresh).await, 1, "looking keeps it alive");
    shop.database.execute("update operator_sessions set used_at = now() - interval '31 minutes'").await;
    assert!(!is_logged_in(&shop, &used).await, "it idled");
    assert_eq!(shop.database.number(fresh).await, 0, "and looking does not wake it");
    let old = new_session(&shop).await;
    shop.database.execute("update operator_sessions set expires_at = now()").await;
    assert!(!is_logged_in(&shop, &old).await, "however busy, it began too long ago");
    new_session(&shop).await;
    assert_eq!(shop.database.number("select count(*) from operator_sessions").await, 1, "what ended is swept");
    shop.finish().await;
}

#[tokio::test]
async fn a_form_is_taken_only_with_the_token_of_the_session_that_sends_it() {
    let shop = Shop::start(0).await;
    let (session, other) = (new_session(&shop).await, new_session(&shop).await);
    for fields in [&[][..], &[("csrf", "")], &[("csrf", &other.csrf)], &[("csrf", "x"), ("csrf", &session.csrf)]] {
        let refused = log_out(&shop, &session.cookie, fields, &[("accept-language", "en")]).await;
        assert!(matches!(refused.status.as_u16(), 403 | 400), "{fields:?}: {}", refused.status);
        assert!(is_logged_in(&shop, &session).await, "{fields:?}");
    }
    let page = log_out(&shop, &session.cookie, &[], &[("accept-language", "en")]).await;
    assert!(page.text.contains("CSRF_TOKEN") && page.text.contains("out of date"), "{}", page.text);
    let token = [("csrf", session.csrf.as_str())];
    for header in
        [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site")]
    {
        let refused = log_out(&shop, &session.cookie, &token, &[header]).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{header:?}");
        assert!(refused.text.contains("CROSS_SITE"), "{header:?}");
    }
    assert!(is_logged_in(&shop, &session).await);
    let nobody = log_out(&shop, "hanbeon=x", &token, &[]).await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    assert!(nobody.text.contains("href=\"/login\""), "{}", nobody.text);
    for header in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
        let forced = try_login(&shop.http, &shop.api.url(), OPERATOR, &[header]).await;
        assert_eq!(forced.status, StatusCode::FORBIDDEN, "nobody is logged in by another site's form");
    }
    shop.finish().await;
}

#[tokio::test]
async fn json_is_for_a_session_or_the_servers_key() {
    let shop = Shop::start(0).await;
    let session = new_session(&shop).await;
    let path = "/api/v1/orders";
    assert_eq!(with_cookie(&shop, path, &session.cookie).await.status, StatusCode::OK);
    let key = format!("bearer {SERVER_KEY}");
    assert_eq!(shop.send(Method::GET, path, None, &[("authorization", &key)]).await.status, StatusCode::OK);
    let both = [("cookie", session.cookie.as_str()), ("authorization", "Bearer wrong")];
    assert_eq!(shop.send(Method::GET, path, None, &both).await.status, StatusCode::UNAUTHORIZED);
    let page = shop.send(Method::GET, "/order", None, &[("authorization", &key)]).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "the key opens no page");
    let keyless = devstack::part::Part::api(shop.env(&[("API_SERVER_KEY", "")])).await.unwrap();
    for sent in ["Bearer ", "Bearer", &key] {
        let refused = answered(shop.http.get(format!("{}{path}", keyless.url())).header("authorization", sent)).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{sent}: no key is set");
    }
    keyless.stop().await.unwrap();
    shop.finish().await;
}

#[tokio::test]
async fn the_fifth_wrong_password_locks_out_for_longer_and_longer() {
    let shop = Shop::start(0).await;
    for number in 1..=5 {
        let wrong = login_of(&shop, OPERATOR.0, "wrong").await;
        assert_eq!(wrong.status, StatusCode::FORBIDDEN, "try {number}");
        assert!(wrong.header("set-cookie").is_empty());
    }
    let mut waits = Vec::new();
    for _ in 0..7 {
        let locked = login_of(&shop, OPERATOR.0, OPERATOR.1).await;
        assert_eq!(locked.status, StatusCode::TOO_MANY_REQUESTS, "the right password is not looked at");
        assert!(locked.header("set-cookie").is_empty());
        waits.push(locked.header("retry-after").parse::<u32>().unwrap());
        wait_out_the_lock(&shop).await;
        assert_eq!(login_of(&shop, OPERATOR.0, "wrong").await.status, StatusCode::FORBIDDEN);
    }
    let expected = [30, 60, 120, 240, 480, 900, 900];
    let near = |(wait, expected): (&u32, &u32)| (expected - 5..=*expected).contains(wait);
    assert!(waits.iter().zip(&expected).all(near), "{waits:?}");
    let spoken = [("ko", "15분"), ("en", "15 minutes")];
    for (language, words) in spoken {
        let locked = try_login(&shop.http, &shop.api.url(), OPERATOR, &[("accept-language", language)]).await;
        assert!(locked.text.contains(words), "{}", locked.text);
    }
    wait_out_the_lock(&shop).await;
    assert_eq!(login_of(&shop, OPERATOR.0, OPERATOR.1).await.status, StatusCode::SEE_OTHER);
    assert_eq!(shop.database.number("select count(*) from login_tries").await, 0, "all is forgotten");
    shop.finish().await;
}

#[tokio::test]
async fn a_guesser_is_counted_before_being_looked_at_by_every_api_and_under_every_name() {
    let shop = Shop::start(0).await;
    let second = devstack::part::Part::api(shop.env(&[])).await.unwrap();
    let urls = [shop.api.url(), second.url()];
    let tries = (0..40).map(|number| {
        let headers = [("x-forwarded-for", format!("10.0.0.{number}"))]; // nobody's proxy, so it is not believed
        let (http, url) = (&shop.http, &urls[number % 2]);
        async move { try_login(http, url, ("operator", "guess"), &[(headers[0].0, &headers[0].1)]).await.status }
    });
    let answers = futures_util::future::join_all(tries).await;
    let count = |wanted: StatusCode| answers.iter().filter(|status| **status == wanted).count();
    // On a machine that is busy with other things some wait too long for their turn; those are not counted.
    let turned_away = count(StatusCode::TOO_MANY_REQUESTS) + count(StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!((count(StatusCode::FORBIDDEN), turned_away), (5, 35), "{answers:?}");
    let elsewhere = login_of(&shop, "somebody else", "guess").await;
    assert_eq!(elsewhere.status, StatusCode::TOO_MANY_REQUESTS, "the source is locked, whatever name it tries");
    assert_eq!(shop.database.number("select count(*) from login_tries").await, 2, "and it can lock nobody else");
    second.stop().await.unwrap();
    shop.finish().await;
}

#[tokio::test]
async fn behind_a_proxy_of_ours_a_guesser_locks_out_a_name_and_its_own_source() {
    let shop = Shop::start(0).await;
    let api = devstack::part::Part::api(shop.env(&[("API_PROXIES", "1")])).await.unwrap();
    let from = async |address: &str, name: &str, password: &str| {
        let headers = [("x-forwarded-for", format!("6.6.6.6, {address}"))];
        try_login(&shop.http, &api.url(), (name, password), &[(headers[0].0, &headers[0].1)]).await.status
    };
    for _ in 0..5 {
        assert_eq!(from("10.0.0.1", "somebody", "guess").await, StatusCode::FORBIDDEN);
    }
    assert_eq!(from("10.0.0.1", OPERATOR.0, OPERATOR.1).await, StatusCode::TOO_MANY_REQUESTS, "by its source");
    assert_eq!(from("10.0.0.2", "somebody", "guess").await, StatusCode::TOO_MANY_REQUESTS, "by its name");
    assert_eq!(from("10.0.0.3", OPERATOR.0, OPERATOR.1).await, StatusCode::SEE_OTHER);
    api.stop().await.unwrap();
    shop.finish().await;
}

#[tokio::test]
async fn an_unknown_name_is_answered_like_a_wrong_password() {
    let shop = Shop::start(0).await;
    let wrong = login_of(&shop, OPERATOR.0, "wrong password").await;
    let unknown = login_of(&shop, "operatos", "wrong password").await;
    assert_eq!(wrong.status, unknown.status);
    assert_eq!(wrong.text.replace(OPERATOR.0, "NAME"), unknown.text.replace("operatos", "NAME"));
    let right_elsewhere = login_of(&shop, "operatos", OPERATOR.1).await;
    assert_eq!(right_elsewhere.status, StatusCode::FORBIDDEN);
    shop.finish().await;
}

#[tokio::test]
async fn a_fresh_install_without_credentials_does_not_start() {
    let shop = Shop::start(0).await;
    let hash = api::hash_password("a password of the tests").unwrap();
    let start = |changes: &[(&str, &str)]| {
        let kept = |name: &str| !changes.iter().any(|(changed, _)| *changed == name);
        let pairs = shop.env_pairs().into_iter().filter(|(name, _)| kept(name));
        let changed = changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        process::Process::start(process::Binary::Api, pairs.chain(changed))
    };
    for changes in [
        &[("OPERATOR_PASSWORD", "")][..],
        &[("OPERATOR_USER", "")],
        &[("OPERATOR_USER", ""), ("OPERATOR_PASSWORD", "")],
        &[("OPERATOR_PASSWORD", "short")],
        &[("OPERATOR_PASSWORD_HASH", &hash)],
        &[("OPERATOR_PASSWORD", ""), ("OPERATOR_PASSWORD_HASH", "a password of the tests")],
        &[("API_SERVER_KEY", "short")],
    ] {
        assert!(!start(changes).ended().await, "it started with {changes:?}");
    }
    let mut hashed = shop.env_pairs();
    hashed.retain(|(name, _)| name != "OPERATOR_PASSWORD");
    hashed.push(("OPERATOR_PASSWORD_HASH".to_owned(), hash));
    let api = devstack::part::Part::api(shared::settings::Env::from_pairs(hashed)).await.unwrap();
    log_in(&shop.http, &api.url()).await;
    api.stop().await.unwrap();
    shop.finish().await;
}

#[tokio::test]
async fn no_table_holds_what_would_let_somebody_in() {
    let shop = Shop::start(0).await;
    let session = login::log_in(&shop.http, &shop.api.url()).await;
    login_of(&shop, OPERATOR.1, "typed into the wrong field").await;
    let stored: Vec<String> =
        sqlx::query_scalar("select s::text from operator_sessions s union all select t::text from login_tries t")
            .fetch_all(&shop.database.pool)
            .await
            .unwrap();
    assert_eq!(stored.len(), 3, "{stored:?}");
    let token = session.cookie.split_once('=').unwrap().1;
    for secret in [token, &session.csrf, OPERATOR.1] {
        assert!(!stored.iter().any(|row| row.contains(secret)), "{stored:?}");
    }
    shop.finish().await;
}
