//! What each problem is called and what callers read about it: status, code, title and detail in one table.
//!
//! `{name}` in a detail is filled with the member of that name (`members`). Details of refused payments say whether money
//! moved, because that is what the reader wants to know first.

use axum::http::StatusCode;

use super::Problem;
use crate::language::Language;

type Text = [&'static str; 2];

pub(super) struct Row {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    title: Text,
    pub(super) detail: Text,
}

impl Row {
    pub(super) fn new(status: StatusCode, code: &'static str, title: Text, detail: Text) -> Self {
        Self { status, code, title, detail }
    }

    pub(super) fn title(&self, language: Language) -> &'static str {
        let [korean, english] = self.title;
        language.pick(korean, english)
    }
}

impl Problem {
    #[expect(clippy::too_many_lines, reason = "it is a table")]
    pub(super) fn row(&self) -> Row {
        let row = Row::new;
        match self {
            Self::Cancel(problem) => problem.row(),
            Self::Action(problem) => problem.row(),
            Self::Stream(problem) => problem.row(),
            Self::MalformedJson => row(
                StatusCode::BAD_REQUEST,
                "MALFORMED_JSON",
                ["JSON을 읽을 수 없습니다", "The body is not JSON"],
                ["본문은 UTF-8로 쓴 JSON 하나여야 합니다.", "The body must be one JSON document in UTF-8."],
            ),
            Self::InvalidRequest { .. } => row(
                StatusCode::BAD_REQUEST,
                "INVALID_REQUEST",
                ["요청이 올바르지 않습니다", "The request is not valid"],
                ["{field}: {wanted}.", "{field}: {wanted}."],
            ),
            Self::UnsupportedMediaType => row(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "UNSUPPORTED_MEDIA_TYPE",
                ["지원하지 않는 형식입니다", "Unsupported media type"],
                [
                    "API는 application/json을, 화면의 양식은 application/x-www-form-urlencoded를 받습니다.",
                    "The API takes application/json; the forms take application/x-www-form-urlencoded.",
                ],
            ),
            Self::BodyTooLarge => row(
                StatusCode::PAYLOAD_TOO_LARGE,
                "BODY_TOO_LARGE",
                ["본문이 너무 큽니다", "The body is too large"],
                ["본문은 64 KiB까지 받습니다.", "A body may have 64 KiB at most."],
            ),
            Self::MethodNotAllowed => row(
                StatusCode::METHOD_NOT_ALLOWED,
                "METHOD_NOT_ALLOWED",
                ["허용되지 않는 메서드입니다", "Method not allowed"],
                ["이 주소가 받는 메서드는 Allow 헤더에 있습니다.", "The Allow header names what this address takes."],
            ),
            Self::NotFound => row(
                StatusCode::NOT_FOUND,
                "NOT_FOUND",
                ["찾을 수 없는 주소입니다", "There is nothing here"],
                ["주소를 다시 확인해 주세요.", "Please check the address."],
            ),
            Self::CrossSite => row(
                StatusCode::FORBIDDEN,
                "CROSS_SITE",
                ["다른 사이트에서 보낸 요청입니다", "Sent from another site"],
                [
                    "이 양식은 이 상점의 화면에서만 보낼 수 있습니다. 아무것도 바뀌지 않았습니다.",
                    "This form can only be sent from this shop's own pages. Nothing was changed.",
                ],
            ),
            Self::Unauthorized => row(
                StatusCode::UNAUTHORIZED,
                "UNAUTHORIZED",
                ["로그인이 필요합니다", "Please log in"],
                ["운영자로 로그인하거나 서버 키를 보내야 합니다.", "An operator's login or the server key is needed."],
            ),
            Self::StaleForm => row(
                StatusCode::FORBIDDEN,
                "CSRF_TOKEN",
                ["화면이 오래되었습니다", "This page is out of date"],
                [
                    "지금 로그인한 화면에서 보낸 요청이 아니어서 아무것도 바뀌지 않았습니다. 화면을 다시 열고 보내 주세요.",
                    "It was not sent by a page of the session you are in, so nothing was changed. Please open the page again.",
                ],
            ),
            Self::EmptyOrder => row(
                StatusCode::BAD_REQUEST,
                "EMPTY_ORDER",
                ["주문할 상품이 없습니다", "The order is empty"],
                ["상품을 하나 이상 담아 주세요.", "Please choose at least one product."],
            ),
            Self::TooManyLines => row(
                StatusCode::BAD_REQUEST,
                "TOO_MANY_LINES",
                ["상품 종류가 너무 많습니다", "Too many lines"],
                ["한 주문에는 상품을 100종까지 담을 수 있습니다.", "An order may have 100 lines at most."],
            ),
            Self::InvalidQuantity { .. } => row(
                StatusCode::BAD_REQUEST,
                "INVALID_QUANTITY",
                ["수량이 올바르지 않습니다", "The quantity is not valid"],
                [
                    "{field}: 수량은 상품마다 모두 합쳐 1에서 10,000까지의 정수여야 합니다.",
                    "{field}: the quantity of a product must be a whole number from 1 to 10,000 in total.",
                ],
            ),
            Self::UnknownProduct(_) => row(
                StatusCode::UNPROCESSABLE_ENTITY,
                "UNKNOWN_PRODUCT",
                ["없는 상품입니다", "There is no such product"],
                ["{productId}번 상품은 없습니다.", "There is no product {productId}."],
            ),
            Self::UnknownUser => row(
                StatusCode::UNPROCESSABLE_ENTITY,
                "UNKNOWN_USER",
                ["없는 사용자입니다", "There is no such user"],
                ["주문할 사용자를 찾을 수 없습니다.", "The user who orders is not known."],
            ),
            Self::TotalTooLarge => row(
                StatusCode::UNPROCESSABLE_ENTITY,
                "TOTAL_TOO_LARGE",
                ["주문 금액이 너무 큽니다", "The total is too large"],
                ["수량을 줄여 주세요.", "Please order less."],
            ),
            Self::AmountMismatch { total: Some(_) } => row(
                StatusCode::UNPROCESSABLE_ENTITY,
                "AMOUNT_MISMATCH",
                ["금액이 맞지 않습니다", "The amount does not match"],
                [
                    "지금 가격으로 계산하면 {total}입니다. 주문은 만들어지지 않았습니다.",
                    "By today's prices it is {total}. No order was made.",
                ],
            ),
            Self::AmountMismatch { total: None } => row(
                StatusCode::UNPROCESSABLE_ENTITY,
                "AMOUNT_MISMATCH",
                ["금액이 맞지 않습니다", "The amount does not match"],
                [
                    "결제 금액이 주문 금액과 달라서 결제를 승인하지 않았습니다. 이 요청으로 결제된 금액은 없고 주문은 그대로이니, 처음부터 다시 결제해 주세요.",
                    "The amount is not the order's, so the payment was not confirmed. This request moved no money; the order stands, please pay again from the start.",
                ],
            ),
            Self::InvalidAmount { .. } => row(
                StatusCode::BAD_REQUEST,
                "INVALID_AMOUNT",
                ["금액이 올바르지 않습니다", "The amount is not valid"],
                [
                    "{field}: 0에서 9007199254740991까지의 원 단위 정수여야 합니다.",
                    "{field}: a whole number of won from 0 to 9007199254740991.",
                ],
            ),
            Self::InvalidUserId => row(
                StatusCode::BAD_REQUEST,
                "INVALID_USER_ID",
                ["사용자 번호가 올바르지 않습니다", "The user id is not valid"],
                ["{field}: 1 이상의 정수여야 합니다.", "{field}: a whole number from 1 up."],
            ),
            Self::InvalidProductId { .. } => row(
                StatusCode::BAD_REQUEST,
                "INVALID_PRODUCT_ID",
                ["상품 번호가 올바르지 않습니다", "The product id is not valid"],
                ["{field}: 1 이상의 정수여야 합니다.", "{field}: a whole number from 1 up."],
            ),
            Self::InvalidOrderId => row(
                StatusCode::BAD_REQUEST,
                "INVALID_ORDER_ID",
                ["주문번호가 올바르지 않습니다", "The order number is not valid"],
                [
                    "{field}: 주문을 만들 때 받은 UUID를 그대로 보내 주세요.",
                    "{field}: the UUID that was given when the order was created.",
                ],
            ),
            Self::InvalidPaymentKey => row(
                StatusCode::BAD_REQUEST,
                "INVALID_PAYMENT_KEY",
                ["결제 키가 올바르지 않습니다", "The payment key is not valid"],
                [
                    "{field}: 토스페이먼츠가 준 값을 그대로 보내 주세요(공백 없이 200자까지).",
                    "{field}: the value that Toss gave, unchanged: up to 200 characters without spaces.",
                ],
            ),
            Self::InvalidCursor => row(
                StatusCode::BAD_REQUEST,
                "INVALID_CURSOR",
                ["커서가 올바르지 않습니다", "The cursor is not valid"],
                ["앞의 목록이 준 커서를 그대로 보내 주세요.", "Send back the cursor that the list before gave."],
            ),
            Self::InvalidPageSize => row(
                StatusCode::BAD_REQUEST,
                "INVALID_PAGE_SIZE",
                ["목록 크기가 올바르지 않습니다", "The page size is not valid"],
                ["size는 1에서 100까지의 정수여야 합니다.", "size must be a whole number from 1 to 100."],
            ),
            Self::InvalidStatus => row(
                StatusCode::BAD_REQUEST,
                "INVALID_STATUS",
                ["없는 상태입니다", "There is no such status"],
                [
                    "status는 READY나 DONE처럼 주문 상태의 이름이어야 합니다.",
                    "status must be the name of an order's state, like READY or DONE.",
                ],
            ),
            Self::OrderNotFound => row(
                StatusCode::NOT_FOUND,
                "ORDER_NOT_FOUND",
                ["주문을 찾을 수 없습니다", "There is no such order"],
                ["주문번호를 다시 확인해 주세요.", "Please check the order number."],
            ),
            Self::PaymentKeyTaken => row(
                StatusCode::CONFLICT,
                "PAYMENT_KEY_TAKEN",
                ["다른 주문의 결제입니다", "This payment is another order's"],
                [
                    "이 결제 키는 다른 주문에 쓰였습니다. 이 주문은 이 요청으로 바뀌지 않았습니다.",
                    "This payment key was used for another order. This request did not change the order.",
                ],
            ),
            Self::PaymentInProgress => row(
                StatusCode::CONFLICT,
                "PAYMENT_IN_PROGRESS",
                ["먼저 한 결제가 아직 끝나지 않았습니다", "An earlier payment is not decided yet"],
                [
                    "같은 주문의 다른 결제를 확인하고 있거나 그 입금을 기다리고 있습니다. 이 결제는 승인하지 않았으니 다시 결제하지 말고 주문 화면을 봐 주세요.",
                    "Another payment of this order is being confirmed, or its deposit is waited for. This one was not confirmed; please do not pay again, and see the order's page.",
                ],
            ),
            Self::AlreadyPaid => row(
                StatusCode::CONFLICT,
                "ALREADY_PAID",
                ["이미 결제된 주문입니다", "This order is already paid"],
                [
                    "이 주문은 다른 결제로 이미 결제되었습니다. 이 결제는 승인하지 않았으며 두 번 결제되지 않습니다.",
                    "Another payment has paid for this order. This one was not confirmed; you are not charged twice.",
                ],
            ),
            Self::OrderCanceled => row(
                StatusCode::CONFLICT,
                "ORDER_CANCELED",
                ["취소된 주문입니다", "This order was canceled"],
                [
                    "취소된 주문은 결제할 수 없습니다. 이 결제는 승인하지 않았습니다.",
                    "A canceled order cannot be paid. This payment was not confirmed.",
                ],
            ),
            Self::OrderExpired => row(
                StatusCode::CONFLICT,
                "ORDER_EXPIRED",
                ["결제 기한이 지났습니다", "This order has expired"],
                [
                    "이 결제는 승인하지 않았으며 결제된 금액은 없습니다. 새로 주문해 주세요.",
                    "This payment was not confirmed and no money moved. Please order again.",
                ],
            ),
            Self::OutOfStock { left, .. } => row(
                StatusCode::CONFLICT,
                "OUT_OF_STOCK",
                ["재고가 모자랍니다", "Out of stock"],
                if *left == 0 {
                    [
                        "{product}: 품절되었습니다. 이 결제는 승인하지 않았으며 결제된 금액은 없습니다.",
                        "{product}: sold out. This payment was not confirmed and no money moved.",
                    ]
                } else {
                    [
                        "{product}: {left}개 남았습니다. 이 결제는 승인하지 않았으며 결제된 금액은 없습니다.",
                        "{product}: {left} left. This payment was not confirmed and no money moved.",
                    ]
                },
            ),
            Self::Busy => row(
                StatusCode::SERVICE_UNAVAILABLE,
                "BUSY",
                ["주문이 바뀌는 중입니다", "The order is changing"],
                [
                    "잠시 뒤에 같은 요청을 다시 보내 주세요. 두 번 결제되지 않습니다.",
                    "Please send the same request again in a moment. You will not be charged twice.",
                ],
            ),
            Self::Unavailable(_) | Self::TimedOut => row(
                StatusCode::SERVICE_UNAVAILABLE,
                "UNAVAILABLE",
                ["잠시 이용할 수 없습니다", "Not available right now"],
                [
                    "잠시 뒤에 다시 시도해 주세요. 같은 결제를 다시 확인해도 두 번 결제되지 않습니다.",
                    "Please try again in a moment. Confirming the same payment again never charges twice.",
                ],
            ),
            Self::Broken(_) | Self::Internal(_) => row(
                StatusCode::INTERNAL_SERVER_ERROR,
                "INTERNAL",
                ["문제가 생겼습니다", "Something went wrong"],
                [
                    "요청을 처리하지 못했습니다. 결제 중이었다면 다시 결제하기 전에 주문 상태를 확인해 주세요.",
                    "The request failed. If you were paying, please look at the order's status before you pay again.",
                ],
            ),
        }
    }
}
