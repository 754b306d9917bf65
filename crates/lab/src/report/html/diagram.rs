//! The sequence of a case as a drawing: a lane for everybody, time downwards, an arrow for all that
//! went from one to another, with its bytes for whoever points at it.
use std::collections::BTreeMap;

use net::{Record, Role};
use proto::session::hex;

use super::super::{
    marks::{Mark, Tone},
    sequence::{Arrow, ArrowKind, Lane, Moment, Phase, Sequence, What, ms},
    shown,
    svg::Svg,
};

/// Moments drawn, from the beginning and up to the end.
const FIRST: usize = 240;
const LAST: usize = 60;
/// Bytes of one arrow that are there to be looked at.
const BYTES: usize = 2048;

const TOP: i64 = 44;
const GUTTER: i64 = 96;
const LANE: i64 = 300;
const ROW: i64 = 26;
/// What comes a little after it left is drawn a little lower.
const SLOPE: i64 = 12;

/// The drawing of these records for the case of this number, and how many moments are not in it.
pub(super) fn of(case: usize, records: &[Record]) -> (String, usize) {
    let Sequence { lanes, mut moments } = Sequence::of(records);
    let left_out = moments.len().saturating_sub(FIRST + LAST);
    if left_out > 0 {
        moments.drain(FIRST..FIRST + left_out);
    }
    if lanes.is_empty() {
        return (String::new(), left_out);
    }
    let rows = Rows::of(&moments);
    let size = (GUTTER + LANE * lanes.len() as i64 + 40, rows.end + 20);
    let mut svg = Svg::default();
    heads(&mut svg, &lanes, rows.end);
    let mut phase = None;
    for (n, moment) in moments.iter().enumerate() {
        let y = rows.left[n];
        if phase.replace(moment.phase) != Some(moment.phase) {
            begin_phase(&mut svg, moment.phase, y - ROW - 6, size.0);
        }
        svg.text("time end", (GUTTER - 12, y + 4), &ms(moment.stamp.at));
        match &moment.what {
            What::Arrow(arrow) => {
                draw_arrow(&mut svg, case, moment, arrow, y, rows.came.get(&n).copied());
            }
            What::Mark { lane, mark } => draw_mark(&mut svg, case, moment, *lane, mark, y),
        }
        if left_out > 0 && n + 1 == FIRST {
            let text = format!("{left_out} more are not drawn");
            svg.text("gap", (GUTTER, y + ROW - 4), &text);
        }
    }
    (svg.finish("sequence", "sequence of the case", size), left_out)
}

/// How far down everything is.
struct Rows {
    /// Of each moment, where it begins.
    left: Vec<i64>,
    /// Of each arrow that was seen to come, where it ends.
    came: BTreeMap<usize, i64>,
    end: i64,
}

impl Rows {
    /// What happened later is lower, also where it ended later.
    fn of(moments: &[Moment]) -> Self {
        let mut points = Vec::new();
        for (n, moment) in moments.iter().enumerate() {
            points.push((moment.stamp, n, false));
            if let What::Arrow(Arrow { came: Some(came), .. }) = &moment.what {
                points.push(((*came).max(moment.stamp), n, true));
            }
        }
        points.sort_by_key(|(stamp, n, arrives)| (*stamp, *arrives, *n));
        let (mut left, mut came) = (vec![0; moments.len()], BTreeMap::new());
        let (mut y, mut phase) = (TOP, None);
        for (_, n, arrives) in points {
            if arrives {
                y += SLOPE;
                came.insert(n, y);
                continue;
            }
            let begins = phase.replace(moments[n].phase) != Some(moments[n].phase);
            y += if begins { ROW + 24 } else { ROW };
            left[n] = y;
        }
        Self { left, came, end: y + ROW }
    }
}

fn lane_x(lane: usize) -> i64 {
    GUTTER + LANE / 2 - 60 + LANE * lane as i64
}

fn heads(svg: &mut Svg, lanes: &[Lane], end: i64) {
    for (n, Lane { name, role }) in lanes.iter().enumerate() {
        let x = lane_x(n);
        svg.line("lane", (x, 30), (x, end));
        svg.rect("head", (x - 90, 6), (180, 26));
        let role = match role {
            Some(Role::Client) => "client: ",
            Some(Role::Proxy) => "wire: ",
            Some(Role::Device) => "device: ",
            Some(Role::Lab) => "",
            None => "unrecorded: ",
        };
        svg.text("name middle", (x, 24), &shown(&format!("{role}{name}"), 28));
    }
}

fn begin_phase(svg: &mut Svg, phase: Phase, y: i64, width: i64) {
    svg.line("phase", (8, y), (width - 8, y));
    svg.text("phase", (8, y + 12), phase.name());
}

fn draw_arrow(
    svg: &mut Svg,
    case: usize,
    moment: &Moment,
    arrow: &Arrow,
    y: i64,
    came: Option<i64>,
) {
    let Arrow { from, to, kind, text, came: arrived, lost, bytes } = arrow;
    let (x1, x2) = (lane_x(*from), lane_x(*to));
    let ahead = if x2 >= x1 { 1 } else { -1 };
    // What never came ends halfway.
    let end = if *lost { ((x1 + x2) / 2, y) } else { (x2, came.unwrap_or(y)) };
    let class = match kind {
        ArrowKind::Dial => "arrow dial",
        ArrowKind::Bytes => "arrow bytes",
        ArrowKind::Fin => "arrow fin",
        ArrowKind::Reset => "arrow reset",
    };
    let mut told = format!("{text}\nleft at {} ms", ms(moment.stamp.at));
    match arrived {
        Some(came) => told += &format!(", came at {} ms", ms(came.at)),
        None if *lost => told += ", never came",
        None => {}
    }
    let some = &bytes[..bytes.len().min(BYTES)];
    let hex = hex::encode(some);
    let mut title = told.clone();
    if !bytes.is_empty() {
        title += &format!("\n{}", shown(&hex, 3 * 64));
    }
    let records = numbers(&moment.records);
    let attributes = [
        ("class", class),
        ("tabindex", "0"),
        ("role", "button"),
        ("data-case", &case.to_string()),
        ("data-told", &told),
        ("data-records", &records),
        ("data-hex", &hex),
        ("data-length", &bytes.len().to_string()),
    ];
    svg.group(&attributes, |svg| {
        svg.title(&title);
        // A line is hard to hit.
        svg.rect("hit", (x1.min(end.0), y - 16), ((x1 - end.0).abs().max(12), end.1 - y + 22));
        svg.line("shaft", (x1, y), end);
        if *lost {
            svg.line("cross", (end.0 - 5, y - 5), (end.0 + 5, y + 5));
            svg.line("cross", (end.0 - 5, y + 5), (end.0 + 5, y - 5));
        } else {
            let back = end.0 - 9 * ahead;
            svg.polygon("point", &[end, (back, end.1 - 5), (back, end.1 + 5)]);
        }
        let (class, x) = if ahead > 0 { ("label", x1 + 10) } else { ("label end", x1 - 10) };
        svg.text(class, (x, y - 4), &shown(text, 40));
    });
}

fn draw_mark(
    svg: &mut Svg,
    case: usize,
    moment: &Moment,
    lane: Option<usize>,
    Mark { tone, text }: &Mark,
    y: i64,
) {
    let told = format!("{text}\nat {} ms", ms(moment.stamp.at));
    let records = numbers(&moment.records);
    let class = format!("mark {}", tone.name());
    let attributes = [
        ("class", &*class),
        ("tabindex", "0"),
        ("role", "button"),
        ("data-case", &case.to_string()),
        ("data-told", &told),
        ("data-records", &records),
    ];
    svg.group(&attributes, |svg| {
        svg.title(&told);
        match lane {
            Some(lane) => {
                let x = lane_x(lane);
                svg.rect("hit", (x, y - 12), (LANE - 60, 20));
                match tone {
                    Tone::Plain | Tone::Good | Tone::Odd | Tone::Step => {
                        svg.circle("dot", (x, y), 4)
                    }
                    Tone::Bad | Tone::Fault => {
                        svg.polygon("dot", &[(x, y - 6), (x + 6, y + 5), (x - 6, y + 5)]);
                    }
                }
                svg.text("label", (x + 10, y + 4), &shown(text, 44));
            }
            None => svg.text("label", (GUTTER, y + 4), &shown(text, 110)),
        }
    });
}

/// `8 9 11`, for a script to make links of.
fn numbers(records: &[u64]) -> String {
    let numbers: Vec<_> = records.iter().take(24).map(u64::to_string).collect();
    numbers.join(" ")
}
