//! `wirelab node --tui`: a screen to chat on. One thread reads keys, another keeps the state and draws, so
//! a terminal that stalls holds up neither the node nor its end.
mod calls;
mod command;
mod draw;
mod input;
mod keys;
mod rooms;
mod state;
#[cfg(test)]
mod tests;

use std::{
    io::{self, IsTerminal as _},
    sync::{
        Arc, Once,
        atomic::{AtomicU64, Ordering},
        mpsc as threads,
    },
    time::Duration,
};

use jiff::tz::TimeZone;
use proto::tazcom::NodeId;
use ratatui::{
    Terminal,
    backend::CrosstermBackend,
    crossterm::{
        cursor::Show,
        event::{self, DisableBracketedPaste, EnableBracketedPaste},
        execute,
        terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
    },
};
use tokio::sync::mpsc;

use super::{front::Said, order::Order, tell::Line};
use crate::{exit::Failure, text};
use state::State;

/// News and keys that wait to be drawn.
const WAITING: usize = 1024;
/// So many are taken before it is drawn again.
const AT_ONCE: usize = 64;
/// Orders that wait to be obeyed.
const ORDERS: usize = 16;
/// How long a terminal may take for its last bytes.
const LAST_WORDS: Duration = Duration::from_secs(1);

type Stdout = Terminal<CrosstermBackend<io::Stdout>>;

/// A screen. The terminal is as it was once this is closed or dropped, or something panics.
pub(super) struct Screen {
    happened: threads::SyncSender<Happened>,
    /// News that did not fit there.
    missing: Arc<AtomicU64>,
    orders: mpsc::Receiver<Said>,
    /// Hangs up when the screen is closed.
    closed: threads::Receiver<()>,
    is_open: bool,
}

/// What the screen shows next.
enum Happened {
    News(Box<Line>),
    Talk(String),
    Terminal(event::Event),
    /// The terminal has gone.
    Gone,
    Close,
}

impl Screen {
    /// Takes the terminal over, for the node with this id.
    ///
    /// # Errors
    /// There is no terminal.
    pub(super) fn open(me: NodeId) -> Result<Self, Failure> {
        if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
            let problem =
                "--tui needs a terminal for stdin and stdout; leave it out for lines of JSON";
            return Err(Failure::usage(problem));
        }
        let terminal = take_over().map_err(|e| {
            give_back();
            Failure::environment(format!("--tui: no use of this terminal: {e}; leave it out"))
        })?;
        let (happened, happens) = threads::sync_channel(WAITING);
        let (order, orders) = mpsc::channel(ORDERS);
        let (close, closed) = threads::channel();
        let missing = Arc::new(AtomicU64::new(0));
        let drawer = Drawer { terminal, state: State::new(me), order, missing: missing.clone() };
        std::thread::spawn(move || {
            drawer.run(&happens);
            drop(close);
        });
        let typed = happened.clone();
        std::thread::spawn(move || read_keys(&typed));
        Ok(Self { happened, missing, orders, closed, is_open: true })
    }
    /// Shows what the node has to tell.
    pub(super) fn tell(&self, line: Line) {
        self.happens(Happened::News(Box::new(line)));
    }
    /// Says something to the person.
    pub(super) fn talk(&self, line: &str) {
        self.happens(Happened::Talk(line.to_owned()));
    }
    /// What the person wants next. Cancel safe.
    pub(super) async fn next(&mut self) -> Said {
        self.orders.recv().await.unwrap_or(Said::Lost(Failure::Unheard))
    }
    /// Gives the terminal back.
    pub(super) fn close(&mut self) {
        if !std::mem::take(&mut self.is_open) {
            return;
        }
        // Full is it only if nothing is drawn any more.
        let asked = self.happened.try_send(Happened::Close).is_ok();
        if asked && self.closed.recv_timeout(LAST_WORDS) != Err(threads::RecvTimeoutError::Timeout)
        {
            return;
        }
        // The terminal takes no bytes. Its lines are its own again all the same.
        let _ = disable_raw_mode();
    }

    fn happens(&self, what: Happened) {
        if self.happened.try_send(what).is_err() {
            self.missing.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.close();
    }
}

/// Keeps the state, and draws it.
struct Drawer {
    terminal: Stdout,
    state: State,
    order: mpsc::Sender<Said>,
    missing: Arc<AtomicU64>,
}

impl Drawer {
    fn run(mut self, happens: &threads::Receiver<Happened>) {
        let zone = TimeZone::system();
        loop {
            if let Err(e) = self.terminal.draw(|frame| draw::draw(frame, &self.state, &zone)) {
                self.ask(Said::Lost(text::unwritable("to the terminal", &e)));
                break;
            }
            let Ok(first) = happens.recv() else { break };
            let more = happens.try_iter().take(AT_ONCE);
            if !std::iter::once(first).chain(more).all(|what| self.take(what)) {
                break;
            }
        }
        drop(self.terminal);
        give_back();
    }

    /// False if nothing more is to be shown.
    fn take(&mut self, what: Happened) -> bool {
        match what {
            Happened::News(line) => self.state.hear(*line),
            Happened::Talk(line) => self.state.talk(&line),
            Happened::Terminal(event) => {
                if let Some(order) = keys::key(event).and_then(|key| self.state.press(key)) {
                    self.ask(Said::Order(order));
                }
            }
            Happened::Gone => self.ask(Said::Order(Order::Quit)),
            Happened::Close => return false,
        }
        match self.missing.swap(0, Ordering::Relaxed) {
            0 => {}
            lines => self.state.hear(Line::Missing { lines }),
        }
        true
    }

    fn ask(&mut self, said: Said) {
        if self.order.try_send(said).is_err() {
            self.state.talk("error: the node is busy; that was not done");
        }
    }
}

fn read_keys(typed: &threads::SyncSender<Happened>) {
    loop {
        let happened = event::read().map_or(Happened::Gone, Happened::Terminal);
        let last = matches!(happened, Happened::Gone);
        if typed.send(happened).is_err() || last {
            return;
        }
    }
}

fn take_over() -> io::Result<Stdout> {
    static HOOK: Once = Once::new();
    // Whatever panics, wherever, says so on a terminal that can be read.
    HOOK.call_once(|| {
        let tell = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back();
            tell(panic);
        }));
    });
    enable_raw_mode()?;
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste)?;
    let mut terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
    terminal.clear()?;
    Ok(terminal)
}

/// As far as the terminal lets us.
fn give_back() {
    let _ = disable_raw_mode();
    let _ = execute!(io::stdout(), DisableBracketedPaste, LeaveAlternateScreen, Show);
}
