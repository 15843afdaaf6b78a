//! What a problem names of the request, and its detail with those names filled in: for programs, and for people.

use serde_json::{Value, json};

use super::{Problem, labels::label};
use crate::language::Language;

/// Something of the request that the detail names. `value` is its form for programs.
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) value: Option<Value>,
    shown: String,
}

impl Member {
    pub(super) fn new(name: &'static str, value: Option<Value>, shown: String) -> Self {
        Self { name, value, shown }
    }
}

impl Problem {
    /// For a person who sees a page, and not the names of its fields.
    pub(crate) fn said(&self, language: Language) -> String {
        self.filled(language, |member| match member.name {
            "field" => label(&member.shown, language).unwrap_or(&member.shown),
            _ => &member.shown,
        })
    }

    pub(super) fn detail(&self, language: Language) -> String {
        self.filled(language, |member| &member.shown)
    }

    fn filled(&self, language: Language, shown: impl Fn(&Member) -> &str) -> String {
        let [korean, english] = self.row().detail;
        let template = language.pick(korean, english);
        let members = self.members(language);
        let mut text = String::new();
        for part in template.split_inclusive('}') {
            let Some((before, name)) = part.strip_suffix('}').and_then(|part| part.split_once('{')) else {
                text.push_str(part);
                continue;
            };
            text.push_str(before);
            let member = members.iter().find(|member| member.name == name);
            text.push_str(member.map_or("", &shown));
        }
        text
    }

    pub(super) fn members(&self, language: Language) -> Vec<Member> {
        let field = |field: &str| Member { name: "field", value: Some(json!(field)), shown: field.to_owned() };
        match self {
            Self::InvalidRequest { field: name, wanted } => {
                let wanted = Member { name: "wanted", value: None, shown: wanted.words(language).to_owned() };
                vec![field(name), wanted]
            }
            Self::InvalidQuantity { field: name }
            | Self::InvalidProductId { field: name }
            | Self::InvalidAmount { field: name } => vec![field(name)],
            Self::InvalidUserId => vec![field("userId")],
            Self::InvalidOrderId => vec![field("orderId")],
            Self::InvalidPaymentKey => vec![field("paymentKey")],
            Self::UnknownProduct(id) => {
                vec![Member { name: "productId", value: Some(json!(id)), shown: id.0.to_string() }]
            }
            Self::AmountMismatch { total: Some(total) } => {
                vec![Member { name: "total", value: Some(json!(total)), shown: language.won(*total) }]
            }
            Self::OutOfStock { product, left } => vec![
                Member { name: "product", value: Some(json!(product)), shown: product.clone() },
                Member { name: "left", value: Some(json!(left)), shown: left.to_string() },
            ],
            Self::Cancel(problem) => problem.members(language),
            Self::Action(problem) => problem.members(),
            Self::MalformedJson
            | Self::UnsupportedMediaType
            | Self::BodyTooLarge
            | Self::MethodNotAllowed
            | Self::NotFound
            | Self::CrossSite
            | Self::Unauthorized
            | Self::StaleForm
            | Self::EmptyOrder
            | Self::TooManyLines
            | Self::UnknownUser
            | Self::TotalTooLarge
            | Self::AmountMismatch { total: None }
            | Self::InvalidCursor
            | Self::InvalidPageSize
            | Self::InvalidStatus
            | Self::OrderNotFound
            | Self::PaymentKeyTaken
            | Self::PaymentInProgress
            | Self::AlreadyPaid
            | Self::OrderCanceled
            | Self::OrderExpired
            | Self::Busy
            | Self::Stream(_)
            | Self::Unavailable(_)
            | Self::TimedOut
            | Self::Broken(_)
            | Self::Internal(_) => Vec::new(),
        }
    }
}
