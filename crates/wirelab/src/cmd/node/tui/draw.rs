//! How the state looks. Every meaning is written out; colour only repeats it.
use jiff::{Timestamp, tz::TimeZone};
use proto::tazcom::AlertState;
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Position, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Block, Borders, Paragraph},
};

use super::{
    calls::{self, Call},
    rooms::{Entry, Said},
    state::{State, short},
};

/// Calls for help in sight at a time.
const MOST_CALLS: usize = 5;
/// What is beside the talk, in columns; without it, the talk needs so many.
const ASIDE: u16 = 24;
const NARROW: u16 = 60;
/// Accents and the like on one letter.
const MOST_MARKS: usize = 4;

/// Draws all of it; `zone` is where the person is.
pub(super) fn draw(frame: &mut Frame<'_>, state: &State, zone: &TimeZone) {
    let area = frame.area();
    let calls = call_lines(state, area.width);
    let calls_height = u16::try_from(calls.len()).unwrap_or(u16::MAX);
    let [top, urgent, middle, notice, input] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(calls_height),
        Constraint::Min(1),
        Constraint::Length(1),
        Constraint::Length(1),
    ])
    .areas(area);
    frame.render_widget(Paragraph::new(title(state)).style(bar()), top);
    frame.render_widget(Paragraph::new(calls), urgent);
    let aside = if area.width >= NARROW { ASIDE } else { 0 };
    let [talk, aside] =
        Layout::horizontal([Constraint::Min(1), Constraint::Length(aside)]).areas(middle);
    frame.render_widget(Paragraph::new(talk_lines(state, zone, talk)), talk);
    draw_aside(frame, state, aside);
    let text = state.notice.as_deref().unwrap_or("Tab next channel  PgUp older  /help");
    frame.render_widget(Paragraph::new(text).style(bar()), notice);
    draw_input(frame, state, input);
}

fn bar() -> Style {
    Style::new().add_modifier(Modifier::REVERSED)
}

fn bold() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}

fn title(state: &State) -> String {
    let room = state.rooms.shown();
    let older = match room.back {
        0 => String::new(),
        back => format!("  {back} newer below"),
    };
    let listen = state.listen.map(|at| format!("  at {at}")).unwrap_or_default();
    format!(
        "{}  {} here{older}  you are {}{listen}",
        room.place.name(),
        state.there(),
        state.me.short()
    )
}

/// The calls for help that matter most.
fn call_lines(state: &State, width: u16) -> Vec<Line<'static>> {
    let calls = state.calls.in_order();
    let line = |call: &&Call| {
        let style = match call.stands.state {
            AlertState::Open => bold().fg(Color::Red),
            AlertState::Taken => bold().fg(Color::Yellow),
            AlertState::Resolved => Style::new().add_modifier(Modifier::DIM),
        };
        let head = format!("! {:<8} {} ", calls::state(call.stands.state), short(&call.id));
        let seen = format!("  seen by {}", call.stands.seen.len());
        let what = match &call.what {
            Some((author, need, text)) => {
                format!("{} {}: {text}", author_name(state, author), calls::need(*need))
            }
            None => "not heard itself yet".to_owned(),
        };
        let room = usize::from(width).saturating_sub(head.len() + seen.len());
        Line::styled(format!("{head}{}{seen}", cut(&what, room)), style)
    };
    calls.iter().take(MOST_CALLS).map(line).collect()
}

fn author_name(state: &State, author: &proto::tazcom::NodeId) -> String {
    if *author == state.me { "you".into() } else { author.short() }
}

/// The newest of what was said that fits, the last at the bottom.
fn talk_lines(state: &State, zone: &TimeZone, area: Rect) -> Vec<Line<'static>> {
    let (width, height) = (usize::from(area.width), usize::from(area.height));
    let room = state.rooms.shown();
    let mut lines = Vec::new();
    for entry in room.entries.iter().rev().skip(room.back) {
        let (head, text, style) = match entry {
            Entry::Note(note) => {
                ("- ".to_owned(), note.clone(), Style::new().add_modifier(Modifier::DIM))
            }
            Entry::Said(said) => said_line(state, zone, said),
        };
        let mut wrapped = wrap(&format!("{head}{text}"), width);
        wrapped.reverse();
        lines.extend(wrapped.into_iter().map(|line| Line::from(Span::styled(line, style))));
        if lines.len() >= height {
            break;
        }
    }
    lines.truncate(height);
    lines.resize(height, Line::default());
    lines.reverse();
    lines
}

fn said_line(state: &State, zone: &TimeZone, said: &Said) -> (String, String, Style) {
    let at = said.at.and_then(|at| Timestamp::from_millisecond(i64::try_from(at).ok()?).ok());
    let at =
        at.map_or("--:--".into(), |at| at.to_zoned(zone.clone()).strftime("%H:%M").to_string());
    let who = author_name(state, &said.author);
    let proof = if said.verified { ' ' } else { '?' };
    let mark = match said.mark {
        None => String::new(),
        Some((given, 0)) => format!("  >{given}"),
        Some((given, held)) => format!("  >{given} ={held}"),
    };
    let style = if said.verified { Style::new() } else { Style::new().fg(Color::Yellow) };
    (format!("{at} {proof}{who:<8} "), format!("{}{mark}", said.text), style)
}

fn draw_aside(frame: &mut Frame<'_>, state: &State, area: Rect) {
    if area.width == 0 {
        return;
    }
    let mut lines = vec![Line::styled("Channels", bold())];
    lines.extend(state.rooms.all().map(|(room, shown)| {
        let unread = match room.unread {
            0 => String::new(),
            unread => format!(" ({unread})"),
        };
        let pointer = if shown { '>' } else { ' ' };
        let name =
            cut(&room.place.name(), usize::from(area.width).saturating_sub(3 + unread.len()));
        Line::styled(
            format!("{pointer}{name}{unread}"),
            if unread.is_empty() { Style::new() } else { bold() },
        )
    }));
    let most = usize::from(area.height) / 2;
    lines.truncate(most.max(2));
    lines.push(Line::default());
    lines.push(Line::styled("Peers", bold()));
    // Who is here comes first.
    let mut peers: Vec<_> = state.peers.iter().collect();
    peers.sort_by_key(|(id, peer)| (!peer.there, **id));
    lines.extend(peers.into_iter().map(|(id, peer)| {
        let (mark, words, style) = match (peer.there, peer.verified) {
            (false, _) => ('-', "offline", Style::new().add_modifier(Modifier::DIM)),
            (true, true) => ('+', "verified", Style::new().fg(Color::Green)),
            (true, false) => ('?', "unverified", Style::new().fg(Color::Yellow)),
        };
        Line::styled(format!("{mark}{} {words}", id.short()), style)
    }));
    let block = Block::new().borders(Borders::LEFT);
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

/// The line that is typed, of which the part around the cursor is shown.
fn draw_input(frame: &mut Frame<'_>, state: &State, area: Rect) {
    let (before, behind) = state.input.sides();
    let room = usize::from(area.width).saturating_sub(3);
    let before = tail(&before, room);
    let x = u16::try_from(2 + columns(&before)).unwrap_or(u16::MAX);
    frame.render_widget(Paragraph::new(format!("> {before}{behind}")), area);
    if area.width > 0 && area.height > 0 {
        let x = area.x.saturating_add(x).min(area.right().saturating_sub(1));
        frame.set_cursor_position(Position::new(x, area.y));
    }
}

fn columns(text: &str) -> usize {
    Span::raw(text).width()
}

/// The beginning of a text, as far as it fits.
fn cut(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut cut = String::new();
    for c in text.chars() {
        cut.push(c);
        if columns(&cut) + 2 > width {
            cut.pop();
            break;
        }
    }
    if width >= 2 { format!("{cut}..") } else { String::new() }
}

/// The end of a text, as far as it fits.
fn tail(text: &str, width: usize) -> String {
    let mut start = text.len();
    for (at, _) in text.char_indices().rev() {
        if columns(&text[at..]) > width {
            break;
        }
        start = at;
    }
    text[start..].to_owned()
}

/// The text in lines of this width, broken between words where that is possible.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = vec![String::new()];
    let (mut used, mut marks) = (0, 0);
    for word in text.split_inclusive(' ') {
        let wide = columns(word.trim_end());
        if used > 0 && used + wide > width {
            lines.push(String::new());
            used = 0;
        }
        for c in word.chars() {
            let wide = columns(c.encode_utf8(&mut [0; 4]));
            marks = if wide == 0 { marks + 1 } else { 0 };
            // No script heaps more on a letter, but some people do.
            if marks > MOST_MARKS {
                continue;
            }
            if used + wide > width && used > 0 {
                // A space at the end of a line is as good as the end.
                if c == ' ' {
                    continue;
                }
                lines.push(String::new());
                used = 0;
            }
            lines.last_mut().expect("it holds one at least").push(c);
            used += wide;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_where_they_can() {
        assert_eq!(wrap("hi to all of you", 6), ["hi to ", "all of", "you"]);
        assert_eq!(wrap("a verylongword", 5), ["a ", "veryl", "ongwo", "rd"]);
        assert_eq!(wrap("", 5), [""]);
        assert_eq!(wrap("日本語", 4), ["日本", "語"]);
        assert_eq!(wrap("ab", 0), ["a", "b"]);
        let heap = format!("a{}b", "\u{301}".repeat(1000));
        assert_eq!(wrap(&heap, 5), [format!("a{}b", "\u{301}".repeat(MOST_MARKS))]);
    }

    #[test]
    fn what_does_not_fit_is_cut() {
        assert_eq!(cut("a burn", 6), "a burn");
        assert_eq!(cut("a burn at", 6), "a bu..");
        assert_eq!(cut("日本語", 5), "日..");
        assert_eq!(cut("a burn", 1), "");
        assert_eq!(tail("a burn", 4), "burn");
        assert_eq!(tail("日本語", 3), "語");
    }
}
