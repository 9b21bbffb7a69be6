//! Moves, combined at random, against every profile; and of what is found, the shortest that shows the same.

use super::{Allowed, Cripple, Move, Scene, Stock, Truth, Verdict, World, judged, may};
use cccd::judgement::Judgement;
use verdict::{Admission, Word};
use visit::profile::Profile;

/// A profile, and its own text.
#[derive(Debug)]
pub struct Use {
    /// As the product has it.
    pub profile: Profile,
    /// As anybody can read it.
    pub text: toml::Table,
}

/// Every profile that comes with the agent.
#[must_use]
pub fn profiles() -> Vec<Use> {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../visit/profiles");
    let load = |id: &str| {
        let text = std::fs::read_to_string(directory.join(format!("{id}.toml"))).expect("a profile");
        Use { profile: Profile::built_in(id).expect("a profile"), text: text.parse().expect("TOML") }
    };
    Profile::names_built_in().map(load).collect()
}

/// xorshift64*.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// From a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// One of so many.
    pub fn below(&mut self, many: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).unwrap_or_default() % many.max(1)
    }

    /// One of these.
    pub fn one_of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

/// A world in which the judge does what it must not.
#[derive(Debug, Clone)]
pub struct Found {
    /// How many combinations were tried before.
    pub after: usize,
    /// The fewest moves that show it.
    pub moves: Vec<Move>,
    /// What is wrong.
    pub what: String,
}

/// A search.
#[derive(Debug)]
pub struct Search {
    random: Random,
    families: Vec<Vec<Move>>,
    uses: Vec<Use>,
    stock: Stock,
    /// How many combinations were tried.
    pub tried: usize,
    /// How often a profile was as strict as the truth demands, and how often stricter.
    pub strict: [usize; 2],
    /// The first that were.
    pub stricter: Vec<String>,
}

impl Search {
    /// From a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let (random, families) = (Random::new(seed), Move::families());
        Self { random, families, uses: profiles(), stock: Stock::new(), tried: 0, strict: [0; 2], stricter: Vec::new() }
    }

    /// Draws up to five moves.
    pub fn draw(&mut self) -> Vec<Move> {
        let many = self.random.below(6);
        let draw = |_| {
            let family = self.random.below(self.families.len());
            *self.random.one_of(&self.families[family])
        };
        (0..many).map(draw).collect()
    }

    /// The next combination against every profile under the product's judge.
    pub fn step(&mut self) -> Option<Found> {
        let moves = self.draw();
        self.tried += 1;
        let what = self.against(&moves, judged)?;
        let moves = self.shrink(moves, judged);
        Some(Found { after: self.tried, what: self.against(&moves, judged).unwrap_or(what), moves })
    }

    /// The same under judges that forget one thing; of those that are still `open`, what is found now.
    pub fn step_crippled(&mut self, open: &[Cripple]) -> Vec<(Cripple, Found)> {
        let moves = self.draw();
        self.tried += 1;
        let world = World::after(&moves);
        let truth = Truth::of(&world);
        let (scene, judgement) = Scene::judged(&world, &mut self.stock);
        let caught = |cripple: &&Cripple| {
            let judge =
                |scene: &Scene, judgement: &Judgement, profile: &Profile| cripple.judged(scene, judgement, profile);
            self.uses.iter().any(|one| violation(&truth, judge(&scene, &judgement, &one.profile), one).is_some())
        };
        let caught: Vec<Cripple> = open.iter().filter(caught).copied().collect();
        let mut found = Vec::new();
        for cripple in caught {
            let judge =
                |scene: &Scene, judgement: &Judgement, profile: &Profile| cripple.judged(scene, judgement, profile);
            let moves = self.shrink(moves.clone(), judge);
            let what = self.against(&moves, judge).unwrap_or_default();
            found.push((cripple, Found { after: self.tried, moves, what }));
        }
        found
    }

    /// What is wrong in the world after these moves, under any profile.
    pub fn against(
        &mut self,
        moves: &[Move],
        judge: impl Fn(&Scene, &Judgement, &Profile) -> Verdict,
    ) -> Option<String> {
        let world = World::after(moves);
        let truth = Truth::of(&world);
        let (scene, judgement) = Scene::judged(&world, &mut self.stock);
        for one in &self.uses {
            let verdict = judge(&scene, &judgement, &one.profile);
            if let Some(what) = violation(&truth, verdict, one) {
                let checks: Vec<_> = judgement.reasons().into_iter().collect();
                return Some(format!("{}: {what}; {truth:?}; {:?}; {checks:?}", one.profile.id, judgement.answers));
            }
            let may = may(&truth, &one.text);
            let stricter = rank(verdict.admission) < may;
            self.strict[usize::from(stricter)] += 1;
            if stricter && self.stricter.len() < 8 {
                self.stricter.push(format!("{}: {moves:?}: {:?}", one.profile.id, judgement.reasons()));
            }
        }
        None
    }

    /// Leaves out moves while the same is still wrong.
    fn shrink(
        &mut self,
        mut moves: Vec<Move>,
        judge: impl Fn(&Scene, &Judgement, &Profile) -> Verdict + Copy,
    ) -> Vec<Move> {
        let mut at = 0;
        while at < moves.len() {
            let mut fewer = moves.clone();
            fewer.remove(at);
            if self.against(&fewer, judge).is_some() {
                moves = fewer;
                at = 0;
            } else {
                at += 1;
            }
        }
        moves
    }
}

/// What an admission amounts to.
const fn rank(admission: Admission) -> Allowed {
    match admission {
        Admission::Refused(_) => Allowed::Refuse,
        Admission::AskStaff(_) => Allowed::Staff,
        Admission::Marked(_) => Allowed::Mark,
        Admission::GoesOn => Allowed::GoOn,
    }
}

/// What a verdict does that the truth does not bear.
#[must_use]
pub fn violation(truth: &Truth, verdict: Verdict, one: &Use) -> Option<String> {
    let most = may(truth, &one.text);
    let accused = verdict.word == Word::NotGenuine;
    if rank(verdict.admission) > most {
        return Some(format!("{:?} where at most {most:?} is allowed", verdict.admission));
    }
    if verdict.word.is_green() && !truth.may_be_green() {
        return Some(format!("the word {:?} is green", verdict.word));
    }
    if accused && !truth.is_refuted() {
        return Some("accused, and no proof failed".to_owned());
    }
    // What is proved to be wrong is said, not passed over.
    (truth.is_refuted() && !accused).then(|| format!("not accused, and a proof failed: {:?}", verdict.word))
}
