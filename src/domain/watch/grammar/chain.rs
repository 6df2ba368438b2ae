//! Suffixes by slots, one after another.

/// The ways a word may go on: each is a row of slots.
#[derive(Debug)]
pub(in super::super) struct Chain(pub(super) Vec<Vec<Slot>>);

/// One place in a row, and what may stand there.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) forms: Vec<Vec<char>>,
    /// It may be empty.
    pub(super) optional: bool,
}

impl Chain {
    /// True when the letters are suffixes of one of the rows, and nothing else.
    pub(super) fn accepts(&self, rest: &[char], same: &dyn Fn(char, char) -> bool) -> bool {
        self.0.iter().any(|slots| run(slots, rest, same))
    }
}

impl Slot {
    /// A slot of forms written with spaces between them.
    pub(super) fn of(forms: &str, optional: bool) -> Self {
        Self { forms: forms.split_whitespace().map(|form| form.chars().collect()).collect(), optional }
    }
}

fn run(slots: &[Slot], rest: &[char], same: &dyn Fn(char, char) -> bool) -> bool {
    let Some((slot, more)) = slots.split_first() else { return rest.is_empty() };
    if rest.is_empty() {
        return slots.iter().all(|slot| slot.optional);
    }
    (slot.optional && run(more, rest, same))
        || slot.forms.iter().any(|form| {
            form.len() <= rest.len()
                && form.iter().zip(rest).all(|(k, t)| same(*k, *t))
                && run(more, &rest[form.len()..], same)
        })
}
