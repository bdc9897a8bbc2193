//! What can go wrong, as a program can tell it apart.

use std::fmt;
use std::sync::Arc;

/// What the library's functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, by the part of the work that it concerns.
///
/// The message says what was wrong and where, and what to do next. [`source`](std::error::Error::source) has the cause,
/// and that has its own; `{error:#}` writes the whole chain in one line, `{error:?}` writes a line for each cause.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The model cannot be read, is damaged, or uses operators that are not known.
    #[error(transparent)]
    Model(Cause),
    /// The preprocessing cannot be read, or does not fit the model.
    #[error(transparent)]
    Preprocessing(Cause),
    /// The labels cannot be read, or there are fewer or more of them than classes.
    #[error(transparent)]
    Labels(Cause),
    /// A picture or array cannot be read, or does not fit the model.
    #[error(transparent)]
    Input(Cause),
    /// The composite cannot be read, or does not fit the network.
    #[error(transparent)]
    Composite(Cause),
    /// The method cannot be applied to the network or the input, or an option belongs to another method.
    #[error(transparent)]
    Method(Cause),
    /// The class that is to be explained does not exist, or a label fits several.
    #[error(transparent)]
    Target(Cause),
    /// The numbers that come out cannot be used, or the system has no more memory or threads.
    #[error(transparent)]
    Computation(Cause),
    /// The relevance cannot be drawn, or not in this way.
    #[error(transparent)]
    Rendering(Cause),
    /// A file cannot be written.
    #[error(transparent)]
    Io(Cause),
    /// The [`Watch`](crate::Watch) said that nobody waits for the result any more.
    #[error("interrupted")]
    Cancelled,
}

/// The messages of an error, the first of them on top.
#[derive(Clone)]
pub struct Cause(Arc<anyhow::Error>);

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

impl std::error::Error for Cause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.chain().nth(1)
    }
}

/// A line for each cause: what `fn main() -> Result<(), Error>` prints.
impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Model(cause)
            | Error::Preprocessing(cause)
            | Error::Labels(cause)
            | Error::Input(cause)
            | Error::Composite(cause)
            | Error::Method(cause)
            | Error::Target(cause)
            | Error::Computation(cause)
            | Error::Rendering(cause)
            | Error::Io(cause) => fmt::Debug::fmt(cause, formatter),
            Error::Cancelled => formatter.write_str("interrupted"),
        }
    }
}

/// Says which kind an error of the engine is.
pub(crate) trait Kind<T> {
    /// The value, or its error as one of this kind.
    fn kind(self, kind: fn(Cause) -> Error) -> Result<T>;
}

impl<T> Kind<T> for anyhow::Result<T> {
    fn kind(self, kind: fn(Cause) -> Error) -> Result<T> {
        self.map_err(|error| Error::of(kind, error))
    }
}

impl Error {
    /// An error of this kind, unless it has one already.
    pub(crate) fn of(kind: fn(Cause) -> Error, error: anyhow::Error) -> Error {
        let has_kind = error.chain().next().is_some_and(|top| top.is::<Error>());
        match error.downcast() {
            Ok(error) if has_kind => error,
            Ok(error) => kind(Cause(Arc::new(error.into()))),
            Err(error) => kind(Cause(Arc::new(error))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::{Context, anyhow};
    use std::error::Error as _;

    #[test]
    fn the_chain_is_kept() {
        let io = std::io::Error::from(std::io::ErrorKind::NotFound);
        let failed: anyhow::Result<()> = Err(io).context("no such file").context("cannot read x");
        let error = failed.kind(Error::Model).unwrap_err();
        assert!(matches!(error, Error::Model(_)));
        assert_eq!(error.to_string(), "cannot read x");
        let cause = error.source().unwrap();
        assert_eq!(cause.to_string(), "no such file");
        let last = cause.source().unwrap();
        assert!(last.downcast_ref::<std::io::Error>().is_some() && last.source().is_none());
        assert_eq!(format!("{error:#}").matches("no such file").count(), 1);
        assert!(format!("{error:?}").starts_with("cannot read x\n\nCaused by:"));
    }

    #[test]
    fn a_chain_in_anyhow_tells_everything_once() {
        let error = Error::of(Error::Input, anyhow!("inner").context("outer"));
        let error = anyhow::Error::from(error).context("cannot explain cat.png");
        assert_eq!(format!("{error:#}"), "cannot explain cat.png: outer: inner");
        assert!(matches!(error.downcast_ref(), Some(Error::Input(_))));
    }
}
