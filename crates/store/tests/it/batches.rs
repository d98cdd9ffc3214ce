use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use store::{Batcher, Error};

/// A verb that panics fails its callers, but not later ones.
#[tokio::test(flavor = "multi_thread")]
async fn a_panic_stops_only_its_slice() {
    let batcher: Batcher<u32, u32, Error> = Batcher::start(10, |slice: Vec<u32>| async move {
        assert!(!slice.contains(&7), "seven");
        Ok::<_, Error>(slice.into_iter().map(|n| n * 2).collect())
    });
    assert_eq!(batcher.call(1).await, Ok(2));
    assert!(matches!(
        batcher.call(7).await,
        Err(Error::Assertion { .. })
    ));
    assert_eq!(batcher.call(2).await, Ok(4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_command_fails_alone_and_missing_results_are_an_error() {
    let short = Arc::new(AtomicBool::new(false));
    let flag = short.clone();
    let batcher: Batcher<u32, u32, Error> = Batcher::start(10, move |slice: Vec<u32>| {
        let truncated = flag.load(Ordering::SeqCst);
        async move {
            if slice.contains(&7) {
                return Err(Error::Nul);
            }
            Ok(if truncated { Vec::new() } else { slice })
        }
    });
    let all = futures::future::join_all((0..20).map(|n| batcher.call(n))).await;
    for (n, result) in (0..20).zip(all) {
        assert_eq!(result, if n == 7 { Err(Error::Nul) } else { Ok(n) });
    }
    short.store(true, Ordering::SeqCst);
    assert!(matches!(
        batcher.call(1).await,
        Err(Error::Assertion { .. })
    ));
    short.store(false, Ordering::SeqCst);
    assert_eq!(batcher.call(1).await, Ok(1));
}
