//! Names in a file, as lines of text can hold them.

use tract_onnx::pb::{GraphProto, ModelProto, NodeProto};

use super::rewrite::inner_graphs_mut;

/// Writes out the characters of all names that would end a line, or show it as another: `\n`, `\u{200b}`. Names stand in
/// messages and reports, and a name must not look like a message of ours.
pub(super) fn make_visible(model: &mut ModelProto) {
    for function in &mut model.functions {
        function.name.iter_mut().for_each(visible);
        function.domain.iter_mut().for_each(visible);
        function.input.iter_mut().chain(&mut function.output).for_each(visible);
        function.node.iter_mut().for_each(in_node);
    }
    model.graph.iter_mut().for_each(in_graph);
}

fn in_graph(graph: &mut GraphProto) {
    graph.node.iter_mut().for_each(in_node);
    graph.initializer.iter_mut().for_each(|tensor| visible(&mut tensor.name));
    let declared = graph.input.iter_mut().chain(&mut graph.output);
    declared.for_each(|value| visible(&mut value.name));
}

fn in_node(node: &mut NodeProto) {
    let NodeProto { name, op_type, domain, input, output, attribute, .. } = node;
    [name, op_type, domain].into_iter().for_each(visible);
    input.iter_mut().chain(output).for_each(visible);
    attribute.iter_mut().for_each(|attribute| visible(&mut attribute.name));
    inner_graphs_mut(node).for_each(in_graph);
}

fn visible(name: &mut String) {
    if !name.chars().any(is_invisible) {
        return;
    }
    *name = name.chars().fold(String::new(), |mut shown, character| {
        match is_invisible(character) {
            true => shown.extend(character.escape_default()),
            false => shown.push(character),
        }
        shown
    });
}

fn is_invisible(character: char) -> bool {
    let has_no_width = matches!(character, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    has_no_width || character.is_control() || matches!(character, '\u{2028}'..='\u{202e}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line() {
        let shown = |name: &str| {
            let mut name = name.to_string();
            visible(&mut name);
            name
        };
        assert_eq!(shown("/layer1/Conv.weight é"), "/layer1/Conv.weight é");
        assert_eq!(shown("y\nwarning: c\t\u{1b}[2J"), "y\\nwarning: c\\t\\u{1b}[2J");
        assert_eq!(shown("a\u{200b}b\u{202e}c\u{feff}"), "a\\u{200b}b\\u{202e}c\\u{feff}");
    }
}
