//! Departments of hospitals by the codes of the Ministry of Health, as they go out as `MA_KHOA`. A profile names codes; what a code is called
//! stands in `data/departments.tsv` and nowhere else, so that no profile gives one another meaning.

use crate::profile::Choice;

/// The list, with its source at the top.
const TABLE: &str = include_str!("../data/departments.tsv");

/// Every department, in the order of the list.
pub fn all() -> impl Iterator<Item = Choice> {
    TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut cells = line.split('\t').map(str::to_owned);
        Some(Choice { value: cells.next()?, label_vi: cells.next()?, label_en: cells.next()? })
    })
}

/// The department of a code.
#[must_use]
pub fn find(code: &str) -> Option<Choice> {
    all().find(|department| department.value == code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Profile;

    #[test]
    fn the_list_says_of_each_code_what_the_ministry_does() {
        let table = test_support::shared("../reference/vn-codes/departments.tsv");
        let Some(table) = table.map(|path| std::fs::read_to_string(path).expect("a text")) else { return };
        let named = |code: &str| {
            let rows = table.lines().map(|line| line.split('\t').collect::<Vec<_>>());
            rows.into_iter().find(|cells| cells[0] == code).map(|cells| cells[1].to_owned())
        };
        let departments: Vec<Choice> = all().collect();
        assert_eq!(departments.len(), 50, "K01 to K49, and K99");
        for department in departments {
            assert_eq!(named(&department.value).as_deref(), Some(department.label_vi.as_str()), "{}", department.value);
            assert!(!department.label_en.is_empty());
        }
    }

    #[test]
    fn what_a_profile_offers_has_the_names_of_the_list() {
        for id in Profile::names_built_in() {
            let profile = Profile::built_in(id).expect("valid");
            for field in profile.form().filter(|field| field.departments) {
                assert!(!field.choice.is_empty(), "{id}");
                assert!(field.choice.iter().all(|choice| find(&choice.value).as_ref() == Some(choice)), "{id}");
            }
        }
        assert_eq!(find("K03").expect("known").label_vi, "Khoa Nội tổng hợp");
        assert_eq!(find("K00"), None);
    }
}
