//! Whether this process may change the network.

use super::Finding;

pub fn examine(lacking: Option<&str>, is_root: bool) -> Vec<Finding> {
    vec![match (lacking, is_root) {
        (None, _) => Finding::ok("rights", "root's rights"),
        (Some(_), false) => Finding::note(
            "rights",
            "not run as root: what only root can see was not examined",
            "all commands that change something need root's rights, but for `sandbox` and `run --sandbox`",
        )
        .cure("sudo netns-tool doctor"),
        (Some(name), true) => Finding::broken(
            "rights",
            format!("{name} is missing, though this is root: a container is around us"),
            "without it no namespace, link or rule can be made; `docker run` gives it with `--cap-add NET_ADMIN --cap-add SYS_ADMIN`",
        ),
    }]
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;

    #[test]
    fn only_a_root_without_root_s_rights_is_broken() {
        let severity = |lacking, is_root| examine(lacking, is_root)[0].severity;
        assert_eq!(severity(None, true), Severity::Ok);
        assert_eq!(severity(Some("CAP_NET_ADMIN"), false), Severity::Note);
        assert_eq!(severity(Some("CAP_NET_ADMIN"), true), Severity::Broken);
    }
}
