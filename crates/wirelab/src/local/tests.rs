//! Both ends, in a directory of their own.
use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::{
        fs::PermissionsExt as _,
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
};

use tokio::task::spawn_blocking;

use super::{Call, Ear, MAX_ORDER, UNREAD, ask};
use crate::exit::{Exit, Failure};

/// An open ear, and where.
fn ear() -> (Ear, PathBuf, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("made/some.sock");
    (Ear::open(&path).unwrap(), path, dir)
}

/// Gives an order and reads the whole answer, elsewhere.
fn asking(
    path: &Path,
    order: &'static str,
) -> tokio::task::JoinHandle<Vec<Result<String, Failure>>> {
    let path = path.to_owned();
    spawn_blocking(move || ask(&path, order).unwrap().collect())
}

fn refused(problem: &str) -> Result<String, Failure> {
    Err(Failure::Told { exit: Exit::Failed, problem: problem.into() })
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Says these bytes, and reads the answer to its end.
fn said(path: PathBuf, bytes: Vec<u8>) -> tokio::task::JoinHandle<String> {
    spawn_blocking(move || {
        let mut stream = UnixStream::connect(path).unwrap();
        // Who is refused may be hung up on before all is said.
        let _ = stream.write_all(&bytes);
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    })
}

async fn leaves(answer: &super::Answer) {
    while !answer.is_left() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_order_is_heard_and_its_answer_read_line_by_line() {
    let (mut ear, path, _dir) = ear();
    let answers = asking(&path, r#"{"watch":true}"#);
    let Call { order, answer } = ear.next().await;
    assert_eq!(order, r#"{"watch":true}"#);
    assert!(answer.line(r#"{"seen":1}"#.into()) && answer.line("{\"seen\":2}\n".into()));
    drop(answer);
    let lines = [r#"{"seen":1}"#, r#"{"seen":2}"#].map(|line| Ok(line.to_owned()));
    assert_eq!(answers.await.unwrap(), lines);
    let answers = asking(&path, "{}");
    ear.next().await.answer.refuse("nothing is asked");
    assert_eq!(answers.await.unwrap(), [refused("nothing is asked")]);
}

#[tokio::test]
async fn a_socket_is_its_owners_alone_and_goes_with_its_program() {
    let (ear, path, _dir) = ear();
    let made = path.parent().unwrap();
    assert_eq!((mode(&path), mode(made)), (0o600, 0o700));
    drop(ear);
    assert_eq!(fs::read_dir(made).unwrap().count(), 0);
}

#[tokio::test]
async fn what_a_dead_program_left_is_replaced_and_a_live_one_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("some.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "a socket outlives its program");
    let mut ear = Ear::open(&path).unwrap();
    let second = Ear::open(&path).err().unwrap().to_string();
    assert_eq!(second, format!("process {} listens there", std::process::id()));
    let answers = asking(&path, "{}");
    ear.next().await.answer.refuse("still here");
    assert_eq!(answers.await.unwrap(), [refused("still here")]);
}

#[tokio::test]
async fn what_is_no_socket_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("some.sock");
    fs::write(&path, "precious").unwrap();
    let error = Ear::open(&path).err().unwrap().to_string();
    assert!(error.contains("no socket"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nor is anything left beside it");
}

#[tokio::test]
async fn what_is_no_order_is_refused_before_anybody_hears_it() {
    let (mut ear, path, _dir) = ear();
    for (bytes, named) in [
        (vec![b'x'; MAX_ORDER], "65536 bytes"),
        (vec![b'x'; 4 * MAX_ORDER], "65536 bytes"),
        (b"\xff\n".to_vec(), "UTF-8"),
    ] {
        let answer = said(path.clone(), bytes).await.unwrap();
        assert!(answer.contains(named) && answer.ends_with("}\n"), "{answer}");
    }
    let longest = said(path.clone(), [&vec![b'x'; MAX_ORDER - 1][..], b"\n"].concat());
    let call = ear.next().await;
    assert_eq!(call.order.len(), MAX_ORDER - 1);
    drop(call);
    assert_eq!(longest.await.unwrap(), "");
}

#[tokio::test]
async fn who_reads_too_slowly_is_told_that_something_is_missing() {
    let (mut ear, path, _dir) = ear();
    let stream = UnixStream::connect(&path).unwrap();
    (&stream).write_all(b"{}\n").unwrap();
    let call = ear.next().await;
    // Nothing is read yet; the kernel takes some, the queue the rest.
    let line = format!("\"{}\"", "x".repeat(10_000));
    let mut taken = 0;
    while call.answer.line(line.clone()) {
        taken += 1;
        tokio::task::yield_now().await;
    }
    assert!(taken >= UNREAD, "{taken}");
    drop(call);
    let answer = spawn_blocking(move || {
        let mut answer = String::new();
        (&stream).read_to_string(&mut answer).unwrap();
        answer
    });
    let answer = answer.await.unwrap();
    assert_eq!(answer.lines().filter(|read| **read == *line).count(), taken);
    assert!(answer.lines().last().unwrap().contains("left out"), "{taken}");
}

#[tokio::test]
async fn who_leaves_is_noticed() {
    let (mut ear, path, _dir) = ear();
    let lines = ask(&path, "{}").unwrap();
    let call = ear.next().await;
    drop(lines);
    leaves(&call.answer).await;
    assert!(!call.answer.line("{}".into()));
}

#[tokio::test]
async fn there_is_an_end_to_how_many_may_ask() {
    let (mut ear, path, _dir) = ear();
    let mut waiting = Vec::new();
    let mut calls = Vec::new();
    for _ in 0..super::ear::MOST {
        waiting.push(ask(&path, "{}").unwrap());
        calls.push(ear.next().await);
    }
    let refused = asking(&path, "{}").await.unwrap();
    assert!(matches!(&refused[..], [Err(Failure::Told { exit: Exit::Failed, .. })]), "{refused:?}");
    // One leaves, and there is room again.
    waiting.pop();
    leaves(&calls.pop().unwrap().answer).await;
    let again = |lines: super::ask::Lines| match lines.one() {
        Err(Failure::Told { problem, .. }) => problem.contains("ask again"),
        Ok(_) | Err(Failure::Unheard) => false,
    };
    spawn_blocking(move || while ask(&path, "{}").is_ok_and(again) {});
    assert_eq!(ear.next().await.order, "{}");
}

#[tokio::test]
async fn an_ear_that_closes_hands_over_what_was_answered() {
    let (mut ear, path, _dir) = ear();
    let (answers, idle) = (asking(&path, "{}"), UnixStream::connect(&path).unwrap());
    let call = ear.next().await;
    call.answer.line("1".into());
    drop(call);
    ear.close().await;
    assert_eq!(answers.await.unwrap(), [Ok("1".to_owned())]);
    drop(idle);
}

#[test]
fn where_nobody_listens_is_said_with_what_to_start() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("some.sock");
    let problem = |order: &str| match ask(&path, order).err() {
        Some(Failure::Told { exit, problem }) => (exit, problem),
        other => panic!("{other:?}"),
    };
    for _ in 0..2 {
        let (exit, problem) = problem("{}");
        assert_eq!(exit, Exit::Environment);
        assert!(problem.contains("some.sock") && problem.contains("wirelab node"), "{problem}");
        // The second time, a program has been there and has died.
        if let Ok(_dies) = UnixListener::bind(&path) {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    let (exit, open) = problem("{}");
    assert_eq!(exit, Exit::Usage);
    assert!(open.contains("open to others"), "{open}");
    assert_eq!(problem("a\nb").0, Exit::Usage);
}
