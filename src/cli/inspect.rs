use anyhow::Result; use super::{Status,console::Console};
#[derive(Debug, clap::Args)] pub struct InspectOptions {}
pub fn run(_: &InspectOptions, _: &mut Console) -> Result<Status> { Ok(Status::Done) }
