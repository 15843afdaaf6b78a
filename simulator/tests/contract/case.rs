//! What a case is: a sentence, what it needs, and how it is tried.

use std::pin::Pin;

use crate::toss::Toss;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// A test secret key and nothing else: runs against Toss too.
    Key,
    /// The widget's secret key beside it.
    WidgetKey,
    /// A merchant with Toss's extra contract for card numbers.
    KeyInContract,
    /// The simulator's control calls: a shopper, a deposit, the clock, a fault.
    Control,
}

impl Needs {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Key => "a secret key",
            Self::WidgetKey => "CONTRACT_WIDGET_SECRET_KEY",
            Self::KeyInContract => "a contract for card numbers",
            Self::Control => "control calls",
        }
    }
}

pub(crate) type Trial = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) needs: Needs,
    pub(crate) run: Box<dyn Fn(Toss) -> Trial>,
}

/// `cases![Control: a_sentence, Key: another]`
macro_rules! cases {
    ($($needs:ident: $name:ident),* $(,)?) => {
        vec![$($crate::case::Case {
            name: format!("{}::{}", module_path!().rsplit("::").next().unwrap(), stringify!($name)),
            needs: $crate::case::Needs::$needs,
            run: Box::new(|toss| Box::pin($name(toss))),
        }),*]
    };
}
pub(crate) use cases;
