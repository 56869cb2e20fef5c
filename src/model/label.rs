//! The labels that the heads tell apart.

/// The type of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntityType {
    /// A named person.
    Person,
    /// A company, party, authority, team, outlet or other organisation.
    Organization,
    /// A country, region, city, river, building or other place.
    Location,
    /// A named event, work, law, product, award or competition.
    Miscellaneous,
}

impl EntityType {
    /// All types, in the order of [`TypeProbabilities`].
    pub const ALL: [Self; 4] = [
        Self::Person,
        Self::Organization,
        Self::Location,
        Self::Miscellaneous,
    ];

    /// The type of a corpus label ("PER", "ORG", "LOC", "MISC").
    pub fn from_label(label: &str) -> Option<Self> {
        match label {
            "PER" => Some(Self::Person),
            "ORG" => Some(Self::Organization),
            "LOC" => Some(Self::Location),
            "MISC" => Some(Self::Miscellaneous),
            _ => None,
        }
    }

    /// The corpus label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Person => "PER",
            Self::Organization => "ORG",
            Self::Location => "LOC",
            Self::Miscellaneous => "MISC",
        }
    }
}

/// The probability of each type, given that there is a mention; in the order of [`EntityType::ALL`], summing to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TypeProbabilities(pub [f32; EntityType::ALL.len()]);

/// A position or tone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Polarity {
    /// Praise, support, defence, success.
    Favorable,
    /// Neither, or both in balance.
    Neutral,
    /// Criticism, accusation, rejection, failure.
    Unfavorable,
}

/// A distribution over the polarities; used for the stance toward a mention and for the tone of a sentence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Distribution {
    /// Probability of [`Polarity::Favorable`].
    pub favorable: f32,
    /// Probability of [`Polarity::Neutral`].
    pub neutral: f32,
    /// Probability of [`Polarity::Unfavorable`].
    pub unfavorable: f32,
}

impl Distribution {
    /// Favourable minus unfavourable, in [-1, 1].
    pub fn score(self) -> f32 {
        self.favorable - self.unfavorable
    }

    /// The probability of one polarity.
    pub fn of(self, polarity: Polarity) -> f32 {
        match polarity {
            Polarity::Favorable => self.favorable,
            Polarity::Neutral => self.neutral,
            Polarity::Unfavorable => self.unfavorable,
        }
    }

    /// The most probable polarity; neutral wins a tie.
    pub fn polarity(self) -> Polarity {
        if self.neutral >= self.favorable && self.neutral >= self.unfavorable {
            Polarity::Neutral
        } else if self.favorable >= self.unfavorable {
            Polarity::Favorable
        } else {
            Polarity::Unfavorable
        }
    }
}
