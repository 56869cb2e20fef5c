//! A report as one page of HTML that needs nothing but itself. Each chart has its table beside it.

use std::fmt::Write as _;

use super::{balance, difference, holder_name, leaning_word, notes, period_word, scope};
use crate::{
    cli::render::{Escaped, percent, type_tag},
    report::{Counts, Leaning, Report, Resonance, TargetReport},
};

const STYLE: &str = include_str!("page.css");
const HEAD: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";

/// The page.
pub fn page(report: &Report, title: &str) -> String {
    let mut page = String::from(HEAD);
    // Writing to a string cannot fail.
    let _ = write!(
        page,
        "<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n<p>{}</p>\n</header>\n<main>\n",
        scope(report),
        title = Escaped(title),
    );
    overview(&mut page, report);
    for (index, target) in report.targets.iter().enumerate() {
        if target.total.mentions > 0 {
            section(&mut page, report, target, index);
        }
    }
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn name(target: &TargetReport) -> String {
    let name = Escaped(&target.target.name);
    match target.target.kind {
        Some(kind) => format!("{name} <span class=\"tag\">{}</span>", type_tag(kind)),
        None => name.to_string(),
    }
}

/// Two numbers, each with its mark and colour, as two cells.
fn stance_cells(counts: Counts) -> String {
    let cell = |class: &str, count: u64| match count {
        0 => "<td>0</td>".to_owned(),
        _ => format!("<td><b class=\"{class}\">{count}</b></td>"),
    };
    format!(
        "{}{}<td>{}</td>",
        cell("fav", counts.favorable),
        cell("unf", counts.unfavorable),
        balance(counts)
    )
}

const STANCE_NAMES: &str = "<th scope=\"col\">▲ fav.</th><th scope=\"col\">▼ unfav.</th>\
<th scope=\"col\">Balance</th>";

/// A bar to the left for unfavourable and one to the right for favourable, as shares of the largest.
fn split(counts: Counts, most: u64) -> String {
    let share = |count: u64| 100.0 * count as f64 / most.max(1) as f64;
    format!(
        "<div class=\"split\" aria-hidden=\"true\"><span><i class=\"unf\" style=\"width:{:.1}%\"></i></span>\
         <span><i class=\"fav\" style=\"width:{:.1}%\"></i></span></div>",
        share(counts.unfavorable),
        share(counts.favorable)
    )
}

fn most(counts: impl Iterator<Item = Counts>) -> u64 {
    counts
        .map(|counts| counts.favorable.max(counts.unfavorable))
        .max()
        .unwrap_or(0)
}

fn overview(page: &mut String, report: &Report) {
    let largest = report
        .targets
        .iter()
        .map(|target| target.share_of_voice)
        .fold(0.0, f64::max);
    let most = most(report.targets.iter().map(|target| target.total.stances));
    let changes = report
        .targets
        .iter()
        .any(|target| target.change().is_some());
    page.push_str("<div class=\"sheet\">\n<h2>Overview</h2>\n<div class=\"wide\">\n<table>\n");
    if let (true, [.., before, last]) = (changes, report.periods.as_slice()) {
        let _ = writeln!(
            page,
            "<caption>Change: mentions, {} against {}.</caption>",
            last.label(report.period),
            before.label(report.period)
        );
    }
    let _ = write!(
        page,
        "<thead><tr><th scope=\"col\">Target</th><th scope=\"col\">Documents</th><th scope=\"col\">Mentions</th>\
         <th scope=\"col\" colspan=\"2\">Share of voice</th>{STANCE_NAMES}<th scope=\"col\">Stances</th>"
    );
    if changes {
        page.push_str("<th scope=\"col\">Change</th>");
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for (index, target) in report.targets.iter().enumerate() {
        let label = match target.total.mentions {
            0 => name(target),
            _ => format!("<a href=\"#t{}\">{}</a>", index + 1, name(target)),
        };
        let _ = write!(
            page,
            "<tr><th scope=\"row\">{label}</th><td>{}</td><td>{}</td><td>{}</td>\
             <td class=\"chart\"><span class=\"bar\" aria-hidden=\"true\" style=\"width:{:.1}%\"></span></td>\
             {}<td class=\"chart\">{}</td>",
            target.total.documents,
            target.total.mentions,
            percent(target.share_of_voice as f32),
            100.0 * target.share_of_voice / if largest > 0.0 { largest } else { 1.0 },
            stance_cells(target.total.stances),
            split(target.total.stances, most),
        );
        if let Some((now, before)) = target.change() {
            let _ = write!(
                page,
                "<td>{}</td>",
                difference(now.mentions, before.mentions)
            );
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table>\n</div>\n");
    let notes = notes(report);
    page.push_str(
        "<ul class=\"notes\">\n<li>Share of voice: mentions as a share of those of all targets. \
        Stances: favourable (fav.) to the right, unfavourable (unfav.) to the left. Balance: the one less the other, as a share of both.</li>\n",
    );
    for note in notes {
        let _ = writeln!(page, "<li>{note}</li>");
    }
    page.push_str("</ul>\n</div>\n");
}

fn section(page: &mut String, report: &Report, target: &TargetReport, index: usize) {
    let number = index + 1;
    let _ = writeln!(
        page,
        "<section class=\"sheet\" id=\"t{number}\" aria-labelledby=\"h{number}\">\n<h2 id=\"h{number}\">{}</h2>",
        name(target)
    );
    whose(page, target);
    if target.timeline.len() > 1 {
        timeline(page, report, target);
    }
    if !target.holders.is_empty() || !target.sources.is_empty() {
        page.push_str("<div class=\"side halves\">\n");
        holders(page, target);
        sources(page, target);
        page.push_str("</div>\n");
    }
    evidence(page, target);
    page.push_str("</section>\n");
}

fn whose(page: &mut String, target: &TargetReport) {
    let kinds = [
        ("Author", target.author),
        ("Named holders", target.named),
        ("Unnamed holders", target.unnamed),
    ];
    let most = most(kinds.iter().map(|(_, counts)| *counts));
    let _ = write!(
        page,
        "<div>\n<h3>Whose stance</h3>\n<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">Holder</th>\
         {STANCE_NAMES}<th scope=\"col\">Stances</th></tr></thead>\n<tbody>\n"
    );
    for (whose, counts) in kinds {
        let _ = writeln!(
            page,
            "<tr><th scope=\"row\">{whose}</th>{}<td class=\"chart\">{}</td></tr>",
            stance_cells(counts),
            split(counts, most)
        );
    }
    page.push_str("</tbody>\n</table></div>\n</div>\n");
}

fn timeline(page: &mut String, report: &Report, target: &TargetReport) {
    let period = period_word(report.period);
    let _ = write!(
        page,
        "<div>\n<h3>By {period}</h3>\n<div class=\"side\">\n<figure>\n"
    );
    chart(page, report, target);
    let _ = write!(
        page,
        "<figcaption>Above, mentions; below, ▲ favourable stances upward and ▼ unfavourable ones downward. \
         The figures are in the table.</figcaption>\n</figure>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" \
         aria-label=\"Figures by {period}\"><table>\n<thead><tr><th scope=\"col\">From</th>\
         <th scope=\"col\">Mentions</th>{STANCE_NAMES}</tr></thead>\n<tbody>\n"
    );
    for (start, seen) in report.periods.iter().zip(&target.timeline) {
        let _ = writeln!(
            page,
            "<tr><th scope=\"row\">{start}</th><td>{}</td>{}</tr>",
            seen.mentions,
            stance_cells(seen.stances)
        );
    }
    page.push_str("</tbody>\n</table></div>\n</div>\n</div>\n");
}

/// Mentions as columns over stances as columns up and down, on one line of time.
fn chart(page: &mut String, report: &Report, target: &TargetReport) {
    const WIDTH: f64 = 640.0;
    const LEFT: f64 = 34.0;
    const VOICE: f64 = 120.0;
    const GAP: f64 = 22.0;
    const STANCE: f64 = 100.0;
    const TOP: f64 = 10.0;
    let points: &[Resonance] = &target.timeline;
    let tallest = points
        .iter()
        .map(|seen| seen.mentions)
        .max()
        .unwrap_or(0)
        .max(1);
    let favorable = points
        .iter()
        .map(|seen| seen.stances.favorable)
        .max()
        .unwrap_or(0);
    let unfavorable = points
        .iter()
        .map(|seen| seen.stances.unfavorable)
        .max()
        .unwrap_or(0);
    let step = (WIDTH - LEFT) / points.len().max(1) as f64;
    let column = (step * 0.72).min(48.0);
    let floor = TOP + VOICE;
    let unit = STANCE / (favorable + unfavorable).max(1) as f64;
    let zero = floor + GAP + favorable as f64 * unit;
    let bottom = floor + GAP + STANCE;
    let height = bottom + 24.0;
    let _ = writeln!(
        page,
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"Mentions of and stances toward {} by {}\">",
        Escaped(&target.target.name),
        period_word(report.period)
    );
    let line = |page: &mut String, class: &str, y: f64, label: u64| {
        let _ = writeln!(
            page,
            "<line class=\"{class}\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
            LEFT - 6.0,
            y + 4.0
        );
    };
    line(page, "grid", TOP, tallest);
    line(page, "axis", floor, 0);
    if favorable > 0 {
        line(page, "grid", floor + GAP, favorable);
    }
    line(page, "axis", zero, 0);
    if unfavorable > 0 {
        line(page, "grid", bottom, unfavorable);
    }
    // As many labels as can be read, the last one always.
    let every = (points.len() * 78).div_ceil(606).max(1);
    for (index, (start, seen)) in report.periods.iter().zip(points).enumerate() {
        let middle = LEFT + (index as f64 + 0.5) * step;
        let x = middle - column / 2.0;
        let bar = |page: &mut String, class: &str, y: f64, height: f64, count: u64, word: &str| {
            if count > 0 {
                let _ = writeln!(
                    page,
                    "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{column:.1}\" height=\"{height:.1}\">\
                     <title>{}: {count} {word}</title></rect>",
                    start.label(report.period)
                );
            }
        };
        let voice = VOICE * seen.mentions as f64 / tallest as f64;
        let (up, down) = (
            seen.stances.favorable as f64 * unit,
            seen.stances.unfavorable as f64 * unit,
        );
        bar(
            page,
            "voice",
            floor - voice,
            voice,
            seen.mentions,
            "mentions",
        );
        bar(
            page,
            "fav",
            zero - up,
            up,
            seen.stances.favorable,
            "favourable",
        );
        bar(
            page,
            "unf",
            zero,
            down,
            seen.stances.unfavorable,
            "unfavourable",
        );
        if (points.len() - 1 - index).is_multiple_of(every) {
            let _ = writeln!(
                page,
                "<text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{start}</text>",
                height - 6.0
            );
        }
    }
    page.push_str("</svg>\n");
}

fn holders(page: &mut String, target: &TargetReport) {
    if target.holders.is_empty() {
        return;
    }
    let most = most(target.holders.iter().map(|holder| holder.stances));
    let _ = write!(
        page,
        "<div>\n<h3>Who takes a stance</h3>\n<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">Holder</th>\
         {STANCE_NAMES}<th scope=\"col\">Stances</th></tr></thead>\n<tbody>\n"
    );
    for holder in &target.holders {
        let _ = writeln!(
            page,
            "<tr><th scope=\"row\">{}</th>{}<td class=\"chart\">{}</td></tr>",
            Escaped(&holder.name),
            stance_cells(holder.stances),
            split(holder.stances, most)
        );
    }
    page.push_str("</tbody>\n</table></div>\n</div>\n");
}

fn sources(page: &mut String, target: &TargetReport) {
    if target.sources.is_empty() {
        return;
    }
    let _ = write!(
        page,
        "<div>\n<h3>Media</h3>\n<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">Medium</th>\
         <th scope=\"col\">Documents</th><th scope=\"col\">Mentions</th>{STANCE_NAMES}</tr></thead>\n<tbody>\n"
    );
    for (source, seen) in &target.sources {
        let _ = writeln!(
            page,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td>{}</tr>",
            Escaped(source),
            seen.documents,
            seen.mentions,
            stance_cells(seen.stances)
        );
    }
    page.push_str("</tbody>\n</table></div>\n</div>\n");
}

fn evidence(page: &mut String, target: &TargetReport) {
    if target.evidence.is_empty() {
        return;
    }
    page.push_str("<div>\n<h3>Evidence</h3>\n<ul class=\"cards\">\n");
    for evidence in &target.evidence {
        let (class, mark) = match evidence.leaning {
            Leaning::Favorable => ("fav", "▲"),
            Leaning::Unfavorable => ("unf", "▼"),
        };
        let mut from = vec![Escaped(holder_name(&evidence.holder)).to_string()];
        from.extend(
            evidence
                .source
                .as_deref()
                .map(|source| Escaped(source).to_string()),
        );
        from.extend(evidence.date.map(|date| date.to_string()));
        from.push(Escaped(&evidence.document).to_string());
        let _ = writeln!(
            page,
            "<li class=\"{class}\"><blockquote>{}</blockquote><small><b class=\"{class}\">{mark} {}</b>, {}</small></li>",
            Escaped(&evidence.text),
            leaning_word(evidence.leaning),
            from.join(", ")
        );
    }
    page.push_str("</ul>\n</div>\n");
}
