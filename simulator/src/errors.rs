//! Toss's error codes: the HTTP status of each, and its text in Korean and English.
//!
//! This is the only place a code is spelled out. A code carries its own status because the two do not follow from each
//! other: `PROVIDER_ERROR` is a 400 although it is transient. The table holds every code that
//! Toss documents, whether or not the simulator gives it by itself, so that a rule or a test header can name it and get
//! the right text. The Korean texts are Toss's. Of the English ones Toss publishes the few that stand behind a slash in
//! the table; the others, behind a tilde, are our own words.

/// One error code. Two codes are the same when their names are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Code(&'static Row);

#[derive(Debug)]
struct Row {
    name: &'static str,
    status: u16,
    ko: &'static str,
    en: &'static str,
    en_is_published: bool,
}

/// The language of a text, chosen by the caller's `Accept-Language`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Korean,
    English,
}

impl Language {
    pub(crate) fn choose<T>(self, korean: T, english: T) -> T {
        match self {
            Self::Korean => korean,
            Self::English => english,
        }
    }

    /// The first of Korean and English that the header names; Korean when it names neither. Browsers list their
    /// languages in order of preference, so the weights add nothing.
    pub(crate) fn from_header(accept_language: Option<&str>) -> Self {
        accept_language
            .into_iter()
            .flat_map(|header| header.split(','))
            .find_map(|tag| match tag.trim().get(..2).map(str::to_ascii_lowercase).as_deref() {
                Some("ko") => Some(Self::Korean),
                Some("en") => Some(Self::English),
                Some(_) | None => None,
            })
            .unwrap_or(Self::Korean)
    }
}

impl Code {
    pub(crate) fn name(self) -> &'static str {
        self.0.name
    }

    pub(crate) fn status(self) -> u16 {
        self.0.status
    }

    pub(crate) fn text(self, language: Language) -> &'static str {
        language.choose(self.0.ko, self.0.en)
    }

    /// Whether Toss itself says so in English.
    pub(crate) fn is_published_in_english(self) -> bool {
        self.0.en_is_published
    }

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        ALL.iter().copied()
    }

    pub(crate) fn find(name: &str) -> Option<Self> {
        ALL.iter().copied().find(|code| code.name() == name)
    }
}

impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

macro_rules! is_published {
    (/) => {
        true
    };
    (~) => {
        false
    };
}

macro_rules! codes {
    ($($name:ident $status:literal $ko:literal $published:tt $en:literal;)*) => {
        $(pub(crate) const $name: Code = Code(&Row {
            name: stringify!($name),
            status: $status,
            ko: $ko,
            en: $en,
            en_is_published: is_published!($published),
        });)*

        static ALL: &[Code] = &[$($name),*];
    };
}

codes! {
    ALREADY_PROCESSED_PAYMENT 400 "이미 처리된 결제 입니다." / "This is a payment that has already been processed.";
    PROVIDER_ERROR 400 "일시적인 오류가 발생했습니다. 잠시 후 다시 시도해주세요." ~ "A temporary error has occurred. Please try again later.";
    CARD_PROCESSING_ERROR 400 "카드사에서 오류가 발생했습니다." ~ "An error has occurred at the card company.";
    UNAPPROVED_ORDER_ID 400 "아직 승인되지 않은 주문번호입니다." ~ "This orderId has not been approved yet.";
    INVALID_REQUEST 400 "잘못된 요청입니다." / "The bad request.";
    INVALID_API_KEY 400 "잘못된 시크릿키 연동 정보 입니다." / "Incorrect secret key.";
    INVALID_CLIENT_KEY 400 "잘못된 클라이언트 연동 정보 입니다." ~ "Incorrect client key.";
    NOT_FOUND_TERMINAL_ID 400 "단말기번호(Terminal Id)가 없습니다. 토스페이먼츠로 문의 바랍니다." ~ "There is no terminal id. Please contact Toss Payments.";
    INVALID_AUTHORIZE_AUTH 400 "유효하지 않은 인증 방식입니다." ~ "This way of authentication is not valid.";
    INVALID_UNREGISTERED_SUBMALL 400 "등록되지 않은 서브몰입니다. 서브몰이 없는 가맹점이라면 안심클릭이나 ISP 결제가 필요합니다." ~ "This sub-mall is not registered. A merchant without sub-malls needs payments with ISP or 3-D Secure.";
    NOT_REGISTERED_BUSINESS 400 "등록되지 않은 사업자 번호입니다." ~ "This business number is not registered.";
    BELOW_MINIMUM_AMOUNT 400 "신용카드는 결제금액이 100원 이상, 계좌는 200원이상부터 결제가 가능합니다." ~ "A card payment is at least 100 KRW, a payment from an account at least 200 KRW.";
    BELOW_ZERO_AMOUNT 400 "금액은 0보다 커야 합니다." ~ "The amount must be greater than 0.";
    EXCEED_MAX_CARD_INSTALLMENT_PLAN 400 "설정 가능한 최대 할부 개월 수를 초과했습니다." ~ "There are more instalment months than allowed.";
    INVALID_CARD_INSTALLMENT_PLAN 400 "할부 개월 정보가 잘못되었습니다." ~ "The instalment months are not valid.";
    NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT 400 "할부가 지원되지 않는 카드 또는 가맹점 입니다." ~ "This card or merchant does not support instalments.";
    NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN 400 "할부가 지원되지 않는 카드입니다." ~ "This card does not support instalments.";
    NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN_BELOW_AMOUNT 400 "5만원 이하의 결제는 할부가 불가능해서 결제에 실패했습니다." ~ "Payments of less than 50,000 KRW cannot be made in instalments.";
    NOT_SUPPORTED_METHOD 400 "지원되지 않는 결제수단입니다." ~ "This payment method is not supported.";
    NOT_ALLOWED_POINT_USE 400 "포인트 사용이 불가한 카드로 카드 포인트 결제에 실패했습니다." ~ "The points of this card cannot be used.";
    INVALID_REJECT_CARD 400 "카드 사용이 거절되었습니다. 카드사 문의가 필요합니다." ~ "The card was declined. Please ask the card company.";
    INVALID_CARD_EXPIRATION 400 "카드 정보를 다시 확인해주세요. (유효기간)" ~ "Please check the card's expiry date.";
    INVALID_STOPPED_CARD 400 "정지된 카드 입니다." ~ "This card is suspended.";
    INVALID_CARD_LOST_OR_STOLEN 400 "분실 혹은 도난 카드입니다." ~ "This card was reported lost or stolen.";
    INVALID_CARD_NUMBER 400 "카드번호를 다시 확인해주세요." ~ "Please check the card number.";
    EXCEED_MAX_DAILY_PAYMENT_COUNT 400 "하루 결제 가능 횟수를 초과했습니다." ~ "There are more payments than allowed in a day.";
    EXCEED_MAX_PAYMENT_AMOUNT 400 "하루 결제 가능 금액을 초과했습니다." ~ "The amount is more than allowed in a day.";
    EXCEED_MAX_AMOUNT 400 "거래금액 한도를 초과했습니다." ~ "The amount is more than allowed.";
    EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT 400 "1일 출금 한도를 초과했습니다." ~ "The amount is more than may be withdrawn in a day.";
    EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT 400 "1회 출금 한도를 초과했습니다." ~ "The amount is more than may be withdrawn at once.";
    EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT 400 "당월 결제 가능금액인 1,000,000원을 초과 하셨습니다." ~ "The amount is more than the 1,000,000 KRW allowed this month.";
    EXCEEDS_TRANSFER_AMOUNT_MAXIMUM 400 "계좌이체는 한 번에 1,000만 원 이하로만 결제하실 수 있어요. 금액을 낮춰 다시 시도해 주세요." ~ "A transfer is at most 10,000,000 KRW. Please try a smaller amount.";
    RESTRICTED_TRANSFER_ACCOUNT 400 "계좌는 등록 후 12시간 뒤부터 결제할 수 있습니다. 관련 정책은 해당 은행으로 문의해주세요." ~ "An account can be used from 12 hours after its registration. Please ask the bank.";
    INVALID_ACCOUNT_INFO_RE_REGISTER 400 "유효하지 않은 계좌입니다. 계좌 재등록 후 시도해주세요." ~ "This account is not valid. Please register it again.";
    NOT_AVAILABLE_PAYMENT 400 "결제가 불가능한 시간대입니다." ~ "Payments cannot be made at this hour.";
    DUPLICATED_ORDER_ID 400 "이미 승인 및 취소가 진행된 중복된 주문번호 입니다. 다른 주문번호로 진행해주세요." ~ "This orderId was already approved or canceled. Please use another one.";
    INVALID_IDEMPOTENCY_KEY 400 "멱등키는 300자 이하여야 합니다." ~ "An idempotency key has at most 300 characters.";
    INVALID_TEST_CODE 400 "유효하지 않은 테스트 코드입니다." ~ "This test code is not valid.";
    INVALID_ORDER_ID 400 "`orderId`는 영문 대소문자, 숫자, 특수문자(-, _) 만 허용합니다. 6자 이상 64자 이하여야 합니다." ~ "An `orderId` has 6 to 64 letters, digits, `-` or `_`.";
    INVALID_ORDER_NAME 400 "주문 이름은 100자 이하여야 합니다." ~ "An order name has at most 100 characters.";
    INVALID_CURRENCY 400 "잘못된 통화 값입니다." ~ "This currency is not valid.";
    INCORRECT_SUCCESS_URL_FORMAT 400 "잘못된 successUrl 입니다." ~ "The successUrl is not valid.";
    INCORRECT_FAIL_URL_FORMAT 400 "잘못된 failUrl 입니다." ~ "The failUrl is not valid.";
    PAY_PROCESS_CANCELED 400 "결제가 사용자에 의해 취소되었습니다." ~ "The user has canceled the payment.";
    EXPIRED_PAYMENT 400 "결제가 만료되었습니다. 다시 시도해주세요." ~ "The payment has expired. Please try again.";
    UNAUTHORIZED_KEY 401 "인증되지 않은 시크릿 키 혹은 클라이언트 키 입니다." / "This is an unauthenticated secret key or client key.";
    REJECT_CARD_PAYMENT 403 "한도초과 혹은 잔액부족으로 결제에 실패했습니다." ~ "Payment failed because the limit was exceeded or the balance is not sufficient.";
    REJECT_ACCOUNT_PAYMENT 403 "잔액부족으로 결제에 실패했습니다." / "Payment failed due to insufficient balance";
    REJECT_CARD_COMPANY 403 "결제 승인이 거절되었습니다." / "Payment confirm is rejected";
    REJECT_TOSSPAY_INVALID_ACCOUNT 403 "선택하신 출금 계좌가 출금이체 등록이 되어 있지 않아요. 계좌를 다시 등록해 주세요." ~ "The chosen account is not registered for withdrawals. Please register it again.";
    EXCEED_MAX_AUTH_COUNT 403 "최대 인증 횟수를 초과했습니다. 카드사로 문의해주세요." ~ "There were too many authentications. Please ask the card company.";
    EXCEED_MAX_ONE_DAY_AMOUNT 403 "일일 한도를 초과했습니다." ~ "The daily limit was exceeded.";
    INVALID_PASSWORD 403 "결제 비밀번호가 일치하지 않습니다." ~ "The payment password does not match.";
    FDS_ERROR 403 "[토스페이먼츠] 위험거래가 감지되어 결제가 제한됩니다. 발송된 문자에 포함된 링크를 통해 본인인증 후 결제가 가능합니다. (고객센터: 1644-8051)" ~ "The payment was held because a risk was detected. It can be made after identifying yourself through the link in the text message.";
    NOT_AVAILABLE_BANK 403 "은행 서비스 시간이 아닙니다." ~ "The bank is not in service at this hour.";
    FORBIDDEN_REQUEST 403 "허용되지 않은 요청입니다." / "This request is not allowed.";
    FORBIDDEN_CONSECUTIVE_REQUEST 403 "반복적인 요청은 허용되지 않습니다. 잠시 후 다시 시도해주세요." / "Repetitive requests are not allowed. Please try again in a few minutes.";
    INCORRECT_BASIC_AUTH_FORMAT 403 "잘못된 요청입니다. ':' 를 포함해 인코딩해주세요." ~ "Bad request. Please encode it with the ':'.";
    NOT_FOUND_PAYMENT 404 "존재하지 않는 결제 정보 입니다." / "The payment does not exist.";
    NOT_FOUND_PAYMENT_SESSION 404 "결제 시간이 만료되어 결제 진행 데이터가 존재하지 않습니다." / "Payment session does not exist because the session time has expired.";
    NOT_FOUND 404 "존재하지 않는 정보 입니다." ~ "This does not exist.";
    NOT_FOUND_HTTP_METHOD 404 "존재하지 않는 HTTP 메소드 접근입니다." ~ "This HTTP method does not exist.";
    IDEMPOTENT_REQUEST_PROCESSING 409 "이전 멱등 요청이 처리중입니다." ~ "The previous request with this idempotency key is still being processed.";
    FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING 500 "결제가 완료되지 않았어요. 다시 시도해주세요." ~ "The payment was not completed. Please try again.";
    FAILED_INTERNAL_SYSTEM_PROCESSING 500 "내부 시스템 처리 작업이 실패했습니다. 잠시 후 다시 시도해주세요." ~ "Internal processing has failed. Please try again later.";
    UNKNOWN_PAYMENT_ERROR 500 "결제에 실패했어요. 같은 문제가 반복된다면 은행이나 카드사로 문의해주세요." ~ "The payment has failed. If this happens again, please ask the bank or card company.";
    COMMON_ERROR 500 "일시적인 오류가 발생했습니다. 잠시 후 다시 시도해주세요." / "A temporary error has occurred. Please try again in a few minutes.";
    UNKNOWN_ERROR 500 "확인되지 않은 오류입니다. 잠시 후 다시 시도해주세요." / "An unknown error occurred. Please try again in a few minutes.";
    ALREADY_CANCELED_PAYMENT 400 "이미 취소된 결제 입니다." / "The payment has already been canceled.";
    ALREADY_REFUND_PAYMENT 400 "이미 환불된 결제입니다." ~ "The payment has already been refunded.";
    ALREADY_REFUNDING_PAYMENT 400 "이미 환불 중인 결제입니다." ~ "The payment is already being refunded.";
    NOT_MATCHES_REFUNDABLE_AMOUNT 400 "잔액 결과가 일치하지 않습니다." / "Balance results do not match.";
    REFUND_REJECTED 400 "환불이 거절됐습니다. 결제사에 문의 부탁드립니다." ~ "The refund was rejected. Please ask the payment company.";
    INVALID_REFUND_ACCOUNT_INFO 400 "환불 계좌번호와 예금주명이 일치하지 않습니다." ~ "The number and the holder of the refund account do not match.";
    INVALID_REFUND_ACCOUNT_NUMBER 400 "잘못된 환불 계좌번호입니다." ~ "The number of the refund account is not valid.";
    INVALID_REFUND_AMOUNT 400 "잘못된 환불 금액입니다." ~ "The refund amount is not valid.";
    INVALID_BANK 400 "유효하지 않은 은행입니다." ~ "This bank is not valid.";
    EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT 400 "즉시할인금액보다 적은 금액은 부분취소가 불가능합니다." ~ "Less than the instant discount cannot be canceled in part.";
    FORBIDDEN_BANK_REFUND_REQUEST 400 "고객 계좌가 입금이 되지 않는 상태입니다." ~ "The customer's account does not take deposits.";
    ACCOUNT_OWNER_CHECK_FAILED 400 "계좌 소유주를 가져오는데 실패했습니다. 은행코드, 계좌번호를 확인해주세요." ~ "The account's holder could not be read. Please check the bank code and the account number.";
    ALREADY_CLOSE_ACCOUNT 400 "이미 해지된 계좌입니다." ~ "The account was already closed.";
    ALREADY_COMPLETED_PAYMENT 400 "이미 완료된 결제 입니다." ~ "The payment was already completed.";
    ALREADY_REMOVED_BILLING_KEY 400 "이미 삭제된 빌링키입니다" ~ "The billing key was already deleted.";
    API_VERSION_UPDATE_NEEDED 400 "이 API를 사용하려면 [VERSION] 이상의 버전을 사용해야 합니다." ~ "This API needs version [VERSION] or later.";
    DUPLICATED_CASH_RECEIPT 400 "이미 현금영수증이 발급된 주문입니다." ~ "A cash receipt was already issued for this order.";
    DUPLICATED_REQUEST 400 "중복된 요청입니다." ~ "This request was already made.";
    EXCEED_MAX_DUE_DATE 400 "가상 계좌의 최대 유효만료 기간을 초과했습니다." ~ "The due date of a virtual account is too far away.";
    EXCEED_MAX_QUERY_LIMIT 400 "최대 조회 개수를 초과했습니다." ~ "There are more rows than can be queried.";
    EXCEED_MAX_VALID_HOURS 400 "가상 계좌의 최대 유효시간을 초과했습니다." ~ "A virtual account is valid for fewer hours than that.";
    EXCEED_UNKNOWN_CASE 400 "한도 초과 되었습니다." ~ "A limit was exceeded.";
    INVALID_ACCOUNT_NUMBER 400 "계좌번호가 올바르지 않습니다." ~ "The account number is not valid.";
    INVALID_BILL_KEY_REQUEST 400 "빌링키 인증이 완료되지 않았거나 유효하지 않은 빌링 거래 건입니다." ~ "The billing key was not authenticated, or this is no valid billing payment.";
    INVALID_BIRTH_DAY_FORMAT 400 "생년월일 정보는 6자리의 yyMMdd 형식이어야 합니다. 사업자등록번호는 10자리의 숫자여야 합니다." ~ "A birth date has 6 digits (yyMMdd), a business number 10.";
    INVALID_CARD_COMPANY 400 "유효하지 않은 카드사입니다." ~ "This card company is not valid.";
    INVALID_CARD_IDENTITY 400 "입력하신 주민번호/사업자번호가 카드 소유주 정보와 일치하지 않습니다." ~ "The resident or business number is not that of the card's holder.";
    INVALID_CARD_PASSWORD 400 "카드 정보를 다시 확인해주세요.(비밀번호)" ~ "Please check the card's password.";
    INVALID_CUSTOMER_KEY 400 "`customerKey`는 영문 대소문자, 숫자, 특수문자(-, *, =, ., @) 만 허용합니다. 2자 이상 255자 이하여야 합니다." ~ "A `customerKey` has 2 to 255 letters, digits, `-`, `*`, `=`, `.` or `@`.";
    INVALID_DATE 400 "날짜 데이터가 잘못 되었습니다." ~ "The date is not valid.";
    INVALID_EMAIL 400 "이메일 주소 형식에 맞지 않습니다." ~ "The email address is not valid.";
    INVALID_FLOW_MODE_PARAMETERS 400 "인증 창을 먼저 띄우려면 카드사 코드 또는 은행 코드 또는 간편결제수단이 같이 전달되어야 합니다." ~ "To open the authentication first, a card company, bank or easy pay provider must be named.";
    INVALID_ISO_DATE_FORMAT 400 "시간 일시 형식이 잘못되었습니다. 시간 형식은 ISO 8601 형식을 준수해야 합니다." ~ "The time is not valid. It must follow ISO 8601.";
    INVALID_PAGING_KEY 400 "잘못된 페이징 키 입니다." ~ "The paging key is not valid.";
    INVALID_PAYMENT_KEY 400 "잘못된 결제 키 입니다." ~ "The payment key is not valid.";
    INVALID_REQUIRED_PARAM 400 "필수 파라미터가 누락되었습니다." ~ "A required parameter is missing.";
    INVALID_VALID_HOURS_WITH_DUE_DATE_AND_SINGLE 400 "validHours와 dueDate는 같이 사용할 수 없습니다." ~ "validHours and dueDate cannot be used together.";
    INVALID_VIRTUAL_ACCOUNT_TYPE 400 "유효하지 않은 가상계좌 타입입니다." ~ "This type of virtual account is not valid.";
    MAINTAINED_METHOD 400 "현재 점검 중 입니다." ~ "This is under maintenance.";
    NOT_ALLOWED_INSTALLMENT_BELOW_AMOUNT 400 "해당 카드는 10000원 미만 할부 거래가 불가한 카드입니다." ~ "This card takes no instalments for less than 10,000 KRW.";
    NOT_MATCHES_CUSTOMER_KEY 400 "빌링 인증 고객키와 결제 요청 고객키가 일치하지 않습니다." ~ "The customer key is not the one that the billing key was authenticated for.";
    NOT_SUPPORTED_CARD_TYPE 400 "지원되지 않는 카드 종류입니다." ~ "This type of card is not supported.";
    NOT_SUPPORTED_CARRIER 400 "지원되지 않는 이동 통신사입니다." ~ "This mobile carrier is not supported.";
    NOT_SUPPORTED_PROCESS 400 "지원되지 않는 작업입니다." ~ "This operation is not supported.";
    NOT_SUPPORTED_USD 400 "선택하신 카드 또는 결제수단은 달러 결제가 불가합니다." ~ "The chosen card or method cannot be paid in dollars.";
    PAY_PROCESS_ABORTED 400 "결제가 취소되었거나 진행되지 않았습니다." ~ "The payment was canceled or did not proceed.";
    REQUIRED_ACCOUNT_KEY 400 "고정계좌는 발급용 고객키값이 필수입니다." ~ "A fixed account needs an account key.";
    REQUIRED_AMOUNT 400 "금액 값이 필수입니다." ~ "The amount is required.";
    USER_ACCOUNT_ON_HOLD 400 "계정이 사용 불가능한 상태입니다." ~ "The account cannot be used.";
    NOT_CANCELABLE_AMOUNT 403 "취소 할 수 없는 금액 입니다." / "This is a non-cancelable amount.";
    NOT_CANCELABLE_PAYMENT 403 "취소 할 수 없는 결제 입니다." / "This is a non-cancelable payment.";
    NOT_CANCELABLE_PAYMENT_FOR_DORMANT_USER 403 "휴면 처리된 회원의 결제는 취소할 수 없습니다." ~ "The payment of a dormant member cannot be canceled.";
    EXCEED_MAX_REFUND_DUE 403 "환불 가능한 기간이 지났습니다." ~ "The time for a refund has passed.";
    NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT 403 "입금 대기중인 결제는 부분 환불이 불가합니다." ~ "A payment that waits for its deposit cannot be refunded in part.";
    NOT_ALLOWED_PARTIAL_REFUND 403 "에스크로 주문, 현금 카드 결제일 때는 부분 환불이 불가합니다. 이외 다른 결제 수단에서 부분 취소가 되지 않을 때는 토스페이먼츠에 문의해 주세요." ~ "Escrow and cash card payments cannot be refunded in part. For other methods please contact Toss Payments.";
    EXCEED_CANCEL_LIMIT 403 "취소 한도 금액을 초과 하였습니다." ~ "The limit of cancels was exceeded.";
    EXCEED_MAX_REFUND_AMOUNT 403 "하루 또는 한달 환불 가능한 금액을 초과했습니다." ~ "The amount is more than may be refunded in a day or a month.";
    NOT_ALLOWED_CHANGING_ACCOUNT 403 "이미 입금, 반납된 계좌의 정보 변경은 불가합니다." ~ "An account that was paid into or returned cannot be changed.";
    NOT_ALLOWED_REFUND_BANK 403 "환불 가능한 은행이 아닙니다." ~ "This bank takes no refunds.";
    NOT_SUPPORTED_REFUND 403 "환불 가능한 상점이 아닙니다." ~ "This merchant cannot refund.";
    NOT_FOUND_BILLING 404 "존재하지 않는 빌링 결제 인증 정보 입니다." ~ "The billing authentication does not exist.";
    NOT_FOUND_MERCHANT 404 "존재하지 않는 상점 정보 입니다." ~ "The merchant does not exist.";
    NOT_FOUND_MERCHANT_INTEGRATION 404 "존재하지 않는 상점 연동 정보 입니다." ~ "The merchant's integration does not exist.";
    NOT_FOUND_METHOD 404 "존재하지 않는 결제수단 입니다." ~ "The payment method does not exist.";
    FAILED_REFUND_PROCESS 500 "은행 응답시간 지연이나 일시적인 오류로 환불요청에 실패했습니다." ~ "The refund has failed because the bank was slow or had a temporary error.";
    FAILED_METHOD_HANDLING_CANCEL 500 "취소 중 결제 시 사용한 결제 수단 처리과정에서 일시적인 오류가 발생했습니다." ~ "A temporary error has occurred at the payment method while canceling.";
    FAILED_PARTIAL_REFUND 500 "은행 점검, 해약 계좌 등의 사유로 부분 환불이 실패했습니다." ~ "The partial refund has failed because of bank maintenance or a closed account.";
    FAILED_CLOSED_ACCOUNT_REFUND 500 "해약된 계좌로 인해 환불이 실패했습니다." ~ "The refund has failed because the account is closed.";
    FAILED_BILL_KEY_AUTH_CREATION 500 "빌링 결제 인증 중 키 생성에 실패했습니다. 잠시 후 다시 시도해주세요." ~ "The billing key could not be made. Please try again later.";
    FAILED_BILLING_AUTO_CANCEL 500 "빌링 자동결제 취소에 일시적인 오류가 발생했습니다." ~ "A temporary error has occurred while canceling a billing payment.";
    FAILED_DB_PROCESSING 500 "잘못된 요청 값으로 처리 중 DB 에러가 발생했습니다." ~ "A database error has occurred because of a wrong value in the request.";
    FAILED_METHOD_HANDLING 500 "결제 중 선택한 결제수단 처리에 일시적인 오류가 발생했습니다." ~ "A temporary error has occurred at the chosen payment method.";
    FAILED_HASH_DATA_CREATION 500 "해시 데이터 생성 중 오류가 발생했습니다." ~ "An error has occurred while making hash data.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_known_language_wins_and_korean_is_the_default() {
        let check = |header, language| assert_eq!(Language::from_header(header), language, "{header:?}");
        check(None, Language::Korean);
        check(Some(""), Language::Korean);
        check(Some("*"), Language::Korean);
        check(Some("en-US"), Language::English);
        check(Some("en-US,en;q=0.9,ko;q=0.8"), Language::English);
        check(Some("fr-FR, ko-KR;q=0.9, en;q=0.8"), Language::Korean);
    }

    #[test]
    fn every_code_has_a_status_that_toss_uses_and_a_name_of_its_own() {
        for code in ALL {
            assert!([400, 401, 403, 404, 409, 500].contains(&code.status()), "{}", code.name());
            assert_eq!(ALL.iter().filter(|other| *other == code).count(), 1, "{}", code.name());
            assert!(code.text(Language::English).is_ascii() && code.text(Language::Korean).len() < 510);
        }
    }
}
