use std::net::{IpAddr, Ipv4Addr};

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const MANY: u8 = 1;
const OTHER: u8 = 2;

fn host(number: u8) -> HostAddress {
    HostAddress::from(IpAddr::V4(Ipv4Addr::new(127, 0, 0, number)))
}

/// A connection of that address, a second into what it does.
fn served(address: u8, phase: ConnectionPhase, pace: Pace) -> Served {
    Served {
        number: 0,
        generation: 1,
        address: host(address),
        worker: 0,
        phase,
        in_phase: SECOND / 2,
        for_long: SECOND,
        pace,
    }
}

fn ordered(served: &[Served], waiting: &[u8]) -> Vec<Option<Reason>> {
    let waiting: Vec<HostAddress> = waiting.iter().map(|&number| host(number)).collect();
    orders(served, &waiting, SECOND)
}

#[test]
fn clients_of_one_address_leave_each_other_alone_while_bytes_move() {
    let busy = [
        served(MANY, ConnectionPhase::Request, Pace::Slow),
        served(MANY, ConnectionPhase::Request, Pace::Fast),
        served(MANY, ConnectionPhase::Request, Pace::Unknown),
        served(MANY, ConnectionPhase::Work, Pace::Slow),
        served(MANY, ConnectionPhase::Idle, Pace::Unknown),
        served(MANY, ConnectionPhase::Ending, Pace::Slow),
    ];
    assert_eq!(ordered(&busy, &[MANY; 50]), [None; 6]);
}

#[test]
fn whoever_waits_the_idle_the_stalled_and_the_discarded_end_after_their_time() {
    let late = |phase, in_phase| Served {
        in_phase,
        ..served(MANY, phase, Pace::Unknown)
    };
    let all = [
        late(ConnectionPhase::Idle, Limits::IDLE_WHILE_OTHERS_WAIT),
        late(ConnectionPhase::Silent, SECOND),
        late(ConnectionPhase::Ending, Limits::DISCARDING_WHILE_OTHERS_WAIT),
        served(MANY, ConnectionPhase::Request, Pace::Stalled),
        late(ConnectionPhase::Work, SECOND * 100),
    ];
    let expected = [
        Some(Reason::Idle),
        Some(Reason::Idle),
        Some(Reason::Discarding),
        Some(Reason::Stalled),
        None,
    ];
    // The client that waits may also be one whose address is not known.
    assert_eq!(ordered(&all, &[MANY]), expected);
    assert_eq!(ordered(&all, &[]), expected);
}

#[test]
fn a_connection_has_its_turn_and_ends_between_two_requests() {
    for phase in [ConnectionPhase::Idle, ConnectionPhase::Request] {
        let connection = Served {
            for_long: Limits::TURN_WHILE_OTHERS_WAIT,
            in_phase: Duration::ZERO,
            ..served(MANY, phase, Pace::Fast)
        };
        assert_eq!(ordered(&[connection], &[MANY]), [Some(Reason::Turn)]);
    }
    assert!(!Reason::Turn.ends_requests());
}

#[test]
fn an_address_that_has_more_gives_up_one_connection_for_each_client_of_another() {
    let slow = [served(MANY, ConnectionPhase::Request, Pace::Slow); 5];
    let ended = |waiting: &[u8]| {
        let orders = ordered(&slow, waiting);
        orders
            .iter()
            .filter(|order| **order == Some(Reason::SlowShare))
            .count()
    };
    assert_eq!(ended(&[OTHER]), 1);
    assert_eq!(ended(&[MANY, MANY, OTHER]), 1);
    assert_eq!(ended(&[OTHER, 3]), 2);
    assert_eq!(ended(&[OTHER; 9]), 2, "it keeps its share");
}

#[test]
fn the_connection_that_loses_least_is_the_one_to_end() {
    let all = [
        served(MANY, ConnectionPhase::Request, Pace::Slow),
        served(MANY, ConnectionPhase::Request, Pace::Fast),
        served(MANY, ConnectionPhase::Idle, Pace::Unknown),
        served(MANY, ConnectionPhase::Ending, Pace::Unknown),
    ];
    assert_eq!(ordered(&all, &[OTHER]), [None, None, Some(Reason::Share), None]);
    assert_eq!(ordered(&all[..2], &[OTHER]), [Some(Reason::SlowShare), None]);
    let ending = [all[0], all[3]];
    assert_eq!(ordered(&ending, &[OTHER]), [None, Some(Reason::Discarding)]);
}

#[test]
fn a_fast_transfer_is_not_cut_however_many_wait() {
    let fast = [served(MANY, ConnectionPhase::Request, Pace::Fast); 5];
    for order in ordered(&fast, &[OTHER; 100]) {
        assert!(order.is_none_or(|reason| !reason.ends_requests()));
    }
}

#[test]
fn the_only_connection_of_an_address_is_left_alone_above_the_minimum_rate() {
    let alone = [served(MANY, ConnectionPhase::Request, Pace::Slow)];
    assert_eq!(ordered(&alone, &[OTHER]), [None]);
    assert_eq!(
        ordered(&alone, &[MANY, MANY, OTHER]),
        [Some(Reason::SlowShare)],
        "unless more of it wait behind"
    );
}

#[test]
fn a_place_that_is_about_to_be_free_is_not_made_twice() {
    let all = [
        served(MANY, ConnectionPhase::Request, Pace::Stalled),
        served(MANY, ConnectionPhase::Request, Pace::Slow),
        served(MANY, ConnectionPhase::Request, Pace::Slow),
    ];
    assert_eq!(ordered(&all, &[OTHER]), [Some(Reason::Stalled), None, None]);
}

#[test]
fn the_next_client_is_the_first_of_the_address_with_the_fewest_connections() {
    let busy = [host(MANY), host(OTHER), host(MANY)];
    let next_of = |waiting: &[u8]| {
        let waiting: Vec<HostAddress> = waiting.iter().map(|&number| host(number)).collect();
        next(&busy, &waiting, |_| 0)
    };
    assert_eq!(next_of(&[]), None);
    assert_eq!(next_of(&[MANY, MANY]), Some(0), "in order");
    assert_eq!(next_of(&[MANY, OTHER, OTHER]), Some(1));
    assert_eq!(next_of(&[MANY, OTHER, 3, 3]), Some(2));
}

#[test]
fn addresses_take_turns() {
    let waiting = [host(MANY), host(MANY), host(OTHER), host(3)];
    let turns = HashMap::from([(host(MANY), 7), (host(OTHER), 5), (host(3), 6)]);
    assert_eq!(next(&[], &waiting, |address| turns[&address]), Some(2));
    let none_for_the_last = |address| turns[&address] * u64::from(address != host(3));
    assert_eq!(next(&[], &waiting, none_for_the_last), Some(3));
}

#[test]
fn clients_for_whom_no_place_is_left_wait_again() {
    assert_eq!(surplus(5, 4, 1), 0);
    assert_eq!(surplus(5, 5, 1), 1);
    assert_eq!(surplus(5, 4, 3), 2);
    assert_eq!(surplus(5, 7, 1), 1, "no more than there are");
}
