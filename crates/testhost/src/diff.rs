//! The lines that differ, with a little context: what a failing test shows.

const CONTEXT: usize = 1;
/// A new namespace has a thousand settings; the first lines say enough.
const MOST: usize = 30;

/// The differing lines of two texts, `-` for `old` and `+` for `new`; `None` if they are equal.
pub(crate) fn lines(old: &[String], new: &[String]) -> Option<String> {
    if old == new {
        return None;
    }
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev());
    let tail = tail.take_while(|(a, b)| a == b).count();
    let mut edits: Vec<(char, &str)> =
        old[..head].iter().map(|line| (' ', line.as_str())).collect();
    edits.extend(middle(&old[head..old.len() - tail], &new[head..new.len() - tail]));
    edits.extend(old[old.len() - tail..].iter().map(|line| (' ', line.as_str())));

    let mut text = String::new();
    let mut last = None;
    let mut shown = 0;
    for (i, (mark, line)) in edits.iter().enumerate() {
        let near = &edits[i.saturating_sub(CONTEXT)..(i + CONTEXT + 1).min(edits.len())];
        if near.iter().all(|(mark, _)| *mark == ' ') {
            continue;
        }
        if last.is_some_and(|last| last + 1 < i) {
            text.push_str("  ...\n");
        }
        last = Some(i);
        shown += 1;
        if shown > MOST {
            let more = edits[i..].iter().filter(|(mark, _)| *mark != ' ').count();
            text.push_str(&format!("  ... and {more} more\n"));
            break;
        }
        text.push_str(&format!("{mark} {line}\n"));
    }
    Some(text)
}

/// Longest common subsequence. The texts are small once their equal ends are cut off; past a limit
/// everything is shown as replaced, which is true as well.
fn middle<'a>(old: &'a [String], new: &'a [String]) -> Vec<(char, &'a str)> {
    if old.len() * new.len() > 4_000_000 {
        let removed = old.iter().map(|line| ('-', line.as_str()));
        return removed.chain(new.iter().map(|line| ('+', line.as_str()))).collect();
    }
    let width = new.len() + 1;
    let mut longest = vec![0_u32; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            longest[i * width + j] = if old[i] == new[j] {
                longest[(i + 1) * width + j + 1] + 1
            } else {
                longest[(i + 1) * width + j].max(longest[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j, mut edits) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            edits.push((' ', old[i].as_str()));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len()
            || (i < old.len() && longest[(i + 1) * width + j] >= longest[i * width + j + 1])
        {
            edits.push(('-', old[i].as_str()));
            i += 1;
        } else {
            edits.push(('+', new[j].as_str()));
            j += 1;
        }
    }
    edits
}

#[cfg(test)]
mod tests {
    use super::lines;

    fn text(words: &str) -> Vec<String> {
        words.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn equal_texts_have_no_diff() {
        assert_eq!(lines(&text("a b c"), &text("a b c")), None);
    }

    #[test]
    fn shows_what_differs_with_its_neighbours() {
        let diff = lines(&text("a b c d e f g"), &text("a b x d e f g h"));
        assert_eq!(diff.as_deref(), Some("  b\n- c\n+ x\n  d\n  ...\n  g\n+ h\n"));
    }

    #[test]
    fn shows_additions_to_nothing() {
        assert_eq!(lines(&[], &text("a")).as_deref(), Some("+ a\n"));
    }
}
