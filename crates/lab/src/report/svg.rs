//! Vector drawings as text: a few shapes, classes instead of colours, everything escaped.
use std::fmt::{Display, Write};

use super::shown;

/// A drawing being made. How it looks is said elsewhere, by class.
#[derive(Debug, Default)]
pub(super) struct Svg(String);

impl Svg {
    /// A line of this class.
    pub(super) fn line(&mut self, class: &str, (x1, y1): (i64, i64), (x2, y2): (i64, i64)) {
        self.put(format_args!(
            "<line class=\"{class}\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>"
        ));
    }
    /// A rectangle of this class.
    pub(super) fn rect(&mut self, class: &str, (x, y): (i64, i64), (width, height): (i64, i64)) {
        self.put(format_args!(
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>"
        ));
    }
    /// A closed figure of this class.
    pub(super) fn polygon(&mut self, class: &str, points: &[(i64, i64)]) {
        let points: Vec<_> = points.iter().map(|(x, y)| format!("{x},{y}")).collect();
        self.put(format_args!("<polygon class=\"{class}\" points=\"{}\"/>", points.join(" ")));
    }
    /// An open figure of this class.
    pub(super) fn polyline(&mut self, class: &str, points: &[(i64, i64)]) {
        let points: Vec<_> = points.iter().map(|(x, y)| format!("{x},{y}")).collect();
        self.put(format_args!("<polyline class=\"{class}\" points=\"{}\"/>\n", points.join(" ")));
    }
    /// A circle of this class.
    pub(super) fn circle(&mut self, class: &str, (x, y): (i64, i64), r: i64) {
        self.put(format_args!("<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"{r}\"/>"));
    }
    /// Text of this class, which begins, ends or has its middle there, as the class says.
    pub(super) fn text(&mut self, class: &str, (x, y): (i64, i64), text: &str) {
        self.put(format_args!(
            "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{}</text>",
            escaped(text)
        ));
    }
    /// What is told of the group it stands in when somebody points at it.
    pub(super) fn title(&mut self, text: &str) {
        self.put(format_args!("<title>{}</title>", escaped(text)));
    }
    /// What `draw` draws is one thing, with these attributes.
    pub(super) fn group(&mut self, attributes: &[(&str, &str)], draw: impl FnOnce(&mut Self)) {
        self.put("<g");
        for (name, value) in attributes {
            self.put(format_args!(" {name}=\"{}\"", escaped(value)));
        }
        self.put(">");
        draw(self);
        self.put("</g>\n");
    }
    /// The whole, so large, under this name.
    pub(super) fn finish(self, class: &str, label: &str, (width, height): (i64, i64)) -> String {
        format!(
            "<svg class=\"{class}\" role=\"group\" aria-label=\"{}\" width=\"{width}\" \
             height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n{}</svg>\n",
            escaped(label),
            self.0
        )
    }
    /// The same as a file of its own, looking like this.
    pub(super) fn file(self, style: &str, label: &str, (width, height): (i64, i64)) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-label=\"{}\" \
             width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
             <style>{style}</style>\n{}</svg>\n",
            escaped(label),
            self.0
        )
    }
    fn put(&mut self, text: impl Display) {
        write!(self.0, "{text}").expect("writing to a string");
    }
}

/// As text or in quotes, in XML as in HTML.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        for c in shown(line, usize::MAX).chars() {
            match c {
                '&' => safe.push_str("&amp;"),
                '<' => safe.push_str("&lt;"),
                '>' => safe.push_str("&gt;"),
                '"' => safe.push_str("&quot;"),
                '\'' => safe.push_str("&#39;"),
                c => safe.push(c),
            }
        }
        safe.push_str(end);
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_out_of_text_or_quotes() {
        let mut svg = Svg::default();
        let hostile = "</text><script>\"'&\u{7}\u{202e}";
        svg.group(&[("data-x", hostile)], |svg| svg.text("a", (1, 2), hostile));
        let text = svg.finish("picture", hostile, (10, 20));
        assert_eq!(text.matches("<script").count(), 0, "{text}");
        assert_eq!(text.matches("&lt;script&gt;&quot;&#39;&amp;").count(), 3, "{text}");
        assert!(!text.contains(['\u{7}', '\u{202e}']), "{text}");
    }

    #[test]
    fn a_title_may_have_several_lines() {
        assert_eq!(escaped("a\nb"), "a\nb");
    }
}
