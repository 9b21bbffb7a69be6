//! Departments of hospitals by the codes of the Ministry of Health, as they go out as `MA_KHOA`. A profile names codes; what a code is called
//! stands in `data/departments.tsv` and nowhere else, so that no profile gives one another meaning.

/// The list, with its source at the top.
const TABLE: &str = include_str!("../data/departments.tsv");

/// A department.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Department {
    /// Its code.
    pub code: &'static str,
    /// What the ministry calls it.
    pub name: &'static str,
    /// The same in English, which is ours.
    pub name_en: &'static str,
}

/// Every department, in the order of the list.
pub fn all() -> impl Iterator<Item = Department> {
    TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut cells = line.split('\t');
        Some(Department { code: cells.next()?, name: cells.next()?, name_en: cells.next()? })
    })
}

/// The department of a code.
#[must_use]
pub fn find(code: &str) -> Option<Department> {
    all().find(|department| department.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_says_of_each_code_what_the_ministry_does() {
        let table = test_support::shared("../reference/vn-codes/departments.tsv");
        let Some(table) = table.map(|path| std::fs::read_to_string(path).expect("a text")) else { return };
        let named = |code: &str| {
            let rows = table.lines().map(|line| line.split('\t').collect::<Vec<_>>());
            rows.into_iter().find(|cells| cells[0] == code).map(|cells| cells[1].to_owned())
        };
        let departments: Vec<Department> = all().collect();
        assert_eq!(departments.len(), 50, "K01 to K49, and K99");
        for department in departments {
            assert_eq!(named(department.code).as_deref(), Some(department.name), "{}", department.code);
            assert!(!department.name_en.is_empty());
        }
        assert_eq!(find("K03").expect("known").name, "Khoa Nội tổng hợp");
        assert_eq!(find("K00"), None);
    }
}
