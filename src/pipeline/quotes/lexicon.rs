//! The words that attribute speech, by language.

use std::collections::HashMap;
use std::sync::LazyLock;

/// What a word can be, as bits: "so" and "sie" are several things.
pub(super) type Class = u16;

/// A verb that introduces speech or judgement: said, criticised, called.
pub(super) const SPEECH: Class = 1;
/// A word that names a source without a verb: according to, laut, zufolge.
pub(super) const ACCORDING: Class = 1 << 1;
/// A personal pronoun of the third person.
pub(super) const PRONOUN: Class = 1 << 2;
/// An indefinite article or quantity before somebody who is only described.
pub(super) const INDEFINITE: Class = 1 << 3;
/// A definite article or a possessive.
pub(super) const DEFINITE: Class = 1 << 4;
/// A preposition.
pub(super) const PREPOSITION: Class = 1 << 5;
/// Somebody who is only described: spokesman, neighbour, critics.
pub(super) const SOURCE: Class = 1 << 6;
/// A kind of work, outlet or label that is named in quotation marks: film, newspaper, slogan.
pub(super) const TITLE: Class = 1 << 7;
/// An impersonal subject: man, es, on.
pub(super) const IMPERSONAL: Class = 1 << 8;
/// A conjunction or relative pronoun that begins a clause.
pub(super) const CLAUSE: Class = 1 << 9;
/// A word for what was said, which shows that the passage is speech: words, sentence, charge.
pub(super) const UTTERANCE: Class = 1 << 10;

/// A verb in the mood or tense of reported speech: sei, habe, serait.
pub(super) const REPORTED: Class = 1 << 11;

/// Longest word in bytes that a list holds.
const LONGEST_WORD: usize = 32;

/// The word lists of one language.
#[derive(Debug)]
pub(super) struct Lexicon {
    words: HashMap<&'static str, Class>,
}

impl Lexicon {
    fn of(languages: &[&Lists]) -> Self {
        let mut words = HashMap::new();
        for lists in languages {
            for (class, list) in lists.iter() {
                for word in list.split_whitespace() {
                    *words.entry(word).or_default() |= class;
                }
            }
        }
        Self { words }
    }

    /// The lexicon of a BCP 47 tag; one of all languages where the tag is none of them.
    pub(super) fn for_language(tag: &str) -> &'static Self {
        let primary = primary(tag);
        LEXICONS
            .iter()
            .find(|(language, _)| *language == primary)
            .map_or(&ANY, |(_, l)| l)
    }

    /// What a word can be; 0 where it is in no list.
    pub(super) fn class(&self, word: &str) -> Class {
        if word.len() > LONGEST_WORD {
            return 0;
        }
        if let Some(&class) = self.words.get(word) {
            return class;
        }
        if word.starts_with(char::is_uppercase) || !word.is_ascii() {
            let lower = word.to_lowercase();
            return self.words.get(lower.as_str()).copied().unwrap_or(0);
        }
        0
    }
}

/// The language of a BCP 47 tag without script, region and the like.
pub(super) fn primary(tag: &str) -> String {
    tag.split(['-', '_'])
        .next()
        .unwrap_or("")
        .to_ascii_lowercase()
}

type Lists = [(Class, &'static str)];

static LEXICONS: LazyLock<Vec<(&str, Lexicon)>> = LazyLock::new(|| {
    LISTS
        .iter()
        .map(|(tag, lists)| (*tag, Lexicon::of(&[lists])))
        .collect()
});

static ANY: LazyLock<Lexicon> =
    LazyLock::new(|| Lexicon::of(&LISTS.iter().map(|(_, lists)| *lists).collect::<Vec<_>>()));

static LISTS: &[(&str, &Lists)] = &[
    ("de", GERMAN),
    ("en", ENGLISH),
    ("fr", FRENCH),
    ("es", SPANISH),
    ("it", ITALIAN),
    ("nl", DUTCH),
    ("pl", POLISH),
    ("pt", PORTUGUESE),
];

const GERMAN: &Lists = &[
    (
        REPORTED,
        "sei seien habe hätten hätte werde würde würden könne könnten könnte müsse müssten \
         müsste solle sollten wolle dürfe dürften gebe gehe komme mache lasse bleibe stehe \
         wisse brauche gehöre verdiene führe nehme fehle zeige tue finde liege halte wachse \
         handle stimme sehe reiche gelte drohe genüge entspreche verstehe wäre wären gäbe käme \
         spiele",
    ),
    (
        SPEECH,
        "sagte sagt gesagt sagten sagen erklärte erklärt erklären erklärten betonte betont \
         betonten kritisierte kritisiert kritisierten meinte meint meinten nannte nennt nannten \
         nennen genannt nenne bezeichnete bezeichnet bezeichneten bezeichnen sprach spricht \
         sprachen sprechen gesprochen warnte warnt warnten lobte lobt lobten gelobt rügte rügt \
         rügten gerügt schrieb schreibt schrieben geschrieben twitterte postete teilte teilt \
         mitgeteilt teilten ergänzte ergänzt fügte fügt hinzu forderte fordert forderten fragte \
         fragt antwortete antwortet erwiderte erwidert entgegnete entgegnet konterte kontert \
         spottete spottet schimpfte schimpft schwärmte schwärmt jubelte jubelt klagte klagt \
         klagten beklagte beklagt beteuerte beteuert bestätigte bestätigt versicherte \
         versichert versprach verspricht behauptete behauptet räumte räumt gestand gesteht gab \
         gibt zitierte zitiert urteilte urteilt befand befindet fand findet fanden finden \
         attestierte attestiert bescheinigte bescheinigt rühmte rühmt würdigte würdigt pries \
         preist feierte feiert verurteilte verurteilt geißelte geißelt tadelte tadelt schalt \
         monierte moniert bemängelte bemängelt beschwerte rief ruft riefen titelte titelt \
         kommentierte kommentiert resümierte resümiert bilanzierte bilanziert fasste fasst \
         zusammen freute freut seufzte seufzt lachte lacht scherzte scherzt witzelte witzelt \
         raunte raunt murmelte rechtfertigte verteidigte verteidigt wies verwies verweist \
         begründete begründet ließ lässt unterstrich unterstreicht bekräftigte bekräftigt \
         bekannte bekennt berichtete berichtet berichteten erzählte erzählt erinnerte erinnert \
         äußerte äußert sah sieht hielt hält erkannte beschrieb beschreibt beschrieben \
         schilderte schildert charakterisierte wetterte wettert polterte poltert ätzte ätzt \
         höhnte höhnt stichelte stichelt giftete giftet lästerte lästert dankte dankt bedankte \
         bedankt gratulierte gratuliert entschuldigte titulierte tituliert tat kanzelte \
         nachlegte legte mahnte mahnt appellierte appelliert kündigte kündigt verkündete \
         verkündet stellte stellt heißt hieß vermeldete meldete widersprach widerspricht \
         wiederholte wiederholt glaubt glaubte weiß wusste hofft hoffte brummte brummt keilt \
         keilte grollte grollt knurrte knurrt staunte staunt wunderte wundert zürnte zürnt \
         vermutete vermutet prophezeite plädierte plädiert argumentierte argumentiert empörte \
         empört schloss schließt formulierte formuliert umschrieb schwor schwört frohlockte \
         bilanziere verspottete verspottet warf wirft beschimpfte beschimpft bewertete bewertet \
         beurteilte beurteilt lautete lautet pflichtete rät riet empfahl analysierte drohte \
         droht",
    ),
    (ACCORDING, "laut so zufolge nach gemäß zuletzt"),
    (PRONOUN, "er sie dieser diese dieselbe derselbe"),
    (
        INDEFINITE,
        "ein eine einer einem einen mehrere einige viele manche andere jemand etliche zwei drei \
         keiner niemand",
    ),
    (
        DEFINITE,
        "der die das den dem des sein seine seiner seinem seinen ihr ihre ihrer ihrem ihren \
         dessen deren beim im zum zur vom am unser unsere",
    ),
    (
        PREPOSITION,
        "in im an am auf bei beim von vom zu zum zur mit für gegen über um aus durch nach vor \
         hinter unter neben zwischen wegen trotz seit während ohne gegenüber ins ans samt per \
         namens statt",
    ),
    (
        SOURCE,
        "sprecher sprecherin sprechers beamter beamte beamten beamtin anwohner anwohnerin \
         anwohnern kritiker kritikern kritikerin experten experte expertin insider insidern \
         beobachter beobachtern analysten analyst analystin händler händlerin nachbar nachbarin \
         nachbarn zeuge zeugin zeugen diplomat diplomaten diplomatin mitarbeiter mitarbeiterin \
         mitarbeitern kreise kreisen regierungskreise regierungskreisen umfeld opposition \
         gegner anhänger befürworter fans fan zuschauer zuschauerin leser leserin besucher \
         besucherin bewohner bewohnerin kunde kundin kunden eltern vater mutter bruder \
         schwester sohn tochter kollege kollegin kollegen anwalt anwältin verteidiger \
         staatsanwalt richter richterin polizist polizisten ökonomen ökonom verbraucherschützer \
         umweltschützer naturschützer gewerkschafter gewerkschaft unternehmen konzern \
         ministerium behörde gericht kammer jury regierungssprecher regierungssprecherin \
         polizeisprecher polizeisprecherin unternehmenssprecher konzernsprecher \
         konzernsprecherin unternehmenssprecherin marktteilnehmer teilnehmer teilnehmerin \
         demonstranten forscher forscherin historiker juristen ermittler bericht gutachten \
         urteil papier schreiben mitteilung brief plakat banner transparent protokoll vermerk \
         studie netz volksmund familie gäste gast mann frau rentner rentnerin händlern landwirt \
         bauern bäuerin schüler schülerin lehrerin lehrer student studentin studierende verband",
    ),
    (
        TITLE,
        "film films roman romans buch buches serie zeitung zeitschrift magazin magazins album \
         song lied stück drama oper sendung podcast show ausstellung titel titels schlagzeile \
         überschrift rubrik artikel aufsatz operation slogan etikett marke ausgabe band hit \
         single komödie musical spiel plakette preis siegel prädikat projekt kampagne \
         initiative programm reihe gemälde skulptur restaurant gasthaus hotel schiff fregatte \
         dokumentation spielfilm kinofilm debütalbum novelle erzählung essay krimi thriller \
         theaterstück kneipe lokal sogenannte sogenannten sogenannter sogenanntes verein \
         bewertung note",
    ),
    (IMPERSONAL, "man es jemand niemand"),
    (
        CLAUSE,
        "dass weil während wobei wenn als obwohl denn aber doch sondern und oder wonach nachdem \
         bevor damit die der das dem den deren dessen was wer wie ob sodass",
    ),
    (
        UTTERANCE,
        "worte worten wort satz vorwurf vorwürfe kritik aussage frage antwort motto begründung \
         urteil",
    ),
];

const ENGLISH: &Lists = &[
    (REPORTED, "would had"),
    (
        SPEECH,
        "said says say saying told tells tell added adds wrote writes write called calls call \
         calling described describes describing warned warns insisted insists argued argues \
         claimed claims complained complains praised praises criticised criticized criticises \
         denounced denounces dismissed dismisses accused accuses condemned condemns hailed \
         hails lauded lauds mocked mocks quipped quips joked jokes replied replies responded \
         responds answered answers asked asks declared declares announced announces admitted \
         admits conceded concedes acknowledged acknowledges noted notes observed observes \
         remarked remarks recalled recalls explained explains stated states stressed stresses \
         tweeted posted posts branded brands blasted blasts slammed slams labelled labeled \
         labels dubbed dubs found finds ruled rules concluded concludes shouted shouts muttered \
         sighed sighs laughed laughs grumbled snapped boasted vowed vows promised promises \
         thanked thanks commended commends rebuked cited cites quoted considers considered \
         deemed urged urges demanded demands spoke speaks blamed blames credited credits \
         applauded applauds conceding thinks thought believes believed denied denies read reads \
         reading rejected rejects countered counters characterised characterized termed reckons \
         reckoned saw sees confirmed",
    ),
    (ACCORDING, "according per"),
    (PRONOUN, "he she they it who"),
    (
        INDEFINITE,
        "a an one some several many another two three others few most someone nobody",
    ),
    (DEFINITE, "the his her its their my our this these those s"),
    (
        PREPOSITION,
        "in on at by of for from to with about against over under between among after before \
         during without into as near than toward towards through",
    ),
    (
        SOURCE,
        "spokesman spokeswoman spokesperson official officials resident residents critics \
         critic analysts analyst source sources neighbour neighbor neighbours witness witnesses \
         diplomat diplomats investors investor activists campaigners experts expert observers \
         insiders insider aides aide colleague colleagues rival rivals fans fan lawyers lawyer \
         prosecutors prosecutor police ministry department company statement report ruling \
         judge judgment letter memo office opposition reviewers reviewer traders trader \
         economists economist employees employee staff customer customers shopper shoppers \
         farmer farmers teacher teachers parents mother father brother sister son daughter \
         widow voter voters supporters opponents scientists historian historians jury panel \
         regulators regulator unions union board man woman volunteer banner placard sign \
         headline document whistleblower",
    ),
    (
        TITLE,
        "film movie novel book series show album song magazine newspaper play musical opera \
         exhibition podcast titled entitled headlined title single track documentary essay \
         so-called word operation project programme",
    ),
    (IMPERSONAL, "nobody everyone"),
    (
        CLAUSE,
        "that because while when although but and or who which whom whose whereas if since \
         though as where what",
    ),
    (
        UTTERANCE,
        "words phrase remark quote charge accusation claim verdict",
    ),
];

const FRENCH: &Lists = &[
    (
        REPORTED,
        "serait aurait ferait seraient auraient pourrait devrait",
    ),
    (
        SPEECH,
        "dit disait dire déclare déclaré déclarait affirme affirmé affirmait estime estimé \
         estimait explique expliqué expliquait ajoute ajouté ajoutait souligne souligné \
         soulignait critique critiqué dénonce dénoncé dénonçait regrette regretté déplore \
         déploré salue salué saluait qualifie qualifié qualifiait juge jugé jugeait parle parlé \
         parlait évoque évoqué assure assuré assurait répond répondu répondait réplique \
         répliqué rétorque rétorqué lance lancé lançait soupire soupiré rigole rigolé plaisante \
         plaisanté ironise ironisé raille raillé confie confié raconte raconté rappelle rappelé \
         rappelait résume résumé insiste insisté martèle martelé tonne tonné tempête fustige \
         fustigé vante vanté loue loué félicite félicité remercie remercié accuse accusé \
         accusait reproche reproché concède concédé admet admis reconnaît reconnu avoue avoué \
         précise précisé annonce annoncé promet promis prévient prévenu avertit averti écrit \
         écrivait note noté constate constaté conclut conclu commente commenté réagit réagi \
         clame clamé souffle soufflé glisse glissé grince grincé peste pesté tranche tranché \
         demande demandé interroge voit vu trouve trouvé tient décrit considère qualifiant \
         dénonçant saluant traité traite surnomme surnommé baptisé proclame proclamé jure juré \
         défend défendu plaide plaidé appelle appelé témoigne témoigné confirme confirmé dément \
         démenti soutient soutenu fulmine fulminé balaie balayé applaudit applaudi célèbre \
         célébré exulte murmure murmuré ricane cite cité demanda répondit ajouta murmura cria \
         lança répliqua soupira expliqua déclara affirma",
    ),
    (ACCORDING, "selon d'après après pour suivant dixit"),
    (
        PRONOUN,
        "il elle ils elles lui celui-ci celle-ci ce dernier",
    ),
    (
        INDEFINITE,
        "un une des plusieurs certains certaines quelques deux trois d'autres beaucoup",
    ),
    (DEFINITE, "le la les l son sa ses leur leurs au aux du"),
    (
        PREPOSITION,
        "à au aux de du des d en dans sur sous par pour avec contre chez entre vers sans devant \
         derrière depuis",
    ),
    (
        SOURCE,
        "porte-parole source sources proche proches riverain riverains riveraine habitant \
         habitants habitante expert experts critiques observateurs diplomate diplomates \
         responsable responsables fonctionnaire élu élus élue opposition avocat avocate avocats \
         voisin voisine voisins ministère entourage syndicat syndicats association associations \
         analystes analyste investisseurs client clients cliente témoin témoins collègue \
         collègues père mère frère soeur sœur fils fille entraîneur tribunal juge juges \
         procureur préfecture direction rapport note communiqué usagers militants militante \
         militant chercheurs jury presse supporteurs supporters patron cadre banderole pancarte \
         ancien ancienne concurrent concurrents détracteurs rival gouvernement",
    ),
    (
        TITLE,
        "film roman livre série journal magazine album chanson émission exposition pièce opéra \
         podcast titre intitulé intitulée baptisé baptisés baptisée frégate opération mention \
         slogan label étiquette bar café restaurant documentaire so-called projet note",
    ),
    (IMPERSONAL, "on"),
    (
        CLAUSE,
        "que qui parce alors tandis mais et ou dont quand lorsque où si comme puisque car \
         quoique",
    ),
    (
        UTTERANCE,
        "mots mot phrase propos formule reproche accusation",
    ),
];

const SPANISH: &Lists = &[
    (REPORTED, "sería habría estaría serían tendría"),
    (
        SPEECH,
        "dijo dice dicho decía decir afirmó afirma afirmado aseguró asegura asegurado declaró \
         declara declarado señaló señala señalado explicó explica explicado añadió añade \
         añadido agregó agrega subrayó subraya destacó destaca criticó critica criticado \
         denunció denuncia denunciado calificó califica calificado tachó tacha tachado llamó \
         llama llamado tildó tilda describió describe definió define sostuvo sostiene sentenció \
         sentencia resumió resume reconoció reconoce admitió admite confesó confiesa lamentó \
         lamenta celebró celebra elogió elogia alabó alaba felicitó respondió responde replicó \
         replica contestó contesta preguntó pregunta exclamó exclama gritó bromeó bromea \
         ironizó ironiza advirtió advierte insistió insiste recordó recuerda comentó comenta \
         opinó opina considera consideró cree creyó acusó acusa reprochó reprocha escribió \
         escribe soltó suelta zanjó zanja remató protestó protesta contó cuenta matizó matiza \
         precisó precisa apuntó apunta indicó indica manifestó manifiesta expresó expresa \
         prometió promete defendió defiende argumentó argumenta concluyó concluye apostilló \
         habló habla ve vio agradeció agradece rechazó rechaza reaccionó reclamó reclama exigió \
         exige suspiró suspira confirmó confirma negó niega aplaudió aplaude lanzó espetó \
         arremetió atribuyó anunció anuncia relató relata reitera reiteró tuiteó publicó \
         bautizó",
    ),
    (ACCORDING, "según para conforme"),
    (PRONOUN, "él ella ellos ellas este esta aquel quien"),
    (
        INDEFINITE,
        "un una unos unas varios varias algunos algunas muchos otro otra otros dos tres uno",
    ),
    (DEFINITE, "el la los las su sus del al"),
    (
        PREPOSITION,
        "a ante bajo con contra de del al desde en entre hacia hasta para por sin sobre tras",
    ),
    (
        SOURCE,
        "portavoz portavoces fuente fuentes vecino vecina vecinos vecinas críticos experto \
         expertos analista analistas diplomático diplomáticos funcionario funcionarios testigo \
         testigos diputado diputada delegado delegada ministerio gobierno oposición abogado \
         abogada fiscal fiscalía juez jueza tribunal empresa compañía sindicato sindicatos \
         inversores cliente clienta clientes madre padre hermano hermana hijo hija compañero \
         compañera asistente asistentes aficionados aficionado hincha hinchas prensa informe \
         auto sentencia comunicado comentarista exministro alcalde alcaldesa ministro ministra \
         gobernador dirigente dirigentes crítica jurado trabajador trabajadora pancarta \
         usuarios usuario entrenador periodista periodistas",
    ),
    (
        TITLE,
        "película novela libro serie diario periódico revista álbum canción programa obra ópera \
         exposición pódcast título titulado titulada documental disco llamado llamada operación \
         palabra término premio doctorado",
    ),
    (IMPERSONAL, "se nadie"),
    (
        CLAUSE,
        "que porque mientras cuando aunque pero y o e u donde quien cuyo sino si como pues",
    ),
    (
        UTTERANCE,
        "palabras frase lema acusación pregunta respuesta",
    ),
];

const ITALIAN: &Lists = &[
    (REPORTED, "sarebbe avrebbe sarebbero avrebbero"),
    (
        SPEECH,
        "detto dice disse dicono diceva dichiarato dichiara affermato afferma spiegato spiega \
         aggiunto aggiunge sottolineato sottolinea criticato critica definito definisce definì \
         parla parlato accusato accusa attaccato attacca commentato commenta risposto risponde \
         replicato replica ribatte ribattuto ribadito ribadisce ammesso ammette ricordato \
         ricorda raccontato racconta scritto scrive osservato osserva concluso conclude \
         sostenuto sostiene chiamato chiama elogiato elogia lodato loda ringraziato ringrazia \
         denunciato denuncia lamentato lamenta protestato protesta precisato precisa assicurato \
         assicura avvertito avverte insiste insistito confida confidato confessa confessato \
         scherza scherzato ironizza ironizzato esulta esultato sbotta sbottato tuona tuonato \
         giudicato giudica bollato bolla liquidato liquida battezzato ritiene annunciato \
         annuncia domanda chiede chiesto urlato sospira sospirato grida gridato lamentano \
         ribadiscono liquidano sostengono applaudito applaude promesso promette rivendica \
         rivendicato taglia sentenzia sentenziato riassume bacchetta stronca vede difeso \
         difende smentito smentisce rimprovera rimproverato considera paragonato etichettato",
    ),
    (ACCORDING, "secondo per stando"),
    (PRONOUN, "lui lei egli ella loro quest'ultimo quello questi"),
    (
        INDEFINITE,
        "un uno una un' alcuni alcune molti diversi qualche due tre altri",
    ),
    (
        DEFINITE,
        "il lo la i gli le l suo sua suoi sue loro del della dello dei degli delle al alla",
    ),
    (
        PREPOSITION,
        "a ad al alla allo ai agli alle di del della dello dei degli delle dell da dal dalla in \
         nel nella nei con su sul sulla per tra fra contro verso senza dopo davanti",
    ),
    (
        SOURCE,
        "portavoce fonte fonti residente residenti critici esperto esperti analisti analista \
         diplomatico funzionario funzionari testimone testimoni ministero governo opposizione \
         avvocato legale procura pm giudice giudici tribunale azienda società sindacato \
         sindacati investitori cliente clienti madre padre fratello sorella figlio figlia \
         collega colleghi tifosi tifoso stampa rapporto sentenza comunicato nota consigliere \
         direttore perito revisore skipper allenatore vicina vicino vicini striscione genitori \
         operai operaio sindaco ministro assessore negoziante pensionato insegnante giuria",
    ),
    (
        TITLE,
        "film romanzo libro serie giornale quotidiano rivista album canzone programma opera \
         mostra podcast titolo intitolato intitolata documentario cosiddetto cosiddetta \
         operazione parola marchio premio spettacolo comune",
    ),
    (IMPERSONAL, "si nessuno"),
    (
        CLAUSE,
        "che perché mentre quando anche ma e ed o dove cui se come poiché quale",
    ),
    (UTTERANCE, "parole frase accusa domanda risposta slogan"),
];

const DUTCH: &Lists = &[
    (REPORTED, "zou zouden"),
    (
        SPEECH,
        "zei zegt zeggen zeiden gezegd verklaarde verklaart verklaard stelde stelt meldde meldt \
         liet laat noemde noemt noemden noemen genoemd sprak spreekt spraken gesproken \
         bekritiseerde bekritiseert prees prijst geprezen vond vindt vinden vonden schreef \
         schrijft geschreven voegde voegt toe benadrukte benadrukt waarschuwde waarschuwt \
         klaagde klaagt reageerde reageert antwoordde antwoordt vroeg vraagt riep roept jubelde \
         jubelt lachte lacht verzuchtte verzucht concludeerde concludeert erkende erkent gaf \
         geeft vertelde vertelt legde legt uit meent meende oordeelde oordeelt omschreef \
         omschrijft bestempelde hekelde hekelt veroordeelde looft loofde beweerde beweert \
         beschuldigt beschuldigde verweet verwijt grapte grapt sneerde sneert schamperde \
         bezwoer beloofde belooft kondigde bevestigde bevestigt ontkende ontkent twitterde \
         tekende noteerde besloot constateert constateerde betoogde betoogt verdedigde \
         verdedigt ziet zag beschreef beschrijft roemde roemt bedankte bedankt foeterde moppert \
         herhaalde weet",
    ),
    (ACCORDING, "volgens aldus naar"),
    (PRONOUN, "hij zij ze deze die hem haar"),
    (
        INDEFINITE,
        "een enkele sommige veel meerdere andere twee drie iemand ene",
    ),
    (DEFINITE, "de het zijn haar hun diens ons onze"),
    (
        PREPOSITION,
        "in op aan bij van voor met tegen over uit door na naar onder tussen zonder tot om rond \
         sinds tijdens namens",
    ),
    (
        SOURCE,
        "woordvoerder woordvoerster bron bronnen buurtbewoner buurtbewoners critici deskundige \
         deskundigen analist analisten diplomaat diplomaten ambtenaar getuige getuigen \
         ministerie oppositie advocaat officier justitie rechter rechtbank bedrijf vakbond \
         beleggers klant klanten moeder vader broer zus zoon dochter collega oud-collega fans \
         supporters pers rapport vonnis verklaring commentator bewoner bewoners bewoonster \
         ondernemer jury medewerker medewerkers ouders wethouder burgemeester bloemiste leraar \
         boer boeren buurman buurvrouw spandoek",
    ),
    (
        TITLE,
        "film roman boek serie krant tijdschrift album lied nummer programma voorstelling opera \
         tentoonstelling podcast titel getiteld documentaire zogeheten zogenaamde zogenoemde \
         operatie woord project",
    ),
    (IMPERSONAL, "men het niemand"),
    (
        CLAUSE,
        "dat omdat terwijl toen als hoewel maar en of die wie want waar zodat wat",
    ),
    (UTTERANCE, "woorden zin verwijt leus vraag antwoord"),
];

const POLISH: &Lists = &[
    (REPORTED, "miałby byłby miałaby miał mieli"),
    (
        SPEECH,
        "powiedział powiedziała powiedzieli mówi mówił mówiła mówią stwierdził stwierdziła \
         stwierdza dodał dodała dodaje podkreślił podkreśliła podkreśla ocenił oceniła ocenia \
         ocenili oświadczył oświadczyła oświadczyli zaznaczył zaznaczyła zaznacza skrytykował \
         skrytykowała krytykuje nazwał nazwała nazywa nazwali nazwało określił określiła \
         określa pisze napisał napisała napisali komentuje skomentował skomentowała \
         odpowiedział odpowiedziała odpowiada odparł odparła ripostował zapytał zapytała pyta \
         przyznał przyznała przyznaje zapewnił zapewniła zapewnia twierdzi twierdził ostrzega \
         ostrzegł ostrzegła zarzuca zarzucił zarzuciła zarzucają oskarżył oskarża chwali \
         pochwalił pochwaliła dziękuje podziękował wyjaśnił wyjaśniła wyjaśnia tłumaczy \
         tłumaczył tłumaczyła uważa uznał uznała uznali żartuje zażartował zażartowała śmieje \
         wzdycha westchnął gani zganił potępił potępiła przekonuje przekonywał przekonywała \
         zauważył zauważyła zauważa wspomina opowiada opowiadał podsumował podsumowała \
         podsumowuje grzmi grzmiał zastrzegł zastrzegła kwituje skwitował skwitowała mówiąc \
         apeluje zaapelował wytknął wytyka drwi kpi zakpił zachwalał zachwyca rzucił rzuciła \
         krzyknął woła wołał ogłosił ogłosiła zapowiedział zapowiedziała cieszy ucieszył broni \
         bronił uciął ucięła denerwuje denerwują narzeka skarży skarżył poinformował \
         poinformowała widzi",
    ),
    (ACCORDING, "według zdaniem jak"),
    (PRONOUN, "on ona oni one ten ta jego jej"),
    (
        INDEFINITE,
        "jeden jedna jedno kilku kilka pewien pewna wielu niektórzy inni inny dwóch trzech ktoś",
    ),
    (DEFINITE, "jego jej ich swój swoją swoje tego tej"),
    (
        PREPOSITION,
        "w we na do z ze o od za przez przy po pod nad przed między dla bez u przeciw wobec ku",
    ),
    (
        SOURCE,
        "rzecznik rzeczniczka źródło źródła mieszkaniec mieszkanka mieszkańcy krytycy ekspert \
         eksperci analitycy analityk dyplomata dyplomaci urzędnik urzędnicy świadek świadkowie \
         ministerstwo opozycja adwokat obrońca prokurator prokuratura sąd sędzia spółka firma \
         związkowcy inwestorzy klient klientka klienci matka ojciec brat siostra syn córka \
         kolega koleżanka kibice kibic prasa raport wyrok komunikat sąsiad sąsiadka pracownik \
         pracownicy pracowników nauczyciele nauczycielka uczestnik uczestniczka kasjerka kupcy \
         rolnik rolnicy radny radna jury zarząd przedstawiciel przedstawicielka trener poseł \
         posłanka poszkodowanych komentatorzy recenzent",
    ),
    (
        TITLE,
        "film filmu powieść powieści książka książki książce serial serialu gazeta tygodnik \
         dziennik album piosenka program programu spektakl opera wystawa podcast pt tytuł \
         tytułem tzw operacja nagroda festiwal festiwalu kropka czasopismo miesięcznik",
    ),
    (IMPERSONAL, "nikt"),
    (
        CLAUSE,
        "że bo gdy kiedy choć ale i lub oraz który która które którzy podczas jeśli a co",
    ),
    (UTTERANCE, "słowa słowami słów zdanie zarzut hasło hasłem"),
];

const PORTUGUESE: &Lists = &[
    (REPORTED, "seria teria estaria seriam teriam"),
    (
        SPEECH,
        "disse diz dito dizia dizer afirmou afirma afirmado declarou declara explicou explica \
         acrescentou acrescenta sublinhou sublinha destacou destaca criticou critica denunciou \
         denuncia classificou classifica chamou chama apelidou descreveu descreve definiu \
         define defendeu defende sustentou sustenta resumiu resume reconheceu reconhece admitiu \
         admite confessou confessa lamentou lamenta celebrou elogiou elogia louvou respondeu \
         responde rebateu rebate retorquiu retrucou perguntou pergunta exclamou gritou brincou \
         brinca ironizou ironiza alertou alerta avisou avisa insistiu insiste lembrou lembra \
         recordou recorda comentou comenta considera considerou acha achou acusou acusa \
         escreveu escreve protestou protesta contou conta precisou frisou frisa apontou aponta \
         indicou manifestou prometeu promete argumentou argumenta concluiu conclui falou fala \
         agradeceu agradece rejeitou reagiu reage garantiu garante assegurou assegura vibrou \
         vibra desabafou desabafa atirou disparou anunciou anuncia gaba tratou trata vê viu \
         relatou reiterou confirmou negou nega aplaudiu saudou saúda acredita",
    ),
    (ACCORDING, "segundo para conforme"),
    (PRONOUN, "ele ela eles elas este esta quem"),
    (
        INDEFINITE,
        "um uma uns umas vários várias alguns algumas muitos outro outra outros dois três",
    ),
    (DEFINITE, "o a os as seu sua seus suas do da dos das ao à"),
    (
        PREPOSITION,
        "a à ao aos às de do da dos das em no na nos nas com por pelo pela para sem sob sobre \
         contra entre até desde perante",
    ),
    (
        SOURCE,
        "porta-voz fonte fontes morador moradora moradores críticos especialista especialistas \
         analista analistas diplomata funcionário funcionários testemunha testemunhas \
         ministério governo oposição advogado advogada procurador procuradoria juiz juíza \
         tribunal empresa sindicato sindicatos investidores cliente clientes mãe pai irmão irmã \
         filho filha colega colegas torcedores torcedor adeptos imprensa relatório sentença \
         comunicado nota vizinho vizinha vizinhos diretor diretora deputado deputada ministro \
         ministra aliados treinador faixa autarca delegado perito júri usuários trabalhador \
         trabalhadores professora professor",
    ),
    (
        TITLE,
        "filme romance livro série jornal revista álbum canção música programa peça ópera \
         exposição podcast título intitulado intitulada documentário novela disco chamado \
         chamada operação palavra prêmio prémio",
    ),
    (IMPERSONAL, "se ninguém"),
    (
        CLAUSE,
        "que porque enquanto quando embora mas e ou onde quem cujo se como pois",
    ),
    (UTTERANCE, "palavras frase acusação pergunta resposta lema"),
];
