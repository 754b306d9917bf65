//! A browser without a window, driven as people use it: it is told where to click and what to press,
//! by WebDriver over HTTP, and says what is to be seen.
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::support::*;

/// A browser, until it is dropped.
pub(crate) struct Browser {
    addr: String,
    session: String,
    _driver: Running,
}

/// Something on the page.
pub(crate) struct Element(String);

/// The key by which WebDriver hands out elements (W3C WebDriver, section 12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

impl Browser {
    /// Starts it with a window of this size.
    pub(crate) fn start(width: u32, height: u32) -> Self {
        let mut command = Command::new("chromedriver");
        let driver = Running::start(command.arg("--port=0").stdin(Stdio::null()));
        let line = driver.out.until("started successfully on port");
        let port = line.trim_end_matches('.').rsplit(' ').next().expect("a port");
        let addr = format!("127.0.0.1:{port}");
        let size = format!("--window-size={width},{height}");
        // As root, and in containers, it cannot lock itself up.
        let args = ["--headless=new", "--no-sandbox", "--disable-gpu", &size];
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": args },
            "goog:loggingPrefs": { "browser": "ALL" },
        }}});
        let started = call(&addr, "POST", "/session", &wanted);
        let session = started["sessionId"].as_str().expect("a session").to_owned();
        Self { addr, session, _driver: driver }
    }
    pub(crate) fn open(&self, path: &Path) {
        self.post("/url", &json!({ "url": format!("file://{}", path.display()) }));
    }
    pub(crate) fn find(&self, css: &str) -> Element {
        let found = self.post("/element", &json!({ "using": "css selector", "value": css }));
        Element(found[ELEMENT].as_str().unwrap_or_else(|| panic!("{css}: {found}")).to_owned())
    }
    pub(crate) fn click(&self, element: &Element) {
        self.post(&format!("/element/{}/click", element.0), &json!({}));
    }
    pub(crate) fn press(&self, element: &Element, keys: &str) {
        self.post(&format!("/element/{}/value", element.0), &json!({ "text": keys }));
    }
    /// Turns the wheel over it, away from the person, while Ctrl is held.
    pub(crate) fn wheel(&self, element: &Element) {
        const CTRL: &str = "\u{e009}";
        let key = |kind| json!({ "type": kind, "value": CTRL });
        let pause = json!({ "type": "pause" });
        let origin = json!({ ELEMENT: element.0 });
        let scroll = json!({ "type": "scroll", "x": 0, "y": 0, "deltaX": 0, "deltaY": -120,
            "duration": 0, "origin": origin });
        self.post(
            "/actions",
            &json!({ "actions": [
                { "type": "key", "id": "keys", "actions": [key("keyDown"), pause, key("keyUp")] },
                { "type": "wheel", "id": "wheel", "actions": [pause, scroll, pause] },
            ]}),
        );
    }
    pub(crate) fn text(&self, element: &Element) -> String {
        self.seen(element, "text").as_str().expect("text").to_owned()
    }
    pub(crate) fn attribute(&self, element: &Element, name: &str) -> Option<String> {
        self.seen(element, &format!("attribute/{name}")).as_str().map(str::to_owned)
    }
    pub(crate) fn is_shown(&self, element: &Element) -> bool {
        self.seen(element, "displayed").as_bool().expect("yes or no")
    }
    /// What this JavaScript returns.
    pub(crate) fn evaluate(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": [] }))
    }
    /// What it complained of.
    pub(crate) fn complaints(&self) -> Value {
        self.post("/se/log", &json!({ "type": "browser" }))
    }
    /// What is to be seen, as PNG.
    pub(crate) fn screenshot(&self) -> Vec<u8> {
        let path = format!("/session/{}/screenshot", self.session);
        decoded(call(&self.addr, "GET", &path, &Value::Null).as_str().expect("base64"))
    }
    fn seen(&self, element: &Element, what: &str) -> Value {
        let path = format!("/session/{}/element/{}/{what}", self.session, element.0);
        call(&self.addr, "GET", &path, &Value::Null)
    }
    fn post(&self, path: &str, body: &Value) -> Value {
        call(&self.addr, "POST", &format!("/session/{}{path}", self.session), body)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver alone would leave the browser behind.
        let _ = try_call(&self.addr, "DELETE", &format!("/session/{}", self.session), &Value::Null);
    }
}

/// The value that comes back.
fn call(addr: &str, method: &str, path: &str, body: &Value) -> Value {
    let answer = try_call(addr, method, path, body).expect("the driver answers");
    assert!(answer["error"].is_null(), "{method} {path}: {}", answer["message"]);
    answer
}

fn try_call(addr: &str, method: &str, path: &str, body: &Value) -> std::io::Result<Value> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {addr}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    // It keeps the connection open, whatever it is told.
    let mut answer = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        answer.read_line(&mut line)?;
        match line.trim().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().expect("a length");
            }
            Some(_) => {}
            None if line.trim().is_empty() => break,
            None => {}
        }
    }
    let mut body = vec![0; length];
    answer.read_exact(&mut body)?;
    let mut answer: Value = serde_json::from_slice(&body)?;
    Ok(answer["value"].take())
}

/// Base64, as RFC 4648 section 4 has it.
fn decoded(text: &str) -> Vec<u8> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0);
    for digit in text.chars().filter_map(|c| DIGITS.find(c)) {
        bits = bits << 6 | digit as u32;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    bytes
}
