//! Real rule sets, less what a forwarded packet never meets: those of firewalld 1.3.3 and ufw 0.36.2 were made by these
//! two, those of Docker 28 and libvirt loaded as they are documented; all printed by nft 1.0.6 and iptables 1.8.9.

use super::*;

#[test]
fn firewalld_rejects_what_leaves_its_default_zone() {
    let obstacle = found(&parsed(FIREWALLD), &outward()).unwrap();
    assert_eq!(
        obstacle.what,
        "the rule `reject with icmpx admin-prohibited` of chain `filter_FWD_public` of nft table `inet firewalld`"
    );
    assert_eq!(
        obstacle.cures,
        [
            "firewall-cmd --zone=trusted --change-interface=br0",
            "firewall-cmd --permanent --zone=trusted --change-interface=br0"
        ]
    );
    assert_eq!(found(&parsed(FIREWALLD), &answer()), None);
    assert_eq!(found(&parsed(FIREWALLD), &published()), None);
    assert_eq!(found(&parsed(FIREWALLD_TRUSTED), &outward()), None, "the cure has helped");
}

#[test]
fn docker_drops_what_is_not_its_own() {
    let obstacle = found(&parsed(DOCKER), &outward()).unwrap();
    assert_eq!(obstacle.what, "the policy `drop` of chain `FORWARD` of nft table `ip filter`");
    assert_eq!(obstacle.cures, ["iptables-nft -I FORWARD -i br0 -o eth0 -j ACCEPT"]);
    let saved = |packet| saved_obstacle(DOCKER_SAVED, "iptables-legacy", &packet);
    assert_eq!(what(saved(outward())), "the policy `DROP` of chain `FORWARD` of iptables-legacy");
    assert_eq!(
        saved(answer()).unwrap().cures,
        [
            "iptables-legacy -I FORWARD -i eth0 -o br0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
        ]
    );
    let within = Packet { input: "docker0", output: "eth0", ..outward() };
    assert_eq!(saved(within), None);
    assert_eq!(found(&parsed(DOCKER), &within), None);
    let into = Packet { output: "docker0", destination: "172.17.0.3/32".parse().ok(), ..outward() };
    assert_eq!(
        what(saved(into)),
        "the rule `-A DOCKER ! -i docker0 -o docker0 -j DROP` of iptables-legacy"
    );
    let to_container = Packet { destination: "172.17.0.2/32".parse().ok(), ..into };
    assert_eq!(saved(to_container), None, "its port is unknown");
}

#[test]
fn ufw_drops_new_connections_and_lets_answers_pass() {
    let saved = |packet| saved_obstacle(UFW_SAVED, "iptables", &packet);
    assert_eq!(what(saved(outward())), "the policy `DROP` of chain `FORWARD` of iptables");
    assert_eq!(saved(answer()), None);
}

#[test]
fn libvirt_rejects_its_own_bridge_alone() {
    let to_guest = Packet { output: "virbr0", ..outward() };
    let from_guest = Packet { input: "virbr0", ..outward() };
    for packet in [outward(), answer(), published()] {
        assert_eq!(found(&parsed(LIBVIRT), &packet), None);
        assert_eq!(saved_obstacle(LIBVIRT_SAVED, "iptables", &packet), None);
    }
    assert_eq!(
        what(found(&parsed(LIBVIRT), &to_guest)),
        "the rule `oif \"virbr0\" reject with icmp port-unreachable` of chain `guest_input` of nft table `ip libvirt_network`"
    );
    assert_eq!(
        what(saved_obstacle(LIBVIRT_SAVED, "iptables", &from_guest)),
        "the rule `-A LIBVIRT_FWO -i virbr0 -j REJECT --reject-with icmp-port-unreachable` of iptables"
    );
}
