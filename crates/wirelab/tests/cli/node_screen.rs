//! `wirelab node --tui` in a real terminal: what a person types, and what the terminal shows.
use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use crate::{support::*, tools::lacks};

/// A terminal of 80 by 24 with a shell in it. It ends when this is dropped.
struct Terminal {
    dir: tempfile::TempDir,
}

impl Terminal {
    /// Opens it; none if there is no tmux.
    fn open() -> Option<Self> {
        if lacks(&["tmux"], "tmux") {
            return None;
        }
        let terminal = Self { dir: tempfile::tempdir().unwrap() };
        // A prompt that nothing else on the screen looks like.
        let shell = "env -i PATH=\"$PATH\" TERM=screen LC_ALL=C.UTF-8 PS1='shell> ' sh";
        let size = ["-x", "80", "-y", "24"];
        let session = ["-f", "/dev/null", "new-session", "-d", "-s", "node"];
        let output = terminal.tmux(&[&session[..], &size, &[shell]].concat());
        assert!(output.status.success(), "{output:?}");
        terminal.shows("shell>");
        Some(terminal)
    }
    fn tmux(&self, args: &[&str]) -> Output {
        let mut tmux = Command::new("tmux");
        tmux.arg("-u").arg("-S").arg(self.dir.path().join("tmux.sock"));
        tmux.env_remove("TMUX").stdin(Stdio::null()).args(args).output().expect("there is a tmux")
    }
    /// Types this, as it stands.
    fn types(&self, text: &str) {
        assert!(self.tmux(&["send-keys", "-t", "node", "-l", text]).status.success());
    }
    /// Presses this key, by tmux's name.
    fn press(&self, key: &str) {
        assert!(self.tmux(&["send-keys", "-t", "node", key]).status.success());
    }
    fn enters(&self, line: &str) {
        self.types(line);
        self.press("Enter");
    }
    /// What is to be seen.
    fn screen(&self) -> String {
        let output = self.tmux(&["capture-pane", "-p", "-t", "node"]);
        String::from_utf8(output.stdout).expect("it is text")
    }
    /// Waits until this is to be seen; all that is.
    #[track_caller]
    fn shows(&self, text: &str) -> String {
        self.becomes(&format!("{text:?}"), |screen| screen.contains(text))
    }
    #[track_caller]
    fn becomes(&self, what: &str, is: impl Fn(&str) -> bool) -> String {
        let since = std::time::Instant::now();
        loop {
            let screen = self.screen();
            if is(&screen) {
                return screen;
            }
            assert!(since.elapsed() < PATIENCE, "no {what} on\n{screen}");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
    fn resize(&self, width: &str, height: &str) {
        let resized = self.tmux(&["resize-window", "-t", "node", "-x", width, "-y", height]);
        assert!(resized.status.success(), "{resized:?}");
    }
    /// Starts a node whose key is in this directory.
    fn node(&self, key: &Path, flags: &str) {
        let program = wirelab().get_program().to_string_lossy().into_owned();
        let key = key.display();
        let line = "--tui --no-mdns --listen 127.0.0.1:0";
        self.enters(&format!(
            "clear; '{program}' node {line} --key '{key}' {flags}; echo ended $?"
        ));
        self.shows("you are ");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Its own server, and nobody else's.
        self.tmux(&["kill-server"]);
    }
}

/// Two terminals, a node in each, that have met; and their ids.
fn pair() -> Option<(Terminal, Terminal, tempfile::TempDir)> {
    let (a, b) = (Terminal::open()?, Terminal::open()?);
    let dir = tempfile::tempdir().unwrap();
    let key = |name: &str| -> PathBuf { dir.path().join(name) };
    a.node(&key("a.key"), "");
    let screen = a.shows("at 127.0.0.1:");
    let listen = screen.split("at 127.0.0.1:").nth(1).expect("it is there");
    let port: String = listen.chars().take_while(char::is_ascii_digit).collect();
    b.node(&key("b.key"), &format!("--peer 127.0.0.1:{port}"));
    for terminal in [&a, &b] {
        terminal.shows("1 here");
        terminal.shows("verified");
    }
    Some((a, b, dir))
}

#[test]
fn what_is_typed_on_one_screen_appears_on_the_other() {
    let Some((a, b, _dir)) = pair() else { return };
    a.enters("hi, all");
    b.shows("hi, all");
    a.shows("hi, all  >1");
    b.enters("/alert medical a burn");
    let screen = a.shows("! OPEN");
    assert!(screen.contains("medical: a burn"), "{screen}");
    b.shows("seen by 1");
    a.enters("/take");
    b.shows("! TAKEN");
    // In a window of another size all of it is still there.
    a.resize("50", "12");
    a.becomes("narrow screen", |screen| screen.contains("! TAKEN") && !screen.contains("Channels"));
    a.resize("100", "30");
    a.becomes("wide screen", |screen| screen.contains("Channels") && screen.contains("hi, all"));
    a.press("Up");
    a.shows("> /take");
}

#[test]
fn a_terminal_is_given_back_however_the_node_ends() {
    for how in ["/quit", "C-c", "TERM", "INT"] {
        let Some(terminal) = Terminal::open() else { return };
        let dir = tempfile::tempdir().unwrap();
        let key = dir.path().join("node.key");
        terminal.node(&key, "");
        match how {
            "/quit" => terminal.enters(how),
            "C-c" => terminal.press(how),
            signal => {
                let lock = std::fs::read_to_string(dir.path().join("node.sock.lock")).unwrap();
                let kill = format!("kill -{signal} {lock}");
                assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
            }
        }
        let screen = terminal.shows("ended 0");
        assert!(screen.contains("Node shut down successfully."), "{how}: {screen}");
        assert!(!screen.contains("you are"), "the screen of before is back\n{screen}");
        // What is typed is echoed again, and a line is a line.
        terminal.enters("echo 'a'bc");
        let screen = terminal.becomes("echo", |screen| screen.contains("\nabc"));
        assert!(screen.contains("shell> echo 'a'bc"), "{how}: {screen}");
    }
}

#[test]
fn without_a_terminal_there_is_no_screen() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("node.key");
    let ran = run(["node", "--tui", "--no-mdns", "--key", key.to_str().unwrap()]);
    assert!(ran.failed(2).contains("--tui needs a terminal"), "{ran:?}");
}
