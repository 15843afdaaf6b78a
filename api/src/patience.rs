//! A connection whose client stopped reading ends after a while, with whatever was still to be sent.
//!
//! hyper limits how long a client may take to send its request, and not how long it may take to read the answer. Such a
//! client would keep a connection, a page or a stream's place for as long as it likes.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::time::{Sleep, sleep};

pub(crate) struct Patient<T> {
    io: T,
    limit: Duration,
    /// Runs while not a byte can be written.
    stuck: Option<Pin<Box<Sleep>>>,
}

impl<T: Unpin> Patient<T> {
    pub(crate) fn new(io: T, limit: Duration) -> Self {
        Self { io, limit, stuck: None }
    }

    fn try_to<R>(
        &mut self,
        context: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut T>, &mut Context<'_>) -> Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        let result = write(Pin::new(&mut self.io), context);
        if result.is_ready() {
            self.stuck = None;
            return result;
        }
        let limit = self.limit;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(limit)));
        stuck.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<T: Read + Unpin> Read for Patient<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl<T: Write + Unpin> Write for Patient<T> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.try_to(context, |io, context| io.poll_write(context, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.try_to(context, |io, context| io.poll_write_vectored(context, slices))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.try_to(context, Write::poll_flush)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, pin::Pin, time::Duration};

    use hyper::rt::Write;
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt, duplex};

    use super::Patient;

    async fn write<T: Write + Unpin>(io: &mut T, bytes: &[u8]) -> std::io::Result<usize> {
        poll_fn(|context| Pin::new(&mut *io).poll_write(context, bytes)).await
    }

    #[tokio::test]
    async fn who_does_not_read_is_let_go_and_who_reads_slowly_is_not() {
        let (mut reader, writer) = duplex(4);
        let mut writer = Patient::new(TokioIo::new(writer), Duration::from_millis(50));
        assert_eq!(write(&mut writer, b"abcd").await.unwrap(), 4);
        let reading = async {
            tokio::time::sleep(Duration::from_millis(20)).await; // a slow reader, not a wait for anything
            let mut four = [0; 4];
            reader.read_exact(&mut four).await.unwrap();
        };
        let (written, ()) = tokio::join!(write(&mut writer, b"efgh"), reading);
        assert_eq!(written.unwrap(), 4);
        let error = write(&mut writer, b"ijkl").await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    }
}
