//! The picture. It has two parts: how fast everybody is, and by how much we are
//! faster or slower than the fastest other crate, corpus by corpus.
//!
//! Speeds begin at 0; ratios begin at 1, on a logarithmic axis, so that twice as
//! fast and half as fast are the same distance. Plotters draws; where things are is
//! computed here, because its own charts have no bars that begin at 1.

use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use super::{Report, Rival};
use crate::{contenders::League, input};

const WIDTH: u32 = 1000;
const MARGIN: i32 = 30;
/// Where bars may begin and end; names are to the left, and numbers to the right.
const LEFT: i32 = 290;
const RIGHT: i32 = 900;
const ROW: i32 = 25;
const BAR: i32 = 17;
/// Of a corpus: two bars, and a gap.
const GROUP: i32 = 44;

const INK: RGBColor = RGBColor(31, 35, 40);
const FAINT: RGBColor = RGBColor(101, 109, 118);
const GRID: RGBColor = RGBColor(226, 229, 233);
const LENT: RGBColor = RGBColor(9, 105, 218);
const STREAM: RGBColor = RGBColor(84, 174, 255);
const PEER: RGBColor = RGBColor(175, 184, 193);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

pub fn write(report: &Report) -> String {
    let speeds = speeds(report);
    let groups = groups(report);
    let ratios_top = 86 + ROW * speeds.len() as i32 + 68;
    let height = ratios_top + 84 + GROUP * groups.len() as i32 + 84;
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, height as u32)).into_drawing_area();
        area.fill(&WHITE).expect("a string takes everything");
        let picture = Picture { area };
        picture.speeds(&speeds);
        picture.ratios(&groups, ratios_top);
        picture.foot(report, height - 18);
        picture.area.present().expect("a string takes everything");
    }
    svg
}

/// Name, speed in MB/s if it is right everywhere, and colour; the fastest first.
fn speeds(report: &Report) -> Vec<(String, Option<f64>, RGBColor)> {
    let is_parser =
        |league: League| !matches!(league, League::Floor | League::OwnReader | League::OwnPushed);
    let mut speeds: Vec<_> = report
        .contenders
        .iter()
        .enumerate()
        .filter(|(_, contender)| is_parser(contender.league))
        .map(|(index, contender)| {
            let speed = report.mean_speed(index, |cell| cell.chunking.is_network);
            let colour = match contender.league {
                League::OwnLent => LENT,
                League::OwnStream => STREAM,
                _ => PEER,
            };
            (contender.name(), speed, colour)
        })
        .collect();
    speeds.sort_by(|(_, a, _), (_, b, _)| b.unwrap_or(0.0).total_cmp(&a.unwrap_or(0.0)));
    speeds
}

/// A name, and for each of our two leagues the least, mean and greatest ratio.
struct Group {
    name: String,
    bars: [[f64; 3]; 2],
}

/// A group for each corpus, and one for all.
fn groups(report: &Report) -> Vec<Group> {
    let mut names: Vec<&str> = report.cells.iter().map(|cell| cell.corpus).collect();
    names.dedup();
    let corpora = names.into_iter().map(Some).chain([None]);
    corpora
        .map(|corpus| Group {
            name: corpus.map_or("all nine", input::title).to_owned(),
            bars: [League::OwnLent, League::OwnStream].map(|league| bar(report, corpus, league)),
        })
        .collect()
}

fn bar(report: &Report, corpus: Option<&str>, league: League) -> [f64; 3] {
    let is_meant = |cell: &&crate::cells::Cell| {
        cell.chunking.is_network && corpus.is_none_or(|name| name == cell.corpus)
    };
    let ratios: Vec<f64> = report
        .cells
        .iter()
        .filter(is_meant)
        .filter_map(|cell| report.ratio(cell, league, Rival::Any))
        .collect();
    let least = ratios.iter().copied().min_by(f64::total_cmp).unwrap_or(1.0);
    let greatest = ratios.iter().copied().max_by(f64::total_cmp).unwrap_or(1.0);
    [least, super::geometric_mean(&ratios).unwrap_or(1.0), greatest]
}

/// From values to pixels.
enum Axis {
    /// From 0 to this.
    Linear(f64),
    Logarithmic {
        from: f64,
        to: f64,
    },
}

impl Axis {
    fn linear(values: impl Iterator<Item = f64>) -> Self {
        Self::Linear(values.fold(1.0, f64::max) * 1.02)
    }

    /// Around all values, with some room.
    fn logarithmic(values: impl Iterator<Item = f64> + Clone) -> Self {
        let from = values.clone().fold(1.0, f64::min) / 1.1;
        Self::Logarithmic { from, to: values.fold(1.0, f64::max) * 1.1 }
    }

    fn x(&self, value: f64) -> i32 {
        let share = match self {
            Self::Linear(to) => value / to,
            Self::Logarithmic { from, to } => (value / from).ln() / (to / from).ln(),
        };
        LEFT + (share * f64::from(RIGHT - LEFT)).round() as i32
    }

    /// Those of a few steps that are within.
    fn ticks(&self) -> Vec<f64> {
        match *self {
            Self::Linear(to) => {
                let steps = [50.0, 100.0, 200.0, 250.0, 500.0, 1e3, 2e3, 5e3];
                let step = steps.into_iter().find(|step| to / step <= 8.0).unwrap_or(10e3);
                (0..=(to / step) as u32).map(|index| f64::from(index) * step).collect()
            }
            Self::Logarithmic { from, to } => {
                let ticks = [0.1, 0.2, 0.33, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0];
                ticks.into_iter().filter(|tick| (from..=to).contains(tick)).collect()
            }
        }
    }
}

/// Without decimals, with commas.
fn thousands(value: f64) -> String {
    let value = value.round() as u64;
    if value < 1000 {
        return value.to_string();
    }
    format!("{},{:03}", value / 1000, value % 1000)
}

struct Picture<'a> {
    area: Area<'a>,
}

impl Picture<'_> {
    fn speeds(&self, speeds: &[(String, Option<f64>, RGBColor)]) {
        self.title("Speed of SSE parsers for Rust", 34);
        self.subtitle(
            "MB/s, higher is better: geometric mean of nine streams \
             in network chunks (16 KiB, 1,460 B, one event)",
            58,
        );
        let top = 82;
        let bottom = top + ROW * speeds.len() as i32;
        let axis = Axis::linear(speeds.iter().filter_map(|(_, speed, _)| *speed));
        self.axis(&axis, thousands, top, bottom);
        for (index, (name, speed, colour)) in speeds.iter().enumerate() {
            let middle = top + ROW * index as i32 + ROW / 2;
            let is_own = *colour != PEER;
            self.name(name, middle, is_own);
            let Some(speed) = speed else {
                self.text("wrong results", LEFT + 8, middle, 13, FAINT, HPos::Left);
                continue;
            };
            let end = axis.x(*speed);
            self.bar(LEFT, end, middle, *colour);
            self.number(&thousands(*speed), end + 8, middle, is_own);
        }
    }

    fn ratios(&self, groups: &[Group], top: i32) {
        self.title("sse-wire against the fastest other crate", top);
        self.subtitle(
            "Times as fast, logarithmic, right of 1× is better: mean of the three network chunk \
             sizes; the thin line is from the worst to the best",
            top + 24,
        );
        self.legend(top + 50);
        let top = top + 84;
        let bottom = top + GROUP * groups.len() as i32;
        let values = groups.iter().flat_map(|group| group.bars.as_flattened()).copied();
        let axis = Axis::logarithmic(values);
        self.axis(&axis, |tick| format!("{tick}×"), top, bottom);
        for (index, group) in groups.iter().enumerate() {
            let middle = top + GROUP * index as i32 + GROUP / 2;
            let is_all = index + 1 == groups.len();
            if is_all {
                self.line((MARGIN, middle - GROUP / 2), (RIGHT, middle - GROUP / 2), GRID, 1);
            }
            self.name(&group.name, middle, is_all);
            for (bar, (offset, colour)) in group.bars.iter().zip([(-9, LENT), (9, STREAM)]) {
                self.ratio(&axis, *bar, middle + offset, colour, is_all);
            }
        }
        self.line((axis.x(1.0), top), (axis.x(1.0), bottom), INK, 2);
        let label = "1×: the fastest other crate, cell by cell";
        self.text(label, axis.x(1.0), bottom + 31, 13, INK, HPos::Center);
    }

    fn ratio(
        &self,
        axis: &Axis,
        [least, mean, greatest]: [f64; 3],
        y: i32,
        colour: RGBColor,
        is_bold: bool,
    ) {
        let (one, end) = (axis.x(1.0), axis.x(mean));
        self.bar(one.min(end), one.max(end), y, colour);
        self.line((axis.x(least), y), (axis.x(greatest), y), INK, 1);
        for value in [least, greatest] {
            self.line((axis.x(value), y - 4), (axis.x(value), y + 4), INK, 1);
        }
        let right = axis.x(greatest).max(one) + 8;
        self.number(&format!("{mean:.2}"), right, y, is_bold);
    }

    fn legend(&self, y: i32) {
        for (x, colour, name) in [
            (LEFT, LENT, "Parser (lent events)"),
            (LEFT + 190, STREAM, "EventStream (owned events)"),
        ] {
            self.rectangle((x, y - 6), (x + 14, y + 6), colour);
            self.text(name, x + 21, y, 14, INK, HPos::Left);
        }
    }

    /// Lines at the ticks, and their labels below.
    fn axis(&self, axis: &Axis, label: impl Fn(f64) -> String, top: i32, bottom: i32) {
        for tick in axis.ticks() {
            let x = axis.x(tick);
            self.line((x, top), (x, bottom), GRID, 1);
            self.text(&label(tick), x, bottom + 13, 13, FAINT, HPos::Center);
        }
    }

    fn foot(&self, report: &Report, y: i32) {
        let value = |name: &str| {
            let found = report.environment.iter().find(|(known, _)| *known == name);
            found.map_or("", |(_, value)| value)
        };
        let mut text = format!(
            "sse-wire {} · {} · {} · {}",
            value("sse-wire"),
            value("date"),
            value("processor"),
            value("compiler").split(" (").next().unwrap_or(""),
        );
        if report.is_quick {
            text += " · a quick run";
        }
        self.text(&text, MARGIN, y, 12, FAINT, HPos::Left);
    }

    fn title(&self, text: &str, y: i32) {
        let style = ("sans-serif", 22).into_font().style(FontStyle::Bold).color(&INK);
        self.draw_text(text, MARGIN, y, style.pos(Pos::new(HPos::Left, VPos::Center)));
    }

    fn subtitle(&self, text: &str, y: i32) {
        self.text(text, MARGIN, y, 14, FAINT, HPos::Left);
    }

    fn name(&self, text: &str, y: i32, is_bold: bool) {
        self.label(text, LEFT - 10, y, HPos::Right, is_bold);
    }

    fn number(&self, text: &str, x: i32, y: i32, is_bold: bool) {
        self.label(text, x, y, HPos::Left, is_bold);
    }

    fn label(&self, text: &str, x: i32, y: i32, position: HPos, is_bold: bool) {
        let weight = if is_bold { FontStyle::Bold } else { FontStyle::Normal };
        let style = ("sans-serif", 14).into_font().style(weight).color(&INK);
        self.draw_text(text, x, y, style.pos(Pos::new(position, VPos::Center)));
    }

    fn text(&self, text: &str, x: i32, y: i32, size: i32, colour: RGBColor, position: HPos) {
        let style = ("sans-serif", size).into_font().color(&colour);
        self.draw_text(text, x, y, style.pos(Pos::new(position, VPos::Center)));
    }

    fn draw_text(&self, text: &str, x: i32, y: i32, style: TextStyle<'_>) {
        let text = Text::new(text.to_owned(), (x, y), style);
        self.area.draw(&text).expect("a string takes everything");
    }

    fn bar(&self, from: i32, to: i32, middle: i32, colour: RGBColor) {
        self.rectangle((from, middle - BAR / 2), (to, middle + BAR / 2), colour);
    }

    fn rectangle(&self, from: (i32, i32), to: (i32, i32), colour: RGBColor) {
        let rectangle = Rectangle::new([from, to], colour.filled());
        self.area.draw(&rectangle).expect("a string takes everything");
    }

    fn line(&self, from: (i32, i32), to: (i32, i32), colour: RGBColor, width: u32) {
        let line = PathElement::new([from, to], colour.stroke_width(width));
        self.area.draw(&line).expect("a string takes everything");
    }
}
