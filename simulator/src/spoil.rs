//! Answers that are right and still hard to read: cut off, blown up, or arriving byte by byte.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::{StreamExt as _, stream};
use tokio_util::sync::CancellationToken;

pub(crate) fn cut_in_half(mut body: Bytes) -> Bytes {
    body.truncate(body.len() / 2);
    body
}

/// Valid JSON of at least this size: one more field at the end of the object.
pub(crate) fn blow_up(body: &Bytes, bytes: usize) -> Bytes {
    let Some(object) = body.strip_suffix(b"}") else { return body.clone() };
    let mut blown = Vec::with_capacity(bytes + body.len());
    blown.extend_from_slice(object);
    blown.extend_from_slice(br#","padding":""#);
    blown.resize(bytes.max(blown.len()), b'x');
    blown.extend_from_slice(br#""}"#);
    blown.into()
}

/// The same bytes, one small piece at a time. A stop breaks the body off.
pub(crate) fn trickle(body: Body, bytes_per_second: u64, stop: CancellationToken) -> Body {
    // Ten pieces a second look slow to a person and to a read timeout alike.
    let piece = usize::try_from(bytes_per_second.div_ceil(10)).unwrap_or(usize::MAX);
    let pause = Duration::from_millis(if bytes_per_second < 10 { 1_000 / bytes_per_second } else { 100 });
    let pieces = body.into_data_stream().flat_map(move |data| stream::iter(cut(data, piece))).then(move |data| {
        let stop = stop.clone();
        async move {
            let waited = stop.run_until_cancelled(tokio::time::sleep(pause)).await;
            waited.map_or_else(|| Err(axum::Error::new(io::Error::from(io::ErrorKind::ConnectionAborted))), |()| data)
        }
    });
    Body::from_stream(pieces)
}

fn cut(data: Result<Bytes, axum::Error>, piece: usize) -> Vec<Result<Bytes, axum::Error>> {
    match data {
        Err(error) => vec![Err(error)],
        Ok(data) => (0..data.len()).step_by(piece).map(|at| Ok(data.slice(at..data.len().min(at + piece)))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blown_up_answer_is_still_json_and_holds_what_it_held() {
        let blown = blow_up(&Bytes::from_static(br#"{"status":"DONE"}"#), 5_000);
        assert!(blown.len() >= 5_000);
        let json: serde_json::Value = serde_json::from_slice(&blown).unwrap();
        assert_eq!(json["status"], "DONE");
    }
}
