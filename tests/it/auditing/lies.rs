//! An api whose pages and JSON are right, and whose streams are not.

use tests::audit::{Invariant, Strength};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::PRICE;
use crate::harness::{audit, shop::Shop};

/// What streams tell, and what comes of it on the way: as long as before, so that nothing else need change.
const LIES: [(&str, &str); 6] = [
    ("\"moneyMoved\":true", "\"moneyMoved\":null"),
    ("\"status\":\"DONE\"", "\"status\":\"GONE\""),
    ("\"to\":\"IN_PROGRESS\"", "\"to\":\"IN_PROGRESZ\""),
    ("confirm_accepted", "confirm_rejected"),
    ("id: ", "ix: "),
    ("event: end", "event: and"),
];

/// Tells the lie in what is an event, and passes on the rest as it is.
async fn pass(mut client: TcpStream, api: std::net::SocketAddr, (truth, lie): (&str, &str)) {
    let mut server = TcpStream::connect(api).await.unwrap();
    let (mut asked, mut told) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => match read {
                Ok(length @ 1..) => server.write_all(&asked[..length]).await.unwrap(),
                _ => return,
            },
            read = server.read(&mut told) => match read {
                Ok(length @ 1..) => {
                    let text = String::from_utf8_lossy(&told[..length]).into_owned();
                    let is_event = text.contains("event: ");
                    let text = if is_event { text.replace(truth, lie) } else { text };
                    if client.write_all(text.as_bytes()).await.is_err() {
                        return;
                    }
                }
                _ => return,
            },
        }
    }
}

#[tokio::test]
async fn a_stream_that_tells_otherwise_is_found() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 10).await;
    let order = shop.accepted(PRICE, &[(product, 1)]).await;
    shop.until(&order, "DONE").await;
    shop.until_outbox_is_empty().await;
    for lie in LIES {
        assert_eq!(lie.0.len(), lie.1.len());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let on_the_way = format!("http://{}", listener.local_addr().unwrap());
        let passing = async {
            let mut passes = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                passes.spawn(pass(client, shop.api.addr(), lie));
            }
        };
        let report = tokio::select! {
            report = audit::report(&shop, &on_the_way, Strength::Settled) => report,
            () = passing => unreachable!("it passes on until the audit is over"),
        };
        let found: Vec<_> = report.violations.iter().map(|violation| (violation.invariant, violation.rule)).collect();
        assert_eq!(found, [(Invariant::I4, "stream disagrees")], "{lie:?}: {report}");
    }
    shop.finish().await;
}
