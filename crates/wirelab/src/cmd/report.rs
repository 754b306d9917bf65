//! `wirelab report`: judges recorded runs again, and writes reports on them.
use std::{fs::File, io::Read, path::Path};

use lab::{
    judge::{judge, judge_by_laws},
    report::{
        CaseResult, Skipped,
        html::Html,
        json, junit, latencies_ms, mermaid, pcapng,
        probed::{Probed, ProbedCase},
        text as table,
    },
    run::TARGET,
    scenario::Scenario,
    shipped::shipped,
};
use net::{
    files,
    record::{Header, Run},
};

use crate::{
    args::ReportArgs,
    cmd::{
        evidence,
        run::{exit, pretty, quoted, say},
        scenarios,
    },
    exit::{Exit, Failure},
    text,
};

/// # Errors
/// What was typed makes no sense, the evidence cannot be read, or a report cannot be written.
pub(crate) fn run(args: ReportArgs) -> Result<Exit, Failure> {
    let ReportArgs { evidence, scenario, which, html, junit, json, pcapng, mermaid, text } = args;
    let paths = [&html, &junit, &json, &pcapng, &mermaid];
    let printed = paths.iter().filter(|path| path.as_deref().is_some_and(is_stdout)).count();
    let text = text || paths.iter().all(|path| path.is_none());
    if printed + usize::from(text) > 1 {
        return Err(Failure::usage("only one report can go to stdout; give the others a path"));
    }
    let scenarios = scenario.iter().map(|file| scenarios::load_one(file));
    let scenarios = scenarios.collect::<Result<Vec<_>, _>>()?;
    let (mut runs, mut cases, mut whole) = (Vec::new(), Vec::new(), true);
    let mut probes: Vec<(String, Probed)> = Vec::new();
    for path in &evidence {
        if let Some(probed) = probed(path)? {
            let judged = format!("{}, {}", probed.judged, probed.level);
            let known = probes.iter().any(|(other, _)| *other == judged);
            probes.push((if known { format!("{judged} of {path}") } else { judged }, probed));
            continue;
        }
        let (read, sound) = evidence::read(path)?;
        whole &= sound;
        let picked = evidence::pick(path, read, &which)?;
        // Whose they are is told where it could be anybody's.
        let of = (evidence.len() > 1).then_some(path.as_str());
        cases.extend(picked.iter().map(|run| case(run, &scenarios, of)));
        runs.extend(picked);
    }
    let others = [&junit, &json, &pcapng, &mermaid];
    if !probes.is_empty() && (text || others.iter().any(|path| path.is_some())) {
        return Err(Failure::usage(
            "what judge device or client wrote goes into --html and nothing else; \
             they write the rest themselves",
        ));
    }
    let only = || match &runs[..] {
        [only] => Ok(only),
        many => Err(Failure::usage(format!(
            "a capture or a diagram is of one run; choose with --case, --world and --seed from {}",
            evidence::list(many)
        ))),
    };
    // What can be refused is, before anything is written.
    let drawn = match mermaid {
        Some(path) => Some((path, drawn(only()?))),
        None => None,
    };
    let captured = match pcapng {
        Some(path) => Some((path, captured(only()?))),
        None => None,
    };
    let began = runs.iter().map(|(header, _)| header.started).min().unwrap_or_default();
    let none: &[Skipped] = &[];
    if let Some(path) = html {
        let mut page = Html::default();
        for (case, (header, records)) in cases.iter().zip(&runs) {
            page.add(case, header.started, records);
        }
        probes.iter().for_each(|(judged, probed)| page.add_probed(judged, probed));
        put(&path, page.finish(&title(&evidence)).as_bytes())?;
    }
    if let Some(path) = junit {
        put(&path, junit::xml(&cases, none, began).as_bytes())?;
    }
    if let Some(path) = json {
        put(&path, pretty(&json::suite(&cases, none, 0)).as_bytes())?;
    }
    for (path, content) in
        [drawn.map(|(p, text)| (p, text.into_bytes())), captured].into_iter().flatten()
    {
        put(&path, &content)?;
    }
    if text {
        say(&table::table(&cases, true))?;
    }
    let probed = probes.iter().flat_map(|(_, probed)| &probed.cases).map(ProbedCase::outcome);
    Ok(match exit(cases.iter().map(|case| case.verdict.outcome).chain(probed)) {
        Exit::Done if !whole => Exit::Environment,
        exit => exit,
    })
}

/// What `judge device` or `judge client` wrote, if it is that.
///
/// # Errors
/// It is, and cannot be read.
fn probed(path: &str) -> Result<Option<Probed>, Failure> {
    const HEAD: u64 = 4096;
    // Of stdin nothing can be read twice; and what cannot be opened is told later.
    let Ok(mut file) = File::open(path) else { return Ok(None) };
    let mut text = Vec::new();
    let unreadable = |why: String| Failure::environment(format!("cannot read {path}: {why}"));
    file.by_ref().take(HEAD).read_to_end(&mut text).map_err(|e| unreadable(e.to_string()))?;
    let holds = |key: &str| text.windows(key.len()).any(|part| part == key.as_bytes());
    if holds("\"wirelab_evidence\"") || !(holds("\"judged\"") && holds("\"level\"")) {
        return Ok(None);
    }
    file.read_to_end(&mut text).map_err(|e| unreadable(e.to_string()))?;
    Probed::read(&text).map(Some).map_err(unreadable)
}

fn title(evidence: &[String]) -> String {
    let name = |path: &String| match path.as_str() {
        "-" => "stdin".into(),
        path => Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned(),
    };
    let names: Vec<_> = evidence.iter().map(name).collect();
    format!("wirelab report: {}", names.join(", "))
}

/// A run as it was recorded, and its verdict. Several files may hold the same case.
fn case((header, records): &Run, given: &[(String, Scenario)], file: Option<&str>) -> CaseResult {
    let name = evidence::name(header);
    let (protocol, scenario) = name.split_once('/').unwrap_or(("unnamed", name));
    let given = given.iter().find(|(_, scenario)| scenarios::name(scenario) == name);
    let known = match given {
        Some((path, scenario)) => Some((quoted(path), scenario.clone())),
        None => shipped_as(name).map(|scenario| (name.to_owned(), scenario)),
    };
    let (title, verdict, again) = match known {
        Some((path, scenario)) => {
            (scenario.title.clone(), judge(&scenario, &header.world, records), path)
        }
        None => {
            let mut verdict = judge_by_laws(records);
            verdict.notes.push(format!(
                "judged by the laws alone: {name} does not come with the program; --scenario names its file"
            ));
            (String::new(), verdict, "FILE".into())
        }
    };
    let Header { seed, world, .. } = header;
    let place = match world.as_str() {
        TARGET => "--target HOST:PORT".into(),
        world => format!("--{world}"),
    };
    CaseResult {
        protocol: protocol.into(),
        scenario: scenario.into(),
        title,
        world: file.map_or_else(|| world.clone(), |file| format!("{world} of {file}")),
        seed: *seed,
        verdict,
        elapsed: records.last().map(|last| last.at.since_start()).unwrap_or_default(),
        // Virtual milliseconds say nothing about how fast anything is.
        latencies_ms: if world == "sim" { Vec::new() } else { latencies_ms(records) },
        replay: format!("wirelab run {again} {place} --seed {seed}"),
    }
}

fn shipped_as(name: &str) -> Option<Scenario> {
    let wanted = format!("scenarios/{name}.toml");
    let (path, text) = shipped().into_iter().find(|(path, _)| *path == wanted)?;
    Scenario::parse(&path, &text).ok()
}

fn drawn((header, records): &Run) -> String {
    mermaid::diagram(&told(header), records)
}

fn captured((header, records): &Run) -> Vec<u8> {
    let comment = format!(
        "{}\nMade from the record of the run: bytes and times are as recorded, headers are made up.",
        told(header)
    );
    pcapng::capture(&comment, header.started, records)
}

fn told(header: &Header) -> String {
    let Header { seed, world, .. } = header;
    format!("{} ({world}, seed {seed})", evidence::name(header))
}

fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Writes it there, whole or not at all.
pub(crate) fn put(path: &Path, content: &[u8]) -> Result<(), Failure> {
    if is_stdout(path) {
        return match text::print_bytes(content) {
            Ok(()) | Err(Failure::Unheard) => Ok(()),
            Err(told) => Err(told),
        };
    }
    files::replace(path, content).map_err(|e| text::unwritable(&path.display().to_string(), &e))?;
    text::talk(&format!("{} is written", path.display()));
    Ok(())
}
