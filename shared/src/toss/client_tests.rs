//! The client against a socket that answers what a test wants, byte for byte.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::{ApiKey, BODY_BYTES_MAX, CALL_LIMIT, Toss};
use crate::{
    payment::PaymentKey,
    toss::{Body, NoAnswer, Reply},
};

fn key(text: &str) -> Option<ApiKey> {
    ApiKey::parse(text.to_owned().into()).ok()
}

/// Takes one connection, reads one request, writes `answer` and hangs up. Returns the base URL and what arrived.
async fn one_answer(answer: Vec<u8>) -> (String, impl Future<Output = String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let serving = async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut arrived = Vec::new();
        while !arrived.windows(4).any(|window| window == b"\r\n\r\n") {
            assert_ne!(stream.read_buf(&mut arrived).await.unwrap(), 0, "hung up before the headers ended");
        }
        let _ = stream.write_all(&answer).await; // an answer that is too large is not read to its end
        String::from_utf8(arrived).unwrap()
    };
    (base, serving)
}

async fn confirm_against(answer: &str) -> (Reply, String) {
    let (base, serving) = one_answer(answer.as_bytes().to_vec()).await;
    let toss = Toss::new(&base, CALL_LIMIT).unwrap();
    let api_key = key("test_sk_abc").unwrap();
    tokio::join!(toss.confirm(&api_key, b"{\"amount\":1}".to_vec(), "order-1-0"), serving)
}

fn http(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nx-tosspayments-trace-id: abc\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_confirm_carries_its_key_its_authorization_and_its_body_unchanged() {
    let (reply, arrived) = confirm_against(&http("403 Forbidden", r#"{"code":"REJECT_CARD_PAYMENT"}"#)).await;
    let Reply::Answer(answer) = reply else { panic!("{reply:?}") };
    assert_eq!((answer.http_status, answer.trace_id.as_deref()), (403, Some("abc")));
    assert!(matches!(answer.body, Body::Error { code, .. } if code == "REJECT_CARD_PAYMENT"));
    let arrived = arrived.to_lowercase();
    for line in [
        "post /v1/payments/confirm http/1.1\r\n",
        "\r\nauthorization: basic dgvzdf9za19hymm6\r\n",
        "\r\nidempotency-key: order-1-0\r\n",
        "\r\ncontent-type: application/json\r\n",
        "\r\ncontent-length: 12\r\n",
    ] {
        assert!(arrived.contains(line), "{line:?} is missing: {arrived}");
    }
}

#[tokio::test]
async fn a_payment_key_stays_one_segment_of_the_path() {
    let (base, serving) = one_answer(http("404 Not Found", r#"{"code":"NOT_FOUND_PAYMENT"}"#).into_bytes()).await;
    let toss = Toss::new(&format!("{base}/behind/a/proxy/"), CALL_LIMIT).unwrap();
    let payment_key = PaymentKey::parse("../a/b?c#d%e한").unwrap();
    let api_key = key("test_sk_abc").unwrap();
    let (_, arrived) = tokio::join!(toss.payment(&api_key, &payment_key), serving);
    let expected = "GET /behind/a/proxy/v1/payments/..%2Fa%2Fb%3Fc%23d%25e%ED%95%9C HTTP/1.1\r\n";
    assert!(arrived.starts_with(expected), "{arrived}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let redirect = "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    let (reply, _) = confirm_against(redirect).await;
    assert!(matches!(reply, Reply::NoAnswer(NoAnswer::Unreadable { http_status: 307 })), "{reply:?}");
}

#[tokio::test]
async fn what_is_no_answer_of_toss_is_told_apart() {
    let page = http("502 Bad Gateway", "<html>Bad Gateway</html>");
    assert!(matches!(confirm_against(&page).await.0, Reply::NoAnswer(NoAnswer::Unreadable { http_status: 502 })));
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"paymentKey\":\"k\"";
    assert!(matches!(confirm_against(half).await.0, Reply::NoAnswer(NoAnswer::Broken)));
    assert!(matches!(confirm_against("").await.0, Reply::NoAnswer(NoAnswer::Broken)));
    let large = http("200 OK", &format!("\"{}\"", "x".repeat(BODY_BYTES_MAX)));
    assert!(matches!(confirm_against(&large).await.0, Reply::NoAnswer(NoAnswer::Unreadable { http_status: 200 })));
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let toss = Toss::new(&format!("http://{nobody}"), CALL_LIMIT).unwrap();
    assert!(matches!(
        toss.confirm(&key("test_sk_abc").unwrap(), Vec::new(), "k").await,
        Reply::NoAnswer(NoAnswer::NotConnected)
    ));
}

#[tokio::test]
async fn a_server_that_cannot_prove_who_it_is_gets_nothing() {
    // Speaks no TLS at all; what matters is that not one byte of the request is sent to it.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let toss = Toss::new(&format!("https://{}", listener.local_addr().unwrap()), CALL_LIMIT).unwrap();
    let serving = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut arrived = vec![0; 4096];
        let length = stream.read(&mut arrived).await.unwrap();
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        arrived.truncate(length);
        arrived
    };
    let api_key = key("test_sk_abc").unwrap();
    let (reply, arrived) = tokio::join!(toss.confirm(&api_key, b"{}".to_vec(), "order-1-0"), serving);
    assert!(matches!(reply, Reply::NoAnswer(NoAnswer::NotConnected)), "{reply:?}");
    assert!(!String::from_utf8_lossy(&arrived).contains("order-1-0"), "the request was sent in the clear");
}

#[test]
fn a_secret_key_is_known_by_its_prefix_and_never_shows_itself() {
    for text in ["test_sk_abc", "test_gsk_abc"] {
        assert!(!key(text).unwrap().is_live());
    }
    for text in ["live_sk_abc", "live_gsk_abc"] {
        assert!(key(text).unwrap().is_live());
    }
    for text in ["", "test_ck_abc", "test_sk_", "test_sk_a b", "test_sk_a:b", "test_sk_é", " test_sk_abc"] {
        assert!(key(text).is_none(), "{text}");
    }
    let shown = format!("{:?}", key("test_sk_canary").unwrap());
    assert!(shown.starts_with("test_sk:") && !shown.contains("canary"));
    assert_ne!(key("test_sk_one").unwrap().id(), key("test_sk_two").unwrap().id());
}

#[test]
fn a_base_url_is_absolute_and_plain() {
    let check = |base| Toss::new(base, CALL_LIMIT).is_ok();
    assert!(check("https://api.tosspayments.com"));
    assert!(check("http://127.0.0.1:8090"));
    for base in ["", "api.tosspayments.com", "ftp://x", "https://user@x", "https://x/?a=1"] {
        assert!(!check(base), "{base}");
    }
}
