//! Many processes on one home at once.

use crate::world::World;
use std::thread;

const PROCESSES: usize = 8;
/// Each; together more than a hundred versions of one key.
const ROTATIONS: usize = 13;

#[test]
fn rotating_and_encrypting_at_once_loses_nothing() {
    let world = World::new();
    let envelopes: Vec<(String, Vec<u8>)> = thread::scope(|scope| {
        for _ in 0..PROCESSES {
            scope.spawn(|| rotate(&world));
        }
        let world = &world;
        let work = |n| scope.spawn(move || use_values(world, n));
        let workers: Vec<_> = (0..PROCESSES).map(work).collect();
        workers.into_iter().flat_map(|w| w.join().unwrap()).collect()
    });
    let (primary, states) = world.versions("default");
    let count = 1 + PROCESSES * ROTATIONS;
    assert_eq!((primary, states.len()), (format!("default@{count}"), count));
    assert_eq!(states.iter().filter(|s| *s == "active").count(), 1);
    for (value, envelope) in &envelopes {
        assert_eq!(world.decrypt(envelope), value.as_bytes());
    }
    assert_eq!(envelopes.len(), PROCESSES * ROTATIONS);
    world.ok(&["doctor"], b"");
}

fn rotate(world: &World) {
    for _ in 0..ROTATIONS {
        world.ok(&["key", "rotate", "default"], b"");
    }
}

/// Encrypts and decrypts values; gives them with their envelopes.
fn use_values(world: &World, process: usize) -> Vec<(String, Vec<u8>)> {
    let one = |n| {
        let value = format!("value {n} of {process}");
        let envelope = world.encrypt(&value);
        assert_eq!(world.decrypt(&envelope), value.as_bytes());
        (value, envelope)
    };
    (0..ROTATIONS).map(one).collect()
}

#[test]
fn the_log_has_a_whole_entry_for_each_operation() {
    let world = World::new();
    let entries = || world.json(&["audit", "verify"])["entries"].as_u64().unwrap();
    let before = entries();
    thread::scope(|scope| {
        for process in 0..PROCESSES {
            let world = &world;
            scope.spawn(move || use_values(world, process));
        }
    });
    assert_eq!(entries(), before + 2 * (PROCESSES * ROTATIONS) as u64);
}

#[test]
fn a_message_limit_holds_across_processes() {
    let world = World::new();
    world.ok(&["key", "create", "few", "--max-messages", "4"], b"");
    thread::scope(|scope| {
        for _ in 0..PROCESSES {
            scope.spawn(|| {
                for _ in 0..3 {
                    world.ok(&["encrypt", "-c", "a/b/c", "--key", "few"], b"v");
                }
            });
        }
    });
    let key = world.json(&["key", "show", "few"]);
    let messages =
        key["versions"].as_array().unwrap().iter().map(|v| v["messages"].as_u64().unwrap());
    assert_eq!(messages.sum::<u64>(), 3 * PROCESSES as u64, "every value is counted once: {key}");
}
