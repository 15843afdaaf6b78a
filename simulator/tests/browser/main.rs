//! The scripts, the window and the widgets in a real browser, on pages that imitate Toss's own samples.
//!
//! Needs `chromedriver` and Chromium on the machine, so it is built only with the feature `browser`. The pages change
//! nothing but the script's host and are served under a policy that allows the simulator's origin and no inline styles.
//! Every test ends with a look at the browser's console, where errors and breaches of the policy would stand.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod checks;
mod sheet;
mod stage;
mod surface;
mod v1;
mod widget;
mod window;
