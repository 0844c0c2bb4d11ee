//! Arrays as NumPy prints them: of a large one only the edges, and only those are read.

use super::element_texts;
use crate::selected::SelectedArray;
use fascicle::{AxisRegion, Error, ErrorKind, Region, Result, Values};

/// From so many elements on, only the edges are shown.
const THRESHOLD: u64 = 1000;
/// How many positions are shown at either end of a long axis.
const EDGE: u64 = 3;
/// The most elements that are shown of an array with many axes.
const MOST_ELEMENTS: u64 = 10_000;
const LINE_WIDTH: usize = 88;

/// The lines of an array, the last of which gives its dtype and shape.
pub(crate) async fn array_text(array: &SelectedArray) -> Result<Vec<String>> {
    let facts = format!("{} {}", array.dtype(), array.shape());
    let counts = array.counts();
    let is_large = array.shape().element_count() > THRESHOLD;
    let axes: Vec<ShownAxis> = counts.iter().map(|count| ShownAxis::new(*count, is_large)).collect();
    let shown = axes.iter().try_fold(1u64, |product, axis| product.checked_mul(axis.shown()));
    let Some(shown) = shown.filter(|shown| *shown <= MOST_ELEMENTS) else {
        return Ok(vec![
            "...  (too many axes to be shown as a whole; --slice shows a part)".to_owned(),
            facts,
        ]);
    };
    let values = edges(array, &axes, shown).await?;
    let texts = element_texts(&values)?;
    let width = texts.iter().map(|text| text.chars().count()).max().unwrap_or(0);
    // Axes that a reader does not see have one position, as those that make no difference.
    let mut seen = axes.iter().filter(|axis| axis.count != 1);
    let one = ShownAxis::new(1, false);
    let axes: Vec<&ShownAxis> = array
        .shape()
        .iter()
        .map(|length| if *length == 1 { &one } else { seen.next().unwrap_or(&one) })
        .collect();
    let mut layout = Layout { texts: texts.iter(), width, lines: Vec::new() };
    layout.level(&axes, String::new(), 0);
    let mut lines = layout.lines;
    lines.push(facts);
    Ok(lines)
}

/// Which positions of an axis are shown.
struct ShownAxis {
    count: u64,
    /// Start and number of positions that follow each other.
    pieces: Vec<(u64, u64)>,
}

impl ShownAxis {
    fn new(count: u64, is_large: bool) -> Self {
        let pieces = if is_large && count > 2 * EDGE {
            vec![(0, EDGE), (count - EDGE, EDGE)]
        } else {
            vec![(0, count)]
        };
        ShownAxis { count, pieces }
    }

    fn shown(&self) -> u64 {
        self.pieces.iter().map(|(_, count)| count).sum()
    }

    fn is_elided(&self) -> bool {
        self.pieces.len() > 1
    }
}

/// Reads the elements that are shown, in C order.
async fn edges(array: &SelectedArray, axes: &[ShownAxis], shown: u64) -> Result<Values> {
    let mut values = Values::zeros(array.dtype(), shown)?;
    if shown == 0 {
        return Ok(values);
    }
    let mut choice = vec![0usize; axes.len()];
    loop {
        let pieces =
            axes.iter().zip(&choice).map(|(axis, at)| axis.pieces.get(*at).copied().unwrap_or((0, 0)));
        let pieces: Vec<(u64, u64)> = pieces.collect();
        let region = pieces.iter().map(|(start, count)| AxisRegion { start: *start, step: 1, count: *count });
        let part = array.read(&Region::new(region.collect::<Vec<_>>())).await?;
        // Of each axis: positions in the piece, where the piece begins in what is shown, and positions shown.
        let layout: Vec<(u64, u64, u64)> = axes
            .iter()
            .zip(pieces.iter().zip(&choice))
            .map(|(axis, ((_, count), at))| (*count, *at as u64 * EDGE, axis.shown()))
            .collect();
        let run = pieces.last().map_or(1, |(_, count)| *count).max(1);
        for index in 0..part.values().len() as u64 / run {
            let (mut rest, mut stride, mut target) = (index, 1, 0);
            for (axis, (count, offset, shown)) in layout.iter().enumerate().rev() {
                let mut position = 0;
                if axis + 1 < layout.len() {
                    (position, rest) = (rest % count, rest / count);
                }
                target += (offset + position) * stride;
                stride *= shown;
            }
            let source = (index * run) as usize..((index + 1) * run) as usize;
            values.copy_from(target as usize, part.values(), source)?;
        }
        let mut axis = axes.len();
        loop {
            let Some(before) = axis.checked_sub(1) else { return Ok(values) };
            axis = before;
            let (Some(at), Some(shown)) = (choice.get_mut(axis), axes.get(axis)) else {
                return Err(Error::new(ErrorKind::Internal, "an axis of an array was lost"));
            };
            *at += 1;
            if *at < shown.pieces.len() {
                break;
            }
            *at = 0;
        }
    }
}

/// Puts elements into nested brackets.
struct Layout<'a> {
    texts: std::slice::Iter<'a, String>,
    width: usize,
    lines: Vec<String>,
}

impl Layout<'_> {
    fn next_text(&mut self) -> String {
        let text = self.texts.next().map_or("", String::as_str);
        format!("{}{text}", " ".repeat(self.width.saturating_sub(text.chars().count())))
    }

    /// Writes one bracket of the axes that are left; `prefix` are the brackets opened before it on this line, `after` how
    /// many are closed behind it.
    fn level(&mut self, axes: &[&ShownAxis], prefix: String, after: usize) {
        let Some((axis, inner)) = axes.split_first() else {
            let text = self.next_text();
            return self.lines.push(text);
        };
        let close = "]".repeat(after + 1);
        if inner.is_empty() {
            return self.row(axis, &format!("{prefix}["), &close);
        }
        let shown = axis.shown();
        if shown == 0 || inner.iter().any(|axis| axis.count == 0) {
            return self.lines.push(format!("{prefix}[]{}", "]".repeat(after)));
        }
        let indent = " ".repeat(prefix.chars().count() + 1);
        for at in 0..shown {
            if at == EDGE && axis.is_elided() {
                self.lines.push(format!("{indent}...,"));
            }
            let prefix = if at == 0 { format!("{prefix}[") } else { indent.clone() };
            let after = if at + 1 == shown { after + 1 } else { 0 };
            self.level(inner, prefix, after);
            if at + 1 < shown
                && let Some(last) = self.lines.last_mut()
            {
                last.push(',');
            }
        }
    }

    fn row(&mut self, axis: &ShownAxis, open: &str, close: &str) {
        let indent = " ".repeat(open.chars().count());
        let mut line = open.to_owned();
        for at in 0..axis.shown() {
            let comma = if at + 1 < axis.shown() { "," } else { "" };
            let dots = if at == EDGE && axis.is_elided() { "..., " } else { "" };
            let text = format!("{dots}{}{comma}", self.next_text());
            let is_first = line.chars().count() == indent.chars().count();
            if !is_first && line.chars().count() + 1 + text.chars().count() > LINE_WIDTH {
                self.lines.push(std::mem::replace(&mut line, indent.clone()));
            } else if !is_first {
                line.push(' ');
            }
            line.push_str(&text);
        }
        self.lines.push(format!("{line}{close}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fascicle::{ArrayData, Root};

    fn lines(data: ArrayData, slice: Option<&str>) -> Vec<String> {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let root: Root = fascicle::open("memory:").await.unwrap();
            let name = format!("d{}", data.shape().element_count());
            let directory = root.dir(&name).unwrap();
            directory.put("x", &data).await.unwrap();
            let array = SelectedArray::new(directory.array("x").await.unwrap(), slice).unwrap();
            array_text(&array).await.unwrap()
        })
    }

    #[test]
    fn small_arrays_are_shown_as_a_whole() {
        let data = ArrayData::from_vec([2, 3], vec![0.5, 1.0, 2.25, -1.0, 0.0, 3.0]).unwrap();
        assert_eq!(
            lines(data.clone(), None),
            ["[[ 0.5 ,  1.  ,  2.25],", " [-1.  ,  0.  ,  3.  ]]", "float64 (2, 3)"]
        );
        assert_eq!(lines(data.clone(), Some("1")), ["[-1.,  0.,  3.]", "float64 (3,)"]);
        assert_eq!(lines(data, Some(":,::2"))[0], "[[ 0.5 ,  2.25],");
        assert_eq!(lines(ArrayData::scalar(7i64), None), ["7", "int64 ()"]);
        assert_eq!(lines(ArrayData::from_vec([0], Vec::<i64>::new()).unwrap(), None), ["[]", "int64 (0,)"]);
        let empty = ArrayData::from_vec([2, 0], Vec::<i64>::new()).unwrap();
        assert_eq!(lines(empty, None), ["[]", "int64 (2, 0)"]);
    }

    #[test]
    fn of_large_arrays_the_edges_are_shown() {
        let data = ArrayData::from_vec([100, 20], (0..2000i64).collect()).unwrap();
        let expected = [
            "[[   0,    1,    2, ...,   17,   18,   19],",
            " [  20,   21,   22, ...,   37,   38,   39],",
            " [  40,   41,   42, ...,   57,   58,   59],",
            " ...,",
            " [1940, 1941, 1942, ..., 1957, 1958, 1959],",
            " [1960, 1961, 1962, ..., 1977, 1978, 1979],",
            " [1980, 1981, 1982, ..., 1997, 1998, 1999]]",
            "int64 (100, 20)",
        ];
        assert_eq!(lines(data.clone(), None), expected);
        assert_eq!(lines(data, Some("::50,0")), ["[   0, 1000]", "int64 (2,)"]);
        let cube = ArrayData::from_vec([2, 2, 300], (0..1200i64).collect()).unwrap();
        let shown = lines(cube, None);
        assert_eq!(shown[0], "[[[   0,    1,    2, ...,  297,  298,  299],");
        assert_eq!(shown[3], "  [ 900,  901,  902, ..., 1197, 1198, 1199]]]");
    }

    #[test]
    fn long_rows_are_wrapped() {
        let shown = lines(ArrayData::from_vec([211], (0..211i64).collect()).unwrap(), None);
        assert!(shown.len() > 5 && shown.iter().all(|line| line.chars().count() <= LINE_WIDTH + 1));
        assert!(shown[1].starts_with(' ') && shown[shown.len() - 2].ends_with("210]"));
    }
}
