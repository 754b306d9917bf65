//! What keys mean.
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// What a key does.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Key {
    Text(String),
    Erase,
    EraseWord,
    EraseAll,
    Delete,
    Left,
    Right,
    Home,
    End,
    Older,
    Newer,
    PageUp,
    PageDown,
    NextRoom,
    LastRoom,
    Enter,
    Quit,
    QuitIfEmpty,
}

/// What this event of a terminal does, if anything.
pub(super) fn key(event: Event) -> Option<Key> {
    match event {
        // Some terminals also say when a key is let go.
        Event::Key(KeyEvent { kind: KeyEventKind::Release, .. }) => None,
        Event::Key(KeyEvent { code, modifiers, .. }) => of(code, modifiers),
        Event::Paste(text) => Some(Key::Text(text)),
        Event::Resize(..) | Event::FocusGained | Event::FocusLost | Event::Mouse(_) => None,
    }
}

fn of(code: KeyCode, modifiers: KeyModifiers) -> Option<Key> {
    if modifiers.contains(KeyModifiers::CONTROL) {
        // What Alt with Control types on some keyboards is text.
        return match code {
            KeyCode::Char(c) if modifiers.contains(KeyModifiers::ALT) => Some(Key::Text(c.into())),
            KeyCode::Char('c') => Some(Key::Quit),
            KeyCode::Char('d') => Some(Key::QuitIfEmpty),
            KeyCode::Char('a') => Some(Key::Home),
            KeyCode::Char('e') => Some(Key::End),
            KeyCode::Char('h') => Some(Key::Erase),
            KeyCode::Char('w') => Some(Key::EraseWord),
            KeyCode::Char('u') => Some(Key::EraseAll),
            KeyCode::Char('n') => Some(Key::NextRoom),
            KeyCode::Char('p') => Some(Key::LastRoom),
            _ => None,
        };
    }
    Some(match code {
        KeyCode::Char(c) => Key::Text(c.into()),
        KeyCode::Backspace => Key::Erase,
        KeyCode::Delete => Key::Delete,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::Up => Key::Older,
        KeyCode::Down => Key::Newer,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Tab => Key::NextRoom,
        KeyCode::BackTab => Key::LastRoom,
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::EraseAll,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pressed(code: KeyCode, modifiers: KeyModifiers) -> Option<Key> {
        key(Event::Key(KeyEvent::new(code, modifiers)))
    }

    #[test]
    fn keys_type_and_control_commands() {
        let none = KeyModifiers::NONE;
        assert_eq!(pressed(KeyCode::Char('c'), none), Some(Key::Text("c".into())));
        assert_eq!(pressed(KeyCode::Char('C'), KeyModifiers::SHIFT), Some(Key::Text("C".into())));
        assert_eq!(pressed(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Key::Quit));
        let alt_gr = KeyModifiers::CONTROL | KeyModifiers::ALT;
        assert_eq!(pressed(KeyCode::Char('@'), alt_gr), Some(Key::Text("@".into())));
        assert_eq!(pressed(KeyCode::F(1), none), None);
        assert_eq!(key(Event::Paste("a\nb".into())), Some(Key::Text("a\nb".into())));
        let released = KeyEvent { kind: KeyEventKind::Release, ..KeyCode::Enter.into() };
        assert_eq!(key(Event::Key(released)), None);
    }
}
