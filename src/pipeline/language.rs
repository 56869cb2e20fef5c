//! Which language a text is in, and whether a caller's language tag is one.
//!
//! European languages are told apart by their function words, letters and endings, which is exact
//! within a few words and costs one look at each. Everything else is left to `whatlang`: other
//! scripts, languages that are not listed here, and short texts that give no such evidence.

use std::collections::HashMap;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;
use whatlang::{Detector, Lang, Script};

use super::error::TagError;

/// Bytes that are read from the beginning of a text, and again from its middle.
const SAMPLE: usize = 2048;

/// Words longer than this, in bytes, are skipped.
const LONGEST_WORD: usize = 64;

/// A language that was told from a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Detected {
    /// The primary BCP 47 subtag in small letters, "und" where it can't be told.
    pub language: String,
    /// How probable that is, in [0, 1]; 0 for "und".
    pub probability: f32,
}

impl Detected {
    fn new(language: &str, probability: f32) -> Self {
        Self {
            language: language.to_owned(),
            probability,
        }
    }
}

/// Tells the language of a text from a sample of at most 4 KiB.
///
/// One of `supported` (primary subtags) is preferred; another language is reported where the text
/// clearly is in it. "und" with probability 0 is the answer for a text without letters.
pub fn detect(text: &str, supported: &[String]) -> Detected {
    let sample = sample(text);
    let Some(script) = whatlang::detect_script(&sample) else {
        return Detected::new("und", 0.0);
    };
    if script != Script::Latin {
        return by_trigrams(&Detector::new(), &sample);
    }
    by_evidence(&sample, supported)
}

/// Every language that is told apart here, and "und"; [`detect`] can name others, by their script.
pub fn listed() -> impl Iterator<Item = &'static str> {
    PROFILES.iter().map(|profile| profile.tag).chain(["und"])
}

/// The primary subtag of a BCP 47 tag in small letters.
///
/// # Errors
/// [`TagError::MalformedLanguage`] where the tag is not of the form that BCP 47 gives, and
/// [`TagError::UnsupportedLanguage`] where `supported` does not list its primary subtag.
pub fn primary(tag: &str, supported: &[String]) -> Result<String, TagError> {
    if !is_well_formed(tag) {
        return Err(TagError::MalformedLanguage {
            tag: tag.to_owned(),
        });
    }
    let primary = tag.split('-').next().unwrap_or(tag).to_ascii_lowercase();
    if supported.contains(&primary) {
        return Ok(primary);
    }
    Err(TagError::UnsupportedLanguage {
        tag: tag.to_owned(),
        supported: supported.to_vec(),
    })
}

/// Whether a tag has the shape of BCP 47: subtags of one to eight letters and digits between
/// hyphens, the first of two letters or more (or `x` or `i`), and something behind each singleton.
fn is_well_formed(tag: &str) -> bool {
    let subtags: Vec<&str> = tag.split('-').collect();
    let Some((first, rest)) = subtags.split_first() else {
        return false;
    };
    let private = |subtag: &str| matches!(subtag, "x" | "X" | "i" | "I");
    let letters = first.bytes().all(|b| b.is_ascii_alphabetic());
    let shape = |subtag: &&str| {
        (1..=8).contains(&subtag.len()) && subtag.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    let ends_open = subtags
        .last()
        .is_some_and(|last| last.len() == 1 && !rest.iter().any(|s| private(s)));
    letters
        && ((2..=8).contains(&first.len()) || (private(first) && !rest.is_empty()))
        && rest.iter().all(shape)
        && !subtags.last().is_some_and(|last| private(last))
        && !ends_open
}

/// The beginning and the middle of a text, composed.
fn sample(text: &str) -> String {
    let text = text.trim_start();
    let head = text.get(..text.floor_char_boundary(SAMPLE)).unwrap_or("");
    let middle = text.ceil_char_boundary(text.len() / 2).max(head.len());
    let behind = text.floor_char_boundary(middle + SAMPLE);
    let body = text.get(middle..behind).unwrap_or("");
    head.chars()
        .chain([' '])
        .chain(body.chars())
        .nfc()
        .collect()
}

/// Scores every listed language by the words of the sample and turns the scores into a probability.
fn by_evidence(sample: &str, supported: &[String]) -> Detected {
    let mut scores = [0.0; LANGUAGES];
    let lower = sample.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphabetic());
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let (mut count, mut strange) = (0, 0);
    for word in words.filter(|word| !word.is_empty() && word.len() <= LONGEST_WORD) {
        let times = seen.entry(word).or_default();
        *times += 1;
        // What repeats says nothing new.
        if *times > MOST_REPEATS {
            continue;
        }
        count += 1;
        EVIDENCE.add(word, &mut scores);
        strange += usize::from(EVIDENCE.is_strange(word));
    }
    if strange >= STRANGE_WORDS && strange * 5 >= count {
        return by_trigrams(&Detector::new(), sample);
    }
    let is_supported = |tag: &str| supported.iter().any(|s| s == tag);
    prefer_supported(&mut scores, count, is_supported);
    let probabilities = probabilities(&scores);
    let best = probabilities
        .iter()
        .zip(&PROFILES)
        .max_by(|a, b| a.0.total_cmp(b.0));
    let Some((&probability, profile)) = best else {
        return Detected::new("und", 0.0);
    };
    let top = scores.iter().copied().fold(0.0, f32::max);
    let dense = top >= DENSE * count as f32;
    if dense && probability >= SURE {
        return Detected::new(profile.tag, probability);
    }
    by_both(sample, &scores, count, supported)
}

/// Evidence for each word below which a text is not taken for the language with the most of it.
const DENSE: f32 = 0.35;

/// How often one word of a sample counts.
const MOST_REPEATS: usize = 3;

/// Words with a letter of none of the listed languages from which a text is in another.
const STRANGE_WORDS: usize = 3;

/// Probability from which the trigrams need not be asked.
const SURE: f32 = 0.8;

/// Words from which an unsupported language is believed as easily as a supported one.
const ENOUGH_WORDS: usize = 12;

/// What a score has to exceed another by for e times the odds.
const TEMPERATURE: f32 = 1.1;

/// Few words name a supported language rather than another.
fn prefer_supported(scores: &mut [f32], count: usize, is_supported: impl Fn(&str) -> bool) {
    let doubt = 1.0 - count.min(ENOUGH_WORDS) as f32 / ENOUGH_WORDS as f32;
    for (score, profile) in scores.iter_mut().zip(&PROFILES) {
        if !is_supported(profile.tag) {
            *score = (*score * 0.9 - 4.0 * doubt - 1.0).max(0.0);
        }
    }
}

fn probabilities(scores: &[f32; LANGUAGES]) -> [f32; LANGUAGES] {
    let top = scores.iter().copied().fold(0.0, f32::max);
    let odds = scores.map(|score| ((score - top) / TEMPERATURE).exp());
    let sum: f32 = odds.iter().sum();
    odds.map(|odds| odds / sum)
}

/// Adds what the trigrams say to thin evidence.
fn by_both(
    sample: &str,
    scores: &[f32; LANGUAGES],
    count: usize,
    supported: &[String],
) -> Detected {
    let allowed: Vec<Lang> = supported.iter().filter_map(|tag| lang(tag)).collect();
    if allowed.is_empty() || count >= ENOUGH_WORDS {
        let detected = by_trigrams(&Detector::new(), sample);
        let listed = PROFILES
            .iter()
            .any(|profile| profile.tag == detected.language);
        if allowed.is_empty() || (!listed && detected.probability > 0.9) {
            return detected;
        }
    }
    let among = by_trigrams(&Detector::with_allowlist(allowed), sample);
    let mut scores = *scores;
    for (score, profile) in scores.iter_mut().zip(&PROFILES) {
        if profile.tag == among.language {
            *score += TRIGRAM_WEIGHT * (0.5 + among.probability);
        }
    }
    let probabilities = probabilities(&scores);
    let best = probabilities
        .iter()
        .zip(&PROFILES)
        .max_by(|a, b| a.0.total_cmp(b.0));
    match best {
        Some((&probability, profile)) if scores.iter().any(|&score| score > 0.0) => {
            Detected::new(profile.tag, probability)
        }
        _ => among,
    }
}

/// What the trigrams weigh beside the evidence of words.
const TRIGRAM_WEIGHT: f32 = 2.0;

fn by_trigrams(detector: &Detector, sample: &str) -> Detected {
    match detector.detect(sample) {
        Some(info) => Detected::new(tag(info.lang()), info.confidence() as f32),
        None => Detected::new("und", 0.0),
    }
}

const LANGUAGES: usize = 21;

/// What tells a language; words, letters and endings are divided by blanks.
struct Profile {
    tag: &'static str,
    /// Frequent words that say little but the language.
    words: &'static str,
    letters: &'static str,
    endings: &'static str,
}

static PROFILES: [Profile; LANGUAGES] = [
    Profile {
        tag: "de",
        words: "der die das und in den von zu mit sich des auf für ist im dem nicht ein eine als \
            auch es an werden aus er hat dass sie nach wird bei einer um am sind noch wie \
            einem über einen so zum war haben nur oder aber vor zur bis mehr durch man sein \
            wurde sei hatte kann gegen vom können schon wenn habe seine ihre dann unter wir \
            soll ich eines jahr zwei jahren diese dieser wieder keine seit muss will sagte \
            sagt zwischen ihm ihr uns was beim gibt kein wurden mehrere nun ohne während damit \
            weil sollen waren worden bereits seiner ihrer wegen weiter neue neuen ab immer \
            heute deutlich kommt geht droht erst rund etwa uhr mal jetzt alle dies hier dort \
            statt",
        letters: "ß ä ö ü",
        endings: "ung ungen keit heit lich liche lichen isch ische ischen schaft chen eln ieren iert \
            sch tz gen ten ter keiten tag lein ahl echt icht acht ucht ohr",
    },
    Profile {
        tag: "en",
        words: "the of and to in a is that for it was on with as by at from are be has have his he \
            an this which not or had were but they their will who its been one more after \
            would said also two when new people about first out up all there over than into \
            could other time some no what if her she can so last you them my we our against \
            how just now before between where while may says say should because only most \
            through under such did do down back during off being year years make made your him \
            i me does why these those still many amid despite whose",
        letters: "",
        endings: "ing ings tion ed ly ness ght ough ity ck sh ould ally ers ews ies ays ful less \
            ship ward wth ows ills als een ees ool oop ump unt ound ead eak eat ear ake ame \
            ike ore ure ide orts ack eck uck umph",
    },
    Profile {
        tag: "fr",
        words: "de la le les et des en un du une est que dans qui à au pour par sur il pas plus ce \
            se sont avec son aux ne ont été elle sa ses mais ou cette comme nous être fait \
            leur d l qu s n c j deux après ans aussi y entre ces on lui dont sans tout leurs \
            où bien peut contre depuis tous avait était avant encore même ainsi je vous notre \
            selon très faire ils alors chez face trois année années lors sous vers pendant \
            jusqu si fois donc quand nos votre vos moins toujours mis cet toute toutes",
        letters: "é è ê ç à œ ù ô î â û ë",
        endings: "tion ment eux eur eurs ique iques aux ée ées és ait aient ois oir ère ais elle \
            esse euse ient ité ant",
    },
    Profile {
        tag: "es",
        words: "de la que el en y a los se del las un por con una su para es al lo como más o pero \
            sus le ha me sin sobre este ya entre cuando todo esta ser son dos también fue \
            había era muy años hasta desde está mi porque qué solo han yo hay vez puede todos \
            así nos ni parte tiene él uno donde bien tiempo mismo ese ahora cada vida otro \
            después te otros aunque esa eso hace otra gobierno tan durante siempre día tanto \
            ella tres sí dijo sido gran según menos año antes estado estos contra hoy tras \
            cómo ante les unos quien sino mientras",
        letters: "ñ á í ó ú é ¿ ¡",
        endings: "ción ciones dad dades mente ado ados ada adas ido idos iento ez ero eros aron ían \
            aba ará ores ista",
    },
    Profile {
        tag: "it",
        words: "di e il la che in a per un è del non una i le con si da al della come dei più ha \
            nel lo gli sono alla ma delle anche o dal se dalla su ed era ai nella due tra ci \
            stato suo sul questo anni dopo l dell all nell sull dall loro contro prima quando \
            essere già solo tutti fra ad mi chi ancora sua ogni degli senza fino hanno dove \
            molto stata fatto cui suoi perché sulla negli nelle c quello questa così ne io lui \
            lei noi tutto poi dai alle agli oggi secondo verso dalle stati uno nei sui sulle",
        letters: "à è ì ò ù",
        endings: "zione zioni ità mente ato ata ati ate etto etti ello elli ella anno ano ono iti \
            ito ita gli tti tto ezza ismo iamo ava eva one oni ia io",
    },
    Profile {
        tag: "nl",
        words: "de van het een en in is dat op te zijn voor met die niet aan er om ook als dan \
            maar bij of uit nog worden door naar heeft tot ze wordt over hij al was ik meer \
            hebben werd zich hun deze moet wel geen kan wat zo zou na jaar tegen we veel onder \
            haar had nu tussen andere waar eerste gaat wil moeten zal dit kunnen goed alle \
            heel toen daar mensen twee weer jullie je mijn u ons onze zegt volgens tijdens \
            omdat waren bijna vanaf zonder hoe wie waarom niets iets elkaar zelf nieuwe geeft \
            komt krijgt vindt blijft",
        letters: "",
        endings: "heid lijk lijke lijks ijk ijn ijd ijf ijs eer aar oor eel oot aat aan oen oek uit \
            uis ond eid tie ties tje pje ngen den gen sch ij oon eek aak",
    },
    Profile {
        tag: "pl",
        words: "w i z na do nie się o to że jest a za od po jak przez ale dla co tym tego już czy \
            ze są może tak oraz tylko był było była ma być przed lub gdy ich jego jej także \
            który która które których którzy przy we pod nad bez ten ta te roku lat bardzo też \
            jeszcze kiedy gdzie kto tej będzie będą mu go mi mnie ja my on ona więc między \
            wszystkie sobie można jako ponieważ jednak podczas według swoje swój przeciw wobec \
            nawet został została by bo ku aby żeby nowy nowe nowa ile kilka dwa trzy",
        letters: "ł ą ę ż ś ć ź ń",
        endings: "ego emu ych ich ów owa owy owe owej ość ości ania anie enie enia ował wał ski ska \
            skie skiej cji cja cję dzie rze cze szy ami ach aj uje ują ił iła czyć zek ie",
    },
    Profile {
        tag: "pt",
        words: "de a o que e do da em um para é com não uma os no se na por mais as dos como mas \
            foi ao ele das tem à seu sua ou ser quando muito há nos já está eu também só pelo \
            pela até isso ela entre era depois sem mesmo aos ter seus quem nas me esse eles \
            estão você tinha foram essa num nem suas meu às minha têm numa pelos elas havia \
            seja qual será nós lhe deles essas esses pelas este dele anos ano dois após contra \
            sobre segundo ainda onde desde são nesta neste fazer disse governo duas apesar \
            porque agora",
        letters: "ã õ ç á â ê é í ó ú à ô",
        endings: "ção ções dade dades mente ado ados ada adas ido idos inho inha agem eiro eira \
            eiros ões ão ães aram avam ência ância ais eis ores sse nte",
    },
    Profile {
        tag: "af",
        words: "die en van het nie in is om te vir wat met word sal hy sy ons ook deur dat op by \
            as was hulle nog maar uit oor gister wees kan moet haar sê daar aan na toe baie \
            meer al sedert teen ná volgens wil gaan",
        letters: "ê ë",
        endings: "heid like lik ing asie eer",
    },
    Profile {
        tag: "sv",
        words: "och i att det som en på är av för med till den har de inte om ett han men var jag \
            sig från vi så kan när år säger under också efter eller nu sin där vid mot ska \
            skulle kommer ut får finns vara hade alla andra mycket än här då sedan över bara \
            in blir upp även vad få två vill ha många hur mer går sverige detta hon blev varit",
        letters: "å ä ö",
        endings: "ning ningen ande ades arna erna het else are tt lig liga",
    },
    Profile {
        tag: "da",
        words: "og i at det er en til på af som for med de den har ikke et der han om var jeg sig \
            fra vi så kan men når år efter også eller nu sin hvor ved mod skal ville kommer ud \
            får blev være havde alle andre meget end her da siden over kun ind bliver op hvad \
            to vil have mange hvordan mere går siger hun blevet været noget måtte",
        letters: "å æ ø",
        endings: "ning ningen ende ede erne hed else lse tet lig lige gen",
    },
    Profile {
        tag: "nb",
        words: "og i at det er en til på av som for med de den har ikke et han om var jeg seg fra \
            vi så kan men når år etter også eller nå sin hvor ved mot skal ville kommer ut får \
            ble være hadde alle andre mye enn her da siden over bare inn blir opp hva to vil \
            ha mange hvordan mer går sier hun blitt vært noe må norge skulle dette",
        letters: "å æ ø",
        endings: "ning ningen ende ene het else lse tet lig lige",
    },
    Profile {
        tag: "ca",
        words: "de la i el que a en les els del un per amb una es al als és no va dels ha més s'ha \
            com són seva seu aquest aquesta però han ser també o entre ja sobre quan fins hi \
            això després molt tot tots fer ho on està anys li des van té sense nou segons \
            aquests dos ara contra perquè havia pel pels nostra",
        letters: "à è ç ò ï í ó ú",
        endings: "ció cions tat tats ment ats ades itat eix ixen ió ns",
    },
    Profile {
        tag: "ro",
        words: "de și a în la cu că pe din o un care nu este au pentru sau fi mai se al ale ca \
            prin sunt fost lui dar după am va ce când către fără într astfel cel cea aceasta \
            acest între despre foarte unei unui poate său sa până doar toate dintre anul ani \
            vor avea fiind",
        letters: "ă â î ș ț ş ţ",
        endings: "ului ilor ții ție area erea atea esc ească lor uri",
    },
    Profile {
        tag: "cs",
        words: "a se v na je že s z do to o i za ve by si pro jako po ale jeho jsou ze k od už \
            také který která které při byl byla bylo jak tak pak před mezi nebo však co když \
            jen podle ještě let roku kde aby má být jsem není své pod ani nás jejich více \
            proti",
        letters: "ě š č ř ž ý á í é ů ú ť ď",
        endings: "ost osti ého ému ých ním ové ství ání ení ský ská ské",
    },
    Profile {
        tag: "sk",
        words: "a sa v na je že s z do to o aj za vo by si pre ako po ale jeho sú zo k od už ktorý \
            ktorá ktoré pri bol bola bolo tak pred medzi alebo však čo keď len podľa ešte \
            rokov roku kde aby má byť som nie svoje pod ani ich viac proti tiež",
        letters: "š č ž ý á í é ú ľ ť ď ô ä ň",
        endings: "osť osti ého ému ých ové stvo anie enie ský ská ské",
    },
    Profile {
        tag: "hr",
        words: "i u je na se da za od s su o a što kao iz koji koja koje nije ne po bi će do ali \
            to samo te više ili nakon bio bila bilo još kako prema već sve biti godine godina \
            smo sam ga mu može prije jer pri kod između tijekom protiv njegov njihov ima sada",
        letters: "č ć š ž đ",
        endings: "nje nja ost osti ski ska ske skog nog ima ama",
    },
    Profile {
        tag: "tr",
        words: "ve bir bu için ile de da olarak çok daha olan gibi en kadar sonra ne var ise \
            olduğu ancak ama o her göre yeni diye türkiye iki değil oldu dedi ki içinde nasıl \
            şu hem yok büyük zaman önce karşı ya mi eden tarafından",
        letters: "ğ ş ı ç ö ü",
        endings: "lar ler ları leri ında inde dan den nın nin dır dir yor ması mesi",
    },
    Profile {
        tag: "hu",
        words: "a az és hogy nem is egy van volt meg de csak ez már mint még el ki le be fel sem \
            ha vagy azt ezt után között szerint lehet pedig miatt akkor majd minden kell amely \
            aki ami így itt ott mert több nagyon új két lesz ellen magyar",
        letters: "ő ű á é í ó ö ü ú",
        endings: "ban ben nak nek ság ség ának ének val vel tól től ról ről hoz hez",
    },
    Profile {
        tag: "fi",
        words: "ja on ei että se oli hän kun mutta myös ovat kuin niin sen joka ole tai vain \
            mukaan jo kanssa nyt sitä mitä jos hänen jonka tämä ollut sekä vuoden vuonna olisi \
            olla kuitenkin jälkeen suomen vielä sanoo enemmän uusi voi ne he me",
        letters: "ä ö",
        endings: "ssa ssä sta stä lla llä lle nen sen iin aan ään inen isen kin mme ksi",
    },
    Profile {
        tag: "id",
        words: "yang dan di dengan untuk dari ini itu pada dalam tidak akan adalah oleh ke karena \
            juga telah ada bisa atau sebagai sudah mereka kami kita saya dia tersebut lebih \
            tahun menjadi orang saat para hingga namun serta setelah secara",
        letters: "",
        endings: "kan nya annya ngan asi",
    },
];

/// The profiles, indexed. Each feature weighs the less, the more languages share it.
struct Evidence {
    words: HashMap<&'static str, Votes>,
    letters: HashMap<char, Votes>,
    endings: HashMap<&'static str, Votes>,
}

/// The languages that share a feature, as indices of [`PROFILES`].
type Votes = Vec<usize>;

static EVIDENCE: LazyLock<Evidence> = LazyLock::new(|| Evidence {
    words: votes(|profile| profile.words.split_whitespace()),
    letters: votes(|profile| {
        profile
            .letters
            .split_whitespace()
            .filter_map(|c| c.chars().next())
    }),
    endings: votes(|profile| profile.endings.split_whitespace()),
});

fn votes<K, I>(features: impl Fn(&'static Profile) -> I) -> HashMap<K, Votes>
where
    K: std::hash::Hash + Eq,
    I: Iterator<Item = K>,
{
    let mut votes: HashMap<K, Votes> = HashMap::new();
    for (index, profile) in PROFILES.iter().enumerate() {
        for feature in features(profile) {
            let languages = votes.entry(feature).or_default();
            if !languages.contains(&index) {
                languages.push(index);
            }
        }
    }
    votes
}

impl Evidence {
    /// Whether a word has a letter of none of the listed languages.
    fn is_strange(&self, word: &str) -> bool {
        word.chars()
            .any(|c| !c.is_ascii() && !self.letters.contains_key(&c))
    }

    /// Adds what one word in small letters says.
    fn add(&self, word: &str, scores: &mut [f32]) {
        if let Some(languages) = self.words.get(word) {
            vote(languages, 3.0, scores);
            return;
        }
        for ending in (2..=5).rev().filter_map(|letters| ending(word, letters)) {
            if let Some(languages) = self.endings.get(ending) {
                vote(languages, 1.2, scores);
                break;
            }
        }
        for languages in word.chars().filter_map(|c| self.letters.get(&c)) {
            vote(languages, 2.0, scores);
        }
    }
}

fn vote(languages: &[usize], weight: f32, scores: &mut [f32]) {
    let share = weight / (languages.len() as f32).sqrt();
    for &language in languages {
        if let Some(score) = scores.get_mut(language) {
            *score += share;
        }
    }
}

/// The last letters of a word that is longer than they are.
fn ending(word: &str, letters: usize) -> Option<&str> {
    let (at, _) = word.char_indices().rev().nth(letters - 1)?;
    if at == 0 { None } else { word.get(at..) }
}

fn lang(language: &str) -> Option<Lang> {
    Lang::all()
        .iter()
        .copied()
        .find(|&lang| tag(lang) == language)
}

/// The BCP 47 tag of a language.
fn tag(lang: Lang) -> &'static str {
    match lang {
        Lang::Epo => "eo",
        Lang::Eng => "en",
        Lang::Rus => "ru",
        Lang::Cmn => "zh",
        Lang::Spa => "es",
        Lang::Por => "pt",
        Lang::Ita => "it",
        Lang::Ben => "bn",
        Lang::Fra => "fr",
        Lang::Deu => "de",
        Lang::Ukr => "uk",
        Lang::Kat => "ka",
        Lang::Ara => "ar",
        Lang::Hin => "hi",
        Lang::Jpn => "ja",
        Lang::Heb => "he",
        Lang::Yid => "yi",
        Lang::Pol => "pl",
        Lang::Amh => "am",
        Lang::Jav => "jv",
        Lang::Kor => "ko",
        Lang::Nob => "nb",
        Lang::Dan => "da",
        Lang::Swe => "sv",
        Lang::Fin => "fi",
        Lang::Tur => "tr",
        Lang::Nld => "nl",
        Lang::Hun => "hu",
        Lang::Ces => "cs",
        Lang::Ell => "el",
        Lang::Bul => "bg",
        Lang::Bel => "be",
        Lang::Mar => "mr",
        Lang::Kan => "kn",
        Lang::Ron => "ro",
        Lang::Slv => "sl",
        Lang::Hrv => "hr",
        Lang::Srp => "sr",
        Lang::Mkd => "mk",
        Lang::Lit => "lt",
        Lang::Lav => "lv",
        Lang::Est => "et",
        Lang::Tam => "ta",
        Lang::Vie => "vi",
        Lang::Urd => "ur",
        Lang::Tha => "th",
        Lang::Guj => "gu",
        Lang::Uzb => "uz",
        Lang::Pan => "pa",
        Lang::Aze => "az",
        Lang::Ind => "id",
        Lang::Tel => "te",
        Lang::Pes => "fa",
        Lang::Mal => "ml",
        Lang::Ori => "or",
        Lang::Mya => "my",
        Lang::Nep => "ne",
        Lang::Sin => "si",
        Lang::Khm => "km",
        Lang::Tuk => "tk",
        Lang::Aka => "ak",
        Lang::Zul => "zu",
        Lang::Sna => "sn",
        Lang::Afr => "af",
        Lang::Lat => "la",
        Lang::Slk => "sk",
        Lang::Cat => "ca",
        Lang::Tgl => "tl",
        Lang::Hye => "hy",
        Lang::Cym => "cy",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn supported() -> Vec<String> {
        ["de", "en", "es", "fr", "it", "nl", "pl", "pt"]
            .map(String::from)
            .to_vec()
    }

    #[test]
    fn a_sentence_is_told_by_its_language() {
        for (language, text) in [
            (
                "de",
                "Der Stadtrat von Eulenfurt hat den Haushalt am Dienstag mit knapper Mehrheit beschlossen.",
            ),
            (
                "de",
                "Die Kritik an der Firma Holzapfel & Lindt wächst, sagte eine Sprecherin.",
            ),
            (
                "en",
                "The council of Owlford passed the budget on Tuesday, but the mayor was not pleased.",
            ),
            (
                "es",
                "El ayuntamiento aprobó el martes los presupuestos por una mayoría muy ajustada.",
            ),
            (
                "fr",
                "Le conseil municipal a adopté mardi le budget avec une courte majorité.",
            ),
            (
                "it",
                "Il consiglio comunale ha approvato martedì il bilancio con una maggioranza risicata.",
            ),
            (
                "nl",
                "De gemeenteraad heeft de begroting dinsdag met een krappe meerderheid aangenomen.",
            ),
            (
                "pl",
                "Rada miasta przyjęła we wtorek budżet niewielką większością głosów.",
            ),
            (
                "pt",
                "A câmara municipal aprovou na terça-feira o orçamento por uma maioria muito curta.",
            ),
        ] {
            let detected = detect(text, &supported());
            assert_eq!(detected.language, language, "{text}");
            assert!(detected.probability > 0.8, "{detected:?} {text}");
        }
    }

    #[test]
    fn a_headline_gets_the_best_guess_among_the_supported_languages() {
        for (language, text) in [
            ("de", "Feuerwehr rettet Katze vom Kirchturm"),
            ("de", "Kritik an Holzapfel wird lauter"),
            ("en", "Mayor wins the vote again"),
            ("es", "El alcalde gana las elecciones"),
            ("fr", "Le maire gagne les élections"),
            ("it", "Il sindaco vince le elezioni"),
            ("nl", "Burgemeester wint de verkiezingen"),
            ("pl", "Burmistrz wygrał wybory w mieście"),
            ("pt", "Prefeito vence as eleições"),
        ] {
            assert_eq!(detect(text, &supported()).language, language, "{text}");
        }
    }

    #[test]
    fn a_language_that_is_not_supported_is_reported_as_itself() {
        for (language, text) in [
            (
                "ru",
                "Городской совет принял бюджет во вторник, но мэр этим был недоволен и об этом сказал.",
            ),
            (
                "sv",
                "Kommunfullmäktige antog budgeten på tisdagen, men det är inte alla som är nöjda med den.",
            ),
            (
                "da",
                "Byrådet vedtog budgettet tirsdag, men borgmesteren var ikke tilfreds med det, siger hun.",
            ),
            (
                "tr",
                "Belediye meclisi bütçeyi salı günü kabul etti, ancak başkan bu karar için çok sert konuştu.",
            ),
            (
                "cs",
                "Zastupitelstvo schválilo rozpočet v úterý, ale starosta s ním podle svých slov není spokojen.",
            ),
            (
                "ro",
                "Consiliul local a adoptat bugetul marți, dar primarul spune că nu este mulțumit de el.",
            ),
            (
                "fi",
                "Valtuusto hyväksyi talousarvion tiistaina, mutta pormestari ei ollut siihen tyytyväinen.",
            ),
            (
                "hu",
                "A tanács kedden elfogadta a költségvetést, de a polgármester nem volt vele elégedett.",
            ),
            (
                "lv",
                "Pilsētas dome otrdien apstiprināja budžetu, kurā vairāk līdzekļu paredzēts skolām un bērnudārziem.",
            ),
            (
                "vi",
                "Hội đồng thành phố đã thông qua ngân sách vào thứ ba nhưng thị trưởng không hài lòng.",
            ),
            ("ja", "市議会は火曜日に予算を可決した。"),
            ("el", "Το δημοτικό συμβούλιο ενέκρινε τον προϋπολογισμό."),
            ("ar", "وافق المجلس البلدي على الميزانية يوم الثلاثاء."),
        ] {
            assert_eq!(detect(text, &supported()).language, language, "{text}");
        }
    }

    #[test]
    fn a_text_without_letters_has_no_language() {
        for text in [
            "",
            " \n",
            "123 – 45,6 %",
            "😀 !!!",
            "\0\0",
            "\u{301}\u{308}",
        ] {
            assert_eq!(
                detect(text, &supported()),
                Detected::new("und", 0.0),
                "{text:?}"
            );
        }
    }

    #[test]
    fn three_words_are_less_probable_than_a_paragraph() {
        let words = detect("Streit um Brücke", &supported());
        let paragraph = detect(
            "Der Streit um die Brücke geht weiter. Die Stadt will sie nicht bauen, aber der Kreis besteht darauf.",
            &supported(),
        );
        assert_eq!(
            (words.language.as_str(), paragraph.language.as_str()),
            ("de", "de")
        );
        assert!(words.probability < paragraph.probability);
    }

    #[test]
    fn decomposed_umlauts_are_the_same_letters() {
        let composed = detect("Für Müller wäre das schön.", &supported());
        let decomposed = detect(
            "Fu\u{308}r Mu\u{308}ller wa\u{308}re das scho\u{308}n.",
            &supported(),
        );
        assert_eq!(composed, decomposed);
    }

    #[test]
    fn the_middle_of_a_long_text_counts() {
        let text = format!(
            "{}{}",
            "1 ".repeat(40_000),
            "Das ist nicht die ganze Wahrheit. ".repeat(4_000)
        );
        assert_eq!(detect(&text, &supported()).language, "de");
    }

    #[test]
    fn the_primary_subtag_of_a_tag_is_in_small_letters() {
        for (tag, language) in [
            ("de", "de"),
            ("DE", "de"),
            ("de-AT", "de"),
            ("pt-BR", "pt"),
            ("de-Latn-CH-1996", "de"),
            ("en-x-news", "en"),
            ("de-u-co-phonebk", "de"),
        ] {
            assert_eq!(primary(tag, &supported()).as_deref(), Ok(language), "{tag}");
        }
    }

    #[test]
    fn a_tag_of_another_form_is_malformed() {
        for tag in [
            "",
            " ",
            "d",
            "-",
            "de-",
            "-de",
            "de--AT",
            "DE_de",
            "de_AT",
            "deutschland",
            "d3",
            "de-A T",
            "de-ö",
            "de-x",
            "de-u",
            "x",
            "de-toolongsubtag",
            "ﬁ",
        ] {
            let malformed = matches!(
                primary(tag, &supported()),
                Err(TagError::MalformedLanguage { .. })
            );
            assert!(malformed, "{tag:?}");
        }
    }

    #[test]
    fn a_language_that_the_model_does_not_list_is_unsupported() {
        for tag in ["sv", "deu", "und", "x-klingon", "i-lux", "zh-Hans"] {
            let unsupported = matches!(
                primary(tag, &supported()),
                Err(TagError::UnsupportedLanguage { .. })
            );
            assert!(unsupported, "{tag:?}");
        }
    }

    #[test]
    fn every_language_of_the_trigrams_has_a_tag_of_its_own() {
        let tags: std::collections::HashSet<_> =
            Lang::all().iter().map(|&lang| tag(lang)).collect();
        assert_eq!(tags.len(), Lang::all().len());
    }

    proptest! {
        #[test]
        fn any_text_has_a_language_and_a_probability(text in any::<String>()) {
            let detected = detect(&text, &supported());
            prop_assert!((0.0..=1.0).contains(&detected.probability), "{:?}", detected);
            prop_assert!(detected.language == "und" || detected.language.len() == 2);
        }

        #[test]
        fn any_latin_text_has_a_language(text in "[a-zà-ž ]{0,6000}", supported in prop::sample::subsequence(supported(), 0..=8)) {
            let detected = detect(&text, &supported);
            prop_assert!((0.0..=1.0).contains(&detected.probability), "{:?}", detected);
        }

        #[test]
        fn any_string_is_a_tag_or_an_error(tag in any::<String>()) {
            let _ = primary(&tag, &supported());
        }
    }
}
