//! Services that run what was uploaded.

use std::convert::Infallible;

use domain::{artifact::Artifact, local_service::LocalServiceSpec};
use futures::{StreamExt, stream};
use local::Error;

use crate::support::{App, cart, script, sleeping};

const SCRIPT: &[u8] = b"#!/bin/sh\necho uploaded, in $LOCKSTEP_ARTIFACT\nexec sleep 1000\n";

async fn upload(app: &App, body: &[u8]) -> (Artifact, bool) {
    let body = stream::iter([Ok::<_, Infallible>(body.to_vec())]);
    app.site().store_artifact(None, body).await.unwrap()
}

fn of(artifact: &Artifact, program: &str, tag: &str) -> LocalServiceSpec {
    let artifact = Some(artifact.digest.clone());
    LocalServiceSpec { artifact, program: program.into(), arguments: Vec::new(), ..script("", tag, 1) }
}

#[tokio::test]
async fn a_service_runs_an_artifact_which_stays_for_as_long() {
    let mut app = App::new().await;
    let (artifact, new) = upload(&app, SCRIPT).await;
    assert!(new && artifact.used_by.is_empty());
    app.site().put(&cart(), of(&artifact, "", "1.0"), None, 0).unwrap();
    app.settled(&cart(), "shop/cart:1.0").await;
    let line = app.site().output(&cart(), None).follow().next().await.unwrap();
    assert!(line.text.starts_with("uploaded, in /") && line.text.ends_with("/content"), "{line:?}");

    let users = ["shop-dev/cart on here".to_owned()];
    assert_eq!(app.site().artifacts().unwrap()[0].used_by, users);
    let (again, new) = upload(&app, SCRIPT).await;
    assert_eq!((again.used_by, new), (users.to_vec(), false));
    let refused = app.site().remove_artifact(&artifact.digest).unwrap_err();
    assert!(matches!(&refused, Error::ArtifactInUse(by) if *by == users), "{refused}");
    // The next server finds it, and does not take its replica for another version.
    let before = app.settled(&cart(), "shop/cart:1.0").await;
    app.again().await;
    let after = app.settled(&cart(), "shop/cart:1.0").await;
    assert_eq!(after.replicas[0].made, before.replicas[0].made);

    app.site().put(&cart(), sleeping("1.1", 1), None, 1).unwrap();
    app.settled(&cart(), "shop/cart:1.1").await;
    app.site().remove_artifact(&artifact.digest).unwrap();
    assert!(app.site().artifacts().unwrap().is_empty());
    assert!(matches!(app.site().remove_artifact(&artifact.digest), Err(Error::NoArtifact(_))));
}

#[tokio::test]
async fn a_service_without_its_program_is_refused() {
    let app = App::new().await;
    let unknown = Artifact { digest: format!("sha256:{}", "0".repeat(64)), ..upload(&app, SCRIPT).await.0 };
    let refused = app.site().put(&cart(), of(&unknown, "", "1.0"), None, 0).unwrap_err();
    assert!(matches!(refused, Error::NoArtifact(_)), "{refused}");
    let (artifact, _) = upload(&app, SCRIPT).await;
    let refused = app.site().put(&cart(), of(&artifact, "bin/cart", "1.0"), None, 0).unwrap_err();
    assert_eq!(refused.to_string(), "the artifact is one program: leave “bin/cart” out");
    assert!(app.site().service(&cart()).is_none());
}
