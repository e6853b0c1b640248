//! The features of the kernel, and what forbids to use them.

use super::Finding;
use super::facts::Facts;
use crate::kernel::features::{Feature, NETEM, Presence};
use crate::sandbox::{Block, Whose};

pub fn examine(facts: &Facts) -> Vec<Finding> {
    let mut found = vec![Finding::ok("release", format!("Linux {}", facts.release))];
    let package = facts.has_modules.then(|| format!("linux-modules-extra-{}", facts.release));
    let features = facts.features.iter();
    found.extend(
        features.map(|(feature, presence)| of_feature(feature, *presence, package.as_deref())),
    );
    found.push(if facts.has_ipv6 {
        Finding::ok("ipv6", "IPv6")
    } else {
        Finding::note(
            "ipv6",
            "this kernel has no IPv6",
            "labs with addresses of IPv6 cannot be built",
        )
    });
    found.extend(user_namespaces(facts.has_user_namespaces, &facts.blocks));
    found
}

/// `package`: what may bring it, if anything can be brought.
fn of_feature(feature: &Feature, presence: Presence, package: Option<&str>) -> Finding {
    let name = feature.name;
    let check = feature.module;
    match presence {
        Presence::BuiltIn => Finding::ok(check, format!("{name} (built in)")),
        Presence::Loaded => Finding::ok(check, format!("{name} (loaded)")),
        Presence::Loadable => Finding::ok(check, format!("{name} (loaded when it is needed)")),
        Presence::Works => Finding::ok(check, format!("{name} (tried)")),
        Presence::Unknown => Finding::note(
            check,
            format!("whether this kernel has {name} cannot be told"),
            "its modules and its configuration are not to be seen from here; as in most containers, it may be there all the same",
        ),
        Presence::Absent => {
            let what = format!("this kernel has no {name}");
            let finding = if feature.module == NETEM.module {
                Finding::note(check, what, "`tc … netem` cannot make a link slow or lossy")
            } else {
                Finding::broken(check, what, "what needs it fails with `Operation not supported`")
            };
            finding.cures(package.map(|package| format!("apt-get install {package}")))
        }
    }
}

fn user_namespaces(are_there: bool, blocks: &[Block]) -> Vec<Finding> {
    if !are_there {
        let why = "`sandbox` and `run --sandbox` need root's rights";
        return vec![Finding::warning(
            "user-namespaces",
            "this kernel has no user namespaces",
            why,
        )];
    }
    if blocks.is_empty() {
        let what = "user namespaces (nothing blocks them: `sandbox` needs no root's rights)";
        return vec![Finding::ok("user-namespaces", what)];
    }
    blocks.iter().map(blocked).collect()
}

fn blocked(block: &Block) -> Finding {
    let what = block.state.clone();
    let finding = match block.whose {
        Whose::Networks => {
            Finding::broken("net-namespaces", what, "no network namespace can be made")
        }
        Whose::PrivateHosts => Finding::warning(
            "private-hosts",
            what,
            "`sandbox` and `run --sandbox` cannot make a private host",
        ),
        Whose::Users => Finding::warning(
            "user-namespaces",
            what,
            "without root's rights, `sandbox` and `run --sandbox` do not work",
        ),
        Whose::MostUsers => Finding::warning(
            "user-namespaces",
            what,
            "AppArmor lets only programs with a profile of their own use user namespaces: without root's rights, `sandbox` and `run --sandbox` do not work",
        ),
    };
    finding.cure(block.cure.clone())
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;
    use crate::kernel::features::VETH;

    #[test]
    fn what_is_absent_is_broken_but_netem() {
        let severity = |feature, presence| of_feature(feature, presence, None).severity;
        assert_eq!(severity(&VETH, Presence::Absent), Severity::Broken);
        assert_eq!(severity(&NETEM, Presence::Absent), Severity::Note);
        assert_eq!(severity(&VETH, Presence::Unknown), Severity::Note);
        for presence in [Presence::BuiltIn, Presence::Loaded, Presence::Loadable, Presence::Works] {
            assert_eq!(severity(&VETH, presence), Severity::Ok);
        }
    }

    #[test]
    fn what_blocks_user_namespaces_is_named_with_its_cure() {
        let block = |whose| Block {
            state: "`user.max_user_namespaces` is 0".to_owned(),
            cure: "sysctl -w user.max_user_namespaces=10000".to_owned(),
            whose,
        };
        let found = user_namespaces(true, &[block(Whose::Users), block(Whose::Networks)]);
        assert_eq!(found[0].severity, Severity::Warning);
        assert_eq!(found[0].cures, ["sysctl -w user.max_user_namespaces=10000"]);
        assert_eq!(found[1].severity, Severity::Broken);
        assert_eq!(user_namespaces(true, &[])[0].severity, Severity::Ok);
        assert_eq!(user_namespaces(false, &[])[0].severity, Severity::Warning);
    }
}
