//! What can be wrong with a request: its JSON, its bytes, its headers, its address, its framing.

use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use serde_json::{Value, json};
use simulator::DEFAULT_SECRET_KEY;

use crate::valid::{Body, Request};

/// A request as it is sent, and what may be expected of the answer.
pub(crate) struct Sent {
    pub(crate) bytes: Vec<u8>,
    pub(crate) method: String,
    pub(crate) target: Vec<u8>,
    /// The bytes may be no HTTP: whatever is said to that is right, or nothing.
    pub(crate) is_http: bool,
    /// After the last byte the client says that nothing more will come.
    pub(crate) half_close: bool,
    /// An error of Toss's own choosing was asked for.
    pub(crate) asks_for_error: bool,
}

pub(crate) fn spoil(mut request: Request, rng: &mut StdRng) -> Sent {
    let mut asks_for_error = false;
    let mut raw = None;
    for _ in 0..[0, 1, 1, 1, 2, 3][rng.random_range(0..6)] {
        match rng.random_range(0..10) {
            0..4 => spoil_fields(&mut request, rng),
            4 | 5 => raw = Some(spoil_bytes(raw.unwrap_or_else(|| body_bytes(&request.body)), rng)),
            6 | 7 => asks_for_error |= spoil_header(&mut request, rng),
            8 => spoil_target(&mut request, rng),
            _ => {
                let methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "FROB", "get"];
                (*methods.choose(rng).unwrap()).clone_into(&mut request.method);
            }
        }
    }
    let body = raw.unwrap_or_else(|| body_bytes(&request.body));
    frame(request, &body, asks_for_error, rng)
}

fn body_bytes(body: &Body) -> Vec<u8> {
    match body {
        Body::None => Vec::new(),
        Body::Json(value) => value.to_string().into_bytes(),
        Body::Form(fields) => {
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish().into_bytes()
        }
    }
}

/// Something where something else belongs.
fn odd(rng: &mut StdRng) -> Value {
    match rng.random_range(0..22) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(0),
        3 => json!(-1),
        4 => json!(i64::MAX),
        5 => json!(i64::MIN),
        6 => json!(u64::MAX),
        7 => json!(1e308),
        8 => json!(0.1),
        9 => json!(""),
        10 => json!("\0"),
        11 => json!("a".repeat(rng.random_range(1..3000))),
        12 => json!("\u{202e}\u{feff}💸\n\r\t\"\\"),
        13 => json!("99999999999999999999999999999999"),
        14 => json!("1e5"),
        15 => json!("-0"),
        16 => json!([]),
        17 => json!({}),
        18 => json!([[[[{ "a": [null] }]]]]),
        19 => json!("2026-02-31T25:61:61+99:99"),
        20 => json!("+262143-01-01T00:00:00"),
        _ => json!({ "value": -5, "currency": "XXX" }),
    }
}

fn spoil_fields(request: &mut Request, rng: &mut StdRng) {
    match &mut request.body {
        Body::Json(value) => {
            let mut paths = Vec::new();
            collect(value, &mut Vec::new(), &mut paths);
            let Some(path) = paths.choose(rng) else { return };
            let (last, parents) = path.split_last().unwrap();
            let Some(parent) = parents.iter().try_fold(value, |value, name| value.get_mut(name)) else { return };
            let Some(fields) = parent.as_object_mut() else { return };
            if rng.random_bool(0.3) {
                fields.remove(last);
            } else {
                fields.insert(last.clone(), odd(rng));
            }
        }
        Body::Form(fields) => {
            let at = rng.random_range(0..fields.len());
            if rng.random_bool(0.3) {
                fields.remove(at);
            } else {
                let odd = odd(rng);
                fields[at].1 = odd.as_str().map_or_else(|| odd.to_string(), str::to_owned);
            }
            if fields.is_empty() {
                request.body = Body::None;
            }
        }
        Body::None => spoil_target(request, rng),
    }
}

fn collect(value: &Value, path: &mut Vec<String>, paths: &mut Vec<Vec<String>>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        path.push(name.clone());
        paths.push(path.clone());
        collect(value, path, paths);
        path.pop();
    }
}

fn spoil_bytes(mut body: Vec<u8>, rng: &mut StdRng) -> Vec<u8> {
    let at = rng.random_range(0..=body.len());
    match rng.random_range(0..12) {
        0 => body.truncate(at),
        1 => drop(body.splice(at..at, [0])),
        2 => drop(body.splice(at..at, [0xff, 0xfe, 0xc0, 0x80])),
        3 => drop(body.splice(at..at, *b"\\ud800")),
        4 => drop(body.splice(0..0, *b"\xef\xbb\xbf")),
        5 => body = b"[".repeat(rng.random_range(1..20_000)),
        6 => body = br#"{"a":"#.repeat(rng.random_range(1..20_000)),
        7 => body.extend_from_within(..at),
        8 => body = b"a".repeat(rng.random_range(60_000..80_000)),
        9 => body = Vec::new(),
        10 => body = b"1e99999999999".to_vec(),
        _ => {
            for _ in 0..rng.random_range(1..8) {
                if !body.is_empty() {
                    let at = rng.random_range(0..body.len());
                    body[at] = rng.random();
                }
            }
        }
    }
    body
}

/// Whether the answer may now be any error of Toss's.
fn spoil_header(request: &mut Request, rng: &mut StdRng) -> bool {
    let mut set = |name: &str, value: Vec<u8>| {
        request.headers.retain(|(other, _)| other != name);
        request.headers.push((name.to_owned(), value));
    };
    match rng.random_range(0..13) {
        0 => request.headers.clear(),
        1 => set("authorization", b"Basic !!!!".to_vec()),
        2 => set("authorization", format!("Bearer {DEFAULT_SECRET_KEY}").into_bytes()),
        3 => set("authorization", b"Basic \xff\xfe".to_vec()),
        4 => set("authorization", b"basic dGVzdA==".to_vec()),
        5 => set("content-type", b"text/plain; charset=\xff".to_vec()),
        6 => set("idempotency-key", "k".repeat(rng.random_range(250..400)).into_bytes()),
        7 => set("idempotency-key", vec![0x80; rng.random_range(0..9)]),
        8 => set("accept-language", vec![0xe2; 40]),
        9 => set("accept-language", b"en;q=9,,,;;=,*".repeat(50)),
        10 => set("sec-fetch-site", b"cross-site".to_vec()),
        11 => set("origin", b"null\x80".to_vec()),
        _ => {
            let codes = ["PROVIDER_ERROR", "FAILED_INTERNAL_SYSTEM_PROCESSING", "NO_SUCH_CODE", "", "\t"];
            set("tosspayments-test-code", codes.choose(rng).unwrap().as_bytes().to_vec());
            return true;
        }
    }
    false
}

fn spoil_target(request: &mut Request, rng: &mut StdRng) {
    let target = &mut request.target;
    let at = rng.random_range(1..=target.len());
    match rng.random_range(0..10) {
        0 => drop(target.splice(at..at, *b"%00")),
        1 => drop(target.splice(at..at, *b"%ff%fe")),
        2 => drop(target.splice(at..at, *b"%ed%a0%80")),
        3 => drop(target.splice(at..at, *b"/")),
        4 => target.truncate(at),
        5 => target.extend_from_slice(b"?limit=-1&after=18446744073709551616&page=0&size=99999999999&startDate=x"),
        6 => target.extend_from_slice(b"&endDate=2026-13-45&cursor=%F0%9F%92%B8&=&&&"),
        7 => *target = b"/v1/no/such/thing".to_vec(),
        8 => drop(target.splice(at..at, b"a".repeat(rng.random_range(1..5_000)))),
        _ => drop(target.splice(at..at, *b"/../%2e%2e/;x")),
    }
}

fn frame(mut request: Request, body: &[u8], asks_for_error: bool, rng: &mut StdRng) -> Sent {
    let mut half_close = false;
    let mut is_http = true;
    let mut framing = format!("content-length: {}\r\n", body.len());
    let mut payload = body.to_vec();
    if rng.random_bool(0.08) {
        match rng.random_range(0..7) {
            // Promises more than it sends, and then nothing more comes.
            0 => (framing, half_close, is_http) = (format!("content-length: {}\r\n", body.len() + 10), true, false),
            1 => (framing, is_http) = ("content-length: -1\r\n".to_owned(), false),
            2 => (framing, is_http) = ("content-length: 99999999999999999999\r\n".to_owned(), false),
            3 => {
                "transfer-encoding: chunked\r\n".clone_into(&mut framing);
                payload = [format!("{:x}\r\n", body.len()).as_bytes(), body, b"\r\n0\r\n\r\n"].concat();
                if body.is_empty() {
                    payload = b"0\r\n\r\n".to_vec();
                }
            }
            4 => {
                (framing, is_http, half_close) = ("transfer-encoding: chunked\r\n".to_owned(), false, true);
                payload = b"zz\r\nnonsense".to_vec();
            }
            // Too many, and too long, for any server.
            5 => (framing, is_http) = (format!("{framing}{}", "x: y\r\n".repeat(300)), false),
            _ => (framing, is_http) = (format!("{framing}x: {}\r\n", "y".repeat(600_000)), false),
        }
    }
    // What cannot stand in a request line or a header makes it no HTTP any more.
    is_http &= request.target.iter().all(|byte| (0x21..0x7f).contains(byte));
    let mut head = [request.method.as_bytes(), b" ", &request.target, b" HTTP/1.1\r\nhost: fuzz\r\n"].concat();
    for (name, value) in &mut request.headers {
        is_http &= value.iter().all(|byte| *byte >= 0x20 && *byte != 0x7f || *byte == b'\t');
        head.extend_from_slice(&[name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    head.extend_from_slice(framing.as_bytes());
    head.extend_from_slice(b"\r\n");
    head.extend_from_slice(&payload);
    if rng.random_bool(0.01) {
        head.truncate(rng.random_range(0..head.len()));
        (is_http, half_close) = (false, true);
    }
    Sent { bytes: head, method: request.method, target: request.target, is_http, half_close, asks_for_error }
}
