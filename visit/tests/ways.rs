//! Ways in without a chip, of whom a field is asked, and VNeID by a provider: unit by unit.

mod source {
    use visit::source::{Means, Paper, Source};

    #[test]
    fn codes_of_papers_are_what_serde_reads() {
        for paper in Paper::ALL {
            assert_eq!(serde_json::to_value(paper).expect("JSON"), paper.code());
            assert_eq!(Paper::find(paper.code()), Some(paper));
        }
    }

    #[test]
    fn a_record_of_a_version_with_one_word_for_all_without_a_chip_says_what_was_seen() {
        assert_eq!(Source::Typed.means("vneid"), Means::Vneid);
        assert_eq!(Source::Typed.means("passport"), Means::Seen);
        assert_eq!(Source::Typed.means(""), Means::Typed);
        assert_eq!(Source::Passport.means("passport"), Means::Chip);
        for seen in Paper::ALL.map(Some).into_iter().chain([None]) {
            let document = seen.map_or("", Paper::code);
            assert_eq!(Source::without_chip(seen).means(document), Source::Typed.means(document), "{seen:?}");
        }
    }
}

mod group {
    use cccd::date::CardDate;
    use time::macros::date;
    use visit::content::Content;
    use visit::group::youngest;
    use visit::profile::{Group, Item};
    use visit::source::Source;

    fn born(text: &str) -> Content {
        Content { items: [(Item::DateOfBirth, text.to_owned().into())].into(), ..Content::default() }
    }

    #[test]
    fn a_birthday_is_the_day_on_which_somebody_is_older() {
        let today = date!(2026 - 11 - 30);
        for (text, below14) in
            [("01/12/2012", true), ("30/11/2012", false), ("29/11/2012", false), ("2012", true), ("2011", false)]
        {
            assert_eq!(Group::Below14.has(&born(text), today), below14, "{text}");
        }
        assert!(Group::Below16.has(&born("12/2010"), today), "the last day of that month may be it");
        assert!(!Group::Below16.has(&born("11/2010"), today));
        // A leap day comes with the first of March.
        let leap = CardDate::Day(date!(2020 - 02 - 29));
        assert_eq!(youngest(leap, date!(2026 - 02 - 28)), Some(5));
        assert_eq!(youngest(leap, date!(2026 - 03 - 01)), Some(6));
    }

    #[test]
    fn of_whom_nothing_is_known_nobody_says_that_they_are_a_child() {
        let today = date!(2026 - 11 - 30);
        for text in ["", "00/00/0000", "soon"] {
            assert!(!Group::Below16.has(&born(text), today), "{text}");
        }
        assert!(!Group::Below16.has(&Content::default(), today));
        assert_eq!(youngest(CardDate::Year(1950), today), Some(75));
    }

    #[test]
    fn everybody_is_a_citizen_or_a_foreigner() {
        let today = date!(2026 - 11 - 30);
        let of = |source, nationality: &str| Content {
            source,
            items: [(Item::Nationality, nationality.to_owned().into())].into(),
            ..Content::default()
        };
        for (source, nationality, citizen) in [
            (Source::CitizenCard, "", true),
            (Source::Passport, "VNM", true),
            (Source::Passport, "KOR", false),
            (Source::Seen, "Việt Nam", true),
            (Source::Seen, "", false),
            (Source::Typed, "viet nam", true),
            (Source::OtherCard, "LAO", false),
        ] {
            let content = of(source, nationality);
            assert_eq!(Group::Citizen.has(&content, today), citizen, "{source:?} {nationality}");
            assert_ne!(Group::Citizen.has(&content, today), Group::Foreigner.has(&content, today));
        }
    }
}

mod without_chip {
    use program::Text;
    use std::collections::BTreeMap;
    use verdict::{Below, Rung};
    use visit::profile::{Accept, Item, Profile};
    use visit::source::Paper;
    use visit::without_chip::{SecondNeeded, is_number, way};

    fn built_in() -> impl Iterator<Item = Profile> {
        Profile::names_built_in().map(|id| Profile::built_in(id).expect("valid"))
    }

    #[test]
    fn every_profile_that_comes_with_the_agent_has_a_way_in_without_a_chip_or_says_why_not() {
        for profile in built_in() {
            let rules = profile.without_chip();
            let open = profile.accepts(Accept::Typed);
            assert_ne!(open, !rules.why_not_vi.is_empty(), "{}", profile.id);
            let any = Paper::ALL.map(Some).into_iter().chain([None]).filter_map(|seen| way(&profile, seen).ok());
            assert_eq!(any.count() > 0, open, "{}: a way that nobody can go is none", profile.id);
        }
    }

    #[test]
    fn two_of_staff_answer_where_money_or_an_exam_hangs_on_it() {
        for id in ["exam", "beneficiary", "attest", "customer-check"] {
            let profile = Profile::built_in(id).expect("valid");
            assert!(profile.without_chip().second, "{id}");
            // Nobody comes in there by their word alone, nor with a paper unseen by a named person.
            assert_eq!((profile.terms().claimed, profile.terms().shown), (Below::Refuse, Below::Staff), "{id}");
        }
    }

    #[test]
    fn nobody_approves_what_they_do_themselves() {
        let exam = way(&Profile::built_in("exam").expect("valid"), Some(Paper::CitizenCard)).expect("taken");
        for named in [None, Some(""), Some(" "), Some("nv-1"), Some(" nv-1 ")] {
            assert_eq!(exam.approver("nv-1", named), Err(SecondNeeded), "{named:?}");
        }
        assert_eq!(exam.approver("nv-1", Some("nv-2")), Ok(Some("nv-2")));
        let lodging = way(&Profile::built_in("lodging").expect("valid"), Some(Paper::CitizenCard)).expect("taken");
        assert_eq!(lodging.approver("nv-1", Some("nv-2")), Ok(None), "one is enough");
    }

    #[test]
    fn no_way_lets_more_in_than_the_terms() {
        for profile in built_in() {
            for seen in Paper::ALL.map(Some).into_iter().chain([None]) {
                let Ok(way) = way(&profile, seen) else { continue };
                let content = way.content(seen, BTreeMap::new(), BTreeMap::new());
                let assurance = content.assurance.expect("said");
                assert!(way.rung <= Rung::Shown && assurance.rung == way.rung, "{}", profile.id);
                let marked = way.rung < profile.terms().at_least;
                assert_eq!(assurance.is_marked(), marked, "{}", profile.id);
                assert!(!way.second || way.asks_staff(), "{}", profile.id);
            }
        }
    }

    #[test]
    fn a_seen_passport_is_the_person_of_its_chip_and_a_paper_of_no_known_state_is_nobody() {
        let lodging = Profile::built_in("lodging").expect("valid");
        let items = |state: &str| -> BTreeMap<Item, Text> {
            let items = [(Item::DocumentNumber, "M12345678"), (Item::Nationality, state)];
            items.map(|(item, text)| (item, text.to_owned().into())).into()
        };
        let way = way(&lodging, Some(Paper::Passport)).expect("taken");
        let person = |seen, state| way.content(seen, items(state), BTreeMap::new()).person();
        let chip = events::subject::Person::new("passport", "KOR", "M12345678");
        assert_eq!(person(Some(Paper::Passport), "KOR"), chip);
        assert_eq!(person(Some(Paper::Passport), "Hàn Quốc"), None);
        assert_eq!(person(Some(Paper::DrivingLicence), "KOR"), None);
    }

    #[test]
    fn where_people_are_counted_a_number_is_that_of_a_person() {
        let exam = Profile::built_in("exam").expect("valid");
        assert!(is_number(&exam, Item::IdNumber, " 001099000017 "));
        for wrong in ["012345678", "00109900001", "soon", ""] {
            assert!(!is_number(&exam, Item::IdNumber, wrong), "{wrong}");
        }
        let lodging = Profile::built_in("lodging").expect("valid");
        assert!(is_number(&lodging, Item::IdNumber, "012345678"), "the portal takes any paper's");
    }
}

mod vneid {
    use events::event::Bytes;
    use program::{Failure, Private};
    use std::collections::BTreeMap;
    use verdict::Rung;
    use visit::content::Content;
    use visit::profile::{Item, Profile};
    use visit::source::Means;
    use visit::vneid::{Confirmed, Provider, TestProvider, ask};

    const NOW: i64 = 1_796_000_000;
    const CHALLENGE: Bytes<32> = Bytes([7; 32]);

    fn provider() -> TestProvider {
        let items = [(Item::IdNumber, "001099000017"), (Item::FullName, "Nguyễn Văn An"), (Item::Religion, "Không")];
        TestProvider {
            presents: "token".to_owned().into(),
            items: items.map(|(item, text)| (item, text.to_owned().into())).into(),
            until: NOW + 60,
        }
    }

    fn asked(provider: &dyn Provider, profile: &str, presented: &str) -> Result<Content, Failure> {
        let profile = Profile::built_in(profile).expect("valid");
        ask(provider, &profile, &presented.to_owned().into(), CHALLENGE, NOW)
    }

    #[test]
    fn whom_a_provider_confirms_is_known_by_vneid_and_gives_what_the_profile_takes() {
        let content = asked(&provider(), "exam", "token").expect("confirmed");
        let assurance = content.assurance.as_ref().expect("said");
        assert_eq!((assurance.rung, content.means()), (Rung::Pinned, Means::Vneid));
        assert!(assurance.answers.is_none() && !assurance.is_marked());
        assert_eq!(content.items.keys().copied().collect::<Vec<_>>(), [Item::IdNumber, Item::FullName]);
    }

    #[test]
    fn an_answer_to_another_question_or_one_that_is_over_confirms_nobody() {
        struct Replay(TestProvider);
        impl Provider for Replay {
            fn confirm(&self, presented: &Private, _: Bytes<32>) -> Result<Confirmed, Failure> {
                self.0.confirm(presented, Bytes([8; 32]))
            }
        }
        let over = TestProvider { until: NOW - 1, ..provider() };
        let nameless = TestProvider { items: BTreeMap::new(), ..provider() };
        let all: [(&dyn Provider, &str); 4] =
            [(&Replay(provider()), "token"), (&over, "token"), (&nameless, "token"), (&provider(), "another")];
        for (provider, presented) in all {
            assert_eq!(asked(provider, "exam", presented).expect_err("nobody").code, "vneid_refused");
        }
    }
}
