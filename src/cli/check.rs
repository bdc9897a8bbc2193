use anyhow::Result; use super::{Status,console::Console};
#[derive(Debug, clap::Args)] pub struct CheckOptions {}
pub fn run(_: &CheckOptions, _: &mut Console) -> Result<Status> { Ok(Status::Done) }
