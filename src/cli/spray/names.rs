//! What files of suspects are called.

use super::Findings;

/// Where the lists and masks are, below the output.
pub const SUSPECTS: &str = "suspects";

/// `01.Coat`: the place of a suspect (from 0) and its group.
pub fn stem(findings: &Findings, place: usize) -> String {
    let group = &findings.groups[findings.found[place].group].name;
    let is_plain = |c: char| c.is_alphanumeric() || ['_', '-'].contains(&c);
    let name: String = group.chars().map(|c| if is_plain(c) { c } else { '_' }).take(60).collect();
    format!("{:02}.{name}", place + 1)
}

/// The list of a suspect's pictures, as a path below the output.
pub fn list(findings: &Findings, place: usize) -> String {
    format!("{SUSPECTS}/{}.txt", stem(findings, place))
}

/// The mask of a suspect's region, as a path below the output.
pub fn mask(findings: &Findings, place: usize) -> String {
    format!("{SUSPECTS}/{}.mask.png", stem(findings, place))
}
