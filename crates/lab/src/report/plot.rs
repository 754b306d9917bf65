//! Plots as files of their own: shares over time, and counts as bars, one below the other.
use super::svg::Svg;

const WIDTH: i64 = 640;
const LEFT: i64 = 60;
const RIGHT: i64 = WIDTH - 24;
/// The space of one plot, its title and its axis included.
const SPACE: i64 = 210;
const HEIGHT: i64 = 130;
/// From the top of a plot's space to the top of what is drawn.
const ABOVE: i64 = 44;
/// More bars are drawn as if they were one.
const MOST_BARS: usize = 64;

/// Readable on light and on dark paper, which the file brings along.
const STYLE: &str = "svg{background:#fff;font:12px system-ui,sans-serif}text{fill:#1d2430}\
.name{font-size:14px;font-weight:600}.tick{fill:#67707f}.end{text-anchor:end}.middle{text-anchor:middle}\
.axis{stroke:#67707f}.grid{stroke:#d3d8e0;stroke-dasharray:2 4}.bar{fill:#1450b5}\
.curve{fill:none;stroke:#1450b5;stroke-width:2}\
@media(prefers-color-scheme:dark){svg{background:#14171c}text{fill:#dfe4ec}.tick{fill:#97a1b2}\
.axis{stroke:#97a1b2}.grid{stroke:#343b47}.bar{fill:#83b4ff}.curve{stroke:#83b4ff}}";

/// Plots, as far as they are drawn.
pub struct Plots {
    svg: Svg,
    label: String,
    bottom: i64,
}

impl Plots {
    /// None yet, under this title.
    pub fn new(title: &str) -> Self {
        let mut svg = Svg::default();
        svg.text("name", (LEFT, 24), title);
        Self { svg, label: title.to_owned(), bottom: 34 }
    }
    /// A share, from 0 to 1, over something that grows from point to point.
    pub fn curve(&mut self, title: &str, axis: &str, points: &[(f64, f64)]) {
        let floor = self.begin(title, axis);
        let last = points.last().map_or(1.0, |(x, _)| x.max(f64::MIN_POSITIVE));
        for percent in [0, 50, 100] {
            let y = floor - HEIGHT * percent / 100;
            self.svg.line("grid", (LEFT, y), (RIGHT, y));
            self.svg.text("tick end", (LEFT - 6, y + 4), &format!("{percent} %"));
        }
        for quarter in 0..=4 {
            let x = LEFT + (RIGHT - LEFT) * quarter / 4;
            let value = last * quarter as f64 / 4.0;
            self.svg.text("tick middle", (x, floor + 16), &short(value));
        }
        let place = |(x, y): &(f64, f64)| {
            let along = ((RIGHT - LEFT) as f64 * (x / last).clamp(0.0, 1.0)) as i64;
            (LEFT + along, floor - (HEIGHT as f64 * y.clamp(0.0, 1.0)) as i64)
        };
        self.svg.polyline("curve", &points.iter().map(place).collect::<Vec<_>>());
        self.svg.line("axis", (LEFT, floor), (RIGHT, floor));
    }
    /// How often there was 0, 1, and so on.
    pub fn bars(&mut self, title: &str, axis: &str, counts: &[u64]) {
        let floor = self.begin(title, axis);
        let bars = gathered(counts);
        let most = bars.iter().copied().max().unwrap_or(0).max(1);
        let all = bars.iter().sum::<u64>().max(1);
        self.svg.text("tick end", (LEFT - 6, floor - HEIGHT + 10), &most.to_string());
        let step = (RIGHT - LEFT) / bars.len().max(1) as i64;
        let step = step.min(56);
        for (n, count) in (0..).zip(&bars) {
            let height = (u128::from(*count) * HEIGHT as u128).div_ceil(most.into()) as i64;
            let x = LEFT + step * n;
            let share = *count as f64 * 100.0 / all as f64;
            self.svg.group(&[("class", "bars")], |svg| {
                svg.rect("bar", (x + 1, floor - height), ((step - 2).max(1), height));
                svg.title(&format!("{n}: {count}, {share:.2} %"));
            });
            if step >= 24 || n % 5 == 0 {
                self.svg.text("tick middle", (x + step / 2, floor + 16), &n.to_string());
            }
        }
        self.svg.line("axis", (LEFT, floor), (RIGHT, floor));
    }
    /// The file.
    pub fn finish(self) -> String {
        self.svg.file(STYLE, &self.label, (WIDTH, self.bottom + 10))
    }

    /// Room for one more; where its axis is.
    fn begin(&mut self, title: &str, axis: &str) -> i64 {
        let top = self.bottom;
        self.bottom += SPACE;
        let floor = top + ABOVE + HEIGHT;
        self.svg.text("name", (LEFT, top + 28), title);
        self.svg.text("tick end", (RIGHT, floor + 32), axis);
        floor
    }
}

/// Those beyond the last bar count with it.
fn gathered(counts: &[u64]) -> Vec<u64> {
    let mut bars = counts[..counts.len().min(MOST_BARS)].to_vec();
    if let Some(last) = bars.last_mut() {
        *last += counts[counts.len().min(MOST_BARS)..].iter().sum::<u64>();
    }
    bars
}

fn short(value: f64) -> String {
    if value < 10.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_goes_from_corner_to_corner() {
        let mut plots = Plots::new("a <title>");
        plots.curve("reach", "ms", &[(0.0, 0.0), (50.0, 0.5), (100.0, 1.0)]);
        let text = plots.finish();
        let floor = 34 + ABOVE + HEIGHT;
        let (middle, right) = ((LEFT + RIGHT) / 2, RIGHT);
        let wanted = format!(
            "points=\"{LEFT},{floor} {middle},{} {right},{}\"",
            floor - HEIGHT / 2,
            floor - HEIGHT
        );
        assert!(text.contains(&wanted), "{text}");
        assert!(text.starts_with("<svg xmlns=") && text.contains("a &lt;title&gt;"), "{text}");
    }

    #[test]
    fn the_highest_bar_is_as_high_as_can_be_and_each_says_its_count() {
        let mut plots = Plots::new("x");
        plots.bars("copies", "copies", &[1, 4, 0]);
        let text = plots.finish();
        assert_eq!(text.matches(&format!("height=\"{HEIGHT}\"")).count(), 1, "{text}");
        assert!(text.contains("<title>1: 4, 80.00 %</title>"), "{text}");
        assert_eq!(text.matches("<rect").count(), 3);
    }

    #[test]
    fn any_numbers_make_a_plot() {
        let mut plots = Plots::new("");
        plots.curve("", "", &[]);
        plots.curve("", "", &[(0.0, f64::NAN)]);
        plots.curve("", "", &[(f64::MAX, 9.0), (-1.0, -1.0)]);
        plots.bars("", "", &[]);
        plots.bars("", "", &[u64::MAX / 1000; 1000]);
        let text = plots.finish();
        assert_eq!(text.matches("<rect").count(), MOST_BARS);
    }
}
