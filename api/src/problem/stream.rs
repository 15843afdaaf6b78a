//! Why somebody gets no stream of an order's changes. The order itself can still be asked for.

use axum::http::StatusCode;

use super::words::Row;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum StreamProblem {
    /// In this process.
    TooMany,
    /// From this source.
    TooManyOfYours,
}

impl StreamProblem {
    pub(super) fn row(self) -> Row {
        let detail = [
            "주문 상태는 주문 조회로 확인해 주세요. 실시간 연결은 잠시 뒤에 다시 시도할 수 있습니다.",
            "Please ask for the order itself; a stream may be had again in a moment.",
        ];
        match self {
            Self::TooMany => Row::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "STREAMS_FULL",
                ["실시간 연결이 모두 사용 중입니다", "All streams are taken"],
                detail,
            ),
            Self::TooManyOfYours => Row::new(
                StatusCode::TOO_MANY_REQUESTS,
                "TOO_MANY_STREAMS",
                ["이 주소에서 연 실시간 연결이 너무 많습니다", "Too many streams from your address"],
                detail,
            ),
        }
    }
}
