use super::*;
use haul_types::{ByteSize, PoolKind};

fn refusal(change: impl FnOnce(&mut Levels)) -> MatrixError {
    let mut levels = Levels::default();
    change(&mut levels);
    Matrix::new(levels).unwrap_err()
}

#[test]
fn the_default_matrix_has_216_cells_and_324_with_tasks() {
    let matrix = Matrix::default();
    assert_eq!(matrix.cells().len(), 216);
    let distinct: HashSet<_> = matrix.cells().iter().collect();
    assert_eq!(distinct.len(), 216);
    let mut levels = Levels::default();
    levels.pools.push(PoolLevel::Kind(PoolKind::Tasks));
    assert_eq!(Matrix::new(levels).unwrap().cells().len(), 324);
}

#[test]
fn a_replicate_of_the_default_matrix_moves_215_thousand_mebibytes() {
    assert_eq!(Matrix::default().content(), ByteSize::mib(215_040));
}

#[test]
fn the_quick_matrix_has_54_cells_with_threads_on_both_sides() {
    let matrix = Matrix::new(Levels::quick()).unwrap();
    assert_eq!(matrix.cells().len(), 54);
    assert_eq!(matrix.content(), ByteSize::mib(2 * 16 * 21 * 3));
}

#[test]
fn a_block_has_the_order_of_the_exercise() {
    let matrix = Matrix::default();
    let row = |number: usize| {
        let cell = matrix.cells()[number - 1];
        (cell.operation, cell.volume, cell.clients, cell.pool.workers)
    };
    assert_eq!(row(1), (Operation::Download, ByteSize::mib(10), 1, 1));
    assert_eq!(row(2), (Operation::Download, ByteSize::mib(10), 1, 5));
    assert_eq!(row(18), (Operation::Download, ByteSize::mib(50), 50, 50));
    assert_eq!(row(36), (Operation::Upload, ByteSize::mib(10), 50, 50));
    assert_eq!(row(54), (Operation::Upload, ByteSize::mib(100), 50, 50));
    assert_eq!(row(55), row(1));
    assert_eq!(matrix.cells()[53].client_pool, ClientPool::Threads);
    assert_eq!(matrix.cells()[54].client_pool, ClientPool::Processes);
}

#[test]
fn the_order_of_a_replicate_follows_from_its_seed_and_number() {
    let matrix = Matrix::default();
    let order = matrix.order(1, 0);
    assert_eq!(order, matrix.order(1, 0));
    assert_ne!(order, matrix.order(1, 1));
    assert_ne!(order, matrix.order(2, 0));
    let visited: HashSet<_> = order.iter().collect();
    assert_eq!(visited.len(), 216);
    let place = |cell: &Cell| matrix.cells().iter().position(|other| other == cell);
    let first: Vec<_> = order.iter().take(5).filter_map(place).collect();
    assert_eq!(
        first,
        [62, 84, 179, 208, 175],
        "a new order of an old seed breaks the continuation of old runs"
    );
}

#[test]
fn a_pool_with_its_own_workers_is_not_crossed() {
    let levels = Levels {
        pools: vec!["processes:2x2048".parse().unwrap()],
        workers: Vec::new(),
        ..Levels::default()
    };
    let matrix = Matrix::new(levels).unwrap();
    assert_eq!(matrix.cells().len(), 2 * 3 * 3 * 2);
    assert_eq!(matrix.cells()[0].pool.capacity(), 4096);
}

#[test]
fn levels_that_make_no_matrix_are_refused_by_the_name_of_the_factor() {
    let cases: [(MatrixError, &str); 8] = [
        (
            refusal(|levels| levels.workers = vec![0]),
            "workers: 0 is not from 1 to 1024",
        ),
        (
            refusal(|levels| levels.clients = vec![100_000]),
            "clients: 100000 is not from 1 to 4096",
        ),
        (
            refusal(|levels| levels.volumes = vec![ByteSize(0)]),
            "volumes: 0B is not from 1B to 1TiB",
        ),
        (
            refusal(|levels| levels.operations.clear()),
            "operations: give at least one level",
        ),
        (
            refusal(|levels| levels.clients = vec![5, 1, 5]),
            "clients: 5 is there twice",
        ),
        (
            refusal(|levels| levels.pools.push("threads:5".parse().unwrap())),
            "pools: threads:5 is there twice",
        ),
        (
            refusal(|levels| levels.buffers = vec![ByteSize::mib(65)]),
            "buffers: 65MiB is not from 1B to 64MiB",
        ),
        (
            refusal(|levels| levels.clients = (1..=1000).collect()),
            "the matrix has 72000 cells, more than the 10000 that a run may have",
        ),
    ];
    for (error, text) in cases {
        assert_eq!(error.to_string(), text);
        assert!(
            error
                .factor()
                .is_none_or(|factor| text.starts_with(factor.as_str()))
        );
    }
}

#[test]
fn a_matrix_is_written_as_its_levels_and_read_only_if_they_make_one() {
    let text = serde_json::to_string(&Matrix::default()).unwrap();
    assert_eq!(serde_json::from_str::<Matrix>(&text).unwrap(), Matrix::default());
    let broken = text.replace("\"clients\":[1,5,50]", "\"clients\":[]");
    assert!(
        serde_json::from_str::<Matrix>(&broken)
            .unwrap_err()
            .to_string()
            .contains("clients")
    );
}

#[test]
fn a_scaling_run_varies_one_count_and_nothing_else() {
    let levels = Levels::default().scale(Factor::Clients).unwrap();
    let matrix = Matrix::new(levels).unwrap();
    let clients: Vec<u32> = matrix.cells().iter().map(|cell| cell.clients).collect();
    assert_eq!(clients, Levels::SCALE);
    assert!(Levels::default().scale(Factor::Workers).is_some());
    assert!(Levels::default().scale(Factor::Volumes).is_none());
    let fixed = Levels {
        pools: vec!["threads:5".parse().unwrap()],
        ..Levels::default()
    };
    assert!(fixed.scale(Factor::Workers).is_none());
}
