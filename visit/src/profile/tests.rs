use super::*;

#[test]
fn every_built_in_profile_is_valid_and_says_why_it_may() {
    for (id, _) in BUILT_IN {
        let profile = Profile::built_in(id).expect("valid");
        assert_eq!(profile.id, *id);
        assert!(!profile.purpose_vi.is_empty() && !profile.purpose_en.is_empty() && !profile.legal_basis.is_empty());
        assert!(profile.event.retention_days > 0, "{id}");
        assert_eq!(profile.practice, *id == "practice");
    }
}

#[test]
fn nobody_is_asked_about_faith_descent_or_family_where_no_profile_names_them() {
    let named: Vec<_> = BUILT_IN.iter().map(|(id, _)| Profile::built_in(id).expect("valid")).collect();
    for item in [Item::Ethnicity, Item::Religion, Item::Father, Item::Mother, Item::Spouse] {
        let who: Vec<_> = named.iter().filter(|profile| profile.takes(item)).map(|p| p.id.as_str()).collect();
        assert!(who.is_empty(), "{item:?}: {who:?}");
    }
}

/// The identify profile with one piece of text replaced.
fn with(from: &str, to: &str) -> Failure {
    let text = BUILT_IN[0].1;
    assert!(text.contains(from), "{from}");
    Profile::parse(&text.replace(from, to)).expect_err("not valid")
}

#[test]
fn errors_name_line_and_remedy() {
    let line = |needle: &str| {
        let at = BUILT_IN[0].1.lines().position(|line| line.contains(needle)).expect("there");
        format!("line {}", at + 1)
    };
    let cases = [
        ("fields = [\"subject\"]", "fields = [\"full_name\"]", "fields = [\"subject\"]"),
        ("\"scan-qr\", \"read-chip\"", "\"read-chip\", \"scan-qr\"", "steps ="),
        (", \"read-chip\"", "", "steps ="),
        ("\"read-chip\", ", "\"read-chip\", \"print\", ", "steps ="),
        ("data_groups = [1,", "data_groups = [17,", "data_groups ="),
        ("data_groups = [1,", "data_groups = [", "data_groups ="),
        ("13, ", "", "take ="),
    ];
    for (from, to, at) in cases {
        let failure = with(from, to);
        assert_eq!(failure.code, "profile_invalid");
        assert!(failure.message.contains(&line(at)), "{to}: {}", failure.message);
        assert!(!failure.remedy.is_empty());
    }
}

#[test]
fn nothing_can_be_sent_that_is_not_taken() {
    let failure = with("fields = [\"id_number\"", "fields = [\"religion\", \"id_number\"");
    assert!(failure.message.contains("religion"), "{}", failure.message);
    let text = format!("{}\n[print]\nkind = \"page\"\nlines = [\"{{religion}}\"]\n", BUILT_IN[0].1);
    let text = text.replace("\"read-chip\", ", "\"read-chip\", \"print\", ");
    let failure = Profile::parse(&text).expect_err("not valid");
    assert!(failure.message.contains("{religion}"), "{}", failure.message);
}

#[test]
fn a_department_is_named_by_the_ministry_alone() {
    let text = |field: &str| {
        let form =
            format!("\n[[form]]\nid = \"department\"\nlabel_vi = \"Khoa\"\nlabel_en = \"Department\"\n{field}\n");
        format!("{}{form}", BUILT_IN[0].1).replace("\"read-chip\", ", "\"read-chip\", \"form\", ")
    };
    let mut profile = Profile::parse(&text("departments = true\noffer = [\"K18\"]")).expect("valid");
    let choice = |profile: &Profile| profile.form().last().expect("a field").choice.clone();
    assert_eq!(choice(&profile)[0].label_vi, "Khoa Nhi");
    for id in Profile::names_built_in() {
        let profile = Profile::built_in(id).expect("valid");
        for field in profile.form().filter(|field| field.departments) {
            assert!(!field.choice.is_empty(), "{id}");
            let is_known = |choice: &Choice| {
                crate::departments::find(&choice.value).is_some_and(|known| known.name == choice.label_vi)
            };
            assert!(field.choice.iter().all(is_known), "{id}");
        }
    }
    profile.set_departments(&[("N1".to_owned(), "Nhi 1".to_owned())]);
    assert_eq!(choice(&profile)[0].value, "N1", "a hospital's own are the hospital's");
    for wrong in [
        "departments = true\noffer = [\"K00\"]",
        "departments = true\nchoice = [{ value = \"K04\", label_vi = \"Nhi\", label_en = \"Paediatrics\" }]",
        "offer = [\"K18\"]",
    ] {
        let failure = Profile::parse(&text(wrong)).expect_err(wrong);
        assert!(failure.message.contains("line "), "{}", failure.message);
    }
}

#[test]
fn a_line_names_its_placeholders() {
    assert_eq!(placeholders("a {b} c {form.d}{e").collect::<Vec<_>>(), ["b", "form.d"]);
}
