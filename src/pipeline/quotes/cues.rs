//! What speaks for or against a candidate: observations of the words around it and around the
//! passage.

/// Declares the cues as consecutive bits.
macro_rules! cues {
    ($($(#[$doc:meta])* $name:ident)*) => {
        #[expect(non_camel_case_types, clippy::upper_case_acronyms)]
        #[derive(Clone, Copy)]
        enum Bit { $($name),* }
        $($(#[$doc])* pub(super) const $name: Cues = 1 << (Bit::$name as u32);)*
        /// The name of each cue, by its bit.
        #[cfg(test)]
        pub(super) const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

/// A set of cues.
pub(super) type Cues = u128;

/// The cues where the condition holds, else none.
pub(super) fn when(cues: Cues, condition: bool) -> Cues {
    if condition { cues } else { 0 }
}

cues! {
    /// Always there.
    BIAS
    /// The candidate is a person.
    PERSON
    /// The candidate is an organisation.
    ORGANIZATION
    /// A preposition governs the candidate.
    GOVERNED
    /// An article right before the candidate, with a noun before that: a genitive.
    GENITIVE
    /// The name goes on as a compound, or as a possessive.
    MODIFIER
    /// A verb of speech right before the candidate.
    VERB_RIGHT_BEFORE
    /// A verb of speech before the candidate's noun phrase.
    VERB_BEFORE
    /// A verb of speech right behind the candidate.
    VERB_RIGHT_BEHIND
    /// A verb of speech behind the candidate in the same clause.
    VERB_BEHIND
    /// A verb of speech behind the candidate's apposition or relative clause.
    VERB_BEHIND_COMMA
    /// "According to" before the candidate.
    ACCORDING_BEFORE
    /// "According to" behind the candidate, as German zufolge.
    ACCORDING_BEHIND
    /// A colon right behind the candidate.
    COLON_BEHIND
    /// The candidate's noun phrase begins the sentence.
    OPENS_SENTENCE
    /// A capitalised word right before the candidate: a title or a trade.
    TITLED
    /// In parentheses.
    IN_PARENTHESES
    /// Between two commas.
    APPOSITION
    /// Nothing but a stop between candidate and passage.
    ADJACENT
    /// No comma between candidate and passage.
    SAME_CLAUSE
    /// A verb of speech between candidate and passage.
    VERB_BETWEEN
    /// Another passage between candidate and passage.
    PASSAGE_BETWEEN
    /// A colon between candidate and passage.
    COLON_BETWEEN
    /// A conjunction or relative pronoun behind a comma between candidate and passage.
    CLAUSE_BETWEEN
    /// The nearest candidate on its side.
    NEAREST
    /// The nearest person on its side.
    NEAREST_PERSON
    /// The only person of its side's sentence.
    ONLY_PERSON
    /// The first person of its sentence.
    FIRST_PERSON
    /// The mention that spoke the passage before.
    LAST_SPEAKER
    /// On another line.
    OTHER_LINE
    /// The passage is a sentence of its own.
    ALONE
    /// The passage stands behind a colon.
    BEHIND_COLON
    /// A verb of speech follows the passage.
    VERB_FOLLOWS
    /// A verb of speech in the same sentence before the passage.
    VERB_PRECEDES
    /// The speaking subject behind the passage is a pronoun.
    PRONOUN_FOLLOWS
    /// The speaking subject behind the passage is described with an indefinite article or a
    /// quantity.
    INDEFINITE_FOLLOWS
    /// The speaking subject behind the passage is described otherwise.
    DESCRIBED_FOLLOWS
    /// The speaking subject behind the passage is named.
    NAME_FOLLOWS
    /// The speaking subject before the passage is a pronoun.
    PRONOUN_PRECEDES
    /// The speaking subject before the passage is described with an indefinite article or a
    /// quantity.
    INDEFINITE_PRECEDES
    /// The speaking subject before the passage is described otherwise.
    DESCRIBED_PRECEDES
    /// The speaking subject before the passage is named.
    NAME_PRECEDES
    /// A word for an unnamed source behind the passage.
    SOURCE_FOLLOWS
    /// A word for an unnamed source before the passage.
    SOURCE_PRECEDES
    /// An impersonal subject near the passage.
    IMPERSONAL_NEAR
    /// No person in the passage's sentence.
    NO_PERSON
    /// No mention in the passage's sentence.
    NO_NAME
    /// No person in the sentences before.
    NO_PERSON_BEFORE
    /// The passage before had an unnamed speaker.
    LAST_UNNAMED
    /// No passage before.
    FIRST_PASSAGE
    /// The passage before ends in the same sentence.
    SENTENCE_SHARED
    /// A word for what is said, before the passage.
    UTTERANCE_PRECEDES
    /// "According to" in the sentence, whoever follows.
    ACCORDING_NEAR
    /// The noun phrase ends in a genitive or governed name: "the spokesman of …".
    SOURCE_BEFORE
    /// A pronoun opens the sentence.
    PRONOUN_OPENS
    /// A reporting subject that is no name opens the sentence.
    DESCRIBED_OPENS
    /// A relative clause holds the passage.
    IN_RELATIVE_CLAUSE
    /// A verb of reported speech in the passage's sentence.
    REPORTED_NEAR
    /// A verb of reported speech, and no verb of speech.
    REPORTED_ONLY
    /// The candidate's name is that of the last speaker.
    LAST_NAME
    /// A small noun behind the candidate, which then only modifies it: "the Leeds forward".
    NOUN_BEHIND
    /// The first mention of its sentence that can be a subject, with no pronoun before it.
    LEADS
    /// The subject of the verb of speech before the passage.
    SUBJECT_BEFORE
    /// The subject of the verb of speech behind the passage.
    SUBJECT_BEHIND
    /// "According to" before the passage names somebody.
    ACCORDING_NAMED
    /// "According to" before the passage only describes somebody.
    ACCORDING_DESCRIBED
    /// The one whom "according to" names.
    SUBJECT_ACCORDING
    /// The candidate's name occurs in the passage; few speak of themselves by name.
    NAMED_IN_PASSAGE
    /// The passage begins with a small letter.
    FRAGMENT
    /// The candidate's name occurs more than once in the text.
    REPEATED
}
