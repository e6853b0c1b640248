//! What is no listing, or a damaged one.

use super::*;
use proptest::prelude::*;

#[test]
fn names_of_others_do_not_reach_a_terminal_as_they_are() {
    let name = "f\u{1b}[31m\n; flush ruleset";
    let text = ruleset("drop", &[]).to_string().replace("\"forward\",\"policy", "\"x\",\"policy");
    let mut ruleset = parsed(&text);
    for chain in ruleset["nftables"].as_array_mut().unwrap() {
        if chain["chain"].is_object() {
            chain["chain"]["name"] = json!(name);
        }
    }
    let obstacle = found(&ruleset, &outward()).unwrap();
    assert_eq!(
        obstacle.what,
        "the policy `drop` of chain `f\\u{1b}[31m\\n; flush ruleset` of nft table `inet filter`"
    );
    assert_eq!(obstacle.cures, [""; 0]);
}

/// Every place in the value, as the path to it.
fn places(value: &Value, path: &str, places: &mut Vec<String>) {
    places.push(path.to_owned());
    match value {
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                self::places(item, &format!("{path}/{at}"), places);
            }
        }
        Value::Object(items) => {
            for (key, item) in items {
                let key = key.replace('~', "~0").replace('/', "~1");
                self::places(item, &format!("{path}/{key}"), places);
            }
        }
        _ => {}
    }
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        "[@*0-9a-z./\\\\]{0,8}".prop_map(Value::from),
        "set|elem|concat|prefix|jump|drop|forward".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::vec(
                ("(set|elem|val|concat|prefix|range|&|jump|match)", inner),
                0..3
            )
            .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn garbage_is_no_obstacle_and_no_panic(garbage in anything(), text in any::<String>()) {
        prop_assert_eq!(found(&garbage, &outward()), None);
        prop_assert_eq!(saved_obstacle(&text, "iptables", &outward()), None);
    }

    #[test]
    fn a_damaged_listing_is_no_panic(
        which in 0..4_usize,
        damages in proptest::collection::vec((any::<prop::sample::Index>(), anything()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut ruleset = parsed([FIREWALLD, FIREWALLD_TRUSTED, DOCKER, LIBVIRT][which]);
        for (at, value) in damages {
            let mut paths = Vec::new();
            places(&ruleset, "", &mut paths);
            *ruleset.pointer_mut(&paths[at.index(paths.len())]).unwrap() = value;
        }
        for packet in [outward(), answer(), published()] {
            if let Some(obstacle) = found(&ruleset, &packet) {
                prop_assert!(!obstacle.what.contains(char::is_control));
            }
        }
        let save = [UFW_SAVED, DOCKER_SAVED, LIBVIRT_SAVED][which % 3];
        let end = cut.index(save.len());
        saved_obstacle(save.get(..end).unwrap_or_default(), "iptables", &outward());
    }
}
