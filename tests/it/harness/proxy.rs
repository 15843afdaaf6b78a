//! A TCP proxy in front of a server, whose connections can be made to hang: open, and silent for ever.

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

pub(crate) struct Proxy {
    pub(crate) addr: SocketAddr,
    /// Connections opened up to this round hang.
    hanging: Arc<watch::Sender<u64>>,
    round: Arc<watch::Sender<u64>>,
    _accepting: AbortOnDropHandle<()>,
}

impl Proxy {
    pub(crate) async fn start(upstream: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (hanging, round) = (Arc::new(watch::Sender::new(0)), Arc::new(watch::Sender::new(1)));
        let tracker = TaskTracker::new();
        let accepting = {
            let (hanging, round, connections) = (Arc::clone(&hanging), Arc::clone(&round), tracker.clone());
            tracker.spawn(async move {
                while let Ok((client, _)) = listener.accept().await {
                    let opened = *round.borrow();
                    connections.spawn(pass(client, upstream.clone(), opened, hanging.subscribe()));
                }
            })
        };
        Self { addr, hanging, round, _accepting: AbortOnDropHandle::new(accepting) }
    }

    /// Every connection that is open now, or opened before [`Self::go_on`], falls silent and stays so.
    pub(crate) fn hang(&self) {
        self.hanging.send_replace(*self.round.borrow());
    }

    /// Connections opened from now on work again.
    pub(crate) fn go_on(&self) {
        self.round.send_modify(|round| *round += 1);
    }
}

async fn pass(mut client: TcpStream, upstream: String, opened: u64, mut hanging: watch::Receiver<u64>) {
    let Ok(mut server) = TcpStream::connect(upstream).await else { return };
    let hang = async {
        let _ = hanging.wait_for(|hanging| *hanging >= opened).await;
    };
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => return,
        () = hang => {}
    }
    std::future::pending::<()>().await; // both ends stay open, and nobody is told anything
}
