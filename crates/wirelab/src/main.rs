//! x
mod cmd;
fn main() {
    let plan = cmd::bench::Plan { rounds: 3, commands: 5000, reference: None, seed: 1 };
    let report = cmd::bench::run(&plan, |_| {}).unwrap();
    println!("{}", report.table());
}
