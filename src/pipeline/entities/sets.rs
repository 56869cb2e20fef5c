//! Disjoint sets of forms.

/// Disjoint sets over `0..n`. The smallest member stands for its set, so that the outcome does not depend on
/// the order of the joins.
#[derive(Debug)]
pub(super) struct Sets {
    parent: Vec<usize>,
}

impl Sets {
    /// `n` sets of one member each.
    pub(super) fn new(n: usize) -> Self {
        Self {
            parent: (0..n).collect(),
        }
    }

    /// The member that stands for the set of `member`.
    pub(super) fn find(&mut self, member: usize) -> usize {
        let mut at = member;
        while let Some(&above) = self.parent.get(at) {
            if above == at {
                break;
            }
            // Halving the path keeps later look-ups short.
            let next = self.parent.get(above).copied().unwrap_or(above);
            if let Some(slot) = self.parent.get_mut(at) {
                *slot = next;
            }
            at = next;
        }
        at
    }

    /// Makes one set of the sets of `a` and `b`.
    pub(super) fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.find(a), self.find(b));
        if let Some(slot) = self.parent.get_mut(a.max(b)) {
            *slot = a.min(b);
        }
    }

    /// Whether the two are in one set.
    pub(super) fn together(&mut self, a: usize, b: usize) -> bool {
        self.find(a) == self.find(b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_members_share_the_smallest_representative() {
        let mut sets = Sets::new(5);
        sets.join(4, 2);
        sets.join(3, 4);
        assert_eq!(sets.find(3), 2);
        assert!(!sets.together(1, 3));
    }
}
