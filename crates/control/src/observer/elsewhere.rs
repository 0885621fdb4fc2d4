//! What other servers observe: they count what they write, and each count is looked at.

use std::{collections::HashMap, sync::Arc, time::Duration};

use domain::id::ClusterId;

use crate::{Control, events::Observed};

/// How often it is looked for.
const LOOK: Duration = Duration::from_secs(1);

/// Tells this process's streams of what other servers observe, for ever.
pub(super) async fn run(control: Arc<Control>) {
    let mut known: Option<HashMap<ClusterId, i64>> = None;
    loop {
        match control.store.observed_times().await {
            Ok(times) => {
                let of_others = |(cluster, times): (&ClusterId, &i64)| {
                    let before = known.as_ref().and_then(|known| known.get(cluster));
                    before != Some(times) && !control.observer.watches(*cluster)
                };
                if known.is_some() && times.iter().any(of_others) {
                    control.observer.changed();
                    let _ = control.observed.send(Observed::default());
                }
                known = Some(times);
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "what others observe cannot be read; tried again"
                );
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}
