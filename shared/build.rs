//! Has the crate built again when a statement or a migration changes. For most queries sqlx tells the compiler which file
//! they stand in, but not for `query_file_scalar!`, nor of a migration that is new: what was tested then is what stood
//! there before.

fn main() {
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rerun-if-changed=../migrations");
}
