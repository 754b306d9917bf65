//! A metrics file for node_exporter's textfile collector, in which runs too short to be scraped add up.
use std::{
    collections::{BTreeMap, btree_map::Entry},
    ffi::OsString,
    fs::OpenOptions,
    io,
    path::{Path, PathBuf},
};

use super::{
    Metrics,
    exposition::{self, Family, Kind, Sample},
};
use crate::files;

/// Adds what `metrics` counted to the file at `path`, which need not exist. Call it once, at the end of
/// a run. Other processes may do the same at the same time; readers see the old file or the new one.
///
/// # Errors
/// The file cannot be read or written, or (`InvalidData`, naming file and line) is not one of ours; then
/// it is left as it is.
pub fn accumulate(path: &Path, metrics: &Metrics) -> io::Result<()> {
    // The lock has a file of its own, since the other one is replaced. Never removed: a waiter may
    // already have it open.
    let lock_path = lock_path(path);
    let lock = OpenOptions::new().create(true).append(true).open(&lock_path);
    let lock = lock.and_then(|lock| lock.lock().map(|()| lock)).map_err(|e| name(&lock_path, e))?;
    let mut families = metrics.families();
    if let Some(text) = read(path)? {
        merge(&mut families, &text).map_err(|why| refuse(path, &why))?;
    }
    files::replace(path, exposition::write(&families)).map_err(|e| name(path, e))?;
    lock.unlock()
}

/// The file's text; none if there is no file.
fn read(path: &Path) -> io::Result<Option<String>> {
    match std::fs::read(path) {
        Ok(bytes) => String::from_utf8(bytes).map(Some).map_err(|error| {
            let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            refuse(path, &format!("{line}: not UTF-8"))
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(name(path, error)),
    }
}

fn name(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".lock");
    name.into()
}

fn refuse(path: &Path, why: &str) -> io::Error {
    let path = path.display();
    let what = format!("{path}:{why}; it is left alone: mend, move or delete it");
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Adds the file's counts to ours. The error begins with the number of the offending line.
fn merge(ours: &mut Vec<Family>, text: &str) -> Result<(), String> {
    let theirs = exposition::read(text).map_err(|(line, why)| format!("{line}: {why}"))?;
    for family in theirs {
        let line = text.lines().position(|line| is_type_of(line, &family.name));
        let line = line.map_or(1, |before| before + 1);
        match ours.iter_mut().find(|our| our.name == family.name) {
            Some(our) => add(our, family).map_err(|why| format!("{line}: {why}"))?,
            None => ours.push(family),
        }
    }
    Ok(())
}

fn is_type_of(line: &str, name: &str) -> bool {
    let rest = line.strip_prefix("# TYPE ").and_then(|rest| rest.strip_prefix(name));
    rest.is_some_and(|rest| rest.starts_with(' '))
}

fn add(our: &mut Family, theirs: Family) -> Result<(), String> {
    if our.kind != theirs.kind {
        return Err(format!("{} is of another type now", our.name));
    }
    match our.kind {
        // Of a gauge the newest value is the true one.
        Kind::Gauge => Ok(()),
        Kind::Counter | Kind::Histogram => {
            let mut sum = by_series(theirs.samples);
            for (series, samples) in by_series(std::mem::take(&mut our.samples)) {
                match sum.entry(series) {
                    Entry::Vacant(free) => drop(free.insert(samples)),
                    Entry::Occupied(mut taken) => add_samples(taken.get_mut(), &samples)?,
                }
            }
            our.samples = sum.into_values().flatten().collect();
            Ok(())
        }
    }
}

/// Samples by their labels, those of one histogram together.
fn by_series(samples: Vec<Sample>) -> BTreeMap<BTreeMap<String, String>, Vec<Sample>> {
    let mut series = BTreeMap::<_, Vec<_>>::new();
    for sample in samples {
        let mut labels = sample.labels.clone();
        labels.remove("le");
        series.entry(labels).or_default().push(sample);
    }
    series
}

fn add_samples(sum: &mut [Sample], more: &[Sample]) -> Result<(), String> {
    let same = |(a, b): (&Sample, &Sample)| a.name == b.name && a.labels == b.labels;
    if sum.len() != more.len() || !sum.iter().zip(more).all(same) {
        return Err("the same series with other buckets, or there twice".into());
    }
    sum.iter_mut().zip(more).for_each(|(sum, more)| sum.value += more.value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::record::{Record, Sink, told::*};

    fn told(records: &[Record]) -> Metrics {
        let mut metrics = Metrics::new();
        records.iter().for_each(|r| metrics.take(r));
        metrics
    }
    fn value(path: &Path, series: &str) -> Option<f64> {
        let text = fs::read_to_string(path).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(series))?;
        line.trim().parse().ok()
    }
    const COMMANDS: &str = r#"tcp_comm_commands_total{device_id="D1",outcome="ok"}"#;
    const UP_TO_5_MS: &str = r#"tcp_comm_packet_latency_seconds_bucket{device_id="D1",le="0.005"}"#;

    #[test]
    fn runs_add_up() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("toggler.prom");
        let metrics = told(&happy());
        accumulate(&path, &metrics).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), metrics.text());
        accumulate(&path, &metrics).unwrap();
        assert_eq!(value(&path, COMMANDS), Some(2.0));
        assert_eq!(value(&path, UP_TO_5_MS), Some(2.0));
        assert_eq!(
            value(&path, r#"tcp_comm_packet_latency_seconds_sum{device_id="D1"}"#),
            Some(0.005)
        );
        let build = format!("tcp_comm_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
        assert_eq!(value(&path, &build), Some(1.0), "a gauge does not add up");
    }

    #[test]
    fn devices_of_other_runs_stay() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("toggler.prom");
        accumulate(&path, &told(&happy())).unwrap();
        accumulate(&path, &told(&[client(0, submitted(T1, "D2")), client(1, done(T1, None))]))
            .unwrap();
        assert_eq!(value(&path, COMMANDS), Some(1.0));
        assert_eq!(value(&path, &COMMANDS.replace("D1", "D2")), Some(1.0));
    }

    #[test]
    fn runs_at_the_same_time_are_all_counted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("toggler.prom");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..5).for_each(|_| accumulate(&path, &told(&happy())).unwrap()));
            }
        });
        assert_eq!(value(&path, COMMANDS), Some(40.0));
        let mut files: Vec<_> =
            fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        files.sort();
        assert_eq!(files, ["toggler.prom", "toggler.prom.lock"], "nothing else is left behind");
    }

    #[test]
    fn a_file_that_is_not_ours_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("toggler.prom");
        let ours = told(&happy()).text();
        let cases = [
            (1, b"not metrics\n".to_vec()),
            (1, b"\xff\n".to_vec()),
            (ours.lines().count(), ours.trim_end().into()),
            (2, ours.replacen("counter", "gauge", 1).into()),
            (14, ours.replace("le=\"0.25\"", "le=\"0.2\"").into()),
        ];
        for (line, theirs) in cases {
            fs::write(&path, &theirs).unwrap();
            let error = accumulate(&path, &told(&happy())).unwrap_err();
            let place = format!("{}:{line}:", path.display());
            assert!(error.to_string().starts_with(&place), "{error}");
            assert_eq!(fs::read(&path).unwrap(), theirs);
        }
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let error = accumulate(&dir.path().join("no/where.prom"), &Metrics::new()).unwrap_err();
        assert!(error.to_string().contains("no/where.prom"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn anyone_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("toggler.prom");
        accumulate(&path, &Metrics::new()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o444, 0o444);
    }
}
