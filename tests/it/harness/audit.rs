//! The audit that ends every story: see `tests/src/audit/mod.rs`.

use tests::audit::{Audit, Report, Strength};

use super::shop::{SERVER_KEY, Shop};

/// Fails with every violation found, each with the order's history. It looks through the shop's own api: one that a story
/// started elsewhere has often ended by now.
pub(crate) async fn audit(shop: &Shop, strength: Strength) {
    let report = report(shop, &shop.api.url(), strength).await;
    assert!(report.is_clean(), "the audit found:\n{report}");
}

impl Shop {
    /// The stock equation and the histories, as they must be at every moment: cheap enough for after every step.
    pub(crate) async fn audit_now(&self) {
        let report = tests::audit::now(&self.database.pool).await.unwrap();
        assert!(report.is_clean(), "after this step the audit found:\n{report}");
    }
}

pub(crate) async fn report(shop: &Shop, api: &str, strength: Strength) -> Report {
    let server_key = Some(SERVER_KEY.to_owned());
    let lost_attempts_allowed = shop.lost_attempts_allowed;
    let audit = Audit::new(shop.database.pool.clone(), shop.simulator_url(), api);
    Audit { server_key, strength, lost_attempts_allowed, ..audit }.run().await.unwrap()
}
